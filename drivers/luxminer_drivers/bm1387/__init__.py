"""GekkoScience NewPac and R606 with the BM1387 chip."""
