"""GekkoScience Compac A1 and Terminus A1 with the BM1362 chip."""
