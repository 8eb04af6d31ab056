"""Everything that one scenario needs, put up and taken down together."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.system.machine import Machine, MachineError, Wiring
from luxminer_hil.system.report import Checks
from luxminer_hil.system.service import Service, settings_for
from luxminer_hil.system.sticks import PluggedBridge, PluggedStick, StickPlan
from luxminer_hil.usbsim.descriptors import Identity

__all__ = ["Bench", "Rig"]

SEED = 20260301
DIFFICULTY = Fraction(1, 1 << 13)
FIRST_SERIAL = 10_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all scenarios share."""

    images: Path
    results: Path


class Rig:
    """Sticks, a pool and what belongs to one scenario; `boot` switches the machine on."""

    def __init__(
        self,
        bench: Bench,
        checks: Checks,
        pool: FakePool,
        sticks: Sequence[PluggedStick],
        foreign: Sequence[PluggedBridge],
        *,
        logs: Path,
    ) -> None:
        self.check = checks
        self.pool = pool
        self.sticks = sticks
        self.foreign = foreign
        self.usbip_port: int | None = None
        self.logs = logs
        self._bench = bench

    @asynccontextmanager
    async def boot(self) -> AsyncIterator[tuple[Machine, Service]]:
        """Switch the machine on, with all sticks plugged in; its power is cut at the end.

        What its kernel has said is kept, if it still runs then. Raises MachineError.
        """
        wiring = Wiring(
            sticks=[each.socket for each in (*self.sticks, *self.foreign)],
            pool_port=self.pool.port,
            usbip_port=self.usbip_port,
        )
        machine = Machine(self._bench.images, self.logs, self.logs / "state.ext4", wiring)
        async with machine:
            self.check.note("power on to shell", machine.boot_s)
            try:
                yield machine, Service(machine)
            finally:
                with contextlib.suppress(MachineError):
                    (self.logs / "dmesg.log").write_text(await machine.order("dmesg"))

    @property
    def settings(self) -> str:
        return settings_for(self.sticks)


@asynccontextmanager
async def put_up(
    bench: Bench, checks: Checks, plans: Sequence[StickPlan], foreign: Sequence[Identity]
) -> AsyncIterator[Rig]:
    """Plug everything in and open the pool."""
    logs = bench.results / checks.scenario
    logs.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luxminer-sticks-")))
        sticks = [
            await stack.enter_async_context(
                PluggedStick(plan, str(FIRST_SERIAL + n), folder / f"stick{n}", SEED + n)
            )
            for n, plan in enumerate(plans)
        ]
        others = [
            await stack.enter_async_context(PluggedBridge.foreign(identity, folder / f"foreign{n}"))
            for n, identity in enumerate(foreign)
        ]
        pool = await stack.enter_async_context(FakePool(difficulty=DIFFICULTY, seed=SEED))
        yield Rig(bench, checks, pool, sticks, others, logs=logs)
