"""USB descriptors: what a device says about itself when it is plugged in.

Ref: USB 2.0 specification, chapter 9 (tables 9-8, 9-10, 9-12, 9-13, 9-15). All numbers little
endian.
"""

import struct
from dataclasses import dataclass

__all__ = [
    "CONFIGURATION",
    "DEVICE",
    "STRING",
    "EndpointLayout",
    "Identity",
    "InterfaceLayout",
    "Layout",
]

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
BULK = 2
ENGLISH = 0x0409
CONFIGURATION_VALUE = 1
MANUFACTURER_INDEX, PRODUCT_INDEX, SERIAL_INDEX, FIRST_INTERFACE_INDEX = 1, 2, 3, 4
MAX_STRING_CHARACTERS = 126


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells one device from another. An empty string is a string that it does not have."""

    vendor_id: int
    product_id: int
    manufacturer: str = ""
    product: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointLayout:
    """A bulk endpoint; bit 7 of the address means towards the host."""

    address: int
    max_packet_bytes: int

    def encode(self) -> bytes:
        return struct.pack("<BBBBHB", 7, ENDPOINT, self.address, BULK, self.max_packet_bytes, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceLayout:
    """A vendor-specific interface with one UART behind it."""

    number: int
    sub_class: int
    protocol: int
    endpoints: tuple[EndpointLayout, EndpointLayout]
    """In, out."""
    name: str = ""

    def encode(self, name_index: int) -> bytes:
        head = struct.pack(
            "<BBBBBBBBB",
            9,
            INTERFACE,
            self.number,
            0,
            len(self.endpoints),
            0xFF,
            self.sub_class,
            self.protocol,
            name_index,
        )
        return head + b"".join(endpoint.encode() for endpoint in self.endpoints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shape of a kind of bridge."""

    usb_version: int
    """Binary coded decimal, 0x0110 is 1.1."""
    device_version: int
    control_packet_bytes: int
    max_power_ma: int
    attributes: int
    interfaces: tuple[InterfaceLayout, ...]

    def device(self, identity: Identity) -> bytes:
        """Return the device descriptor, 18 bytes."""
        return struct.pack(
            "<BBHBBBBHHHBBBB",
            18,
            DEVICE,
            self.usb_version,
            0,
            0,
            0,
            self.control_packet_bytes,
            identity.vendor_id,
            identity.product_id,
            self.device_version,
            MANUFACTURER_INDEX if identity.manufacturer else 0,
            PRODUCT_INDEX if identity.product else 0,
            SERIAL_INDEX if identity.serial else 0,
            1,
        )

    def configuration(self) -> bytes:
        """Return the only configuration with its interfaces and endpoints."""
        body = b"".join(
            interface.encode(FIRST_INTERFACE_INDEX + number if interface.name else 0)
            for number, interface in enumerate(self.interfaces)
        )
        return (
            struct.pack(
                "<BBHBBBBB",
                9,
                CONFIGURATION,
                9 + len(body),
                len(self.interfaces),
                CONFIGURATION_VALUE,
                0,
                self.attributes,
                self.max_power_ma // 2,
            )
            + body
        )

    def string(self, identity: Identity, index: int) -> bytes | None:
        """Return a string descriptor; None for one that the device does not have."""
        if index == 0:
            return struct.pack("<BBH", 4, STRING, ENGLISH)
        names = {
            MANUFACTURER_INDEX: identity.manufacturer,
            PRODUCT_INDEX: identity.product,
            SERIAL_INDEX: identity.serial,
        }
        for number, interface in enumerate(self.interfaces):
            names[FIRST_INTERFACE_INDEX + number] = interface.name
        text = names.get(index, "")[:MAX_STRING_CHARACTERS].encode("utf-16-le")
        return bytes([len(text) + 2, STRING]) + text if text else None
