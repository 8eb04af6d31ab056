"""The bench on many hosts: a real coordinator and exporters, virtual sticks on mock machines."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab_rig import ROOT, RUN_S, SCALE, Lab, MockStick

pytestmark = [pytest.mark.slow, pytest.mark.lab]

COMPAC = MockStick(model="compac", serial="20000001", port=3)
TWOPAC = MockStick(model="2pac", serial="20000002", port=1, fault="dead chip=1")
SPARE = MockStick(model="compac", serial="20000003", port=2)

BY_PLACE = f"""
{{% for port in range(1, 4) %}}
hub-1-port-{{{{ port }}}}:
  MiningStick:
    match:
      sys_name: '1-1.{{{{ port }}}}'
    scale: {SCALE}
{{% endfor %}}
"""
BY_SERIAL = f"""
wanderer:
  MiningStick:
    match:
      ID_SERIAL_SHORT: '{SPARE.serial}'
    scale: {SCALE}
    model: compac
"""
GONE_S = 15.0
EFFORT = "effort: {nonces: 20, longest_s: 5}"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path) as lab:
        yield lab


def shipped(lab: Lab, name: str, checks: str) -> Path:
    """Return an environment that we ship, with less to do."""
    words = (ROOT / "hil" / "labgrid" / name).read_text()
    changed = re.sub(r"effort:\n +soak_s: 600", EFFORT, words) if "soak_s" in words else words
    changed = changed.replace("reports: reports", f"reports: reports\n        checks: {checks}")
    assert changed != words
    file = lab.folder / name
    file.write_text(changed)
    return file


def test_reserved_places_on_two_hosts_are_checked_at_once(lab: Lab) -> None:
    lab.start_coordinator()
    lab.start_exporter("pi-1", [COMPAC, TWOPAC], BY_PLACE)
    lab.start_exporter("pi-2", [SPARE], BY_SERIAL)
    made = lab.run(lab.bin / "python", "-m", "luxminer_hil.lab.places")
    assert made.splitlines() == [
        "pi-1.hub-1-port-1 host=pi_1 model=2pac_bm1384_bitcoin_miner serial=20000002",
        "pi-1.hub-1-port-3 host=pi_1 model=compac_bm1384_bitcoin_miner serial=20000001",
        "pi-2.wanderer host=pi_2 model=compac serial=20000003",
    ]

    file = shipped(lab, "environment.yaml", "[chips]")
    suites = []
    for wish in ("host=pi_2", "model=2pac_bm1384_bitcoin_miner"):
        token = reserved(lab, wish)
        lab.client("-p", "+", "acquire", LG_TOKEN=token)
        suites.append(lab.begin(*lab.suite(file), LG_TOKEN=token, LG_PLACE="+"))
    (good, bad) = [suite.communicate(timeout=RUN_S)[0] for suite in suites]

    assert [suite.returncode for suite in suites] == [0, 1], good + bad
    assert "SUBPASSED[chips: 1 of 1 chips answer]" in good
    assert "SUBFAILED[chips: 1 of 2 chips answer]" in bad
    for label in ("compac-20000003", "2pac-20000002"):
        report = (lab.folder / "reports" / label / "junit.xml").read_text()
        assert f'name="serial" value="{label.partition("-")[2]}"' in report


def reserved(lab: Lab, wish: str) -> str:
    """Reserve a place with this tag; return the token of the reservation."""
    words = lab.client("reserve", "--wait", "--shell", wish)
    found = re.search(r"LG_TOKEN=(\w+)", words)
    assert found, words
    return found[1]


def test_an_agent_lives_from_acquisition_to_release(lab: Lab) -> None:
    lab.start_coordinator()
    exporter = lab.start_exporter("pi-2", [SPARE], BY_SERIAL)
    lab.run(lab.bin / "python", "-m", "luxminer_hil.lab.places")
    place = ("-p", "pi-2.wanderer")
    assert agent_port(lab) is None

    lab.client(*place, "acquire")
    first = agent_port(lab)
    assert first is not None
    with socket.create_connection(("127.0.0.1", first), timeout=5) as stranger:
        stranger.sendall(b'{"token": "a guess"}\n')
        answer = json.loads(stranger.makefile().readline())
    assert answer["kind"] == "error"
    lab.client(*place, "release")
    assert agent_port(lab) is None
    assert is_refused(first)

    lab.client(*place, "acquire")
    second = agent_port(lab)
    assert second is not None
    os.kill(exporter, signal.SIGKILL)
    deadline = time.monotonic() + GONE_S
    while not is_refused(second):
        assert time.monotonic() < deadline, "the agent outlives its exporter"
        time.sleep(0.05)


def test_all_free_places_are_checked_with_one_line_each(lab: Lab) -> None:
    lab.start_coordinator()
    lab.start_exporter("pi-1", [COMPAC, TWOPAC], BY_PLACE)
    lab.start_exporter("pi-2", [SPARE], BY_SERIAL)
    lab.run(lab.bin / "python", "-m", "luxminer_hil.lab.places")
    lab.client("-p", "pi-2.wanderer", "acquire", LG_USERNAME="somebody")
    file = shipped(lab, "environment.yaml", "[chips]")
    script = lab.begin(ROOT / "hil" / "labgrid" / "check_all.sh", BENCH_ENV=str(file))
    said, _ = script.communicate(timeout=RUN_S)
    assert script.returncode == 1, said
    assert sorted(said.splitlines()) == [
        "pi-1.hub-1-port-1: failed, see reports/pi-1.hub-1-port-1.log",
        "pi-1.hub-1-port-3: passed",
    ]


PULLED = """
from luxminer_hil.lab.export import MiningStickExport

