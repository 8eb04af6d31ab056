"""Judges each chip by the nonces that it finds, against those to be expected at its clock.

A span of time ends when it was watched for as many seconds as is set and when enough nonces were
to be expected that chance makes no healthy chip look ill; then the next one begins.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace

from luxminer.clock import Chores, Clock
from luxminer.config.schema.health import HealthConfig
from luxminer.control import CommandBus
from luxminer.control.sticks import RestartHealth, SetHealth
from luxminer.device.contract import DeviceReport
from luxminer.device.health import HASHES_PER_DIFFICULTY
from luxminer.device.state import DeviceState
from luxminer.errors import CommandError
from luxminer.telemetry.model import ChipSnapshot, ChipVerdict, HealthSettings

__all__ = ["MIN_EXPECTED", "ChipHealth"]

MIN_EXPECTED = 20.0
"""Nonces. A chip finds less than a fifth of so many by chance once in some 300,000 times."""

MINUTE_S = 60.0
MINUTES = 60
"""Kept of each chip, as a ring."""
SPAN_MINUTES = 10
LOOK_S = 5.0
MAX_STEP_S = 20.0
"""After a longer pause than this between two looks, nothing is made of it."""


class _Chip:
    """What is counted of one chip since its stick was brought up."""

    __slots__ = ("expected", "found", "minutes", "nonces", "verdict", "watched_s")

    def __init__(self, nonces: int) -> None:
        self.nonces = nonces
        self.minutes = array("L", bytes(array("L").itemsize * MINUTES))
        self.verdict: ChipVerdict | None = None
        self.restart()

    def restart(self) -> None:
        """Begin a span anew."""
        self.found, self.expected, self.watched_s = 0, 0.0, 0.0

    def forget(self) -> None:
        self.verdict = None
        self.restart()


class _Stick:
    __slots__ = ("chips", "looked_s", "minute", "since_s", "ticket_hashes")

    def __init__(self, since_s: float, now_s: float, report: DeviceReport) -> None:
        self.since_s = since_s
        self.looked_s = now_s
        self.minute = 0
        self.ticket_hashes = 0.0
        self.chips = [_Chip(chip.nonces) for chip in report.chips]


class ChipHealth:
    """Looks at all sticks every few seconds, and registers for the orders about it."""

    def __init__(
        self,
        config: HealthConfig,
        states: Callable[[], Sequence[DeviceState]],
        *,
        clock: Clock,
        bus: CommandBus,
        chores: Chores,
    ) -> None:
        self.settings = HealthSettings(readings=config.readings, factor=config.factor)
        self._states = states
        self._clock = clock
        self._chores = chores
        self._sticks: dict[int, _Stick] = {}
        bus.register(SetHealth, self._set)
        bus.register(RestartHealth, self._restart)

    async def load(self) -> None:
        """Begin to look."""
        self._chores.add(self.look, every_s=LOOK_S)

    async def end(self) -> None:
        self._chores.remove(self.look)

    def look(self) -> None:
        """Take note of what all chips have found since the last time."""
        now_s = self._clock.monotonic()
        for state in self._states():
            report = state.report
            if state.brought_up_s is None or report is None:
                self._sticks.pop(state.id, None)
                continue
            stick = self._sticks.get(state.id)
            is_known = (
                stick is not None
                and stick.since_s == state.brought_up_s
                and len(stick.chips) == len(report.chips)
            )
            if stick is None or not is_known:
                self._sticks[state.id] = _Stick(state.brought_up_s, now_s, report)
                continue
            self._count(stick, report, now_s)

    def _count(self, stick: _Stick, report: DeviceReport, now_s: float) -> None:
        passed_s, stick.looked_s = now_s - stick.looked_s, now_s
        minute = int((now_s - stick.since_s) // MINUTE_S)
        for new in range(max(stick.minute + 1, minute - MINUTES + 1), minute + 1):
            for chip in stick.chips:
                chip.minutes[new % MINUTES] = 0
        stick.minute = minute
        stick.ticket_hashes = report.ticket_difficulty * HASHES_PER_DIFFICULTY
        all_mhz = sum(chip.frequency_mhz for chip in report.chips)
        per_mhz = 0.0
        if all_mhz and stick.ticket_hashes and passed_s <= MAX_STEP_S:
            per_mhz = report.nominal_hs / all_mhz * passed_s / stick.ticket_hashes
        for chip, said in zip(stick.chips, report.chips, strict=True):
            found, chip.nonces = max(said.nonces - chip.nonces, 0), said.nonces
            chip.minutes[minute % MINUTES] += found
            if not per_mhz or not said.frequency_mhz:
                continue
            chip.found += found
            chip.expected += said.frequency_mhz * per_mhz
            chip.watched_s += passed_s
            if chip.watched_s >= self.settings.readings and chip.expected >= MIN_EXPECTED:
                chip.verdict = ChipVerdict(
                    found=chip.found,
                    expected=chip.expected,
                    least=math.ceil(chip.expected * self.settings.factor),
                    wall_s=self._clock.wall(),
                )
                chip.restart()

    def completed(self, device_id: int, chips: Sequence[ChipSnapshot]) -> tuple[ChipSnapshot, ...]:
        """Return what is shown of the chips of a stick, with what is known of them here."""
        stick = self._sticks.get(device_id)
        if stick is None or len(stick.chips) != len(chips):
            return tuple(chips)
        return tuple(
            replace(
                shown,
                healthy=chip.verdict.is_healthy if chip.verdict is not None else None,
                verdict=chip.verdict,
                nonces_10m=_spans(chip, stick.minute),
                rates_hs=tuple(self._rate_hs(stick, chip, minutes) for minutes in (1, 5, 15)),
            )
            for chip, shown in zip(stick.chips, chips, strict=True)
        )

    @staticmethod
    def _rate_hs(stick: _Stick, chip: _Chip, minutes: int) -> float:
        """Return the mean rate over the last whole minutes, and the one under way."""
        first = max(stick.minute - minutes, 0)
        found = sum(chip.minutes[n % MINUTES] for n in range(first, stick.minute + 1))
        covered_s = stick.looked_s - stick.since_s - first * MINUTE_S
        return found * stick.ticket_hashes / covered_s if covered_s > 0 else 0.0

    async def _set(self, order: SetHealth) -> None:
        self.settings = HealthSettings(readings=order.readings, factor=order.factor)

    async def _restart(self, order: RestartHealth) -> None:
        stick = self._sticks.get(order.device_id)
        if stick is None:
            return
        if order.chip is None:
            for chip in stick.chips:
                chip.forget()
            return
        if not 0 <= order.chip < len(stick.chips):
            raise CommandError(
                "unknown-chip", f"no chip {order.chip}: there are {len(stick.chips)}"
            )
        stick.chips[order.chip].forget()


def _spans(chip: _Chip, minute: int) -> tuple[int, ...]:
    """Return the nonces of the spans of ten minutes, the running one first."""
    running = minute // SPAN_MINUTES
    oldest = max(running - MINUTES // SPAN_MINUTES + 1, 0)
    return tuple(
        sum(
            chip.minutes[n % MINUTES]
            for n in range(span * SPAN_MINUTES, min((span + 1) * SPAN_MINUTES, minute + 1))
        )
        for span in range(running, oldest - 1, -1)
    )
