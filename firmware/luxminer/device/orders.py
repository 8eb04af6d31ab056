"""Orders for one stick: clock and core voltage, from its owner, its profile and the tuner."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

from luxminer.clock import beat
from luxminer.device.contract import DeviceOptions, DeviceReport
from luxminer.device.wishes import Wish, Wishes, with_chip_clock
from luxminer.errors import CommandError, LuxminerError

__all__ = ["Orders", "TakesOrders"]

log = logging.getLogger(__name__)

MAX_CHIPS = 256
"""Of a stick that does not say how many it has."""

LOOK_S = 0.25
"""How often the last report is looked at while something is waited for; there is one a second."""

MAX_CORE_S = 10.0
"""For a higher core voltage to be there before the clock rises; it takes some 3 s."""

MAX_RAMP_S = 600.0
"""For the clock to come down before the core voltage does; from end to end it takes 5 minutes."""

SAME_MHZ = 0.01

REFUSALS = (LuxminerError, TimeoutError, ValueError)
"""How a driver says no, or nothing in time."""


class TakesOrders(Protocol):
    """A running stick; see `luxminer.device.session.Session`."""

    name: str

    @property
    def last_report(self) -> DeviceReport | None: ...

    async def set_frequency(self, mhz: float) -> float | None: ...
    async def set_voltage(self, core_mv: int) -> None: ...


@runtime_checkable
class TakesChipOrders(Protocol):
    """The same where each chip can have a clock of its own."""

    async def set_chip_frequency(self, chip: int, mhz: float) -> float | None: ...


@dataclass(slots=True, kw_only=True)
class _Told:
    """What a running driver was started with, or has been told since."""

    running: TakesOrders
    wish_mhz: float
    core_mv: int
    """0 where nothing sets it."""
    given_mhz: float | None = None
    """What the dividers make of the wish; None before the first order, for the report says it."""

    async def set_clock(self, mhz: float) -> float:
        given_mhz = await self.running.set_frequency(mhz)
        self.given_mhz = mhz if given_mhz is None else given_mhz
        self.wish_mhz = mhz
        return self.given_mhz

    async def set_core(self, core_mv: int) -> None:
        """Set the core voltage; one that is refused is not told again with every other order."""
        try:
            await self.running.set_voltage(core_mv)
        except REFUSALS:
            self.core_mv = core_mv
            raise
        self.core_mv = core_mv

    def lacks_core(self, mhz: float) -> bool:
        """Tell whether the voltage has not risen yet that a faster clock is to have."""
        report = self.running.last_report
        if report is None or report.core_mv is None:
            return False
        return report.core_mv < self.core_mv and report.frequency_mhz < mhz

    def is_too_fast(self) -> bool:
        """Tell whether the clock in force is above its target."""
        report = self.running.last_report
        if report is None:  # its chips are only being brought up, from their lowest clock
            return False
        target_mhz = report.target_mhz if self.given_mhz is None else self.given_mhz
        return report.frequency_mhz > target_mhz + SAME_MHZ


class Orders:
    """Keeps the wishes, and passes on to the running driver what changes.

    Chips never run at a clock with less voltage than goes with it: the clock rises when a higher
    voltage is there, and a lower voltage follows, behind the back of who ordered it, when the clock
    has come down. The next order takes the place of what has not followed yet; so does a new start
    of the stick, which is with what is wished then.

    ``running`` returns the session that can take an order; ``lift_limit`` forgets what protection
    allowed when the stick ran before.
    """

    def __init__(
        self,
        options: DeviceOptions,
        running: Callable[[], TakesOrders | None],
        lift_limit: Callable[[], None],
    ) -> None:
        self.wishes = Wishes(default_mhz=options.frequency_mhz, default_core_mv=options.core_mv)
        self.count = 0
        """Orders of the owner so far."""
        self.chip_mhz = options.chip_mhz
        """Clocks of single chips, of the configuration or by order; 0 for that of the stick."""
        self._options = options
        self._running = running
        self._lift_limit = lift_limit
        self._changing = asyncio.Lock()
        self._told: _Told | None = None
        self._following: asyncio.Task[float | None] | None = None
        self._is_rising = False

    def take(self, options: DeviceOptions) -> None:
        """Take over model and clocks of the configuration."""
        if options.chip_mhz != self._options.chip_mhz:
            self.chip_mhz = options.chip_mhz
        self._options = options
        self.wishes = replace(
            self.wishes, default_mhz=options.frequency_mhz, default_core_mv=options.core_mv
        )

    async def set_frequency(self, mhz: float) -> float:
        """Set the target clock, now and after each restart; return what the dividers give.

        This ends a trial. Raises CommandError: ``out-of-range``, ``failed``.
        """
        self._check_range(mhz=mhz)
        async with self._changing:
            set_mhz = await self._change(self.wishes.ordered(mhz=mhz), is_order=True)
            self.count += 1
            return set_mhz

    async def set_chip_frequency(self, chip: int, mhz: float) -> float:
        """Set the clock of one chip, now and after each restart; with 0 it is that of the stick.

        Returns what the dividers give. Raises CommandError: ``unsupported``, ``unknown-chip``,
        ``out-of-range``, ``failed``.
        """
        model = self._options.model
        if not model.sets_chips:
            raise CommandError("unsupported", f"the chips of a {model.title} all have one clock")
        if not 0 <= chip < (model.chips or MAX_CHIPS):
            raise CommandError("unknown-chip", f"a {model.title} has no chip {chip}")
        if mhz:
            self._check_range(mhz=mhz)
        async with self._changing:
            running: object = self._running()
            set_mhz = None
            try:
                if isinstance(running, TakesChipOrders):
                    set_mhz = await running.set_chip_frequency(chip, mhz)
            except REFUSALS as exc:
                reason = str(exc) or "the stick did not take it in time"
                raise CommandError("failed", f"{model.title}: {reason}") from exc
            self.chip_mhz = with_chip_clock(self.chip_mhz, chip, mhz)
            self.count += 1
        return (mhz or self.wishes.clock_mhz) if set_mhz is None else set_mhz

    async def set_voltage(self, core_mv: int | None) -> None:
        """Set the core voltage, now and after each restart; None for the default of the model.

        This ends a trial. Raises CommandError: ``unsupported``, ``out-of-range``, ``failed``.
        """
        core = self._options.model.core
        if core is None:
            title = self._options.model.title
            raise CommandError("unsupported", f"nothing sets the core voltage of a {title}")
        core_mv = core.default_mv if core_mv is None else core_mv
        self._check_range(core_mv=core_mv)
        async with self._changing:
            await self._change(self.wishes.ordered(core_mv=core_mv))
            self.count += 1

    def expect_profile(self, wish: Wish) -> None:
        """Take note of what the profile says, for the next start."""
        self.wishes = replace(self.wishes, profile=wish)

    async def set_profile(self, wish: Wish, *, keep_order: bool) -> None:
        """Set what the profile says; a trial goes on.

        Raises CommandError: ``failed``; it is what the next start takes all the same.
        """
        async with self._changing:
            order = self.wishes.order if keep_order else Wish()
            await self._change(replace(self.wishes, profile=wish, order=order), stays=True)

    async def try_out(self, wish: Wish, orders: int) -> float:
        """Run at something else than the target, until `end_trial` or an order of the owner.

        Returns what the dividers give. ``orders`` is their count that the caller knows of. Raises
        CommandError: ``superseded`` where there was one since, or the session ended meanwhile,
        ``out-of-range``, ``failed``.
        """
        self._check_range(mhz=wish.mhz, core_mv=wish.core_mv)
        async with self._changing:
            if orders != self.count:
                raise CommandError("superseded", "the stick has got another order meanwhile")
            mhz = await self._change(replace(self.wishes, trial=wish), is_order=True)
            rising = self._following if self._is_rising else None
        if rising is None:
            return mhz
        await asyncio.wait({rising})
        given_mhz = None if rising.cancelled() else rising.result()
        if rising.cancelled():
            raise CommandError("superseded", "the stick has got another order meanwhile")
        if given_mhz is None:
            raise CommandError("failed", "the stick has not taken a higher voltage and clock")
        return given_mhz

    async def set_heat(self, mhz: float | None) -> None:
        """Run at a clock for the temperature's sake, None at what is wished; no order is lost.

        Raises CommandError ``failed``; the next start is at it all the same.
        """
        async with self._changing:
            if self.wishes.heat_mhz != mhz:
                await self._change(replace(self.wishes, heat_mhz=mhz), stays=True)

    async def end_trial(self) -> None:
        """Go back to the target.

        Raises CommandError: ``failed``; the next start goes back all the same.
        """
        async with self._changing:
            if self.wishes.trial is not None:
                wishes = replace(self.wishes, trial=None)
                await self._change(wishes, is_order=True, stays=True)

    def _check_range(self, *, mhz: float | None = None, core_mv: int | None = None) -> None:
        """Refuse what the model cannot be set to."""
        model = self._options.model
        if mhz is not None and not model.min_mhz <= mhz <= model.max_mhz:
            raise CommandError(
                "out-of-range",
                f"{mhz:g} MHz is out of range for a {model.title}: "
                f"{model.min_mhz:g} to {model.max_mhz:g}",
            )
        core = model.core
        if core_mv is not None and (core is None or not core.min_mv <= core_mv <= core.max_mv):
            known = f"{core.min_mv} to {core.max_mv}" if core is not None else "none can be set"
            raise CommandError(
                "out-of-range", f"{core_mv} mV is out of range for a {model.title}: {known}"
            )

    async def _change(
        self, wishes: Wishes, *, is_order: bool = False, stays: bool = False
    ) -> float:
        """Take over new wishes, and pass on what they change; return the clock really given.

        An order ends protection, also one for the same clock as before. When the driver refuses,
        the old wishes are back, unless the new ones are to stay.
        """
        before, self.wishes = self.wishes, wishes
        if is_order or wishes.clock_mhz != before.clock_mhz:
            self._lift_limit()
        await self.end()
        running = self._running()
        if running is None:
            return wishes.clock_mhz
        if self._told is None or self._told.running is not running:
            self._told = _Told(
                running=running, wish_mhz=before.clock_mhz, core_mv=self._core_mv(before)
            )
        try:
            return await self._pass_on(self._told, is_order=is_order)
        except REFUSALS as exc:
            if not stays:
                self.wishes = before
                with suppress(*REFUSALS):
                    await self._pass_on(self._told)
            reason = str(exc) or "the stick did not take it in time"
            raise CommandError("failed", f"{running.name}: {reason}") from exc

    def _core_mv(self, wishes: Wishes) -> int:
        """Return the core voltage that wishes come to; 0 where nothing sets it."""
        core = self._options.model.core
        if core is None:
            return 0
        return core.default_mv if wishes.core_mv is None else wishes.core_mv

    async def _pass_on(self, told: _Told, *, is_order: bool = False) -> float:
        """Tell a driver what is wished, as far as it is due; return the clock really given."""
        mhz, core_mv = self.wishes.clock_mhz, self._core_mv(self.wishes)
        if core_mv > told.core_mv:
            await told.set_core(core_mv)
        given_mhz = mhz
        if is_order or mhz != told.wish_mhz:
            if told.lacks_core(mhz):
                self._follow(partial(self._speed_up, told, mhz), is_rising=True)
                return mhz
            given_mhz = await told.set_clock(mhz)
        if core_mv < told.core_mv:
            report = told.running.last_report
            if told.is_too_fast() or (report is not None and report.is_ramping):
                self._follow(partial(self._lower_core, told, core_mv), is_rising=False)
            else:
                await told.set_core(core_mv)
        return given_mhz

    # What follows later --------------------------------------------------------------------------

    def _follow(self, rest: Callable[[], Awaitable[float | None]], *, is_rising: bool) -> None:
        self._following = asyncio.create_task(self._watched(rest), name="rest of an order")
        self._is_rising = is_rising

    async def end(self) -> None:
        """Leave what has not followed yet: to the next order, or to the next start."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait({following})

    async def _watched(self, rest: Callable[[], Awaitable[float | None]]) -> float | None:
        """Return what the rest of an order comes to; None when that failed."""
        try:
            return await rest()
        except REFUSALS as exc:
            words = str(exc) or "it did not come to clock and core voltage in time"
            log.warning("an order waits for the next start of its stick: %s", words)
        except Exception:
            log.exception("an order waits for the next start of its stick")
        return None

    async def _speed_up(self, told: _Told, mhz: float) -> float:
        """Set a faster clock when its voltage is there."""
        async with asyncio.timeout(MAX_CORE_S):
            while told.lacks_core(mhz) and self._running() is told.running:
                await beat(LOOK_S)
        async with self._changing:
            return await told.set_clock(mhz) if self._running() is told.running else mhz

    async def _lower_core(self, told: _Told, core_mv: int) -> None:
        """Set a lower voltage when the clock has come down."""
        # What was reported before the order may be of a clock that was still rising.
        known = told.running.last_report
        async with asyncio.timeout(MAX_RAMP_S):
            while told.running.last_report is known or told.is_too_fast():
                if self._running() is not told.running:
                    return
                await beat(LOOK_S)
        async with self._changing:
            if self._running() is told.running:
                await told.set_core(core_mv)
