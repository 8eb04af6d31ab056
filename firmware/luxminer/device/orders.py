"""Orders for one stick: clock and core voltage, from its owner, its profile and the tuner."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, runtime_checkable

from luxminer.device.contract import DeviceOptions
from luxminer.device.wishes import Wish, Wishes
from luxminer.errors import CommandError, LuxminerError

__all__ = ["Orders", "TakesOrders"]

MAX_CHIPS = 256
"""Of a stick that does not say how many it has."""


class TakesOrders(Protocol):
    """A running stick; see `luxminer.device.session.Session`."""

    name: str

    async def set_frequency(self, mhz: float) -> float | None: ...
    async def set_voltage(self, core_mv: int) -> None: ...


@runtime_checkable
class TakesChipOrders(Protocol):
    """The same where each chip can have a clock of its own."""

    async def set_chip_frequency(self, chip: int, mhz: float) -> float | None: ...


class Orders:
    """Keeps the wishes, and passes on to the running driver what changes.

    ``running`` returns the session that can take an order; ``lift_limit`` forgets what protection
    allowed when the stick ran before.
    """

    def __init__(
        self,
        options: DeviceOptions,
        running: Callable[[], TakesOrders | None],
        lift_limit: Callable[[], None],
    ) -> None:
        self.wishes = Wishes(default_mhz=options.frequency_mhz)
        self.count = 0
        """Orders of the owner so far."""
        self.chip_mhz = options.chip_mhz
        """Clocks of single chips, of the configuration or by order; 0 for that of the stick."""
        self._options = options
        self._running = running
        self._lift_limit = lift_limit
        self._changing = asyncio.Lock()

    def take(self, options: DeviceOptions) -> None:
        """Take over model and clocks of the configuration."""
        if options.chip_mhz != self._options.chip_mhz:
            self.chip_mhz = options.chip_mhz
        self._options = options
        self.wishes = replace(self.wishes, default_mhz=options.frequency_mhz)

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
            except (LuxminerError, TimeoutError, ValueError) as exc:
                reason = str(exc) or "the stick did not take it in time"
                raise CommandError("failed", f"{model.title}: {reason}") from exc
            clocks = [*self.chip_mhz, *(0.0,) * (chip + 1 - len(self.chip_mhz))]
            clocks[chip] = mhz
            self.chip_mhz = tuple(clocks)
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

    async def try_out(self, wish: Wish, orders: int) -> None:
        """Run at something else than the target, until `end_trial` or an order of the owner.

        ``orders`` is their count that the caller knows of. Raises CommandError: ``superseded``
        where there was one since, ``out-of-range``, ``failed``.
        """
        self._check_range(mhz=wish.mhz, core_mv=wish.core_mv)
        async with self._changing:
            if orders != self.count:
                raise CommandError("superseded", "the stick has got another order meanwhile")
            await self._change(replace(self.wishes, trial=wish), is_order=True)

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
        is_new_clock = is_order or wishes.clock_mhz != before.clock_mhz
        if is_new_clock:
            self._lift_limit()
        running = self._running()
        if running is None:
            return wishes.clock_mhz
        set_mhz = None
        try:
            # Chips that are to run faster at a higher voltage need that first, and the reverse.
            rises = (self._core_mv(wishes) or 0) > (self._core_mv(before) or 0)
            if rises:
                await self._pass_core_on(running, wishes, before)
            if is_new_clock:
                set_mhz = await running.set_frequency(wishes.clock_mhz)
            if not rises:
                await self._pass_core_on(running, wishes, before)
        except (LuxminerError, TimeoutError, ValueError) as exc:
            if not stays:
                self.wishes = before
                with suppress(LuxminerError, TimeoutError):
                    await self._pass_core_on(running, before, wishes)
            reason = str(exc) or "the stick did not take it in time"
            raise CommandError("failed", f"{running.name}: {reason}") from exc
        return wishes.clock_mhz if set_mhz is None else set_mhz

    def _core_mv(self, wishes: Wishes) -> int | None:
        """Return the core voltage that wishes come to; None where nothing sets it."""
        core = self._options.model.core
        if core is None:
            return None
        return core.default_mv if wishes.core_mv is None else wishes.core_mv

    async def _pass_core_on(self, running: TakesOrders, wishes: Wishes, before: Wishes) -> None:
        core_mv = self._core_mv(wishes)
        if core_mv is not None and core_mv != self._core_mv(before):
            await running.set_voltage(core_mv)
