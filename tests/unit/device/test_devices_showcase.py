"""What ``luxminer devices`` prints for a hub with everything on it, as its owner sees it."""

import grp
import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from luxminer.cmd.devices import as_json, as_text
from luxminer.config.schema import Config
from luxminer.device.listing import DeviceListing, list_devices
from luxminer.device.registry import discover_drivers
from luxminer_hil.usbsim.sticks import IDS, STICKS
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.transport.pty_peer import PtyPeer

NOBODY = 65534

HOLDER = """
import fcntl, sys
port = open(sys.argv[1], "rb+", buffering=0)
fcntl.flock(port, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""

TABLE = """\
model                     serial    usb path  port           driver  state
GekkoScience Compac       10020001  1-1.1     /dev/ttyUSB1   bm1384  usable
GekkoScience 2Pac         10020002  1-1.2     /dev/ttyUSB2   bm1384  see [1]
GekkoScience Terminus     10020003  1-1.3     /dev/ttyUSB3   bm1384  see [2]
GekkoScience NewPac       10020004  1-1.4     usb:1-1.4      bm1387  usable
GekkoScience R606         10020005  1-1.5     usb:1-1.5      bm1387  see [3]
GekkoScience Compac F     10020006  1-1.6     usb:1-1.6      bm1397  usable
GekkoScience R909         10020007  1-1.7     usb:1-1.7      bm1397  usable
GekkoScience Compac A1    10020008  1-1.8     usb:1-1.8      bm1362  usable
GekkoScience Terminus A1  10020009  1-1.9     usb:1-1.9      bm1362  usable
GekkoScience Compac A2    10020010  1-1.10    usb:1-1.10     bm1370  usable
GekkoScience Terminus A2  10020011  1-1.11    usb:1-1.11     bm1370  usable
unknown                   10020012  1-1.12    /dev/ttyUSB12  -       see [4]
unknown                   10020013  1-1.13    /dev/ttyUSB13  -       see [4]
unknown                   10020014  1-1.14    /dev/ttyUSB14  -       see [4]
unknown                   GPS1      1-2       /dev/ttyUSB15  -       see [5]
GekkoScience KBox         -         1-3       -              -       see [6]
"""

NOTES = """\
[1] /dev/ttyUSB2: permission denied
    Cure: add the user to group {group}: sudo usermod -a -G {group} {user}, then log in again

[2] /dev/ttyUSB3: in use by {holder}
    Cure: stop that program

[3] usb:1-1.5: in use by another program
    Cure: stop that program

[4] /dev/ttyUSB12, /dev/ttyUSB13, /dev/ttyUSB14: USB says no more than "CP2102 USB to UART Bridge \
Controller": it may be a stick (Antminer U1, Antminer U2, ASICMINER Block Erupter) or something else
    Cure: if it is a stick, add its port and model = "u1" or "u2" or "blockerupter" under \
[[devices]]

[5] /dev/ttyUSB15: no driver knows 10c4:ea60 'Silicon Labs' 'CP2102N GPS Receiver'
    Cure: none is needed, unless it is a stick: then add its port and model under [[devices]]

[6] GekkoScience KBox at 1-3: not supported: its chips are behind SPI, and how to run them was \
never published
    Cure: none is needed: it does not disturb other sticks

8 of 16 usable"""

WRAPPED_NOTE = """\
[4] /dev/ttyUSB12, /dev/ttyUSB13, /dev/ttyUSB14: USB says no more than "CP2102
    USB to UART Bridge Controller": it may be a stick (Antminer U1, Antminer U2,
    ASICMINER Block Erupter) or something else
    Cure: if it is a stick, add its port and model = "u1" or "u2" or
    "blockerupter" under [[devices]]
"""

CARDS = """\
GekkoScience Compac
    serial 10020001, usb path 1-1.1, port
    /dev/ttyUSB1, driver bm1384, state usable
GekkoScience 2Pac
    serial 10020002, usb path 1-1.2, port
    /dev/ttyUSB2, driver bm1384, state see [1]
