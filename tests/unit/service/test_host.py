"""Facts about the machine, read from a copy of its file system."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luxminer.host import GENERIC_MODEL, HostReader, state_directory


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text.encode())


def test_a_raspberry_pi_is_recognised(tmp_path: Path) -> None:
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\x00")
    write(tmp_path, "proc/device-tree/serial-number", "10000000abcdef01\x00")
    write(tmp_path, "etc/os-release", 'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    write(tmp_path, "sys/class/net/lo/address", "00:00:00:00:00:00\n")
    write(tmp_path, "sys/class/net/eth0/address", "dc:a6:32:01:02:03\n")
    write(tmp_path, "sys/class/net/wlan0/address", "dc:a6:32:01:02:04\n")
    route = "Iface\tDestination\tGateway\nwlan0\t00000000\t0101A8C0\n"
    write(tmp_path, "proc/net/route", route)
    host = HostReader(tmp_path).snapshot()
    assert host.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert host.serial == "10000000abcdef01"
    assert host.os == "Debian GNU/Linux 12 (bookworm)"
    assert host.cpu_temperature_c == 48.312
    assert host.mac_address == "dc:a6:32:01:02:04"
    (tmp_path / "proc/net/route").unlink()
    assert HostReader(tmp_path).snapshot().mac_address == "dc:a6:32:01:02:03"


def test_a_machine_that_tells_nothing_is_fine(tmp_path: Path) -> None:
    host = HostReader(tmp_path).snapshot()
    assert host.model == GENERIC_MODEL
    assert (host.serial, host.mac_address, host.cpu_temperature_c) == ("", "", None)
    assert host.sha256_kernel


def test_state_goes_where_the_service_manager_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/run/a:/run/b")
    assert state_directory() == Path("/run/a")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("HOME", "/nowhere")
    expected = {Path("/var/lib/luxminer"), Path("/nowhere/.local/state/luxminer")}
    assert state_directory() in expected


def test_the_network_is_read_where_the_default_route_leads(tmp_path: Path) -> None:
    gateway = int.from_bytes(bytes([192, 168, 1, 1]), sys.byteorder)
    route = f"Iface\tDestination\tGateway\nlo\t0000FEA9\t0\nlo\t00000000\t{gateway:08X}\n"
    write(tmp_path, "proc/net/route", route)
    write(tmp_path, "etc/resolv.conf", "search x\nnameserver 192.168.1.1\nnameserver fe80::1\n#\n")
    host = HostReader(tmp_path).snapshot()
    assert (host.ip_address, host.netmask, host.dhcp) == ("127.0.0.1", "255.0.0.0", False)
    assert host.gateway == "192.168.1.1"
    assert host.dns_servers == ("192.168.1.1", "fe80::1")


def test_a_build_has_a_date(tmp_path: Path) -> None:
    text = HostReader(tmp_path).snapshot().build_date
    built = datetime.strptime(text, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)
    assert datetime(2026, 1, 1, tzinfo=UTC) < built <= datetime.now(UTC)
