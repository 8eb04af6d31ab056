"""The table of what is tried."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from luxminer_hil.system import trials
from luxminer_hil.system.rig import Rig
from luxminer_hil.system.sticks import StickPlan
from luxminer_hil.usbsim.descriptors import Identity

__all__ = ["SCENARIOS", "Scenario"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A row: what is plugged in, and what is done with it."""

    name: str
    words: str
    run: Callable[[Rig], Awaitable[None]]
    sticks: tuple[StickPlan, ...] = ()
    foreign: tuple[Identity, ...] = ()


PLAIN_FT230X = Identity(
    vendor_id=0x0403,
    product_id=0x6015,
    manufacturer="FTDI",
    product="FT230X Basic UART",
    serial="DN000001",
)
"""A bridge as bought; its owner says that a Compac's chip is behind it."""

COMPAC = StickPlan(model="compac")
COMPAC_BY_PLACE = StickPlan(model="compac", by_place=True)


def _cp2102(manufacturer: str, product: str, serial: str, vendor_id: int = 0x10C4) -> Identity:
    return Identity(
        vendor_id=vendor_id,
        product_id=0xEA60,
        manufacturer=manufacturer,
        product=product,
        serial=serial,
    )


COMPAC_PRODUCT = "Compac BM1384 Bitcoin Miner"
OTHERS = (
    _cp2102("Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"),
    _cp2102("GekkoScience", f"{COMPAC_PRODUCT} ", "20000002"),
    _cp2102("gekkoscience", COMPAC_PRODUCT, "20000003"),
    _cp2102("", COMPAC_PRODUCT, "20000004"),
    _cp2102("", "", ""),
    _cp2102("GekkoScience", "\x1b[31m\u202eCompac\n\x00" + "x" * 100, "20000006"),
)
"""Bridges with wrong strings. The kernel's driver binds to all of them."""

SCENARIOS = (
    Scenario(
        name="one",
        words="one stick on a tty",
        run=trials.mine_by_tty,
        sticks=(COMPAC,),
    ),
    Scenario(
        name="ttys",
        words="sticks on ttys of cp210x and ftdi_sio",
        run=trials.mine_by_tty,
        sticks=(
            COMPAC,
            StickPlan(model="2pac"),
            StickPlan(model="compac", identity=PLAIN_FT230X),
        ),
    ),
    Scenario(
        name="libusb",
        words="sticks of each bridge through libusb",
        run=trials.mine_by_usb,
        sticks=(
            COMPAC_BY_PLACE,
            StickPlan(model="newpac"),
            StickPlan(model="compacf"),
            StickPlan(model="compaca2"),
        ),
    ),
    Scenario(
        name="eight", words="a hub full of sticks", run=trials.mine_with_all, sticks=(COMPAC,) * 8
    ),
    Scenario(
        name="replug-tty",
        words="unplug and replug while mining through ttys",
        run=trials.replug,
        sticks=(COMPAC, COMPAC),
    ),
    Scenario(
        name="replug-libusb",
        words="unplug and replug while mining through libusb",
        run=trials.replug,
        sticks=(StickPlan(model="newpac"), COMPAC_BY_PLACE),
    ),
    Scenario(
        name="hub",
        words="reset of the hub, and loss of its power",
        run=trials.reset_hub,
        sticks=(COMPAC, COMPAC, StickPlan(model="newpac"), StickPlan(model="compaca2")),
    ),
    Scenario(
        name="strings",
        words="bridges that only look like sticks",
        run=trials.leave_others_alone,
        sticks=(COMPAC,),
        foreign=OTHERS,
    ),
    Scenario(
        name="power",
        words="power cut without warning, and boot again",
        run=trials.cut_power,
        sticks=(COMPAC, StickPlan(model="newpac")),
    ),
    Scenario(name="usbip", words="a stick over USB/IP by vhci-hcd", run=trials.attach_usbip),
)
