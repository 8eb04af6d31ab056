"""What is done with the machine in each kind of scenario."""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from random import Random
from shlex import quote
from typing import Any

from luxminer_hil.system import steps
from luxminer_hil.system.machine import HUB, USBIP_ADDRESS, Machine, MachineError
from luxminer_hil.system.rig import FIRST_SERIAL, SEED, Rig
from luxminer_hil.system.service import DEAD, Answer, Service
from luxminer_hil.system.sticks import SCALES

__all__ = [
    "attach_usbip",
    "cut_power",
    "leave_others_alone",
    "mine_by_tty",
    "mine_by_usb",
    "mine_with_all",
    "replug",
    "reset_hub",
]

PULLS = 3

ALL_AGAIN_S = 30.0
"""For all sticks of a hub at once: an emulated processor brings them up one after the other."""

IN_FLIGHT = 100
"""Shares that may be found between a question and the end of the service."""

WRITTEN_S = 45.0
"""After this time the kernel has written out what the service gave it: 30 s, and some."""

STATE = "/var/lib/luxminer"
READ_TOTALS = (
    "import json; from pathlib import Path; from luxminer.pool.history import ShareHistory; "
    "from luxminer.pool.tallies import to_values; "
    f"history = ShareHistory(Path('{STATE}'), Path('{STATE}/ledger.journal')); "
    "print(json.dumps(to_values(history.totals())))"
)
"""Of all runs that are in the database; what a killed run left in the journal is not, yet."""
TOKEN = re.compile(r"[A-Za-z0-9_.~-]{16,256}")
WAY_S = 15.0
"""For another program to say what it has to say first."""


async def mine_by_tty(rig: Rig) -> None:
    """Mine through the ttys of the kernel's drivers; ask both ports; look for ways out."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        paths = (await steps.paths(service)).values()
        is_tty = all(path.startswith("/dev/ttyUSB") for path in paths)
        rig.check.that("driven through ttys", is_tty, " ".join(paths))
        is_bound = await steps.drivers(machine) == steps.expected_drivers(rig)
        rig.check.that("drivers stay bound", is_bound)
        for port, ask in ((4028, service.ask), (8080, service.ask_http)):
            accepted = (await ask("summary"))["SUMMARY"][0]["Accepted"]
            rig.check.that(f"port {port} answers the host", accepted > 0, f"{accepted} accepted")
        way_out = await machine.order(f"nc -w 2 10.0.2.2 {rig.pool.port} && echo open; true")
        rig.check.that("no way from the guest to other ports of the host", "open" not in way_out)
        await steps.finish(rig, service)


async def mine_by_usb(rig: Rig) -> None:
    """Mine through libusb, with the kernel's drivers detached meanwhile."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        paths = (await steps.paths(service)).values()
        is_usb = all(path.startswith("usb:") for path in paths)
        rig.check.that("driven through libusb", is_usb, " ".join(paths))
        found = await steps.drivers(machine)
        owners = [found.get(f"{HUB}.{number}:1.0", "") for number, _ in enumerate(rig.sticks, 1)]
        is_detached = set(owners) == {steps.LIBUSB}
        rig.check.that("the kernel's drivers are detached", is_detached, " ".join(owners))
        await steps.finish(rig, service)
        found = await steps.drivers(machine)
        names = " ".join(found[place] for place in sorted(found))
        rig.check.that("and come back at the end", found == steps.expected_drivers(rig), names)


async def mine_with_all(rig: Rig) -> None:
    """Mine with as many sticks as the hub has ports."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        ids = [row["ID"] for row in await service.rows()]
        count = len(rig.sticks)
        rig.check.that(f"{count} rows", ids == list(range(count)), " ".join(map(str, ids)))
        await steps.finish(rig, service)


async def replug(rig: Rig) -> None:
    """Pull the first stick while it mines, and plug it in again, several times."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        before = steps.identities(await service.rows())
        pulled = rig.sticks[0]
        noticed_s, again_s = [], []
        for _ in range(PULLS):
            await pulled.pull()
            noticed_s.append(await steps.noticed(service, pulled.serial))
            shares = steps.accepted(await service.rows())
            await asyncio.sleep(1.0)
            await pulled.plug()
            again_s.append(await steps.mines_again(service, pulled.serial, shares[pulled.serial]))
            await steps.all_mine_again(service, shares)
        rig.check.within(f"unplug noticed, worst of {PULLS}", max(noticed_s), steps.NOTICED_S)
        rig.check.within(f"mining again, worst of {PULLS}", max(again_s), steps.MINING_AGAIN_S)
        _check_rows(rig, before, await service.rows())
        await steps.finish(rig, service)


