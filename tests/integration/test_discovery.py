"""Sticks on the USB of a machine, as libraries that we did not write see them, and as we do.

umockdev shows a program /sys and /dev of our making; what the sticks say of themselves comes from
the virtual bridges. The hub is at 1-1, the sticks at its ports in the order of the table.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.stick_port import UartPort
from luxminer_hil.usbsim.sticks import STICKS, make_bridge

WAIT_S = 60
CONTROLLER = "/devices/pci0000:00/0000:00:14.0/usb1"
HUB = f"{CONTROLLER}/1-1"
ROOT_HUB_NODE, HUB_NODE = 1, 2
NAMED = [
    name for name, shown in STICKS.items() if "GekkoScience" in shown.manufacturer + shown.product
]

LIBRARIES = """
import json
import pyudev, usb.core
from serial.tools.list_ports import comports

ports = [
    [each.device, each.vid, each.pid, each.manufacturer, each.product, each.serial_number,
     each.location]
    for each in comports()
]
devices = []
for each in pyudev.Context().list_devices(subsystem="usb").match_property("DEVTYPE", "usb_device"):
    text = lambda name: each.attributes.get(name, b"").decode()
    devices.append([each.sys_name, each.parent.sys_name if each.parent else "", text("idVendor"),
                    text("idProduct"), text("manufacturer"), text("product"), text("serial"),
                    each.device_node])
