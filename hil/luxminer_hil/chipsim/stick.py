"""A whole virtual stick: a chain of chips behind a UART and a port, with its account of events.

A stick lives on the event loop that `start` was called on. Powered by its port: `unplug` is a
power cut, a host that merely closes the port is not noticed by the chips.

What a bridge needs of a stick: its port, `VirtualStick.reset` (nRST of the chips, or the latch of
an A1 or A2), `VirtualStick.set_baudrate` (rate of the bridge's UART), and on A1 and A2 the bytes of
`VirtualStick.telemetry`.

Ref: docs/sources.md, Sticks.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from random import Random
from types import TracebackType
from typing import Self

from luxminer_drivers.common.facts import MAX_CHIPS
from luxminer_hil.chipsim.chain import Chain
from luxminer_hil.chipsim.counters import StickCounters
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.faults import USB_KINDS, Direction, FaultKind, FaultPlan
from luxminer_hil.chipsim.hasher import Hasher, shared_hasher
from luxminer_hil.chipsim.line import SerialLine
from luxminer_hil.chipsim.port import Port, PtyPort, UsbFaults
from luxminer_hil.chipsim.products import BOARDS, MODELS
from luxminer_hil.chipsim.silicon import Silicon
from luxminer_hil.chipsim.spaces import NONCES
from luxminer_hil.chipsim.telemetry import TelemetryController
from luxminer_hil.chipsim.wire import Frame, same_rate

__all__ = ["MODELS", "StickCounters", "VirtualStick"]

log = logging.getLogger(__name__)

MIN_SCALE = Fraction(1, 1_000_000_000)

BRIDGE_BYTES = 640
"""Transmit buffer of a CP2102: what a host can be ahead of the line. Source: its data sheet."""

MAX_GARBAGE_BYTES = 4096

UNKNOWN_BAUDRATE = 5_000_000
"""What stands for a rate of the host that has no name: chips go up to 3.125 M."""


MAX_NUMBER_LETTERS = 100
"""A scale in words may be no longer; numbers take time by their digits."""


def _ratio_of(scale: Fraction | float | str) -> Fraction:
    """Return a scale as it is meant. Raises SimulatorError."""
    cure = "use 1 for a real stick's rate, down to 1e-9"
    text = str(scale)
    if len(text) > MAX_NUMBER_LETTERS:
        raise SimulatorError("scale", f"{text[:MAX_NUMBER_LETTERS]}... is no number", cure)
    try:
        # An exponent may stand for more digits than there is memory; a float has it at once.
        is_near = "/" in text or not (float(text) < MIN_SCALE or float(text) > 1)
        ratio = Fraction(text) if is_near else Fraction(0)
    except (ValueError, ZeroDivisionError) as exc:
        raise SimulatorError("scale", f"{text} is no number", cure) from exc
    if not MIN_SCALE <= ratio <= 1:
        raise SimulatorError("scale", f"{text} is out of range", cure)
    return ratio


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


class VirtualStick:
    """One stick. Use as ``async with VirtualStick("compac", scale=0.001) as stick: ...``."""

    def __init__(
        self,
        model: str = "compac",
        *,
        chips: int | None = None,
        chip: str | None = None,
        scale: Fraction | float | str = 1,
        skip: int | None = None,
        stable_mhz: float | None = None,
        seed: int = 0,
        port: Port | None = None,
        telemetry_port: Port | None = None,
        faults: FaultPlan | None = None,
        hasher: Hasher | None = None,
    ) -> None:
        """Make a stick that is not plugged in yet. Raises SimulatorError for wrong values.

        ``scale`` multiplies rate and difficulty alike; a float means the decimal it prints as.
        A scaled stick gets a new task long before its chips have tried all nonces of the last one:
        ``skip`` lets each chip begin that many nonces later than at its first one. Without it each
        task begins with another core, where it is known which core has which nonces.
        Up to ``stable_mhz`` chips make no errors, at their nominal core voltage: see `silicon`. The
        default is the highest clock that they lock to.
        ``chip`` fits another chip than the usual one, where a model comes with several.
        ``telemetry_port`` leads to the controller of a model that has one, beside `telemetry`.
        """
        if model not in MODELS:
            raise SimulatorError("model", f"unknown model {model!r}", f"use {', '.join(MODELS)}")
        count = MODELS[model] if chips is None else chips
        if not 1 <= count <= MAX_CHIPS:
            cure = f"a chain has 1 to {MAX_CHIPS} chips"
            raise SimulatorError("chips", f"{count} is out of range", cure)
        ratio = _ratio_of(scale)
        if skip is not None and not 0 <= skip < NONCES:
            raise SimulatorError("skip", f"{skip} is out of range", "use 0 to 4294967295 nonces")
        board = BOARDS[model]
        kinds = {kind.name.lower(): kind for kind in board.kinds}
        if chip is not None and chip not in kinds:
            raise SimulatorError("chip", f"{model} has no {chip!r}", f"use {', '.join(kinds)}")
        if telemetry_port is not None and board.telemetry is None:
            reason = f"{model} has no telemetry controller"
            raise SimulatorError("telemetry-link", reason, "leave it out")
        if stable_mhz is not None and not 0 < stable_mhz < math.inf:
            reason = f"{stable_mhz:g} is out of range"
            raise SimulatorError("stable-mhz", reason, "use a clock above 0")
        self.model = model
        self.scale = ratio
        self.skip = skip
        self.telemetry: TelemetryController | None = None
        """There from `start` on, on models that have one."""
        self.seed = seed
        self.port: Port = PtyPort() if port is None else port
        self.faults = FaultPlan(seed=seed) if faults is None else faults
        self._board = board
        self._kind = board.kinds[0] if chip is None else kinds[chip]
        chip_like = self._kind.chip(0, count, ratio, 0.0)
        for fault in self.faults.faults:
            if fault.core >= chip_like.core_numbers:
                cure = f"cores count from 0: the last one is {chip_like.core_numbers - 1}"
                raise SimulatorError("faults", f"{fault.kind} names core {fault.core}", cure)
            if fault.chip is not None and fault.chip >= count:
                cure = f"chips count from 0: the last one is {count - 1}"
                raise SimulatorError("faults", f"{fault.kind} names chip {fault.chip}", cure)
            if fault.kind in USB_KINDS and not isinstance(self.port, UsbFaults):
                raise SimulatorError("faults", f"{fault.kind} is for sticks on USB", "use --usbip")
        self._chip_count = count
        self.telemetry_port = telemetry_port
        self._hasher = hasher or shared_hasher()
        self._noise = Random(f"{seed}/noise")
        self._parser = self._kind.parser()
        self._rx = SerialLine(self._arrived)
        self._tx = SerialLine(self._sent)
        if stable_mhz is None:
            stable_mhz = chip_like.max_mhz
        self.silicon = Silicon(stable_mhz=stable_mhz, nominal_mv=board.core_mv)
        random = Random(f"{seed}/silicon")
        self._chain = Chain(self.faults, _loop_s, self._reply, self._wrong_part, random)
        self._counts: Counter[str] = Counter()
        self._started_s = 0.0
        self._last_byte_s = 0.0
        self._restarts = 0
        self._is_powered = False
        self._is_in_reset = False
        self._bridge_baudrate: int | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._fault_timers: list[asyncio.TimerHandle] = []
        self._has_work = asyncio.Event()
        self._miner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def path(self) -> str:
        """What a host opens."""
        return self.port.path

    @property
    def is_plugged(self) -> bool:
        return self._is_powered

    @property
    def is_line_quiet(self) -> bool:
        """No byte is on its way, and no frame is incomplete."""
        return not (self._rx.pending_bytes or self._tx.pending_bytes or self._parser.pending)

    async def start(self) -> None:
        """Plug the stick in. Raises SimulatorError when its port cannot be made."""
        assert self._miner is None, "started twice"
        loop = asyncio.get_running_loop()
        self._started_s = loop.time()
        self._chain.fit(self._kind, self._chip_count, self.scale, self.skip)
        if self._board.telemetry is not None:
            self.telemetry = TelemetryController(
                self._board.telemetry,
                self._board.telemetry_mask,
                _loop_s,
                self._load,
                self._regulator_changed,
            )
        self.replug()
        self._schedule_faults(loop)
        self._miner = loop.create_task(self._mine(), name=f"chipsim {self.path}")
        self._miner.add_done_callback(self._mining_ended)

    async def stop(self) -> None:
        """Unplug for good. Idempotent. Raises what made the hashing fail, if it did."""
        for timer in self._fault_timers:
            timer.cancel()
        self._fault_timers.clear()
        self.unplug()
        miner, self._miner = self._miner, None
        if miner is not None:
            miner.cancel()
            done, _ = await asyncio.wait({miner})
            for task in done:
                if not task.cancelled():
                    task.result()

    def unplug(self) -> None:
        """Pull the stick out: the port breaks, the chips lose power. Idempotent."""
        if not self._is_powered:
            return
        self._is_powered = False
        self.port.unplug()
        if self.telemetry_port is not None:
            self.telemetry_port.unplug()
        self._rx.clear()
        self._cancel_idle()
        self._restart_chips()

    def replug(self) -> None:
        """Plug the stick in again, with freshly powered chips. Idempotent."""
        if self._is_powered:
            return
        self.port.plug(self._received)
        if self.telemetry_port is not None:
            self.telemetry_port.plug(self._telemetry_received)
        self._is_powered = True
        self._is_in_reset = False
        self._bridge_baudrate = None
        self._counts["power_ups"] += 1
        if self.telemetry is not None:
            self.telemetry.power_on()
        self._restart_chips()

    def brown_out(self) -> None:
        """Let the chips restart while the port stays."""
        self._restart_chips()

    def reset(self, asserted: bool) -> None:
        """Hold the chips in reset, or let them run with power-on registers. Idempotent.

        On A1 and A2 this is the latch, whose release switches the regulator on again, too.
        """
        if asserted == self._is_in_reset:
            return
        self._chain.settle(is_on=self.are_chips_on)
        self._is_in_reset = asserted
        self._counts["resets"] += asserted
        if self.telemetry is not None and not asserted:
            self.telemetry.power_on()
        self._restart_chips()

    def set_baudrate(self, baudrate: int | None) -> None:
        """Say at which rate the bridge speaks from now on; None: as the port's host has set it."""
        self._bridge_baudrate = baudrate

    @property
    def are_chips_on(self) -> bool:
        """Whether chips have power and are not in reset."""
        has_regulator = self.telemetry is None or self.telemetry.is_regulator_on
        return self._is_powered and not self._is_in_reset and has_regulator

    def counters(self) -> StickCounters:
        """Return a snapshot; cheap, from the loop at any time."""
        self._chain.settle(is_on=self.are_chips_on)
        chips = tuple(chip.counters() for chip in self._chain.chips)
        counts = self._counts
        return StickCounters(
            model=self.model,
            path=self.path,
            seed=self.seed,
            scale=float(self.scale),
            uptime_s=self._age_s(),
            hashed=sum(chip.hashed for chip in chips),
            missed=sum(chip.missed for chip in chips),
            lag_s=max((chip.lag_s for chip in chips), default=0.0),
            nonces=sum(chip.nonces for chip in chips),
            wrong=self._chain.wrong,
            dry_s=sum(chip.dry_s for chip in chips),
            frames=dict(self._chain.frames),
            bad_frames=dict(self._chain.bad_frames),
            ambiguous_tasks=self._parser.ambiguous,
            addresses_ignored=self._chain.addresses_ignored,
            bytes_in=counts["bytes_in"],
            bytes_out=counts["bytes_out"],
            bytes_untaken=counts["bytes_untaken"],
            bytes_at_wrong_rate=counts["bytes_at_wrong_rate"],
            replies=counts["replies"],
            replies_lost=counts["replies_lost"],
            power_ups=counts["power_ups"],
            resets=counts["resets"],
            bytes_in_reset=counts["bytes_in_reset"],
            faults=dict(self.faults.counts),
            chips=chips,
        )

    # --- From the host -------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        self._counts["bytes_in"] += len(data)
        rate = self._host_baudrate()
        for part in self.faults.passing(Direction.TO_STICK, data, self._age_s()):
            # A rate without a name is taken for one that no chip understands.
            self._rx.send(part.data, rate or UNKNOWN_BAUDRATE, part.delay_s)
        if self._rx.pending_bytes > BRIDGE_BYTES:
            self.port.pause()

    def _host_baudrate(self) -> int | None:
        return self._bridge_baudrate or self.port.host_baudrate()

    def _at_rate(self, data: bytes, *, sender: int | None, receiver: int | None) -> bytes:
        """Return what a receiver reads; at another rate that is noise of about the right length."""
        if receiver is not None and same_rate(sender, receiver):
            return data
        self._counts["bytes_at_wrong_rate"] += len(data)
        length = round(len(data) * receiver / sender) if sender and receiver else len(data)
        return self._noise.randbytes(min(max(length, 1), MAX_GARBAGE_BYTES))

    def _arrived(self, data: bytes, start_s: float, end_s: float, baudrate: int) -> None:
        if self._rx.pending_bytes <= BRIDGE_BYTES:
            self.port.resume()
        if not self.are_chips_on:
            self._counts["bytes_in_reset"] += len(data)
            return
        if start_s - self._last_byte_s >= self._parser.gap_s:
            self._obey(self._parser.idle())
        self._last_byte_s = end_s
        self._hear(data, baudrate)
        self._cancel_idle()
        if self._parser.pending:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_at(end_s + self._parser.gap_s, self._line_idle)

    def _hear(self, data: bytes, baudrate: int) -> None:
        """Obey what chips make of ``data``; behind a change of their rate it is noise."""
        while data:
            chips_baudrate = self._chain.baudrate
            heard = self._at_rate(data, sender=baudrate, receiver=chips_baudrate)
            self._obey(self._parser.feed(heard))
            if self._chain.baudrate == chips_baudrate:
                return
            data = self._parser.reset()

    def _line_idle(self) -> None:
        self._idle_timer = None
        if self._rx.next_start_s - self._last_byte_s < self._parser.gap_s:
            return  # the next byte is on the line, if not complete
        self._obey(self._parser.idle())

    def _cancel_idle(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    # --- What the chips do ---------------------------------------------------------------------

    def _restart_chips(self) -> None:
        self._restarts += 1
        self._tx.clear()
        self._parser.reset()
        self._chain.power_on()

    def _obey(self, frames: Iterable[Frame]) -> None:
        self._chain.obey(frames)
        if self.faults.is_too_much(self._chain.mean_mhz, self._age_s()):
            self.faults.counts[FaultKind.WEAK_SUPPLY] += 1
            self.brown_out()
        self._has_work.set()

    def _wrong_part(self, mhz: float) -> float:
        """Return how many of its nonces a chip gets wrong at a clock, in the present state."""
        if self.telemetry is None:
            return self.silicon.wrong_part(mhz)
        return self.silicon.wrong_part(mhz, self.telemetry.core_mv, self.telemetry.temperature_c)

    # --- To the host ---------------------------------------------------------------------------

    def _reply(self, data: bytes, limit: int) -> None:
        """Send unless more than ``limit`` bytes wait already."""
        if self._tx.pending_bytes + len(data) > limit:
            self._counts["replies_lost"] += 1
            return
        self._counts["replies"] += 1
        for part in self.faults.passing(Direction.TO_HOST, data, self._age_s()):
            self._tx.send(part.data, self._chain.baudrate, part.delay_s)

    def _sent(self, data: bytes, _start_s: float, _end_s: float, baudrate: int) -> None:
        if self.port.has_host:
            data = self._at_rate(data, sender=baudrate, receiver=self._host_baudrate())
        taken = self.port.write(data)
        self._counts["bytes_out"] += taken
        self._counts["bytes_untaken"] += len(data) - taken

    # --- Telemetry -----------------------------------------------------------------------------

    def _telemetry_received(self, data: bytes) -> None:
        assert self.telemetry is not None
        assert self.telemetry_port is not None
        self.telemetry_port.write(self.telemetry.feed(data))

    def _load(self) -> float:
        """Return the part of the nominal rate at which the chips hash now."""
        if not self.are_chips_on:
            return 0.0
        return self._chain.running_mhz / (self._board.nominal_mhz * self._chip_count)

    def _regulator_changed(self) -> None:
        assert self.telemetry is not None
        self._counts["resets"] += not self.telemetry.is_regulator_on
        self._restart_chips()

    # --- Hashing -------------------------------------------------------------------------------

    async def _mine(self) -> None:
        """Give each chip the hashes that its clock allows, for as long as the stick exists."""
        turn = 0
        while True:
            self._chain.settle(is_on=self.are_chips_on)
            if not self._chain.is_searching:
                self._has_work.clear()
                await self._has_work.wait()
                continue
            batch = self._chain.next_batch(turn, self._hasher.batch)
            turn += 1
            if not batch:
                await asyncio.sleep(self._kind.tick_s)
                continue
            restarts = self._restarts
            found = await self._hasher.search([piece for _, piece in batch])
            for (chip, piece), nonces in zip(batch, found, strict=True):
                self._chain.report(chip, piece, nonces if restarts == self._restarts else [])
            await asyncio.sleep(0 if self._chain.owes else self._kind.tick_s)

    def _mining_ended(self, miner: asyncio.Task[None]) -> None:
        if not miner.cancelled() and (error := miner.exception()) is not None:
            log.error("%s: hashing failed, unplugged", self.path, exc_info=error)
            self.unplug()

    # --- Time ----------------------------------------------------------------------------------

    def _age_s(self) -> float:
        return _loop_s() - self._started_s

    def _schedule_faults(self, loop: asyncio.AbstractEventLoop) -> None:
        def at(delay_s: float, action: Callable[[], None], kind: FaultKind | None) -> None:
            def happen() -> None:
                if kind is not None:
                    self.faults.counts[kind] += 1
                action()

            if delay_s <= 0.0:
                happen()  # before a host can come
            elif delay_s < math.inf:
                self._fault_timers.append(loop.call_at(self._started_s + delay_s, happen))

        port = self.port
        for fault in self.faults.timed():
            match fault.kind:
                case FaultKind.BROWN_OUT:
                    at(fault.from_s, self.brown_out, fault.kind)
                case FaultKind.UNPLUG:
                    at(fault.from_s, self.unplug, fault.kind)
                    at(fault.from_s + fault.duration_s, self.replug, None)
                case FaultKind.USB_RESET if isinstance(port, UsbFaults):
                    at(fault.from_s, port.usb_reset, fault.kind)
                case FaultKind.STALL_CONTROL if isinstance(port, UsbFaults):
                    at(fault.from_s, partial(port.stall_control, stalls=True), fault.kind)
                    at(fault.until_s, partial(port.stall_control, stalls=False), None)
