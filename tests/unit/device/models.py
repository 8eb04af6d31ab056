"""Models and drivers for tests that send nothing to a stick."""

from luxminer.device.contract import Device, DeviceOptions, DriverSpec, StickModel, UsbMatch
from luxminer.device.registry import DriverRecord
from luxminer.transport.base import Transport
from tests.unit.device.fake_sysfs import STICK


def stick_model(
    name: str = "compac",
    *,
    title: str = "GekkoScience Compac",
    code: str = "GSC",
    ids: tuple[int, int] = (0x10C4, 0xEA60),
    manufacturers: tuple[str, ...] = ("GekkoScience", "bitshopperde"),
    product: str = STICK,
    chips: int = 1,
    sets_chips: bool = False,
) -> StickModel:
    return StickModel(
        name=name,
        title=title,
        code=code,
        chip="BM1384",
        usb=UsbMatch(
            vendor_id=ids[0], product_id=ids[1], manufacturers=manufacturers, product=product
        ),
        baudrate=115200,
        chips=chips,
        sets_chips=sets_chips,
        frequency_mhz=150,
        min_mhz=6.25,
        max_mhz=500,
    )


TWOPAC = stick_model(
    "2pac", title="GekkoScience 2Pac", code="GSD", product="2Pac BM1384 Bitcoin Miner"
)


async def refuse(transport: Transport, options: DeviceOptions) -> Device:
    raise AssertionError("no test of this module opens a stick")


def record(*models: StickModel, name: str = "bm1384", package: str = "luxminer") -> DriverRecord:
    spec = DriverSpec(name=name, models=models or (stick_model(), TWOPAC), open=refuse)
    return DriverRecord(name=name, package=package, spec=spec)


BROKEN = DriverRecord(
    name="exotic", package="exotic-miner", problem="exotic:SPEC cannot be loaded: ImportError: no"
)