def _check_rows(rig: Rig, before: dict[str, Any], rows: list[Answer]) -> None:
    after = steps.identities(rows)
    is_same = after == before and len({row["ID"] for row in rows}) == len(rows) == len(after)
    ids = " ".join(f"{serial}:{number}" for serial, number in after.items())
    rig.check.that("same rows, no id twice", is_same, ids)


async def reset_hub(rig: Rig) -> None:
    """Reset the hub under all sticks while they mine; then let it lose its power."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        before = steps.identities(await service.rows())
        shares = steps.accepted(await service.rows())
        since_s = float((await machine.order("cat /proc/uptime")).split()[0])
        folder = f"/sys/bus/usb/devices/{HUB}"
        node = f"/dev/bus/usb/$(printf %03d/%03d $(cat {folder}/busnum {folder}/devnum))"
        reset = f"import fcntl; fcntl.ioctl(open('{node}', 'wb'), 0x5514, 0)"
        await machine.order(f'python3 -c "{reset}"')
        again_s = await steps.all_mine_again(service, shares)
        gone = _disconnected(await machine.order("dmesg"), since_s)
        rig.check.that("the reset reaches all sticks", gone == len(rig.sticks), f"{gone} left")
        rig.check.within("all mine again after the reset", again_s, ALL_AGAIN_S)

        await asyncio.gather(*(stick.pull() for stick in rig.sticks))
        noticed_s = await service.until(
            lambda rows: all(row["Status"] == DEAD for row in rows), ALL_AGAIN_S, "all gone"
        )
        rig.check.within("loss of all at once noticed", noticed_s, steps.NOTICED_S)
        shares = steps.accepted(await service.rows())
        await asyncio.gather(*(stick.plug() for stick in rig.sticks))
        again_s = await steps.all_mine_again(service, shares)
        rig.check.within("all mine again when they are back", again_s, ALL_AGAIN_S)
        _check_rows(rig, before, await service.rows())
        await steps.finish(rig, service)


def _disconnected(log: str, since_s: float) -> int:
    """Return how many devices behind the hub the kernel saw going since ``since_s``."""
    line = re.compile(rf"\[ *(\d+\.\d+)\] usb {re.escape(HUB)}\.\d: USB disconnect", re.ASCII)
    return sum(float(found[1]) >= since_s for found in line.finditer(log))


async def leave_others_alone(rig: Rig) -> None:
    """Have bridges beside a stick that are none, however much they look like one."""
    async with rig.boot() as (machine, service):
        wanted = len(rig.sticks) + len(rig.foreign)
        started_s = time.monotonic()
        while len(found := await steps.drivers(machine)) < wanted:
            if time.monotonic() > started_s + steps.ENUMERATED_S:
                raise MachineError(f"not all bridges are there: {found}")
            await asyncio.sleep(0.1)
        rig.check.that("the kernel's drivers bind to all", True, f"{len(found)} bridges")
        listed = json.loads(await service.luxminer("devices --json"))
        usable = [row["serial"] for row in listed if row["usable"]]
        mine = [stick.serial for stick in rig.sticks]
        rig.check.that("only the stick is usable", usable == mine, f"1 of {len(listed)}")
        await service.start(rig.settings)
        await service.until(
            lambda rows: bool(rows) and all(steps.is_mining(row, 5) for row in rows),
            steps.FIRST_SHARES_S,
            "five shares",
        )
        rows = steps.identities(await service.rows())
        rig.check.that("only the stick has a row", list(rows) == mine, f"{len(rows)} row")
        fed = sum(each.bridge.channels[0].fed_bytes for each in rig.foreign)
        rig.check.that("no byte to the others", fed == 0, f"{fed} bytes")
        opened = sum(seen.setup.request == 0 for each in rig.foreign for seen in each.bridge.seen)
        rig.check.that("none of the others opened", opened == 0, f"{opened} times")
        await steps.finish(rig, service)


async def cut_power(rig: Rig) -> None:
    """Cut the power in the midst of mining and writing; what had been saved must be there."""
    async with rig.boot() as (machine, service):
        await steps.mine(rig, machine, service)
        token = await service.luxminer("token")
        await steps.finish(rig, service)
        first = await _totals(machine)
        await service.start(rig.settings)
        kept = await service.luxminer("token")
        rig.check.that("the token outlives a restart", kept == token)
        await service.until(
            lambda rows: all(steps.is_mining(row, 5) for row in rows),
            steps.FIRST_SHARES_S,
            "five shares",
        )
        saved = (await service.ask("summary"))["SUMMARY"][0]["Accepted"]
        await asyncio.sleep(WRITTEN_S)
        renew = "while :; do python3 -m luxminer token --new; done >/run/tokens 2>&1"
        await machine.order(f"({renew} &)")
        await asyncio.sleep(4 + 4 * Random(SEED).random())  # in the midst of one of its turns
        await machine.cut()
    submitted = rig.pool.ledger().submitted
    async with rig.boot() as (machine, service):
        is_played_back = "recovery complete" in await machine.order("dmesg")
        rig.check.that("the disk had not been unmounted", is_played_back)
        token = (await service.luxminer("token")).strip()
        rig.check.that("the token is whole", bool(TOKEN.fullmatch(token)), f"{len(token)} long")
        await steps.mine(rig, machine, service)
        accepted = (await service.ask("summary"))["SUMMARY"][0]["Accepted"]
        await steps.finish(rig, service)
        after = await _totals(machine)
        least = first["accepted"] + saved + accepted
        counts = f"{after['accepted']} accepted, {least} at least"
        rig.check.that("no share of before is missing", after["accepted"] >= least, counts)
        known = after["accepted"] <= submitted + accepted + IN_FLIGHT
        rig.check.that("none counts twice", known, f"{submitted} before, {accepted} now")
        ends = sum(after[name] for name in ("accepted", "stale", "unanswered", "waiting"))
        ends += sum(after["rejected"].values()) + sum(after["dropped"].values())
        rig.check.that("the ledger adds up", ends == after["shares"], f"{ends} shares")
        rig.check.note("power off in order", await machine.power_off())


async def _totals(machine: Machine) -> Any:
    return json.loads(await machine.order(f"python3 -c {quote(READ_TOTALS)}"))


async def attach_usbip(rig: Rig) -> None:
    """Attach a stick that ``luxminer-hil stick --usbip`` serves, detach it, attach it again."""
    serial, model = str(FIRST_SERIAL), "compac"
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("luxminer-hil"), "stick", "--usbip", "127.0.0.1:0"),
        *("--model", model, "--serial", serial, "--scale", str(float(SCALES[model]))),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WAY_S):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"--tcp-port (\d+) attach -r \S+ -b (\S+)", line)
        if found is None:
            raise MachineError(f"the stick says {line!r}")
        rig.usbip_port = int(found[1])
        async with rig.boot() as (machine, service):
            await _use_usbip(rig, machine, service, found[2], serial)
            process.terminate()
            noticed_s = await steps.noticed(service, serial)
            rig.check.within("end of the server noticed", noticed_s, steps.NOTICED_S)
            await steps.finish(rig, service)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _use_usbip(
    rig: Rig, machine: Machine, service: Service, bus_id: str, serial: str
) -> None:
    host = USBIP_ADDRESS.partition(":")[0]
    attach = f"usbip attach -r {host} -b {bus_id}"
    await machine.order("modprobe vhci-hcd")
    listed = await machine.order(f"usbip list -r {host}")
    rig.check.that("usbip lists it", "10c4:ea60" in listed, f"{bus_id} 10c4:ea60")
    await machine.order(attach)
    scale = float(SCALES["compac"])
    settings = f'{rig.settings}[[devices]]\nserial = "{serial}"\nscale = {scale!r}\n'
    rig.check.note("luxminer to its first answer", await service.start(settings))
    took_s = await service.until(
        lambda rows: bool(rows) and steps.is_mining(steps.row_of(rows, serial), 3),
        steps.FIRST_SHARES_S,
        "three shares",
    )
    rig.check.note("then three shares accepted after", took_s)
    path = (await steps.paths(service))[serial]
    real = await machine.order(f"readlink -f /sys/class/tty/{Path(path).name}")
    rig.check.that("its tty is on vhci_hcd", "vhci_hcd" in real, path)
    shares = steps.accepted(await service.rows())[serial]
    await machine.order("usbip detach -p 0")
    noticed_s = await steps.noticed(service, serial)
    rig.check.within("detach noticed", noticed_s, steps.NOTICED_S)
    await machine.order(attach)
    again_s = await steps.mines_again(service, serial, shares)
    rig.check.within("attached again, mining again", again_s, steps.MINING_AGAIN_S)
    _check_rows(rig, {serial: 0}, await service.rows())
