"""The telemetry controller of A1 and A2: core voltage, regulator, LED, fan, temperatures.

It has a line of its own beside that of the chips. Ref: REFERENCE.md, "Controllers".
"""

import asyncio
import logging
from contextlib import suppress

from luxminer.errors import DeviceFault, FrameError, Overheated, TransportError
from luxminer.transport.base import Transport
from luxminer_drivers.bm13xx import facts, telemetry
from luxminer_drivers.bm13xx.telemetry import Led, Telemetry

__all__ = ["FAULT_MISSES", "MAX_MISSES", "START_BELOW_C", "WARM_C", "Controller"]

log = logging.getLogger(__name__)

MAX_MISSES = 10
"""Readings in a row without a temperature after which the values are no longer believed."""

FAULT_MISSES = 250
"""So many, some five minutes, are a fault. Own choice: the clock has come down by then."""

WARM_C = 95.0
"""From here on the clock goes down step by step, before `facts.HOT_C` is reached. Own choice."""

START_BELOW_C = 85.0
"""A stick that is warmer rests first. Own choice: the original waits for `facts.COOL_C`, which is
never reached in a warm room."""


class Controller:
    """Talks to the controller; one caller at a time. Without an answer it is given up."""

    def __init__(self, line: Transport, core_mv: int) -> None:
        self._line = line
        self.core_mv = core_mv
        """Set it to change the core voltage of the chips; they get it with the next `poll`."""
        self._given_mv = 0
        self.fan_percent = facts.FAN_MAX_PERCENT
        """Set it likewise; without a fan nothing comes of it."""
        self._given_percent = 0
        self.has_fan = False
        self._version: int | None = None
        self._mask = 0
        self.values = Telemetry()
        self.misses = 0
        """Readings without a temperature since the last one with it."""
        self.has_told = False
        """It has told a temperature since it was started."""
        self._has_first = False

    @property
    def has_answered(self) -> bool:
        """It has said which one it is."""
        return self._version is not None

    @property
    def is_blind(self) -> bool:
        """Nobody knows how hot the chips are."""
        return not self.has_told or self.misses >= MAX_MISSES

    @property
    def hottest_c(self) -> float | None:
        found = [each for each in self.values.temperatures_c if each is not None]
        return max(found, default=None)

    @property
    def power_w(self) -> float | None:
        """Power at the input of the stick."""
        vin_v, iin_a = self.values.vin_v, self.values.iin_a
        return None if vin_v is None or iin_a is None else vin_v * iin_a

    async def start(self) -> bool:
        """Set the core voltage, switch regulator and fan on; False when nothing answers."""
        for _ in range(2):
            with suppress(FrameError):
                if answer := await self._ask(telemetry.ask_version(), 1):
                    telemetry.version_row(answer[0])
                    self._version = answer[0]
                    break
            await asyncio.sleep(facts.TELEMETRY_RETRY_S)
        if self._version is None:
            log.warning("%s: no telemetry controller answers", self._line.name)
            return False
        await self._set_core()
        await self._order(telemetry.set_regulator(is_on=True))
        await self._line.write(telemetry.set_led(Led.WORK))
        await self._read(1)
        known = telemetry.known_mask(self._version)
        if known is None:
            answer = await self._ask(telemetry.ask_mask(), 1)
            known = answer[0] if answer else 0
        self._mask = known
        self.has_fan = telemetry.has_fan(self._version, known)
        if self.has_fan:
            await self._set_fan()
        await self.poll()
        return True

    async def poll(self) -> None:
        """Read the values, and pass on a new core voltage.

        Raises Overheated when it is too hot, and DeviceFault when it has stopped to tell how hot it
        is; both having switched all off, as far as it listens.
        """
        if self._version is None:
            return
        raw = await self._ask(telemetry.ask_values(), facts.TELEMETRY_READ_LENGTH)
        self._take(telemetry.decode_values(self._version, self._mask, raw))
        if self.has_told and self.misses >= FAULT_MISSES:
            await self.protect()
            raise DeviceFault(
                f"its telemetry controller has told no temperature for {self.misses} readings: "
                "switched off; unplug the stick and plug it in again"
            )
        hottest_c = self.hottest_c
        if hottest_c is not None and hottest_c >= facts.HOT_C:
            await self.protect()
            raise Overheated(
                f"{hottest_c:.0f} C: switched off until it is below {START_BELOW_C:.0f} C; look at "
                "its fan"
            )
        if self.core_mv != self._given_mv:
            await self._set_core()
        if self.has_fan and self.fan_percent != self._given_percent:
            await self._set_fan()

    def _take(self, values: Telemetry) -> None:
        """Believe a reading that tells the temperature; for a while the one before it else."""
        first_c, second_c = values.temperatures_c
        is_told = first_c is not None or (second_c is not None and not self._has_first)
        self.misses = 0 if is_told else self.misses + 1
        self._has_first |= first_c is not None
        self.has_told |= is_told
        if is_told or self.is_blind:
            self.values = values

    async def rest_if_warm(self) -> None:
        """Switch all off and raise Overheated when it is too warm to start."""
        hottest_c = self.hottest_c
        if hottest_c is not None and hottest_c >= START_BELOW_C:
            await self.protect()
            raise Overheated(
                f"{hottest_c:.0f} C: rests until it is below {START_BELOW_C:.0f} C; look at its fan"
            )

    async def protect(self) -> None:
        """Take the power off the chips and say so with the LED."""
        await self._order(telemetry.set_core(facts.CORE_SAFE_MV))
        await self._order(telemetry.set_regulator(is_on=False))
        await self._line.write(telemetry.set_led(Led.ON))

    async def end(self) -> None:
        """Leave the LED dark; what fails does not matter any more."""
        with suppress(TransportError):
            await self._line.write(telemetry.set_led(Led.OFF))

    async def _ask(self, command: bytes, length: int) -> bytes:
        self._line.discard_input()
        await self._line.write(command)
        await asyncio.sleep(facts.TELEMETRY_PAUSE_S)
        return await self._read(length)

    async def _set_core(self) -> None:
        self._given_mv = self.core_mv
        await self._order(telemetry.set_core(self._given_mv))

    async def _order(self, command: bytes) -> None:
        await self._ask(command, 1)
        await asyncio.sleep(facts.TELEMETRY_PAUSE_S)

    async def _set_fan(self) -> None:
        self._given_percent = self.fan_percent
        await self._order(telemetry.set_fan(self._given_percent))

    async def _read(self, length: int) -> bytes:
        data = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(facts.TELEMETRY_READ_S):
                while len(data) < length:
                    data += await self._line.read(length - len(data))
        return data
