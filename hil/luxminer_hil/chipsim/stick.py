"""A whole virtual stick: a chain of chips behind a UART and a port, with its account of events.

A stick lives on the event loop that `start` was called on. Powered by its port: `unplug` is a
power cut, a host that merely closes the port is not noticed by the chips.

What a bridge needs of a stick: its port, `VirtualStick.reset` (nRST of the chips, or the latch of
an A1 or A2), `VirtualStick.set_baudrate` (rate of the bridge's UART), and on A1 and A2 the bytes of
`VirtualStick.telemetry`.

Ref: usb-sticks reference sections 2 (lines), 10.8 (what a simulator reproduces).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from random import Random
from types import TracebackType
from typing import Any, Self

from luxminer_drivers.common.facts import MAX_CHIPS
from luxminer_hil.chipsim.chip import Chip, ChipCounters, Found, Slice
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.faults import Direction, FaultKind, FaultPlan
from luxminer_hil.chipsim.hasher import Hasher, shared_hasher
from luxminer_hil.chipsim.line import SerialLine
from luxminer_hil.chipsim.port import Port, PtyPort
from luxminer_hil.chipsim.products import BOARDS, MODELS
from luxminer_hil.chipsim.telemetry import TelemetryController
from luxminer_hil.chipsim.wire import BadFrame, Command, Frame, FrameKind, Task, same_rate

__all__ = ["MODELS", "StickCounters", "VirtualStick"]

log = logging.getLogger(__name__)

MIN_SCALE = Fraction(1, 1_000_000_000)

BRIDGE_BYTES = 640
"""Transmit buffer of a CP2102: what a host can be ahead of the line. Source: its data sheet."""

MAX_REPLY_BYTES = 512
"""Nonces that wait for the line; a chip that finds faster than the line carries loses some."""
MAX_ANSWER_BYTES = 8192
"""The same for all replies: the longest chain can be counted twice in a row."""

TICK_S = 0.05
"""How often a chip that this machine keeps up with is given its next hashes."""

MAX_GARBAGE_BYTES = 4096

UNKNOWN_BAUDRATE = 300
"""What stands for a rate of the host that has no name: far from that of any chip."""

READS = frozenset({FrameKind.READ_CHIP_ID, FrameKind.READ_PLL, FrameKind.READ_REGISTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class StickCounters:
    """What happened since the stick was made; nothing is ever reset. ``hashed`` is really so."""

    model: str
    path: str
    seed: int
    scale: float
    uptime_s: float
    """Since `start`."""
    hashed: int
    missed: int
    """Hashes that the clocks gave and this machine was too slow for."""
    lag_s: float
    """The same as time, of the chip that missed most."""
    nonces: int
    """Found and handed to the line, corrupted ones included."""
    dry_s: float
    """Idle time of all chips after the end of a range."""
    frames: Mapping[str, int]
    """Frames obeyed, by `FrameKind`."""
    bad_frames: Mapping[str, int]
    """Frames not obeyed, by `BadReason`."""
    ambiguous_tasks: int
    """Tasks that begin like a command; see `wire`."""
    addresses_ignored: int
    """SET_ADDRESS when no chip was without one."""
    bytes_in: int
    """From the host, before faults."""
    bytes_out: int
    """Taken by the host, after faults."""
    bytes_untaken: int
    """Sent while no host listened."""
    bytes_at_wrong_rate: int
    replies: int
    replies_lost: int
    """Because the line was busy for too long."""
    power_ups: int
    resets: int
    """Times that the chips were held in reset, or their regulator was switched off."""
    bytes_in_reset: int
    """From the host, while no chip listened."""
    faults: Mapping[str, int]
    chips: tuple[ChipCounters, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


class VirtualStick:
    """One stick. Use as ``async with VirtualStick("compac", scale=0.001) as stick: ...``."""

    def __init__(
        self,
        model: str = "compac",
        *,
        chips: int | None = None,
        chip: str | None = None,
        scale: Fraction | float | str = 1,
        seed: int = 0,
        port: Port | None = None,
        telemetry_port: Port | None = None,
        faults: FaultPlan | None = None,
        hasher: Hasher | None = None,
    ) -> None:
        """Make a stick that is not plugged in yet. Raises SimulatorError for wrong values.

        ``scale`` multiplies rate and difficulty alike; a float means the decimal it prints as.
        ``chip`` fits another chip than the usual one, where a model comes with several.
        ``telemetry_port`` leads to the controller of a model that has one, beside `telemetry`.
        """
        if model not in MODELS:
            raise SimulatorError("model", f"unknown model {model!r}", f"use {', '.join(MODELS)}")
        count = MODELS[model] if chips is None else chips
        if not 1 <= count <= MAX_CHIPS:
            cure = f"a chain has 1 to {MAX_CHIPS} chips"
            raise SimulatorError("chips", f"{count} is out of range", cure)
        cure = "use 1 for a real stick's rate, down to 1e-9"
        try:
            ratio = Fraction(str(scale))
        except (ValueError, ZeroDivisionError) as exc:
            raise SimulatorError("scale", f"{scale} is no number", cure) from exc
        if not MIN_SCALE <= ratio <= 1:
            raise SimulatorError("scale", f"{scale} is out of range", cure)
        board = BOARDS[model]
        kinds = {kind.name.lower(): kind for kind in board.kinds}
        if chip is not None and chip not in kinds:
            raise SimulatorError("chip", f"{model} has no {chip!r}", f"use {', '.join(kinds)}")
        if telemetry_port is not None and board.telemetry is None:
            reason = f"{model} has no telemetry controller"
            raise SimulatorError("telemetry", reason, "leave it out")
        self.model = model
        self.scale = ratio
        self.telemetry: TelemetryController | None = None
        """There from `start` on, on models that have one."""
        self.seed = seed
        self.port: Port = PtyPort() if port is None else port
        self.faults = FaultPlan(seed=seed) if faults is None else faults
        self._board = board
        self._kind = board.kinds[0] if chip is None else kinds[chip]
        self._chip_count = count
        self._telemetry_port = telemetry_port
        self._hasher = hasher or shared_hasher()
        self._noise = Random(f"{seed}/noise")
        self._parser = self._kind.parser()
        self._rx = SerialLine(self._arrived)
        self._tx = SerialLine(self._sent)
        self._chips: list[Chip] = []
        self._frames: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()
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
        self._chips = [
            self._kind.chip(index, self._chip_count, self.scale, self._started_s)
            for index in range(self._chip_count)
        ]
        if self._board.telemetry is not None:
            self.telemetry = TelemetryController(
                self._board.telemetry,
                self._board.telemetry_mask,
                loop.time,
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
        if self._telemetry_port is not None:
            self._telemetry_port.unplug()
        self._rx.clear()
        self._tx.clear()
        self._cancel_idle()
        self._parser.reset()
        self._restart_chips()

    def replug(self) -> None:
        """Plug the stick in again, with freshly powered chips. Idempotent."""
        if self._is_powered:
            return
        self.port.plug(self._received)
        if self._telemetry_port is not None:
            self._telemetry_port.plug(self._telemetry_received)
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
        self._settle(asyncio.get_running_loop().time())
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
        now_s = asyncio.get_running_loop().time()
        self._settle(now_s)
        chips = tuple(chip.counters() for chip in self._chips)
        counts = self._counts
        return StickCounters(
            model=self.model,
            path=self.path,
            seed=self.seed,
            scale=float(self.scale),
            uptime_s=now_s - self._started_s,
            hashed=sum(chip.hashed for chip in chips),
            missed=sum(chip.missed for chip in chips),
            lag_s=max((chip.lag_s for chip in chips), default=0.0),
            nonces=sum(chip.nonces for chip in chips),
            dry_s=sum(chip.dry_s for chip in chips),
            frames=dict(self._frames),
            bad_frames=dict(self._bad),
            ambiguous_tasks=self._parser.ambiguous,
            addresses_ignored=counts["addresses_ignored"],
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
            self._obey_all(self._parser.idle())
        self._last_byte_s = end_s
        self._hear(data, baudrate)
        self._cancel_idle()
        if self._parser.pending:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_at(end_s + self._parser.gap_s, self._line_idle)

    def _hear(self, data: bytes, baudrate: int) -> None:
        """Obey what chips make of ``data``; behind a change of their rate it is noise."""
        while data:
            chips_baudrate = self._chips[0].baudrate
            heard = self._at_rate(data, sender=baudrate, receiver=chips_baudrate)
            self._obey_all(self._parser.feed(heard))
            if self._chips[0].baudrate == chips_baudrate:
                return
            data = self._parser.reset()

    def _line_idle(self) -> None:
        self._idle_timer = None
        self._obey_all(self._parser.idle())

    def _cancel_idle(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    # --- What the chips do ---------------------------------------------------------------------

    def _obey_all(self, frames: Iterable[Frame]) -> None:
        """Obey frames up to one that changes the rate of the chips."""
        now_s = asyncio.get_running_loop().time()
        baudrate = self._chips[0].baudrate
        for frame in frames:
            if isinstance(frame, BadFrame):
                self._bad[frame.reason] += 1
                continue
            self._frames[frame.kind] += 1
            alive = [c for c in self._chips if not self.faults.is_dead(c.index, self._age_s())]
            if isinstance(frame, Task):
                self._take_task(frame, alive, now_s)
            else:
                self._obey(frame, alive, now_s)
            self._has_work.set()
            if self._chips[0].baudrate != baudrate:
                return

    def _take_task(self, task: Task, alive: list[Chip], now_s: float) -> None:
        for chip in alive:
            if self.faults.is_zombie(chip.index, self._age_s()):
                self.faults.counts[FaultKind.ZOMBIE] += 1
                continue
            for reply in chip.take(task, now_s):
                self._reply(reply, MAX_REPLY_BYTES)

    def _obey(self, command: Command, alive: list[Chip], now_s: float) -> None:
        if command.kind is FrameKind.CHAIN_INACTIVE:
            for chip in alive:
                chip.deactivate()
        elif command.kind is FrameKind.SET_ADDRESS:
            assert command.address is not None
            free = next((chip for chip in alive if not chip.has_address), None)
            if free is None:
                self._counts["addresses_ignored"] += 1
            else:
                free.set_address(command.address)
        else:
            self._obey_registers(command, alive, now_s)

    def _obey_registers(self, command: Command, alive: list[Chip], now_s: float) -> None:
        for chip in self._chips:
            if command.address not in (None, chip.address):
                continue
            if chip not in alive:
                self.faults.counts[FaultKind.DEAD] += command.kind in READS
                continue
            reply = chip.obey(command, now_s)
            if reply is not None:
                self._reply(reply, MAX_ANSWER_BYTES)

    def _restart_chips(self) -> None:
        self._restarts += 1
        self._parser.reset()
        now_s = asyncio.get_running_loop().time()
        for chip in self._chips:
            chip.power_on(now_s)

    # --- To the host ---------------------------------------------------------------------------

    def _reply(self, data: bytes, limit: int) -> None:
        """Send unless more than ``limit`` bytes wait already."""
        if self._tx.pending_bytes + len(data) > limit:
            self._counts["replies_lost"] += 1
            return
        self._counts["replies"] += 1
        for part in self.faults.passing(Direction.TO_HOST, data, self._age_s()):
            self._tx.send(part.data, self._chips[0].baudrate, part.delay_s)

    def _sent(self, data: bytes, _start_s: float, _end_s: float, baudrate: int) -> None:
        if self.port.has_host:
            data = self._at_rate(data, sender=baudrate, receiver=self._host_baudrate())
        taken = self.port.write(data)
        self._counts["bytes_out"] += taken
        self._counts["bytes_untaken"] += len(data) - taken

    # --- Telemetry -----------------------------------------------------------------------------

    def _telemetry_received(self, data: bytes) -> None:
        assert self.telemetry is not None
        assert self._telemetry_port is not None
        self._telemetry_port.write(self.telemetry.feed(data))

    def _load(self) -> float:
        """Return the part of the nominal rate at which the chips hash now."""
        if not self.are_chips_on:
            return 0.0
        running_mhz = sum(chip.mhz for chip in self._chips if chip.is_locked and chip.is_searching)
        return running_mhz / (self._board.nominal_mhz * len(self._chips))

    def _regulator_changed(self) -> None:
        assert self.telemetry is not None
        self._counts["resets"] += not self.telemetry.is_regulator_on
        self._restart_chips()

    # --- Hashing -------------------------------------------------------------------------------

    async def _mine(self) -> None:
        """Give each chip the hashes that its clock allows, for as long as the stick exists."""
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            self._settle(loop.time())
            if not any(chip.is_searching for chip in self._chips):
                self._has_work.clear()
                await self._has_work.wait()
                continue
            batch = self._next_batch(turn)
            turn += 1
            if not batch:
                await asyncio.sleep(TICK_S)
                continue
            restarts = self._restarts
            found = await self._hasher.search([piece for _, piece in batch])
            for (chip, piece), nonces in zip(batch, found, strict=True):
                if restarts != self._restarts:
                    nonces = []
                chip.finish(piece, sum(self._report(chip, piece, nonce) for nonce in nonces))
            await asyncio.sleep(0 if any(chip.owed for chip in self._chips) else TICK_S)

    def _mining_ended(self, miner: asyncio.Task[None]) -> None:
        if not miner.cancelled() and (error := miner.exception()) is not None:
            log.error("%s: hashing failed, unplugged", self.path, exc_info=error)
            self.unplug()

    def _next_batch(self, turn: int) -> list[tuple[Chip, Slice]]:
        """Share one batch among the chips that may hash, beginning with another one each time."""
        left = self._hasher.batch
        batch = []
        for number in range(len(self._chips)):
            chip = self._chips[(turn + number) % len(self._chips)]
            waiting = len(self._chips) - number
            for piece in chip.next_slices(max(-(-left // waiting), 0)):
                left -= piece.count
                batch.append((chip, piece))
        return batch

    def _report(self, chip: Chip, piece: Slice, nonce: int) -> bool:
        """Send what a chip says of a nonce; tell whether it does."""
        said = self.faults.nonce(nonce, chip.index, self._age_s())
        reply = chip.reply(Found(piece, nonce, said))
        if reply is not None:
            self._reply(reply, MAX_REPLY_BYTES)
        return reply is not None

    def _settle(self, now_s: float) -> None:
        age_s = now_s - self._started_s
        are_on = self.are_chips_on
        for chip in self._chips:
            is_broken = self.faults.is_dead(chip.index, age_s) or self.faults.is_zombie(
                chip.index, age_s
            )
            chip.settle(now_s, hashes=are_on and not is_broken)

    # --- Time ----------------------------------------------------------------------------------

    def _age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._started_s

    def _schedule_faults(self, loop: asyncio.AbstractEventLoop) -> None:
        def at(delay_s: float, action: Callable[[], None], kind: FaultKind | None) -> None:
            def happen() -> None:
                if kind is not None:
                    self.faults.counts[kind] += 1
                action()

            self._fault_timers.append(loop.call_at(self._started_s + delay_s, happen))

        for fault in self.faults.timed():
            if fault.kind is FaultKind.BROWN_OUT:
                at(fault.from_s, self.brown_out, fault.kind)
                continue
            at(fault.from_s, self.unplug, fault.kind)
            back_s = fault.from_s + fault.duration_s
            if back_s < float("inf"):
                at(back_s, self.replug, None)
