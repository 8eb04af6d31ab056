"""The acceptance suite of a stick: the same checks for a virtual one and for a real one."""
