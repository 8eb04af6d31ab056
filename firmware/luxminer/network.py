"""IPv4 addresses of this machine's interfaces, asked of the kernel. Nothing is started or sent out.

Ref: rtnetlink(7) for the messages; linux/if_addr.h: an address without ``IFA_F_PERMANENT`` has a
limited life, which is how DHCP clients set leased ones.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

__all__ = ["Address", "addresses", "parse_addresses"]

RTM_GETADDR = 22
RTM_NEWADDR = 20
NLM_F_REQUEST_DUMP = 0x301
IFA_LOCAL = 2
IFA_BROADCAST = 4
IFA_F_PERMANENT = 0x80

HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence number, port."""
ADDRESS = struct.Struct("=BBBBI")
"""Family, prefix length, flags, scope, interface."""
ATTRIBUTE = struct.Struct("=HH")
"""Length, type."""

ANSWER_BYTES = 65536
TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One IPv4 address of an interface, as text."""

    interface: int
    """The kernel's number of it."""
    address: str
    netmask: str
    broadcast: str
    """Empty where there is none."""
    is_leased: bool


def addresses() -> list[Address]:
    """Return all IPv4 addresses; none where the kernel does not tell."""
    request = HEADER.pack(HEADER.size + ADDRESS.size, RTM_GETADDR, NLM_F_REQUEST_DUMP, 1, 0)
    request += ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(TIMEOUT_S)
            kernel.sendto(request, (0, 0))
            return list(parse_addresses(kernel.recv(ANSWER_BYTES)))
    except OSError:
        return []


def parse_addresses(raw: bytes) -> Iterator[Address]:
    """Yield the addresses in messages of the kernel; what is cut off or of another kind is left."""
    for kind, body in _parts(raw, HEADER):
        if kind != RTM_NEWADDR or len(body) < ADDRESS.size:
            continue
        family, prefix, flags, _, interface = ADDRESS.unpack_from(body)
        if family != socket.AF_INET or prefix > 32:
            continue
        found = dict(_parts(body[ADDRESS.size :], ATTRIBUTE))
        local, broadcast = found.get(IFA_LOCAL, b""), found.get(IFA_BROADCAST, b"")
        if len(local) == 4:
            yield Address(
                interface=interface,
                address=str(IPv4Address(local)),
                netmask=str(IPv4Network((0, prefix)).netmask),
                broadcast=str(IPv4Address(broadcast)) if len(broadcast) == 4 else "",
                is_leased=not flags & IFA_F_PERMANENT,
            )


def _parts(raw: bytes, head: struct.Struct) -> Iterator[tuple[int, bytes]]:
    """Split messages or attributes, which begin with length and type and fill up to four bytes."""
    while len(raw) >= head.size:
        length, kind = head.unpack_from(raw)[:2]
        if not head.size <= length <= len(raw):
            return
        yield kind, raw[head.size : length]
        raw = raw[length + 3 & ~3 :]
