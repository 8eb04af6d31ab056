"""Virtual sticks: chips that really hash, behind a UART, a port, and faults on order.

Shares numbers (`facts`) with the driver and no code: what it understands of the wire is its own
reading of the reference.
"""

from luxminer_hil.chipsim.chip import ChipCounters
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.families.bm1384 import ChipModel
from luxminer_hil.chipsim.faults import Direction, Fault, FaultKind, FaultPlan
from luxminer_hil.chipsim.hasher import Hasher
from luxminer_hil.chipsim.port import MemoryHost, MemoryPort, Port, PortClosed, PtyPort
from luxminer_hil.chipsim.stick import MODELS, StickCounters, VirtualStick
from luxminer_hil.chipsim.telemetry import TelemetryController

__all__ = [
    "MODELS",
    "ChipCounters",
    "ChipModel",
    "Direction",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Hasher",
    "MemoryHost",
    "MemoryPort",
    "Port",
    "PortClosed",
    "PtyPort",
    "SimulatorError",
    "StickCounters",
    "TelemetryController",
    "VirtualStick",
]
