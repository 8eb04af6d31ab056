"""Entry points of the families that share `luxminer_drivers.bm13xx.device`."""

from luxminer.device.contract import CoreRange, DriverSpec
from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.facts import (
    CORE_MAX_MV,
    CORE_SAFE_MV,
    CORE_STEP_MV,
    START_BAUDRATE,
    Family,
    Model,
)
from luxminer_drivers.common.spec import later, model_of

__all__ = ["spec"]


def _core_of(row: Model) -> CoreRange | None:
    """Return what the telemetry controller of a product can set, None without one."""
    if not row.core_mv:
        return None
    return CoreRange(
        default_mv=row.core_mv, min_mv=CORE_SAFE_MV, max_mv=CORE_MAX_MV, step_mv=CORE_STEP_MV
    )


def spec(
    name: str,
    kind: Family,
    rows: tuple[Model, ...],
    needs: frozenset[Capability],
    *,
    sets_chips: bool = False,
) -> DriverSpec:
    """Return the driver ``name``, whose ``device.open_stick`` is imported when it is needed."""
    return DriverSpec(
        name=name,
        models=tuple(
            model_of(
                row.product,
                chip=kind.name,
                baudrate=START_BAUDRATE,
                min_mhz=kind.pll.min_mhz,
                max_mhz=kind.pll.max_mhz,
                step_mhz=kind.pll.step_mhz,
                core=_core_of(row),
                sets_chips=sets_chips,
                hashes_per_clock=kind.cores * row.rate_scale,
                needs=needs,
            )
            for row in rows
        ),
        open=later(f"luxminer_drivers.{name}.device:open_stick"),
    )
