"""The mining service: pools, work, devices, telemetry and API. Knows no chip and no simulator."""

__version__ = "0.1.0"

__all__ = ["__version__"]
