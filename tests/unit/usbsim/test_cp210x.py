"""The CP2102 and CP2105 against what Linux's cp210x and libusb programs ask of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer_hil.usbsim.cp210x import CP2102, CP2105, Cp210xModel
from luxminer_hil.usbsim.descriptors import Identity
from luxminer_hil.usbsim.device import Gone, Setup, Stall
from tests.unit.usbsim.uart_peer import UartPeer

SET_CONFIGURATION = Setup(0x00, 9, 1, 0, 0)
COMPAC = Identity(
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturer="GekkoScience",
    product="Compac BM1384 Bitcoin Miner",
    serial="10024583",
)


def cp2102(peer: UartPeer | None = None) -> Cp210xModel:
    model = Cp210xModel(COMPAC, CP2102, (peer or UartPeer(),))
    model.plug()
    model.control(SET_CONFIGURATION)
    return model


def cp2105(*peers: UartPeer) -> Cp210xModel:
    a1 = Identity(vendor_id=0x10C4, product_id=0xEA70, product="GekkoScience Compac A1")
    model = Cp210xModel(a1, CP2105, peers or (UartPeer(), UartPeer()))
    model.plug()
    model.control(SET_CONFIGURATION)
    return model


def put(model: Cp210xModel, request: int, value: int = 0, data: str = "", index: int = 0) -> None:
    raw = bytes.fromhex(data)
    model.control(Setup(0x41, request, value, index, len(raw)), raw)


def get(model: Cp210xModel, kind: int, request: int, value: int, length: int) -> bytes:
    return model.control(Setup(kind, request, value, 0, length))


def test_descriptors_byte_by_byte() -> None:
    """By the tables of the USB specification, with the values of a CP2102's data sheet."""
    model = cp2102()
    device = model.control(Setup(0x80, 6, 0x0100, 0, 64))
    assert device.hex() == "1201" + "1001" + "000000" + "40" + "c41060ea" + "0001" + "010203" + "01"
    full = model.control(Setup(0x80, 6, 0x0200, 0, 255))
    assert full.hex() == (
        "0902200001010080"
        + "32"
        + "090400000"
        + "2ff000000"
        + "0705810240"
        + "0000"
        + "07050102400000"
    )
    assert model.control(Setup(0x80, 6, 0x0200, 0, 9)) == full[:9]
    assert model.control(Setup(0x80, 6, 0x0300, 0, 255)).hex() == "04030904"
    text = model.control(Setup(0x80, 6, 0x0302, 0x0409, 255))
    assert text[2:].decode("utf-16-le") == "Compac BM1384 Bitcoin Miner"
    assert text[0] == len(text)


def test_the_qualifier_of_a_faster_device_is_refused() -> None:
    with pytest.raises(Stall):
        cp2102().control(Setup(0x80, 6, 0x0600, 0, 10))


def test_a_cp2105_has_two_interfaces() -> None:
    full = cp2105().control(Setup(0x80, 6, 0x0200, 0, 255))
    assert len(full) == full[2] == 9 + 2 * (9 + 7 + 7)
    assert full[4] == 2
    assert bytes.fromhex("07058202200000") in full
    assert bytes.fromhex("07050202200000") in full


@pytest.mark.parametrize(
    ("model", "value", "length", "answer"),
    [
        (cp2102, 0x370B, 1, "02"),
        (cp2102, 0x370B, 2, "0200"),
        (cp2105, 0x370B, 1, "05"),
        (cp2105, 0x000E, 3, "010200"),
        (cp2105, 0x3711, 2, "0101"),
        (cp2105, 0x370C, 15, "00" * 15),
        (cp2105, 0x00C2, 1, "07"),
    ],
)
def test_what_the_kernel_asks_when_it_finds_one(
    model: object, value: int, length: int, answer: str
) -> None:
    assert callable(model)
    assert get(model(), 0xC0, 0xFF, value, length).hex() == answer


