"""GekkoScience Compac, 2Pac and Terminus with the BM1384 chip."""
