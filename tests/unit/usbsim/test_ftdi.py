"""The FT230X against what Linux's ftdi_sio, libftdi and libusb programs ask of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_hil.usbsim.descriptors import Identity
from luxminer_hil.usbsim.device import Setup, Stall
from luxminer_hil.usbsim.ftdi import FtdiModel, divided_rate
from tests.unit.usbsim.uart_peer import UartPeer

SET_CONFIGURATION = Setup(0x00, 9, 1, 0, 0)
COMPAC_F = Identity(
    vendor_id=0x0403,
    product_id=0x6015,
    manufacturer="GekkoScience",
    product="CompacF Bitcoin Miner",
)


class Bench:
    """A plugged-in FT230X, with a clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.chips = UartPeer()
        self.micro = UartPeer()
        self.model = FtdiModel(COMPAC_F, self.chips, micro=self.micro, clock=lambda: self.now_s)
        self.model.plug()
        self.model.control(SET_CONFIGURATION)

    def put(self, request: int, value: int = 0, index: int = 0) -> None:
        self.model.control(Setup(0x40, request, value, index, 0))

    def get(self, request: int, length: int, index: int = 0) -> bytes:
        return self.model.control(Setup(0xC0, request, 0, index, length))

    def later(self, milliseconds: float) -> bytes | None:
        self.now_s += milliseconds / 1000
        return self.model.in_packet(0x81)


def test_descriptors_byte_by_byte() -> None:
    model = Bench().model
    device = model.control(Setup(0x80, 6, 0x0100, 0, 64))
    assert device.hex() == "1201" + "0002" + "000000" + "08" + "03041560" + "0010" + "010200" + "01"
    full = model.control(Setup(0x80, 6, 0x0200, 0, 255))
    assert full[9:].hex() == "0904000002ffffff00" + "07058102400000" + "07050202400000"
    with pytest.raises(Stall):
        model.control(Setup(0x80, 6, 0x0303, 0x0409, 255))


def test_an_idle_line_sends_two_status_bytes_each_latency_time() -> None:
    bench = Bench()
    assert bench.later(15) is None
    assert bench.later(1.1) == b"\x01\x60"
    assert bench.model.in_packet(0x81) is None
    bench.put(0x09, 1)
    assert bench.get(0x0A, 1) == b"\x01"
    assert bench.later(1.1) == b"\x01\x60"


def test_a_full_packet_does_not_wait() -> None:
    bench = Bench()
    bench.chips.say(bytes(range(100)))
    assert bench.later(0) == b"\x01\x60" + bytes(range(62))
    assert bench.later(0) is None
    assert bench.later(16.1) == b"\x01\x60" + bytes(range(62, 100))


@given(st.binary(max_size=512), st.lists(st.integers(1, 62), max_size=40))
def test_every_packet_has_status_bytes_and_no_byte_is_lost(data: bytes, cuts: list[int]) -> None:
    bench = Bench()
    received, left = b"", data
    for cut in [*cuts, len(data)]:
        bench.chips.say(left[:cut])
        left = left[cut:]
        packet = bench.later(16.1)
        while packet is not None:
            assert packet[:2] == b"\x01\x60"
            assert len(packet) <= 64
            received += packet[2:]
            packet = bench.later(16.1) if bench.model.channels[0].unread else None
    assert received == data


def test_an_overrun_is_told_in_the_status_once() -> None:
    bench = Bench()
    assert bench.chips.say(bytes(600)) == 512
    packet = bench.later(0)
    assert packet is not None
    assert packet[:2] == b"\x01\x62"
    packet = bench.later(0)
    assert packet is not None
    assert packet[:2] == b"\x01\x60"
    assert bench.get(0x05, 2) == b"\x01\x60"