def test_a_cp2102_has_no_latch() -> None:
    with pytest.raises(Stall):
        get(cp2102(), 0xC0, 0xFF, 0x00C2, 1)
    with pytest.raises(Stall):
        put(cp2102(), 0xFF, 0x37E1, "0700")


def test_the_kernels_way_to_open_and_close() -> None:
    peer = UartPeer()
    model = cp2102(peer)
    put(model, 0x00, 1)
    put(model, 0x1E, 0, "80250000")
    put(model, 0x03, 0x0800)
    put(model, 0x19, 0, "000000001113")
    assert get(model, 0xC1, 0x14, 0, 16) == bytes(16)
    put(model, 0x13, 0, "01000000" * 4)
    assert get(model, 0xC1, 0x14, 0, 16).hex() == "01000000" * 4
    put(model, 0x07, 0x0303)
    put(model, 0x1E, 0, "00c20100")
    assert get(model, 0xC1, 0x1D, 0, 4) == (115385).to_bytes(4, "little")
    assert model.out_packet(0x01, b"bytes") == 5
    assert peer.rates == [115385]
    put(model, 0x07, 0x0300)
    assert model.modem() == 0
    put(model, 0x12, 0x000F)
    put(model, 0x00, 0)
    assert peer.say(b"nobody listens") == 0


@pytest.mark.parametrize(
    ("asked", "got"), [(9600, 9600), (19200, 19200), (115200, 115385), (921600, 923077), (300, 300)]
)
def test_rates_are_those_of_its_divider(asked: int, got: int) -> None:
    model = cp2102()
    put(model, 0x1E, 0, asked.to_bytes(4, "little").hex())
    assert model.channels[0].baudrate == got


def test_the_older_rate_request_names_a_divider() -> None:
    model = cp2102()
    put(model, 0x01, 0x0020)
    assert model.channels[0].baudrate == pytest.approx(115200, rel=0.002)


