"""GekkoScience Compac A2 and Terminus A2 with the BM1370 or BM1368 chip."""
