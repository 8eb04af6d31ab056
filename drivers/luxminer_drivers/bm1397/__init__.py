"""GekkoScience Compac F and R909 with the BM1397 chip."""