found = [
    [each.bus, list(each.port_numbers or ()), each.address, each.idVendor, each.idProduct,
     each.bcdDevice,
     [[endpoint.bEndpointAddress, endpoint.wMaxPacketSize] for interface in each[0]
      for endpoint in interface]]
    for each in usb.core.find(find_all=True)
]
print(json.dumps([ports, devices, found]))
"""


def device(path: str, node: int, **attributes: object) -> list[str]:
    """Return a device as umockdev writes it."""
    texts = {name: value for name, value in attributes.items() if value != ""}
    return [
        f"P: {path}",
        f"N: bus/usb/001/{node:03}",
        f"E: DEVNAME=/dev/bus/usb/001/{node:03}",
        "E: DEVTYPE=usb_device",
        "E: SUBSYSTEM=usb",
        "A: busnum=1",
        f"A: devnum={node}",
        "A: bConfigurationValue=1",
        *(f"A: {name}={value}" for name, value in texts.items()),
        "",
    ]


HUB_DESCRIPTORS = (
    "12010002090000407205010000010000000109021900010100e0000904000001090000000705810301000c"
)


def hub(path: str, node: int, product: str) -> list[str]:
    rows = device(path, node, idVendor="0572", idProduct="0001", product=product, speed=480)
    return [*rows[:-1], f"H: descriptors={HUB_DESCRIPTORS}", ""]


def stick(model: UsbModel, port: int, first_tty: int) -> list[str]:
    """Return a stick behind the hub, with a tty for each of its interfaces."""
    layout, identity = model.layout, model.identity
    path = f"{HUB}/1-1.{port}"
    raw = layout.device(identity) + layout.configuration()
    rows = device(
        path,
        HUB_NODE + port,
        idVendor=f"{identity.vendor_id:04x}",
        idProduct=f"{identity.product_id:04x}",
        manufacturer=identity.manufacturer,
        product=identity.product,
        serial=identity.serial,
        bNumInterfaces=f" {len(layout.interfaces)}",
        speed=12,
    )
    rows[-1:] = [f"H: descriptors={raw.hex()}", ""]
    for interface in layout.interfaces:
        folder = f"{path}/1-1.{port}:1.{interface.number}"
        tty = f"ttyUSB{first_tty + interface.number}"
        rows += [
            *(f"P: {folder}", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_interface"),
            *(f"A: bInterfaceNumber={interface.number:02x}", f"A: interface={interface.name}", ""),
            *(f"P: {folder}/{tty}", "E: SUBSYSTEM=usb-serial", ""),
            *(f"P: {folder}/{tty}/tty/{tty}", f"N: {tty}", f"E: DEVNAME=/dev/{tty}"),
            *("E: SUBSYSTEM=tty", f"L: device=../../../{tty}", ""),
        ]
    return rows


class Machine:
    """One with all sticks that have a name on a hub."""

    def __init__(self, folder: Path) -> None:
        rows = hub(CONTROLLER, ROOT_HUB_NODE, "Controller")
        rows += hub(HUB, HUB_NODE, "Hub")
        self.sticks: dict[str, UsbModel] = {}
        self.ttys: dict[str, list[str]] = {}
        count = 0
        for port, name in enumerate(NAMED, 1):
            bridge = make_bridge(name, UartPort(""), serial=f"2000{port:04}")
            interfaces = len(bridge.layout.interfaces)
            self.sticks[name] = bridge
            self.ttys[name] = [f"/dev/ttyUSB{count + each}" for each in range(interfaces)]
            rows += stick(bridge, port, count)
            count += interfaces
        self._file = folder / "machine.umockdev"
        self._file.write_text("\n".join(rows))

    def run(self, *command: str, status: int = 0) -> str:
        whole = ("umockdev-run", "--device", str(self._file), "--", *command)
        ran = subprocess.run(
            whole, capture_output=True, text=True, timeout=WAIT_S, check=False, env=os.environ
        )
        assert ran.returncode == status, ran.stderr
        return ran.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_libraries_see_the_sticks_with_ids_strings_and_places(machine: Machine) -> None:
    ports, devices, found = json.loads(machine.run(sys.executable, "-c", LIBRARIES))
    assert len(machine.sticks) == 11
    for port, (name, bridge) in enumerate(machine.sticks.items(), 1):
        who, layout = bridge.identity, bridge.layout
        for tty in machine.ttys[name]:
            location = f"1-1.{port}"
            if len(layout.interfaces) > 1:
                location += f":1.{machine.ttys[name].index(tty)}"
            row = [tty, who.vendor_id, who.product_id, who.manufacturer, who.product, who.serial]
            assert [*row, location] in ports
        ids = [f"{who.vendor_id:04x}", f"{who.product_id:04x}"]
        texts = [who.manufacturer, who.product, who.serial]
        node = f"/dev/bus/usb/001/{HUB_NODE + port:03}"
        assert [f"1-1.{port}", "1-1", *ids, *texts, node] in devices
        endpoints = [
            [endpoint.address, endpoint.max_packet_bytes]
            for interface in layout.interfaces
            for endpoint in interface.endpoints
        ]
        place = [1, [1, port], HUB_NODE + port]
        version = layout.device_version
        assert [*place, who.vendor_id, who.product_id, version, endpoints] in found
    assert len(ports) == sum(map(len, machine.ttys.values()))
    assert len(devices) == len(found) == len(machine.sticks) + 2


def test_we_see_the_same(machine: Machine) -> None:
    rows = json.loads(
        machine.run(str(Path(sys.executable).with_name("luxminer")), "devices", "--json")
    )
    seen = {row["serial"]: (row["usb_path"], row["model"], row["tty"]) for row in rows}
    assert len(rows) == len(seen) == len(machine.sticks)
    for port, (name, bridge) in enumerate(machine.sticks.items(), 1):
        place, model, tty = seen[bridge.identity.serial]
        assert place == f"1-1.{port}"
        assert model.removeprefix("GekkoScience ").replace(" ", "").lower() == name
        assert tty in (machine.ttys[name][0], f"usb:{place}")


@pytest.mark.slow
def test_a_stick_to_be_checked_is_named_by_usb(machine: Machine) -> None:
    bench = str(Path(sys.executable).with_name("luxminer-hil"))
    (tty,) = machine.ttys["2pac"]
    said = machine.run(bench, "bench", "--port", tty, "--only", "identify", status=3)
    assert f"GekkoScience 2Pac at {tty}" in said