def made(**values):
    entry = {"cls": "MiningStick", "params": {"match": {"sys_name": "1-1.2"}}}
    return MiningStickExport(entry, **values)

export = made(host="127.0.0.1")
export.poll()
assert export.avail, "not seen"
export.acquire("place")
agent, device = export.agent, export.local.device

def set_there(device):  # as udev's news leave it
    export.local.device, export.local.avail = device, device is not None
    export.poll()

set_there(None)
assert not export.avail
assert agent.is_alive, "ended by the check that pulls the stick"
set_there(device)
assert export.agent is agent and agent.is_alive
set_there(None)
export.release()
assert export.agent is None and not agent.is_alive
assert export.params["port"] is None

isolated = made(host="pi-2", proxy="pi-2", proxy_required=True)
isolated.poll()
assert isolated.params["host"] == "localhost", "where its tunnel ends"
"""


def test_an_agent_outlives_a_pulled_stick_but_not_its_release(lab: Lab) -> None:
    lab.run(*lab.machine("pi-2", [SPARE]), lab.bin / "python", "-c", PULLED)


def agent_port(lab: Lab) -> int | None:
    """Return the port of the only agent there is, as the coordinator tells everybody."""
    found = re.search(r"'port': (\d+|None)", lab.client("-vv", "resources"))
    assert found, "no stick is exported"
    return None if found[1] == "None" else int(found[1])


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stick_on_the_desk_needs_no_coordinator(lab: Lab) -> None:
    desk = shipped(lab, "desk.yaml", f"[identify]\n        {EFFORT}")
    desk.write_text(
        desk.read_text().replace("GekkoScience", f"GekkoScience\n        scale: {SCALE}")
    )
    suite = lab.begin(*lab.machine("desk", [COMPAC]), *lab.suite(desk))
    output, _ = suite.communicate(timeout=RUN_S)
    assert suite.returncode == 0, output
    assert "SUBPASSED[identify: GekkoScience Compac (BM1384)" in output


def test_the_shipped_exporter_offers_what_is_in_the_hub(lab: Lab) -> None:
    lab.start_coordinator()
    resources = (ROOT / "hil" / "labgrid" / "exporter.yaml").read_text()
    lab.start_exporter("pi-1", [COMPAC, TWOPAC], resources)
    assert lab.client("resources").splitlines() == [
        "pi-1/hub-1-port-1/NetworkMiningStick",
        "pi-1/hub-1-port-3/NetworkMiningStick",
    ]