@pytest.mark.parametrize(
    ("request_", "value", "data"),
    [
        (0x1E, 0, "00000000"),
        (0x1E, 0, "ffffffff"),
        (0x1E, 0, "00c201"),
        (0x01, 0, ""),
        (0x03, 0x0400, ""),
        (0x03, 0x0850, ""),
        (0x13, 0, "00"),
        (0x99, 0, ""),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(request_: int, value: int, data: str) -> None:
    model = cp2102()
    before = (model.channels[0].baudrate, model.line_control())
    with pytest.raises(Stall):
        put(model, request_, value, data)
    assert (model.channels[0].baudrate, model.line_control()) == before


def test_only_masked_modem_lines_change() -> None:
    model = cp2102()
    put(model, 0x07, 0x0101)
    assert model.modem() == 0x01
    put(model, 0x07, 0x0202)
    assert model.modem() == 0x03
    put(model, 0x07, 0x0100)
    assert model.modem() == 0x02
    assert get(model, 0xC1, 0x08, 0, 1) == b"\x02"


def test_the_status_counts_what_waits_and_tells_of_an_overrun_once() -> None:
    peer = UartPeer()
    model = cp2102(peer)
    put(model, 0x00, 1)
    assert peer.say(bytes(700)) == 576
    status = get(model, 0xC1, 0x10, 0, 19)
    assert len(status) == 19
    assert status[0] == 0x04
    assert int.from_bytes(status[8:12], "little") == 576
    assert get(model, 0xC1, 0x10, 0, 19)[0] == 0


def test_purging_and_disabling_drop_what_waits() -> None:
    peer = UartPeer()
    model = cp2102(peer)
    put(model, 0x00, 1)
    peer.say(b"old")
    put(model, 0x12, 0x0005)
    assert model.in_packet(0x81) == b"old"
    peer.say(b"old")
    put(model, 0x12, 0x000A)
    assert model.in_packet(0x81) is None


@given(st.binary(max_size=500))
def test_packets_have_no_more_than_64_bytes_and_lose_none(data: bytes) -> None:
    peer = UartPeer()
    model = cp2102(peer)
    put(model, 0x00, 1)
    peer.say(data)
    packets = []
    while (packet := model.in_packet(0x81)) is not None:
        packets.append(packet)
    assert b"".join(packets) == data
    assert all(len(packet) == 64 for packet in packets[:-1])


@given(st.binary(max_size=300), st.integers(1, 255))
def test_embedded_events_escape_the_escape(data: bytes, escape: int) -> None:
    peer = UartPeer()
    model = cp2102(peer)
    put(model, 0x00, 1)
    put(model, 0x15, escape)
    peer.say(data)
    wire = b""
    while (packet := model.in_packet(0x81)) is not None:
        assert len(packet) <= 64
        wire += packet
    mark = bytes([escape])
    assert wire == data.replace(mark, mark + b"\x00")


def test_the_latch_switches_chips_and_tells_telemetry() -> None:
    chips, telemetry = UartPeer(), UartPeer()
    model = cp2105(chips, telemetry)
    assert chips.resets == [True]
    put(model, 0xFF, 0x37E1, "0700")
    put(model, 0xFF, 0x37E1, "0700")
    put(model, 0xFF, 0x37E1, "0202")
    assert get(model, 0xC0, 0xFF, 0x00C2, 1) == b"\x02"
    put(model, 0xFF, 0x37E1, "0505")
    assert chips.resets == telemetry.resets == [True, False, True]


def test_the_two_lines_of_a_cp2105_are_apart() -> None:
    chips, telemetry = UartPeer(), UartPeer()
    model = cp2105(chips, telemetry)
    put(model, 0x00, 1, index=0)
    put(model, 0x00, 1, index=1)
    put(model, 0x1E, 0, "60e31600", index=0)
    put(model, 0x1E, 0, "00c20100", index=1)
    with pytest.raises(Stall):
        put(model, 0x1E, 0, "60e31600", index=1)
    with pytest.raises(Stall):
        put(model, 0x00, 1, index=2)
    model.out_packet(0x01, b"chips")
    model.out_packet(0x02, b"board")
    assert (bytes(chips.received), chips.rates) == (b"chips", [1_500_000])
    assert (bytes(telemetry.received), telemetry.rates) == (b"board", [115385])
    telemetry.say(bytes(40))
    assert model.in_packet(0x82) == bytes(32)
    assert model.in_packet(0x81) is None


def test_a_bus_reset_is_like_plugging_in_again() -> None:
    chips = UartPeer()
    model = cp2105(chips, UartPeer())
    put(model, 0x00, 1)
    put(model, 0xFF, 0x37E1, "0700")
    model.halt(0x81)
    model.bus_reset()
    assert chips.resets == [True, False, True]
    assert model.configuration == 0
    with pytest.raises(Stall):
        model.in_packet(0x81)
    model.control(SET_CONFIGURATION)
    assert model.in_packet(0x81) is None


def test_a_halt_lasts_until_it_is_cleared() -> None:
    model = cp2102()
    put(model, 0x00, 1)
    model.halt(0x81)
    assert model.control(Setup(0x82, 0, 0, 0x81, 2)) == b"\x01\x00"
    with pytest.raises(Stall):
        model.in_packet(0x81)
    model.control(Setup(0x02, 1, 0, 0x81, 0))
    assert model.in_packet(0x81) is None


def test_after_an_unplug_everything_is_gone() -> None:
    peer = UartPeer()
    model = cp2102(peer)
    line = peer.line
    assert line is not None
    model.unplug()
    model.unplug()
    assert line.send(b"x") == 0
    with pytest.raises(Gone):
        model.control(SET_CONFIGURATION)
    with pytest.raises(Gone):
        model.in_packet(0x81)
    with pytest.raises(Gone):
        model.out_packet(0x01, b"x")
    model.plug()
    assert peer.plugs == 2


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=20))
def test_any_request_is_answered_or_refused(raw: bytes, data: bytes) -> None:
    setup = Setup.decode(raw)
    for model in (cp2102(), cp2105()):
        try:
            answer = model.control(setup, b"" if setup.is_to_host else data)
        except Stall:
            continue
        assert len(answer) <= setup.length