@pytest.mark.parametrize(
    ("value", "index", "rate"),
    [
        (0x001A, 0, 115385),
        (0x0002, 0, 1_500_000),
        (0x0000, 0, 3_000_000),
        (0x0001, 0, 2_000_000),
        (0x0003, 1, 1_000_000),
        (0x4138, 0, 9600),
        (0xC01A, 0, 114833),
        (0x001A, 0x0100, 113744),
        (0xC01A, 0x0101, 111628),
    ],
)
def test_rates_by_divisor(value: int, index: int, rate: int) -> None:
    """Fractions by AN_120: codes 0 to 7 are 0, 4, 2, 1, 3, 5, 6, 7 eighths."""
    bench = Bench()
    bench.put(0x03, value, index)
    bench.model.out_packet(0x02, b"x")
    assert bench.chips.rates == [rate]


@pytest.mark.parametrize("value", [0x4000, 0x8001, 0xC001])
def test_divisors_between_those_it_has_are_refused(value: int) -> None:
    with pytest.raises(Stall):
        divided_rate(value, 0)


def test_cbus1_holds_the_chips_in_reset() -> None:
    bench = Bench()
    assert bench.chips.resets == [False]
    for pins in (0x20F2, 0x20F0, 0x20F2):
        bench.put(0x0B, pins)
    assert bench.chips.resets[1:] == [False, True, False]
    bench.put(0x0B, 0x20F0)
    assert bench.model.is_reset_driven
    assert bench.get(0x0C, 1) == b"\x00"


@pytest.mark.parametrize(("request_", "value"), [(0x0B, 0x0000), (0x00, 0x0000), (0x0B, 0x20D0)])
def test_what_ends_bit_bang_or_the_output_lets_the_chips_go(request_: int, value: int) -> None:
    bench = Bench()
    bench.put(0x0B, 0x20F0)
    bench.put(request_, value)
    assert bench.chips.resets[-1] is False


def test_cbus0_routes_the_line_to_the_controller() -> None:
    bench = Bench()
    bench.put(0x0B, 0x20F3)
    bench.model.out_packet(0x02, b"\x20")
    assert bench.micro.received == b"\x20"
    assert bench.chips.received == b""
    assert bench.chips.say(b"unheard") == 0
    assert bench.micro.say(b"\x2a") == 1
    bench.put(0x0B, 0x20F2)
    bench.model.out_packet(0x02, b"job")
    assert bench.chips.received == b"job"
    assert bench.later(20) == b"\x01\x60\x2a"


def test_purges_drop_the_right_side() -> None:
    bench = Bench()
    bench.chips.say(b"old")
    bench.put(0x00, 2)
    assert bench.later(20) == b"\x01\x60old"
    bench.chips.say(b"old")
    bench.put(0x00, 1)
    assert bench.later(20) == b"\x01\x60"


def test_what_the_kernel_asks_when_it_finds_one() -> None:
    bench = Bench()
    assert bench.get(0x0A, 1) == b"\x10"
    words = b"".join(bench.get(0x90, 2, index) for index in (0x0D, 0x0E))
    assert words == b"\x08" * 4
    assert bench.get(0x90, 2, 1).hex() == "0304"
    assert bench.get(0x90, 2, 2).hex() == "1560"


@pytest.mark.parametrize(
    ("request_", "value"), [(0x09, 0), (0x09, 256), (0x0B, 0x4000), (0x00, 7), (0x04, 5), (0x77, 0)]
)
def test_nonsense_is_refused(request_: int, value: int) -> None:
    bench = Bench()
    with pytest.raises(Stall):
        bench.put(request_, value)
    assert bench.model.latency_ms == 16


def test_a_busy_line_says_not_now() -> None:
    bench = Bench()
    bench.chips.room = 10
    assert bench.model.out_packet(0x02, bytes(64)) == 10
    assert bench.model.out_packet(0x02, bytes(54)) == 0


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=8))
def test_any_request_is_answered_or_refused(raw: bytes, data: bytes) -> None:
    setup = Setup.decode(raw)
    bench = Bench()
    try:
        answer = bench.model.control(setup, b"" if setup.is_to_host else data)
    except Stall:
        return
    assert len(answer) <= setup.length
