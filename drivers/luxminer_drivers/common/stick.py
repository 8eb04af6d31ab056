"""Runs a chain of chips: listens to it, judges it, has it fed. The same for every family.

`Feeder` writes (tasks and clock steps), one coroutine reads, one looks after what stands beside the
chips; all end with `ChainStick.run`.
"""

import logging
import math
from collections.abc import Iterator, Sequence

from luxminer.device.contract import (
    ChipReport,
    DeviceHost,
    DeviceOptions,
    DeviceReport,
)
from luxminer.errors import DeviceFault, TransportTimeout
from luxminer.logs import TRACE, HexDump
from luxminer.work.job import NonceFound
from luxminer_drivers.common.clock_wishes import ClockWishes
from luxminer_drivers.common.facts import NONCE_SPACE
from luxminer_drivers.common.family import Ceiling, Claim, ClockReading, Family
from luxminer_drivers.common.feeder import Feeder, Sent
from luxminer_drivers.common.flood import Flood
from luxminer_drivers.common.guard import Guard
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.tasks import run_together
from luxminer_drivers.common.watch import ClockWatch, Watch

__all__ = ["ChainStick"]

log = logging.getLogger(__name__)

NO_CEILING = Ceiling(mhz=math.inf)

COOLER_C = 10.0
"""So far below the limit a stick must be before its clock goes up again."""


class _Chip:
    """Counters of one chip since the stick was opened."""

    def __init__(self) -> None:
        self.nonces = 0
        self.hw_errors = 0
        self.duplicates = 0


class _Duties:
    """What the feeder has to do for a stick besides tasks, during one time that it is up."""

    def __init__(self, stick: "ChainStick", host: DeviceHost, watch: Watch) -> None:
        self._host = host
        self._watch = watch
        self._stick = stick
        self.step_clock = stick.step_clock
        self.ask_clock = stick.ask_clock

    @property
    def is_ramping(self) -> bool:
        return self._stick.is_ramping

    def report(self, *, was_busy: bool) -> None:
        self._stick.judge_and_report(self._host, self._watch, was_busy=was_busy)


