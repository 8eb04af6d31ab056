"""Addresses of interfaces as the kernel tells them."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from luxminer.network import Address, addresses, parse_addresses


def message(*attributes: tuple[int, bytes], kind: int = 20, flags: int = 0x80) -> bytes:
    """One message about interface 3 with a prefix of 24 bits; see rtnetlink(7)."""
    body = bytes([socket.AF_INET, 24, flags, 0]) + struct.pack("=I", 3)
    for number, data in attributes:
        body += struct.pack("=HH", 4 + len(data), number) + data + bytes(-len(data) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


LOCAL, BROADCAST, LABEL = (2, b"\xc0\xa8\x01\x42"), (4, b"\xc0\xa8\x01\xff"), (3, b"wlan0\0")


def test_a_leased_and_a_permanent_address() -> None:
    raw = message(LABEL, LOCAL, BROADCAST, flags=0) + message(LOCAL) + message(kind=3)
    leased = Address(
        interface=3,
        address="192.168.1.66",
        netmask="255.255.255.0",
        broadcast="192.168.1.255",
        is_leased=True,
    )
    permanent = Address(
        interface=3, address="192.168.1.66", netmask="255.255.255.0", broadcast="", is_leased=False
    )
    assert list(parse_addresses(raw)) == [leased, permanent]


def test_this_machine_has_its_loopback() -> None:
    found = {each.address: each for each in addresses()}
    assert found["127.0.0.1"].netmask == "255.0.0.0"
    assert found["127.0.0.1"].interface == socket.if_nametoindex("lo")


@given(st.binary(max_size=200), st.integers(0, 80))
def test_noise_and_cut_messages_are_no_error(noise: bytes, cut: int) -> None:
    raw = message(LABEL, LOCAL, BROADCAST)
    assert len(list(parse_addresses(raw[:cut]))) <= 1
    list(parse_addresses(noise))
    list(parse_addresses(raw + noise))
