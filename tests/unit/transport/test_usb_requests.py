"""Every request that a bridge gets, byte by byte and in order, against tables from elsewhere."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import TransportError
from luxminer.transport.base import Capability
from luxminer.transport.usbbridge.cp210x import CP2102, CP2105
from luxminer.transport.usbbridge.ftdi import FT_X, divisor, strip_status
from luxminer_hil.usbsim.cp210x import Cp210xModel
from luxminer_hil.usbsim.ftdi import FtdiModel, divided_rate
from tests.unit.transport.usb_rig import BAUD, Rig

PRODUCTS = {
    product["name"]: product
    for product in json.loads((Path(__file__).parents[2] / "vectors/bm13xx.json").read_text())[
        "products"
    ]
}

MODELS = {
    "Compac": "compac",
    "2Pac": "2pac",
    "Terminus": "terminus",
    "NewPac": "newpac",
    "R606": "r606",
    "CompacF": "compacf",
    "R909": "r909",
    "CompacA1": "compaca1",
    "CompacA2": "compaca2",
}

LATENCY = "40 09 0001 0000"
TELEMETRY = ["41 00 0001 0001", "41 07 0101 0001", "41 1e 0000 0001 00c20100", "41 03 0800 0001"]


def steps(product: str, key: str) -> list[list[Any]]:
    found: list[list[Any]] = PRODUCTS[product][key]
    return found


def wanted(rows: list[list[Any]]) -> list[str]:
    return [" ".join([*row[1:4], row[4], row[5]]).strip() for row in rows if row[0] == "control"]


@pytest.mark.parametrize("product", MODELS)
async def test_a_stick_is_set_up_and_reset_as_the_captured_table_says(product: str) -> None:
    table = wanted(steps(product, "line_setup"))
    rig = Rig()
    device = rig.plug(MODELS[product])
    async with rig.opened() as transport:
        if isinstance(rig.watched, FtdiModel):
            await transport.set_reset(True)
            await transport.set_reset(False)
            assert [r for r in rig.requests() if r != LATENCY] == table
            assert rig.requests().count(LATENCY) == 1
        elif MODELS[product].startswith("compaca"):
            assert rig.requests() == table + TELEMETRY
            assert device.events.count("reset") == steps(product, "line_setup").count(["usb_reset"])
            before = len(rig.requests())
            await transport.set_reset(True)
            assert rig.requests()[before:] == wanted(steps(product, "reset"))
            assert device.events.count("reset") == 2
            before = len(rig.requests())
            await transport.set_reset(False)
            assert rig.requests()[before:] == table + TELEMETRY
        else:
            assert rig.requests() == table


async def test_the_pauses_of_a_cp2102_follow_its_last_request() -> None:
    rig = Rig()
    rig.plug("compac")
    async with rig.opened():
        assert rig.pauses == [(4, 0.1)]


async def test_the_pauses_of_an_ftdi_reset() -> None:
    rig = Rig()
    rig.plug("newpac")
    async with rig.opened() as transport:
        await transport.set_reset(True)
        await transport.set_reset(False)
        assert rig.pauses == [(8, 0.03), (9, 0.03), (10, 0.2)]
        assert rig.requests()[7:] == ["40 0b 20f2 0000", "40 0b 20f0 0000", "40 0b 20f2 0000"]
    assert rig.chips.resets[-3:] == [False, True, False]


async def test_the_pauses_of_a_cp2105_reset() -> None:
    rig = Rig()
    rig.plug("compaca2")
    async with rig.opened() as transport:
        assert rig.pauses == [(5, 0.1)]
        await transport.set_reset(True)
        assert rig.pauses[1:] == [(10, 0.1)]
        assert rig.chips.resets[-1] is True
        await transport.set_reset(False)
        assert rig.pauses[2:] == [(15, 0.1)]
        assert rig.chips.resets[-1] is False


@pytest.mark.parametrize("model", ["u2", "blockerupter"])
async def test_a_stick_of_another_maker_gets_no_parity(model: str) -> None:
    rig = Rig()
    rig.plug(model)
    async with rig.opened():
        assert rig.requests() == ["41 00 0001 0000", "41 07 0303 0000", "41 1e 0000 0000 00c20100"]


async def test_the_fast_rate_of_an_ftdi_is_one_request() -> None:
    rig = Rig()
    rig.plug("r909")
    async with rig.opened() as transport:
        before = len(rig.requests())
        await transport.set_baudrate(1_500_000)
        assert rig.requests()[before:] == ["40 03 0002 0000"]
        await transport.write(b"fast")
        assert rig.chips.rates[-1] == 1_500_000
        await transport.set_baudrate(BAUD)
        assert rig.requests()[before + 1 :] == ["40 03 001a 0000"]


async def test_a_rate_changes_after_what_was_written_has_left() -> None:
    """The line needs 64 x 10 bits at 115200 baud: 5.6 ms."""
    rig = Rig()
    rig.plug("newpac")
    async with rig.opened() as transport:
        await transport.write(bytes(64))
        await transport.set_baudrate(1_500_000)
        assert isinstance(rig.watched, FtdiModel)
        at_s = [seen.at_s for seen in rig.watched.seen][-1]
        assert rig.chips.rates == [115_385]
        await transport.write(bytes(64))
        await transport.set_baudrate(1_500_000)
        again_s = [seen.at_s for seen in rig.watched.seen][-1]
    assert rig.chips.rates == [115_385, 1_500_000]
    assert again_s > at_s


async def test_written_bytes_leave_before_the_rate_is_changed() -> None:
    rig = Rig()
    rig.plug("newpac")
    async with rig.opened() as transport:
        started_s = asyncio.get_running_loop().time()
        await transport.write(bytes(500))
        await transport.set_baudrate(1_500_000)
        assert asyncio.get_running_loop().time() - started_s >= 500 * 10 / BAUD


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        *(("newpac", rate) for rate in (7_000_000, 2_500_000, 0)),
        *(("compaca1", rate) for rate in (3_000_000, -1)),
        ("compac", 1_500_000),
    ],
)
async def test_a_rate_that_a_bridge_cannot_have_is_an_error_and_changes_nothing(
    model: str, rate: int
) -> None:
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        before = rig.requests()
        with pytest.raises(TransportError, match=f"{rate} baud"):
            await transport.set_baudrate(rate)
        assert rig.requests() == before
        await transport.write(b"still open")


@given(st.integers(min_value=300, max_value=3_000_000))
def test_an_ftdi_runs_within_two_percent_of_what_was_asked(rate: int) -> None:
    try:
        request = FT_X.rate(FT_X.lines[0], rate)
    except ValueError:
        assert rate > 230_000, "below that a fraction is always near"
        return
    assert request.index == 0, "no fraction that chips of other kinds would misread"
    assert abs(divided_rate(request.value, request.index) - rate) <= 0.021 * rate


@pytest.mark.parametrize(
    ("rate", "eighths"),
    [
        *((115_200, 208), (375_000, 64), (214_286, 112), (1_500_000, 16)),
        *((2_000_000, 12), (3_000_000, 8), (9600, 2500), (1_411_764, 17)),
    ],
)
def test_divisors_by_hand(rate: int, eighths: int) -> None:
    assert divisor(rate) == eighths


@pytest.mark.parametrize(
    ("rate", "value"),
    [(300, 10000), (9600, 0x4138), (115_200, 26), (1_500_000, 2), (2_000_000, 1), (3_000_000, 0)],
)
def test_ftdi_values_by_the_makers_table(rate: int, value: int) -> None:
    """AN_120: 9600 is divisor 312.5, and 0.5 is code 1."""
    assert FT_X.rate(FT_X.lines[0], rate).value == value


def test_rates_of_cp210x_are_little_endian() -> None:
    assert CP2102.rate(CP2102.lines[0], 115_200).data.hex() == "00c20100"
    assert CP2105.rate(CP2105.lines[0], 1_500_000).data.hex() == "60e31600"
    assert CP2105.rate(CP2105.lines[1], 9600).index == 1


def test_what_each_bridge_can_do() -> None:
    assert CP2102.capabilities == frozenset()
    assert FT_X.capabilities == {Capability.RESET_LINE, Capability.FAST_BAUD}
    assert CP2105.capabilities == set(Capability)


async def test_what_is_lacking_is_said_by_name() -> None:
    rig = Rig()
    rig.plug("compac")
    async with rig.opened() as transport:
        with pytest.raises(TransportError, match=r"usb:1-1\.3 has no reset line"):
            await transport.set_reset(True)
        with pytest.raises(TransportError, match=r"usb:1-1\.3 has no channel 1"):
            transport.channel(1)
        assert transport.channel(0) is transport


@given(st.data())
def test_status_bytes_are_taken_from_every_packet(data: st.DataObject) -> None:
    """Full packets have 62 bytes of data; a short one, or none, ends the read."""
    payload = data.draw(st.binary(max_size=62 * 16))
    status = data.draw(st.binary(min_size=2, max_size=2))
    cuts = [payload[at : at + 62] for at in range(0, len(payload) + 1, 62)]
    wire = b"".join(status + cut for cut in cuts)
    assert strip_status(wire) == payload


@given(
    st.lists(st.binary(min_size=62, max_size=62) | st.binary(max_size=61), max_size=60),
    st.integers(1, 16),
)
def test_however_packets_are_gathered_into_reads_no_byte_is_lost(
    payloads: list[bytes], packets_per_read: int
) -> None:
    """A read ends with a short packet, when it is full, or when its time is over."""
    reads: list[list[bytes]] = [[]]
    for payload in payloads:
        if len(reads[-1]) == packets_per_read or (reads[-1] and len(reads[-1][-1]) < 64):
            reads.append([])
        reads[-1].append(b"\x31\x60" + payload)
    received = b"".join(strip_status(b"".join(packets)) for packets in reads)
    assert received == b"".join(payloads)


@pytest.mark.parametrize("wire", [b"", b"\x01", b"\x01\x60"])
def test_a_packet_without_data_gives_none(wire: bytes) -> None:
    assert strip_status(wire) == b""


async def test_bytes_that_look_like_status_survive() -> None:
    rig = Rig()
    rig.plug("compacf")
    tricky = b"\x01\x60" * 200 + b"\x60\x01" * 31
    async with rig.opened() as transport:
        for size in itertools.chain(range(1, 10), range(58, 70), [123, 124, 125, 126, 127, 400]):
            piece = (tricky * 2)[:size]
            assert rig.chips.say(piece) == size
            received = b""
            async with asyncio.timeout(2.0):
                while len(received) < size:
                    received += await transport.read()
            assert received == piece


async def test_the_latency_timer_is_set_and_short_replies_are_quick() -> None:
    rig = Rig()
    rig.plug("compacf")
    async with rig.opened() as transport:
        assert isinstance(rig.watched, FtdiModel)
        assert rig.watched.latency_ms == 1
        loop = asyncio.get_running_loop()
        times = []
        for _ in range(20):
            started_s = loop.time()
            rig.chips.say(b"1234567")
            assert await transport.read() == b"1234567"
            times.append(loop.time() - started_s)
        assert sorted(times)[2] < 0.012, times


async def test_modem_lines_and_line_control_arrive() -> None:
    rig = Rig()
    rig.plug("compac")
    async with rig.opened():
        assert isinstance(rig.watched, Cp210xModel)
        assert rig.watched.modem() == 0x03
        assert rig.watched.line_control() == 0x0830
