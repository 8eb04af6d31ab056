"""How a USB port is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.ports import is_usb
from luxminer.transport.usbbridge.address import UsbAddress, parse_address

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize("place", ["1-1", "1-1.3", "2-1.4.2", "10-2.12"])
def test_a_place_is_all_that_is_needed(place: str) -> None:
    address = parse_address(f"usb:{place}")
    assert address == UsbAddress(place=place)
    assert str(address) == address.short == f"usb:{place}"


@pytest.mark.parametrize(
    "port",
    [
        *("usb:", "usb:1", "usb:1-", "usb:1-0", "usb:0-1", "usb:1-1.", "usb:1-1.3:1.0"),
        *("usb:../1-1", "usb:1-1.1.1.1.1.1.1.1", "usb:?serial=", "usb:?id=10c4:ea60"),
        *("usb:1-1?id=10c4", "usb:1-1?color=red", "usb:1-1?x", "usb:1-1?serial=a&serial=b"),
        *("usb:1-1?serial=%ff", "/dev/ttyUSB0", "usb:1-1?serial=" + "9" * 2000),
    ],
)
def test_what_cannot_be_an_address_is_refused_with_a_cure(port: str) -> None:
    with pytest.raises(PortUnusable) as caught:
        parse_address(port)
    assert caught.value.problem is PortProblem.BAD_ADDRESS
    assert "usb:1-1.3" in caught.value.cure


@given(
    ids=st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    manufacturer=st.none() | TEXT,
    product=st.none() | TEXT,
    serial=st.none() | TEXT,
)
def test_an_address_reads_as_it_was_written(
    ids: tuple[int, int] | None, manufacturer: str | None, product: str | None, serial: str | None
) -> None:
    address = UsbAddress(
        place="1-1.3", ids=ids, manufacturer=manufacturer, product=product, serial=serial
    )
    if len(str(address)) <= 1024:
        assert parse_address(str(address)) == address


def test_ttys_and_urls_are_no_usb_ports() -> None:
    assert is_usb("usb:1-1.3")
    assert not any(map(is_usb, ["/dev/ttyUSB0", "socket://host:1", "usb/1-1", ""]))
