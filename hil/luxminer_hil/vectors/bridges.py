"""What hosts were recorded to ask of bridges on sticks: the service sends it, virtual ones obey.

The file of golden vectors has it as rows of its products. Pauses are not compared here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from luxminer.transport.usbbridge.bridge import Bridge, Control, PortReset, Step
from luxminer.transport.usbbridge.find import BRIDGES
from luxminer.transport.usbbridge.ftdi import FT_X
from luxminer_hil.usbsim.cp210x import Cp210xModel
from luxminer_hil.usbsim.descriptors import DEVICE, STRING
from luxminer_hil.usbsim.device import Setup, Stall, UsbModel
from luxminer_hil.usbsim.ftdi import FtdiModel
from luxminer_hil.usbsim.sticks import STICKS, make_bridge
from luxminer_hil.usbsim.sticks import Bridge as VirtualBridge
from luxminer_hil.usbsim.uart import HostLine
from luxminer_hil.vectors.mismatch import expect

__all__ = [
    "CHECKS",
    "FAMILIES",
    "LATENCY",
    "VIRTUAL_CHECKS",
    "VIRTUAL_FAMILIES",
    "bridge_of",
    "check_host",
    "check_kernel",
    "check_telemetry_line",
    "check_virtual",
    "check_virtual_telemetry_line",
    "requests",
]

Row = Mapping[str, Any]
Request = list[str]

BAUDRATE = 115200
RATE_TOLERANCE = 0.005

LATENCY = ["control", "40", "09", "0001", "0000", ""]
"""What the service asks of an FT230X beside what was recorded: to be quick with few bytes."""

SET_CONFIGURATION = Setup(0x00, 9, 1, 0, 0)
GET_DESCRIPTOR = 6
ENGLISH = 0x0409

PACKET_BYTES, TELEMETRY_PACKET_BYTES = 64, 32
STATUS = b"\x01\x60"
STATUS_S = 0.016
"""An FT230X sends its status so often, unless it is told otherwise."""
IN, OUT = 0x81, 0x02
"""Endpoints of an FT230X."""


def requests(steps: Iterable[Step]) -> list[Request]:
    """Write steps as the file has them, without pauses."""
    rows: list[Request] = []
    for step in steps:
        match step:
            case Control():
                numbers = [f"{step.request_type:02x}", f"{step.request:02x}", f"{step.value:04x}"]
                rows.append(["control", *numbers, f"{step.index:04x}", step.data.hex()])
            case PortReset():
                rows.append(["usb_reset"])
    return rows


def _recorded(steps: Iterable[Sequence[Any]] | None) -> list[Request]:
    return [list(step) for step in steps or () if step[0] != "sleep_ms"]


def bridge_of(row: Row) -> Bridge:
    """Return the bridge that the service drives such a product through."""
    bridge = BRIDGES[int(row["vid"], 16), int(row["pid"], 16)]
    expect(row["bridge"], bridge.name, "bridge")
    return bridge


def check_host(row: Row) -> None:
    """Compare what the service asks of the bridge of a product. Raises Mismatch."""
    bridge = bridge_of(row)
    chips = bridge.lines[0]
    maker = (row["manufacturer"] or [""])[0]
    setup = requests(bridge.setup(chips, BAUDRATE, maker))
    expect((0, 0), (chips.number, chips.interface), "line to the chips")
    for key, endpoint in (("in", chips.endpoint_in), ("out", chips.endpoint_out)):
        expect(row[f"endpoint_{key}"], f"{endpoint:02x}", f"endpoint {key}")
    if bridge.name == "FT230X":
        expect(1, setup.count(LATENCY), "requests to be quick")
        setup.remove(LATENCY)
        setup += requests(bridge.hold) + requests(bridge.release or ())
        expect(_recorded(row.get("reset")), setup, "reset")
    elif row.get("reset"):
        expect(_recorded(row.get("reset")), requests(bridge.hold), "reset")
        expect(None, bridge.release, "release")
    expect(_recorded(row["line_setup"]), setup, "line setup")
    telemetry = row.get("telemetry")
    expect(1 if telemetry is None else 2, len(bridge.lines), "lines")
    if telemetry is not None:
        line = bridge.lines[1]
        expect(1, line.number, "number of the line")
        expect(telemetry["interface"], line.interface, "interface")
        expect(telemetry["endpoint_in"], f"{line.endpoint_in:02x}", "endpoint in")
        expect(telemetry["endpoint_out"], f"{line.endpoint_out:02x}", "endpoint out")


def check_telemetry_line(bridge: Bridge, recorded: Iterable[Sequence[Any]]) -> None:
    """Compare how the line to the controller is set up. Raises Mismatch."""
    setup = requests(bridge.setup(bridge.lines[1], BAUDRATE, ""))
    expect(_recorded(recorded), setup, "line to the controller")


def check_line_rate(vector: Row) -> None:
    """Compare the request that sets a rate. Raises Mismatch."""
    request = FT_X.rate(FT_X.lines[0], vector["input"]["baud"])
    expect([vector["expect"]["request"]], requests([request]))


def check_bulk_read(vector: Row) -> None:
    """Compare what is left of a bulk read without what the bridge adds. Raises Mismatch."""
    payload = FT_X.payload(bytes.fromhex(vector["input"]["packets"]))
    expect(vector["expect"]["payload"], payload.hex())


FAMILIES = frozenset({FT_X.name})
"""What vectors of bridges name instead of chips."""

CHECKS: Mapping[str, Callable[[Row], None]] = {
    "bulk_read": check_bulk_read,
    "line_rate": check_line_rate,
}
"""Kind of vector -> what raises `Mismatch`."""


# --- The virtual side ----------------------------------------------------------------------------


class _Behind:
    """What is soldered behind a UART: it notes what happens to it."""

    def __init__(self) -> None:
        self.resets: list[bool] = []
        self.heard: list[tuple[bytes, int]] = []
        self.line: HostLine | None = None

    def plugged(self, line: HostLine) -> None:
        self.line = line

    def unplugged(self) -> None:
        pass

    def feed(self, data: bytes, baudrate: int) -> int:
        self.heard.append((data, baudrate))
        return len(data)

    def set_reset(self, asserted: bool) -> None:
        if self.resets[-1:] != [asserted]:
            self.resets.append(asserted)


def _do(model: UsbModel, recorded: Iterable[Sequence[Any]]) -> None:
    for step in recorded:
        if step[0] == "usb_reset":
            model.bus_reset()
            model.control(SET_CONFIGURATION)
        elif step[0] == "control":
            data = bytes.fromhex(step[5])
            numbers = [int(text, 16) for text in step[1:5]]
            model.control(Setup(numbers[0], numbers[1], numbers[2], numbers[3], len(data)), data)


class _Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _plugged(
    name: str, chips: _Behind, telemetry: _Behind | None, time: _Time | None = None
) -> UsbModel:
    model = make_bridge(name, chips, serial="1", telemetry=telemetry, clock=time or _Time())
    model.plug()
    model.control(SET_CONFIGURATION)
    return model


def _text(model: UsbModel, index: int) -> str:
    raw = model.control(Setup(0x80, GET_DESCRIPTOR, STRING << 8 | index, ENGLISH, 255))
    expect((len(raw), STRING), (raw[0], raw[1]), "head of a string")
    return raw[2:].decode("utf-16-le")


def check_virtual(row: Row) -> None:
    """Let the virtual bridges of a product be set up and reset as recorded. Raises Mismatch."""
    products = row["products"] or ()
    names = [
        name
        for name, stick in STICKS.items()
        if stick.product in products or (not products and name in _unnamed(row))
    ]
    expect(max(len(products), 1), len(names), "models")
    for name in names:
        chips, time = _Behind(), _Time()
        beside = _Behind() if row["bridge"] != "CP2102" else None
        model = _plugged(name, chips, beside, time)
        _check_descriptors(model, row)
        _do(model, row["line_setup"])
        _check_line(model, chips, row)
        is_reset = bool(row.get("reset"))
        expect(chips.resets[-1:], [False], "chips run")
        chips.resets.clear()
        _do(model, row.get("reset") or ())
        wanted = (
            {"FT230X": [False, True, False], "CP2105": [True]}[row["bridge"]] if is_reset else []
        )
        expect(wanted[-len(chips.resets) :] if chips.resets else wanted, chips.resets, "reset line")
        expect(is_reset, True in chips.resets, "chips were reset")
        if isinstance(model, FtdiModel):
            assert beside is not None
            _check_status(model, chips, time)
            _check_micro(model, chips, beside)


def _check_status(model: FtdiModel, chips: _Behind, time: _Time) -> None:
    """See two bytes at the head of each packet, and one of them alone when nothing comes."""
    assert chips.line is not None
    time.now_s += STATUS_S - 0.001
    expect(None, model.in_packet(IN), "packet before its time")
    time.now_s += 0.002
    expect(STATUS, model.in_packet(IN), "packet without data")
    chips.line.send(bytes(100))
    expect(STATUS + bytes(PACKET_BYTES - len(STATUS)), model.in_packet(IN), "full packet")
    time.now_s += STATUS_S
    rest = bytes(100 - PACKET_BYTES + len(STATUS))
    expect(STATUS + rest, model.in_packet(IN), "last packet")


def _check_micro(model: FtdiModel, chips: _Behind, micro: _Behind) -> None:
    """Let CBUS0 lead the line to the controller beside the chips, and back."""
    for value, wanted in ((0x20F3, micro), (0x20F2, chips)):
        model.control(Setup(0x40, 0x0B, value, 0, 0))
        model.out_packet(OUT, b"pong")
        expect(b"pong", wanted.heard.pop()[0], "who hears")


def _unnamed(row: Row) -> tuple[str, ...]:
    return {"BE100": ("blockerupter",), "BM1380": ("u1",)}[row["chip"]]


def _check_descriptors(model: UsbModel, row: Row) -> None:
    raw = model.control(Setup(0x80, GET_DESCRIPTOR, DEVICE << 8, 0, 18))
    expect((18, DEVICE, 1), (len(raw), raw[1], raw[17]), "descriptor of the device")
    ids = [int.from_bytes(raw[at : at + 2], "little") for at in (8, 10)]
    expect([row["vid"], row["pid"]], [f"{number:04x}" for number in ids], "ids")
    if row["products"]:
        texts = [_text(model, index) for index in raw[14:17]]
        expect(True, texts[0] in row["manufacturer"] and texts[1] in row["products"], "names")
        expect("1", texts[2], "serial")
    size = f"{PACKET_BYTES}"
    wanted = [("ff", row["endpoint_in"], size, row["endpoint_out"], size)]
    if telemetry := row.get("telemetry"):
        size = f"{TELEMETRY_PACKET_BYTES}"
        wanted.append(("ff", telemetry["endpoint_in"], size, telemetry["endpoint_out"], size))
    expect(wanted, _endpoints(model), "endpoints")


def _endpoints(model: UsbModel) -> list[tuple[str, ...]]:
    """Return class, bulk endpoints and their sizes of each interface, from the configuration."""
    raw = model.control(Setup(0x80, GET_DESCRIPTOR, 2 << 8, 0, 255))
    expect(int.from_bytes(raw[2:4], "little"), len(raw), "length of the configuration")
    found: list[tuple[str, ...]] = []
    at = 0
    while at < len(raw):
        if raw[at + 1] == 4:
            expect(len(found), raw[at + 2], "number of an interface")
            found.append((f"{raw[at + 5]:02x}",))
        elif raw[at + 1] == 5 and raw[at + 3] == 2:
            found[-1] += (f"{raw[at + 2]:02x}", f"{int.from_bytes(raw[at + 4 : at + 6], 'little')}")
        at += raw[at]
    expect(raw[4], len(found), "interfaces")
    return found


def _check_line(model: UsbModel, chips: _Behind, row: Row) -> None:
    """Look at the line to the chips, and send bytes over it."""
    if isinstance(model, Cp210xModel):
        has_parity = any(step[2] == "03" for step in row["line_setup"] if step[0] == "control")
        expect(0x0830 if has_parity else 0x0800, model.line_control(), "line control")
        expect(1 if row["bridge"] == "CP2105" else 3, model.modem(), "DTR and RTS")
    elif isinstance(model, FtdiModel):
        expect((8, 0), (model.line_settings, model.flow), "data bits and flow control")
        expect((0x20, 0xF2), (model.mode, model.pins), "pins")
    expect(4, model.out_packet(int(row["endpoint_out"], 16), b"ping"), "bytes taken")
    data, baudrate = chips.heard[-1]
    expect(b"ping", data)
    expect(True, abs(baudrate - BAUDRATE) <= RATE_TOLERANCE * BAUDRATE, f"rate {baudrate}")


def check_virtual_telemetry_line(row: Row, recorded: Iterable[Sequence[Any]]) -> None:
    """Let the second line of a virtual bridge be set up as recorded. Raises Mismatch."""
    telemetry = _Behind()
    name = next(name for name, stick in STICKS.items() if stick.product in row["products"])
    model = _plugged(name, _Behind(), telemetry)
    _do(model, recorded)
    assert isinstance(model, Cp210xModel)
    expect((0x0800, 1), (model.line_control(1), model.modem(1)), "line")
    model.out_packet(int(row["telemetry"]["endpoint_out"], 16), b"?v")
    data, baudrate = telemetry.heard[-1]
    expect(b"?v", data)
    expect(True, abs(baudrate - BAUDRATE) <= RATE_TOLERANCE * BAUDRATE, f"rate {baudrate}")


def check_kernel(name: str, talk: Iterable[Sequence[Any]]) -> None:
    """Let a kernel's requests be answered by the virtual bridge of a model. Raises Mismatch.

    A row is bmRequestType, bRequest, wValue, wIndex, data or length, and the answer: hexadecimal,
    None for a stall, or the rate that the line then has.
    """
    telemetry = _Behind() if STICKS[name].bridge is VirtualBridge.CP2105 else None
    model = _plugged(name, _Behind(), telemetry)
    for row in talk:
        numbers = [int(text, 16) for text in row[:4]]
        data = bytes.fromhex(row[4]) if isinstance(row[4], str) else b""
        length = row[4] if isinstance(row[4], int) else len(data)
        setup = Setup(numbers[0], numbers[1], numbers[2], numbers[3], length)
        got: str | None
        try:
            got = model.control(setup, data).hex()
        except Stall:
            got = None
        if isinstance(row[5], int):
            expect((row[5], ""), (model.channels[0].baudrate, got), f"rate after {row[:4]}")
        else:
            expect(row[5], got, f"answer to {row[:5]}")


def check_descriptors(vector: Row) -> None:
    """Compare what the virtual sticks with a bridge say of it. Raises Mismatch."""
    expected = vector["expect"]
    names = [name for name, stick in STICKS.items() if stick.bridge.name == vector["family"]]
    expect(True, bool(names), "sticks with such a bridge")
    for name in names:
        beside = None if vector["family"] == "CP2102" else _Behind()
        model = _plugged(name, _Behind(), beside)
        device = model.control(Setup(0x80, GET_DESCRIPTOR, DEVICE << 8, 0, 18))
        config = model.control(Setup(0x80, GET_DESCRIPTOR, 2 << 8, 0, 255))
        got = {
            "usb_version": device[3:1:-1].hex(),
            "device_version": device[13:11:-1].hex(),
            "control_packet_bytes": device[7],
            "attributes": f"{config[7]:02x}",
            "max_power_ma": 2 * config[8],
            "interface_class": config[9 + 5 : 9 + 8].hex(),
        }
        expect(expected, got, name)


VIRTUAL_FAMILIES = frozenset({"CP2102", "FT230X"})

VIRTUAL_CHECKS: Mapping[str, Callable[[Row], None]] = {"usb_descriptors": check_descriptors}
"""Kind of vector -> what raises `Mismatch` for the virtual bridges."""
