"""A host that shares no code with ours brings every stick up over USB, as originals were recorded.

It makes the recorded control requests, and writes and waits as the recorded bring-up says; what the
chips answer must be what the original got.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from luxminer_hil.acceptance.warp import run_warped
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.device import Setup, UsbModel
from luxminer_hil.usbsim.stick_port import usb_stick

FILE = json.loads((Path(__file__).parents[2] / "vectors" / "bm13xx.json").read_text())
PRODUCTS = {row["name"]: row for row in FILE["products"]}
TRACES = FILE["vectors"]["init_trace"]

PACKET_BYTES = 64
QUIET_S = 0.02
"""After so long without an answer the recorded host goes on, at the earliest."""


class ForeignHost:
    """Does what a recording says, packet by packet."""

    def __init__(self, bus: SimulatedBus, model: UsbModel, row: dict[str, Any]) -> None:
        self._bus = bus
        self._model = model
        self._is_ftdi = row["bridge"] == "FT230X"
        self._in, self._out = (int(row[f"endpoint_{way}"], 16) for way in ("in", "out"))
        telemetry = row.get("telemetry") or {}
        self._controller_in = int(telemetry.get("endpoint_in", "0"), 16)
        self._controller_out = int(telemetry.get("endpoint_out", "0"), 16)

    async def do(self, step: Sequence[Any]) -> None:
        """Make one step, but for those that read."""
        match step:
            case ["usb_reset"]:
                self._bus.reset(self._bus.devices()[0])
            case ["sleep_ms", pause_ms]:
                await asyncio.sleep(pause_ms / 1000)
            case ["control", *texts, data]:
                numbers = [int(text, 16) for text in texts]
                raw = bytes.fromhex(data)
                setup = Setup(numbers[0], numbers[1], numbers[2], numbers[3], len(raw))
                self._model.control(setup, raw)
            case ["write", raw]:
                await self._write(self._out, bytes.fromhex(raw))
            case ["write_telemetry", raw]:
                await self._write(self._controller_out, bytes.fromhex(raw))

    async def _write(self, endpoint: int, data: bytes) -> None:
        while data:
            taken = self._model.out_packet(endpoint, data[:PACKET_BYTES])
            data = data[taken:]
            await asyncio.sleep(0.001)

    async def read(self, endpoint: int, limit_s: float) -> bytes:
        """Return what comes until nothing more does."""
        loop = asyncio.get_running_loop()
        data, heard_s, end_s = b"", loop.time(), loop.time() + limit_s
        while loop.time() < end_s and (not data or loop.time() < heard_s + QUIET_S):
            packet = self._model.in_packet(endpoint)
            if packet and self._is_ftdi:
                assert packet[:2] == b"\x01\x60"
                packet = packet[2:]
            if packet:
                data, heard_s = data + packet, loop.time()
            else:
                await asyncio.sleep(0.001)
        return data

    async def count(self) -> bytes:
        return await self.read(self._in, 1.0)

    async def controller(self) -> bytes:
        return await self.read(self._controller_in, 0.1)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: str(trace["id"]))
def test_a_recorded_host_enumerates_its_chain(trace: dict[str, Any]) -> None:
    given, steps = trace["input"], trace["expect"]["steps"]
    row = PRODUCTS[given["product"]]
    model = given["product"].lower()

    async def main() -> None:
        bus = SimulatedBus()
        stick, port = usb_stick(
            bus, "1-1", model, chips=given["chips"], clock=asyncio.get_running_loop().time
        )
        async with stick:
            host = ForeignHost(bus, port.bridge, row)
            for step in row["line_setup"]:
                await host.do(step)
            counted, version = None, None
            for step in steps:
                if step[0] == "read" and step[2] and counted is None:
                    counted = await host.count()
                elif step[0] == "read_telemetry" and version is None:
                    version = await host.controller()
                elif step[0] == "open_core_tasks":
                    for name in ("first", "second", "last"):
                        await host.do(["write", step[1][name]])
                else:
                    await host.do(step)
            await asyncio.sleep(0.5)
            assert counted is not None
            assert counted.hex() == given["chip_replies"]
            now = stick.counters()
            step_of = 256 // given["chips"]
            wanted = [step_of * index for index in range(given["chips"])]
            assert [chip.address for chip in now.chips] == wanted
            assert now.bytes_at_wrong_rate == 0
            assert sum(now.bad_frames.values()) == (model == "compaca2")  # one is malformed

    run_warped(main())