class ChainStick:
    """A stick with one chain. `run` may be called again after it has ended with a fault."""

    def __init__(self, link: Link, options: DeviceOptions, family: Family) -> None:
        """Take charge of an open port. Raises ConfigError for a clock out of the model's range."""
        self._link = link
        self._scale = options.scale
        self._family = family
        self._wishes = ClockWishes(options, family)
        self._guard = Guard(self._wishes.clocks, options.limit_mhz)
        self._pass_wishes_on()
        self._held_why = ""
        self._is_order_new = False
        self._was_slow = False
        self._is_up = False
        self._runs = 0
        self._chips: list[_Chip] = []
        self._turn = 0
        self._complaints: list[str] = []
        self._clock_watch = ClockWatch()
        self._sent = Sent()
        self._feeder: Feeder | None = None
        self._busy_nonces = 0

    async def set_frequency(self, mhz: float) -> float:
        """Change the target clock and return what the dividers give; chips follow in steps.

        Chips that have clocks of their own keep them. Where all have, the target stays their mean,
        which is returned, and ``mhz`` is for those that give theirs up. The owner has seen what the
        stick did: what protection took away is forgotten. Raises ConfigError when ``mhz`` is out of
        the model's range.
        """
        self._wishes.set_stick(mhz)
        self._guard = Guard(self._wishes.clocks)
        self._guard.cap(self._ceiling().mhz)
        self._ordered()
        return self._guard.target_mhz

    async def set_chip_frequency(self, chip: int, mhz: float) -> float:
        """Change the clock of one chip and return what the dividers give; 0 for that of the stick.

        It follows in steps. Protection lowers it in the same measure as the others. Raises
        ConfigError for a chip or a clock that there is not, or a stick that cannot.
        """
        self._wishes.set_chip(chip, mhz)
        self._retarget()
        self._ordered()
        return self._wishes.own_mhz.get(chip, self._guard.clock_mhz)

    def _ordered(self) -> None:
        self._is_order_new = True
        if self._feeder is not None:
            self._feeder.retarget()

    def _retarget(self) -> None:
        """Take note that other chips have clocks of their own, or that there are other chips."""
        clocks = self._wishes.clocks
        if clocks[0] != self._guard.target_mhz:
            self._guard.retarget(clocks)
        self._pass_wishes_on()

    def _pass_wishes_on(self) -> None:
        self._wishes.pass_on(self._guard.clock_mhz / self._guard.target_mhz)

    async def set_fan(self, percent: int) -> None:
        """Set the fan until the next start; without one nothing is done."""
        self._family.set_fan(percent)

    async def set_voltage(self, core_mv: int) -> None:
        """Change the core voltage. Raises DeviceFault where this stick cannot."""
        await self._family.set_core(core_mv)

    async def run(self, host: DeviceHost) -> None:
        """Bring the chips up, then mine until cancelled; leave them quiet in every case.

        Raises TransportClosed, ProbeMismatch, DeviceFault.
        """
        self._runs += 1
        if self._runs > 1:
            self._family.resets += 1
        try:
            self._is_up = True
            await self._family.bring_up(host, self._guard.clock_mhz)
            if len(self._chips) != self._family.chips:
                self._chips = [_Chip() for _ in range(self._family.chips)]
            judged = len(self._chips) if self._family.tells_chip else 1
            watch = Watch(host.clock.monotonic(), judged)
            self._guard.start(host.clock.monotonic())
            self._was_slow = False
            self._complaints.clear()
            self._held_why = ""
            self._retarget()
            if (beyond := self._wishes.beyond) is not None:
                self._complaints.append(
                    f"chip_frequency_mhz names chip {beyond}, and the last one is "
                    f"{self._family.chips - 1}; take it out"
                )
            self._clock_watch = ClockWatch()
            duties = _Duties(self, host, watch)
            feeder = self._feeder = Feeder(self._link, self._family, host, duties, self._sent)
            await run_together(
                self._listen(host, watch, feeder),
                feeder.run(),
                feeder.watch_work(),
                self._family.attend(),
            )
        except TransportTimeout as exc:
            raise DeviceFault(f"{self._link.name} takes no more bytes") from exc
        finally:
            self._feeder = None
            if self._is_up:
                self._is_up = False
                await self._family.quieten()

    @property
    def is_ramping(self) -> bool:
        """The clock is not what it is to be."""
        return not self._wishes.are_reached(self._guard.clock_mhz)

    async def step_clock(self) -> float:
        """Set the next clock; return the pause after it in seconds."""
        self._clock_watch.changed()
        self._pass_wishes_on()
        return await self._family.step_clock(self._guard.clock_mhz)

    async def ask_clock(self) -> None:
        """Ask the chips for their clock."""
        self._clock_watch.asked(self._family.clocks_mhz)
        await self._family.ask_clock()

    def judge_and_report(self, host: DeviceHost, watch: Watch, *, was_busy: bool) -> None:
        """Judge the chips and tell the host of them. Raises DeviceFault."""
        self._judge(host, watch, was_busy=was_busy)
        host.report(self._report())

    def _judge(self, host: DeviceHost, watch: Watch, *, was_busy: bool) -> None:
        """Judge the chips by what they found since the last time; with dead work they owe none."""
        now_s = host.clock.monotonic()
        if self._is_order_new:
            self._is_order_new = self._was_slow = False
            watch.begin_again(now_s)
        expected = watch.judged_s(now_s) / self._nonce_interval_s
        proof = self._family.proof
        if was_busy or not (proof is None or proof.expect(expected)):
            watch.excuse(now_s)
        self._protect(host, watch, now_s)
        for index in watch.judge(now_s, self._nonce_interval_s, self._parts()):
            words = f"chip {index} of {len(self._chips)} answers, but has found nothing so far"
            self._complaints.append(f"{words}; lower the clock, else it is dead")
            log.warning("device %d: %s", host.device_id, words)

    def _parts(self) -> Sequence[float]:
        """Return what each chip that is judged has of the nonces; nothing for equal parts."""
        if not self._family.chip_mhz or not self._family.tells_chip:
            return ()
        clocks_mhz = self._family.clocks_mhz
        return tuple(mhz / sum(clocks_mhz) for mhz in clocks_mhz)

    def _protect(self, host: DeviceHost, watch: Watch, now_s: float) -> None:
        """Lower the clock when it is too fast, and raise it again when all was quiet.

        Raises DeviceFault for a plateau that a lower clock does not help.
        """
        family, guard = self._family, self._guard
        self._hold_down(host)
        if family.is_unsure:
            guard.hold(now_s)
        heat_c = family.health.temperature_c
        if heat_c is not None and family.warm_c is not None:
            if heat_c >= family.warm_c:
                self._slow_down(host, f"{heat_c:.0f} C")
            elif heat_c > family.warm_c - COOLER_C:
                guard.hold(now_s)
        if errors := watch.high_errors(now_s):
            self._slow_down(host, errors)
        slow = watch.slowness(now_s)
        if slow is not None:
            if slow and self._was_slow:
                guard.lift()
                host.report(self._report())
                raise DeviceFault(
                    f"{slow}, and a lower clock does not help; a chip may be dead, or the supply "
                    "too weak"
                )
            self._was_slow = bool(slow) and self._slow_down(host, slow)
        if guard.recover(now_s):
            log.info(
                "device %d: quiet again: %g MHz of the %g that are set",
                *(host.device_id, guard.clock_mhz, guard.target_mhz),
            )

    def _ceiling(self) -> Ceiling:
        """Return what bounds the clock most."""
        return min(self._family.ceilings, key=lambda each: each.mhz, default=NO_CEILING)

    def _hold_down(self, host: DeviceHost) -> None:
        """Keep below what the family allows; say why, once."""
        ceiling, guard = self._ceiling(), self._guard
        guard.cap(ceiling.mhz)
        why = ceiling.why if ceiling.mhz < guard.target_mhz else ""
        if why == self._held_why:
            return
        self._held_why = why
        if why:
            log.warning(
                "device %d: %s: %g MHz instead of the %g that are set",
                *(host.device_id, why, guard.clock_mhz, guard.target_mhz),
            )

    def _slow_down(self, host: DeviceHost, why: str) -> bool:
        """Take one step down unless that was just done or cannot be; say whether it was taken."""
        if not self._guard.trouble(host.clock.monotonic(), self._wishes.mhz):
            return False
        log.warning(
            "device %d: %s: %g MHz instead of the %g that are set, until it is quiet",
            *(host.device_id, why, self._guard.clock_mhz, self._guard.target_mhz),
        )
        host.report(self._report())
        return True

    async def _listen(self, host: DeviceHost, watch: Watch, feeder: Feeder) -> None:
        """Hand every reply to the host as soon as its last byte is there."""
        family, link = self._family, self._link
        flood, now = Flood(link.name), host.clock.monotonic

        def heard(data: bytes) -> float | None:
            now_s = now()
            if data and log.isEnabledFor(TRACE):
                log.log(TRACE, "device %d: received %s", host.device_id, HexDump(data))
            if not flood.admits(len(data), now_s):
                link.discard("what is too much", len(data))
                return family.tail_s if family.is_waiting else None
            for reading in family.receive(data):
                if isinstance(reading, ClockReading):
                    if self._clock_watch.answered(reading.mhz, reading.chip):
                        flood.replied()
                    else:
                        link.discard(reading, reading.length)
                else:
                    if reading.is_right:
                        flood.replied()
                    self._claim(host, watch, reading, now_s)
                    if reading.ends_task:
                        feeder.task_done()
            feeder.awake(now_s)
            return family.tail_s if family.is_waiting else None

        await link.hear(heard)

    def _claim(self, host: DeviceHost, watch: Watch, claim: Claim, now_s: float) -> None:
        """Report a nonce. A right one for a busy task is nobody's: it is only counted."""
        slot = claim.slot
        work = slot.work if slot is not None else None
        if claim.is_right:
            watch.heard(now_s, claim.chip)
        if not claim.is_ours or (claim.is_right and work is None):
            self._busy_nonces += 1
            return
        is_right = host.nonce_found(
            NonceFound(
                device_id=host.device_id,
                chip=claim.chip,
                work=work,
                nonce=claim.nonce,
                version=claim.version,
                found_s=now_s,
            )
        )
        watch.claimed(is_error=not is_right)
        chip = self._counters(claim.chip)
        chip.nonces += 1
        key = (claim.nonce, claim.version)
        if not is_right:
            chip.hw_errors += 1
        elif slot is not None and key in slot.seen:
            chip.duplicates += 1
        elif slot is not None:
            slot.seen.add(key)

    def _counters(self, chip: int | None) -> _Chip:
        """Return where a claim counts; what nobody knows the chip of counts for each in turn."""
        if chip is None:
            chip = self._turn = (self._turn + 1) % len(self._chips)
        return self._chips[chip]

    @property
    def _nonce_interval_s(self) -> float:
        """Mean time between two nonces; the scale of a virtual stick cancels out."""
        return NONCE_SPACE / self._family.rate_hs * self._family.ticket_difficulty

    def _bounds(self) -> Iterator[str]:
        """Return in words what keeps the chips from working as they are set."""
        for each in self._family.ceilings:
            if each.why and (each.is_problem or each.mhz < self._guard.target_mhz):
                yield f"{each.why}; {each.mhz:g} MHz at most until then"
        yield self._family.shortage

    def _report(self) -> DeviceReport:
        family = self._family
        return DeviceReport(
            chips=tuple(
                ChipReport(
                    index=index,
                    frequency_mhz=mhz,
                    nonces=chip.nonces,
                    hw_errors=chip.hw_errors,
                    duplicates=chip.duplicates,
                )
                for index, (chip, mhz) in enumerate(
                    zip(self._chips, family.clocks_mhz, strict=True)
                )
            ),
            cores_per_chip=family.cores,
            frequency_mhz=self._wishes.mhz,
            target_mhz=self._guard.target_mhz,
            nominal_hs=family.rate_hs * self._scale,
            ticket_difficulty=family.ticket_difficulty * self._scale,
            task_interval_s=family.task_interval_s,
            tasks_sent=self._sent.tasks,
            busy_tasks_sent=self._sent.busy_tasks,
            busy_nonces=self._busy_nonces,
            bytes_discarded=self._link.bytes_discarded,
            resets=family.resets,
            is_ramping=self.is_ramping,
            temperature_c=family.health.temperature_c,
            voltage_v=family.health.voltage_v,
            power_w=family.health.power_w,
            core_mv=family.health.core_mv,
            fan_percent=family.health.fan_percent,
            fan_rpm=family.health.fan_rpm,
            limit_mhz=self._guard.limit_mhz,
            problem="; ".join(filter(None, (family.problem, *self._bounds(), *self._complaints))),
        )
