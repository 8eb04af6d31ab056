"""Golden vectors: values from outside our own code, and what runs them through the product.

``chips``, ``chips_sim`` and ``stratum`` hold the checks of the driver, of the simulator and of the
pool side; ``not_applicable`` is the one table of what is left out and why; ``runner`` reads files,
runs every vector through all sides that know its kind, and counts.
"""