"""


class Hub:
    """The rows of a full hub, seen by a user without any rights of its own."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self.usb = FakeUsb(root)
        for number, (name, shown) in enumerate(STICKS.items(), 1):
            vendor_id, product_id = IDS[shown.bridge]
            peer = stack.enter_context(PtyPeer())
            Path(peer.path).chmod(0o060 if name == "2pac" else 0o666)
            if name == "2pac":
                self._give_to_a_group(peer.path)
            if name == "terminus":
                self.holder = stack.enter_context(holding(peer.path))
            self.usb.plug(
                f"1-1.{number}",
                f"ttyUSB{number}",
                manufacturer=shown.manufacturer,
                product=shown.product,
                serial=f"1002{number:04}",
                ids=f"{vendor_id:04x}:{product_id:04x}",
                target=peer.path,
            )
            if name == "r606":
                claim = root / f"sys/bus/usb/devices/1-1.{number}:1.0"
                claim.mkdir()
                (claim / "driver").symlink_to("../../drivers/usbfs")
        self._plug_strangers(stack)
        for node in (root / "dev/bus/usb/001").iterdir():
            node.chmod(0o666)

    def _give_to_a_group(self, tty: str) -> None:
        if os.geteuid() == 0:
            os.chown(tty, -1, NOBODY)
        self.group = grp.getgrgid(Path(tty).stat().st_gid).gr_name

    def _plug_strangers(self, stack: ExitStack) -> None:
        gadget = stack.enter_context(PtyPeer())
        self.usb.plug(
            "1-2",
            "ttyUSB15",
            manufacturer="Silicon Labs",
            product="CP2102N GPS Receiver",
            serial="GPS1",
            target=gadget.path,
        )
        self.usb.plug(
            "1-3",
            manufacturer="Microchip Technology Inc.",
            product="MCP2210 USB to SPI Master",
            serial="",
            ids="04d8:00de",
        )

    def rows(self) -> tuple[Sequence[DeviceListing], str]:
        """Return what is listed, with the paths of a real machine, and who asked."""
        with as_a_user() as user:
            rows = list_devices(Config(), discover_drivers(), self.usb.bus)
        return [replace(row, tty=row.tty.removeprefix(str(self.root))) for row in rows], user


@contextmanager
def holding(tty: str) -> Iterator[str]:
    """Let another process lock a tty; the value is how it is named."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tty], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        yield f"{name} (process {process.pid})"
        process.communicate(timeout=5)


@contextmanager
def as_a_user() -> Iterator[str]:
    """Give up the rights of root meanwhile, which no file can refuse anything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield pwd.getpwuid(os.geteuid()).pw_name
    finally:
        if me == 0:
            os.seteuid(me)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        yield Hub(Path(folder), stack)


def test_the_whole_table(hub: Hub) -> None:
    rows, user = hub.rows()
    notes = NOTES.format(group=hub.group, user=user, holder=hub.holder)
    assert as_text(rows) == f"{TABLE}\n{notes}"


def test_a_terminal_of_80_columns_breaks_words_and_loses_none(hub: Hub) -> None:
    rows, _ = hub.rows()
    shown = as_text(rows, 80)
    assert shown.startswith(TABLE)
    assert WRAPPED_NOTE in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.split() == as_text(rows).split()


def test_where_the_table_does_not_fit_each_stick_has_its_own_lines(hub: Hub) -> None:
    rows, _ = hub.rows()
    shown = as_text(rows, 50)
    assert shown.startswith(CARDS)
    assert max(map(len, shown.splitlines())) <= 50
    whole = shown.replace("\n    ", " ")
    for row in rows:
        for text in asdict(row).values():
            assert isinstance(text, bool) or text in whole


def test_json_is_the_same_rows_whole(hub: Hub) -> None:
    rows, user = hub.rows()
    shown = json.loads(as_json(rows))
    assert shown == [asdict(row) for row in rows]
    assert len(shown) == 16
    assert [row["usable"] for row in shown].count(True) == 8
    assert shown[0] == {
        "model": "GekkoScience Compac",
        "serial": "10020001",
        "usb_path": "1-1.1",
        "tty": "/dev/ttyUSB1",
        "driver": "bm1384",
        "usable": True,
        "problem": "",
        "cure": "",
    }
    assert shown[1] == {
        "model": "GekkoScience 2Pac",
        "serial": "10020002",
        "usb_path": "1-1.2",
        "tty": "/dev/ttyUSB2",
        "driver": "bm1384",
        "usable": False,
        "problem": "permission denied",
        "cure": f"add the user to group {hub.group}: sudo usermod -a -G {hub.group} {user}, "
        "then log in again",
    }
    assert shown[2]["problem"] == f"in use by {hub.holder}"
    assert all(bool(row["problem"]) is bool(row["cure"]) is not row["usable"] for row in shown)
