"""The machine."""

from dataclasses import dataclass

__all__ = [
    "HostSnapshot",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSnapshot:
    """The machine and the service itself."""

    version: str
    model: str
    """Our appliance's name, for example ``Raspberry Pi 4 Model B Rev 1.4``."""
    hostname: str
    os: str
    ip_address: str
    mac_address: str
    serial: str
    cpu_temperature_c: float | None
    sha256_kernel: str
    token_set_by_owner: bool = False
    build_date: str = ""
    """When this build was made, ``Tue Apr  8 22:05:35 UTC 2025``; empty when unknown."""
    netmask: str = ""
    broadcast_address: str = ""
    gateway: str = ""
    dns_servers: tuple[str, ...] = ()
    dhcp: bool = False
    """The address was leased, not set by hand."""
