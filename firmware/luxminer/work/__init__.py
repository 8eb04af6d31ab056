"""Jobs, headers, targets and work items. Pure: no clock, no I/O."""
