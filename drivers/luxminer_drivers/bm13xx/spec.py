"""Entry points of the families that share `luxminer_drivers.bm13xx.device`."""

from luxminer.device.contract import DriverSpec
from luxminer.transport.base import Capability
from luxminer_drivers.bm13xx.facts import START_BAUDRATE, Family, Model
from luxminer_drivers.common.spec import later, model_of

__all__ = ["spec"]


def spec(
    name: str, kind: Family, rows: tuple[Model, ...], needs: frozenset[Capability]
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
                hashes_per_clock=kind.cores * row.rate_scale,
                needs=needs,
            )
            for row in rows
        ),
        open=later(f"luxminer_drivers.{name}.device:open_stick"),
    )
