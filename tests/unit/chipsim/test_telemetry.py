"""The telemetry controller alone, and on a stick."""

import asyncio

import pytest

from luxminer_hil.chipsim import MemoryPort, SimulatorError, TelemetryController, VirtualStick
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.chipsim.framed_host import BM1362, framed_bench, header_task, real_header


class World:
    """Time and load of a controller."""

    def __init__(self, version: int = 0x31, mask: int = 0xFF) -> None:
        self.now_s = 0.0
        self.load = 0.0
        self.changes = 0
        self.box = TelemetryController(
            version, mask, lambda: self.now_s, lambda: self.load, self.changed
        )

    def changed(self) -> None:
        self.changes += 1


def celsius(byte: int) -> float:
    return byte * 175 / 218 - 50


def test_start_up_in_the_order_of_the_original() -> None:
    world = World(0x31, 0x75)
    sent = (b"?v", b"V\x36", b"BO", b"LN", b"M.")
    answers = [world.box.feed(command) for command in sent]
    assert answers[0] == b"\x31"
    assert [len(answer) for answer in answers] == [1] * 5
    assert answers[4] == b"\x75"
    assert (world.box.core_mv, world.box.is_regulator_on, world.box.led) == (270, True, b"N")
    assert world.changes == 0


@pytest.mark.parametrize(
    ("version", "mask", "length", "present"),
    [
        (0x10, 0xFF, 5, {0, 2, 4}),
        (0x20, 0x00, 7, {0, 1, 2, 3, 4, 6}),
        (0x21, 0x00, 7, {0, 1, 2, 4, 5, 6}),
        (0x25, 0x00, 7, {0, 1, 2, 4, 5, 6}),
        (0x31, 0x75, 7, {0, 2, 4, 5, 6}),
        (0x31, 0x11, 5, {0, 4}),
        (0x31, 0x00, 0, set()),
    ],
)
def test_values_stand_at_fixed_places(
    version: int, mask: int, length: int, present: set[int]
) -> None:
    world = World(version, mask)
    world.load = 1.0
    world.box.feed(b"F\x64")
    values = world.box.feed(b"G.")
    assert len(values) == length
    assert {place for place, byte in enumerate(values) if byte} == present


def test_only_version_3_is_asked_for_its_mask() -> None:
    world = World(0x21)
    assert world.box.feed(b"M.") == b""
    assert world.box.bad_commands > 0


@pytest.mark.parametrize("wrong", [b"?x", b"V\x65", b"Bx", b"L\x00", b"F\x65", b"G?", b"zz"])
def test_what_is_no_command_gets_silence_and_is_counted(wrong: bytes) -> None:
    world = World()
    assert world.box.feed(wrong + b"?v") == b"\x31"
    assert world.box.bad_commands == 2  # each of its bytes might have begun one


def test_commands_may_come_byte_by_byte() -> None:
    world = World()
    assert b"".join(world.box.feed(bytes([byte])) for byte in b"?vM.?v") == b"\x31\xff\x31"
    assert world.box.commands == {"version": 2, "mask": 1}


def test_temperature_follows_work_fan_and_regulator() -> None:
    world = World()
    world.box.feed(b"V\x3c")

    def after(seconds: float) -> float:
        world.now_s += seconds
        return celsius(world.box.feed(b"G.")[4])

    idle = after(60)
    world.load = 1.0
    warming, hot = after(5), after(60)
    world.box.feed(b"F\x64")
    cooled = after(60)
    world.box.feed(b"B-")
    off = after(60)
    assert idle < warming < hot
    assert idle < cooled < hot
    assert off == pytest.approx(world.box.ambient_c, abs=1)
    world.box.ambient_c = 115.0
    assert after(60) >= 110


def test_readings_of_voltage_current_and_speed() -> None:
    world = World()
    world.box.feed(b"V\x3c" + b"F\x32")
    idle = world.box.feed(b"G.")
    world.load = 1.0
    busy = world.box.feed(b"G.")
    assert busy[0] * 2.048 / 255 * 12 == pytest.approx(5.0, abs=0.1)
    assert busy[2] * 2.048 / 255 / 2 == pytest.approx(0.300, abs=0.005)
    assert busy[3] > idle[3]
    assert busy[6] * 30 == pytest.approx(3000, abs=30)
    world.box.feed(b"B-")
    off = world.box.feed(b"G.")
    assert (off[2], off[3]) == (0, 0)
    assert world.changes == 1


# --- On a stick ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "version"), [("compaca1", 0x20), ("terminusa2", 0x31)])
async def test_sticks_with_a_controller(model: str, version: int) -> None:
    async with framed_bench(model) as host:
        assert host.stick.telemetry is not None
        assert host.stick.telemetry.feed(b"?v") == bytes([version])


async def test_other_sticks_have_none() -> None:
    async with framed_bench("r909") as host:
        assert host.stick.telemetry is None


async def test_no_chip_answers_while_the_regulator_is_off() -> None:
    async with framed_bench("compaca2") as host:
        box = host.stick.telemetry
        assert box is not None
        await host.bring_up()
        await host.transport.write(header_task(real_header(1), 0x18))
        await host.nonce()
        box.feed(b"B-")
        host.transport.discard_input()
        assert await host.silence(BM1362.read_all(0)) == b""
        hashed = host.stick.counters().hashed
        await asyncio.sleep(0.1)
        counters = host.stick.counters()
        assert (counters.hashed, counters.resets) == (hashed, 1)
        assert box.feed(b"G.")[2] == 0
        box.feed(b"BO")
        assert len(await host.ask(BM1362.read_all(0), 9)) == 9  # power-on: short replies


async def test_the_latch_switches_the_regulator_on_again() -> None:
    async with framed_bench("compaca1") as host:
        box = host.stick.telemetry
        assert box is not None
        box.feed(b"B-" + b"LO")
        host.stick.reset(True)
        assert await host.silence(BM1362.read_all(0)) == b""
        host.stick.reset(False)
        assert (box.is_regulator_on, box.led) == (True, b"-")
        assert len(await host.ask(BM1362.read_all(0), 9)) == 9


async def test_mining_warms_the_stick() -> None:
    async with framed_bench("terminusa1") as host:
        box = host.stick.telemetry
        assert box is not None
        await host.bring_up()
        before = box.temperature_c
        await host.speed_up()
        await host.transport.write(header_task(real_header(1), 0x18))
        await asyncio.sleep(0.5)
        assert box.temperature_c > before + 0.5


async def test_a_second_port_leads_to_the_controller() -> None:
    port = MemoryPort("memory:telemetry")
    stick = VirtualStick("compaca2", scale="1e-9", port=MemoryPort(), telemetry_port=port)
    async with stick:
        transport = MemoryTransport(port, 115200)
        await transport.write(b"?v")
        assert await transport.read() == b"\x31"
        stick.unplug()
        assert not port.is_plugged
        stick.replug()
        assert port.is_plugged


def test_a_telemetry_port_needs_a_controller() -> None:
    with pytest.raises(SimulatorError, match="r606 has no telemetry controller"):
        VirtualStick("r606", telemetry_port=MemoryPort())
