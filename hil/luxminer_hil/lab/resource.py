"""A stick that udev sees on this host, and one that another host exports."""

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import ManagedResource, NetworkResource
from labgrid.resource.remote import RemotePlaceManager
from labgrid.resource.udev import USBResource

__all__ = ["BRIDGES", "MiningStick", "NetworkMiningStick"]

BRIDGES = frozenset({("10c4", "ea60"), ("10c4", "ea70"), ("0403", "6015")})
"""USB ids of the bridges on sticks (CP2102, CP2105, FT230X); others are left alone, whatever place
they are plugged into."""

text = attr.validators.instance_of(str)
some_text = attr.validators.optional(text)


@attr.s(eq=False)
class MiningStick(USBResource):
    """A stick on USB, found by ``match``: udev properties, attributes of /sys, or its place.

    ``ID_SERIAL_SHORT`` finds one stick wherever it is plugged in, ``sys_name`` (``1-1.3``) whatever
    is plugged in there.
    """

    model: str = attr.ib(default="", validator=text)
    """Needed where USB does not say it."""
    chips: int = attr.ib(default=0, validator=attr.validators.instance_of(int))
    """That it should have, 0 for the usual number."""
    scale: float = attr.ib(default=1.0, converter=float)
    """Of a virtual stick."""
    switchable: bool = attr.ib(default=False, validator=attr.validators.instance_of(bool))
    """uhubctl can switch the power of its port."""

    def __attrs_post_init__(self) -> None:
        self.match["DEVTYPE"] = "usb_device"
        super().__attrs_post_init__()

    def filter_match(self, device: object) -> bool:
        ids = (_text(device, "idVendor"), _text(device, "idProduct"))
        return ids in BRIDGES and super().filter_match(device)

    @property
    def serial(self) -> str:
        return _text(self.device, "serial")

    @property
    def product(self) -> str:
        return _text(self.device, "product")

    def agent_options(self) -> list[str]:
        """Return what the agent is told about the stick, which must be there."""
        assert self.path, "not plugged in"
        options = ["--usb", self.path, "--chips", str(self.chips), "--scale", repr(self.scale)]
        if self.model:
            options += ["--model", self.model]
        return [*options, "--switchable"] if self.switchable else options


def _text(device: object, name: str) -> str:
    """Return an attribute of /sys, empty when there is none or it is no text."""
    attributes = getattr(device, "attributes", None)
    raw = attributes.get(name) if attributes is not None else None
    return raw.decode(errors="replace") if raw else ""


@attr.s(eq=False)
class NetworkMiningStick(NetworkResource, ManagedResource):
    """A stick of another host; port and token are those of its agent while it is acquired."""

    manager_cls = RemotePlaceManager

    port: int | None = attr.ib(
        default=None, validator=attr.validators.optional(attr.validators.instance_of(int))
    )
    token: str | None = attr.ib(default=None, validator=some_text, repr=False)
    path: str | None = attr.ib(default=None, validator=some_text)
    """Place on USB there."""
    model: str = attr.ib(default="", validator=text)
    serial: str = attr.ib(default="", validator=text)
    product: str = attr.ib(default="", validator=text)

    def __attrs_post_init__(self) -> None:
        self.timeout = 10.0
        super().__attrs_post_init__()


target_factory.reg_resource(MiningStick)
target_factory.reg_resource(NetworkMiningStick)
