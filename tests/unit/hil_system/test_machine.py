"""The machine's shell, ends and wires, with a program in QEMU's place."""

import re
import sys
from pathlib import Path

import pytest

from luxminer_hil.system import machine as machine_module
from luxminer_hil.system.machine import Machine, MachineError, Wiring

FAKE = Path(__file__).with_name("fake_qemu.py")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    program = tmp_path / "qemu-system-aarch64"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    state = tmp_path / "state.ext4"
    state.touch()
    wiring = Wiring(sticks=[tmp_path / "a", tmp_path / "b"], pool_port=3333, usbip_port=3240)
    return Machine(tmp_path, tmp_path, state, wiring)


async def test_orders_are_answered_one_by_one(machine: Machine) -> None:
    async with machine:
        assert await machine.order("echo one; echo two") == "one\ntwo\n"
        assert await machine.order("printf no-end") == "no-end"
        assert await machine.order("echo '@@ 0 is no prompt'") == "@@ 0 is no prompt\n"
        assert await machine.order("true") == ""


async def test_a_failed_order_says_what_it_said(machine: Machine) -> None:
    async with machine:
        with pytest.raises(MachineError, match=r"status 3 of .*: no such thing"):
            await machine.order("echo no such thing; exit 3")
        assert await machine.order("echo but; exit 3", check=False) == "but\n"


async def test_a_machine_that_ends_says_what_its_console_said(machine: Machine) -> None:
    async with machine:
        with pytest.raises(MachineError, match="has ended: Kernel panic"):
            await machine.order("panic")


async def test_a_late_answer_is_an_error(machine: Machine) -> None:
    async with machine:
        with pytest.raises(MachineError, match=r"no answer within 0\.2 s"):
            await machine.order("sleep 5", timeout_s=0.2)


async def test_qemu_that_does_not_start_says_why(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    with pytest.raises(MachineError, match="this QEMU refuses"):
        await machine.__aenter__()


async def test_power_ends_with_the_context_and_in_order(machine: Machine) -> None:
    async with machine:
        pass
    with pytest.raises(MachineError, match="switched off"):
        await machine.order("true")
    async with machine:
        assert await machine.power_off() < machine_module.POWER_OFF_S


async def test_waiting_for_a_processor_is_not_the_machines_own_time(machine: Machine) -> None:
    async with machine:
        before_s = machine.own_s()
        await machine.order("sleep 0.2")
        assert 0.1 < machine.own_s() - before_s < 5.0


async def test_the_network_leads_to_two_servers_of_the_loopback_only(
    machine: Machine, tmp_path: Path
) -> None:
    async with machine:
        network = next(
            line for line in (tmp_path / "argv").read_text().splitlines() if "user,id=" in line
        )
    parts = network.split(",")
    assert "restrict=on" in parts
    forwards = [part for part in parts if part.startswith(("hostfwd", "guestfwd"))]
    assert len(forwards) == 4
    for part in forwards:
        assert re.search(r"=tcp:127\.0\.0\.1:\d+-:(4028|8080)$|-cmd:nc -N 127\.0\.0\.1 \d+$", part)


async def test_sticks_are_at_the_ports_of_the_hub(machine: Machine, tmp_path: Path) -> None:
    async with machine:
        words = (tmp_path / "argv").read_text().splitlines()
    assert words.count("usb-hub,bus=xhci.0,port=1") == 1
    assert "usb-redir,bus=xhci.0,port=1.1,chardev=stick1" in words
    assert "usb-redir,bus=xhci.0,port=1.2,chardev=stick2" in words
    assert words[words.index("-accel") + 1] == "tcg"
