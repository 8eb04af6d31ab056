"""The installed commands as a user types them: demo, clients, mistakes."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rig import free_port

LUXMINER = [sys.executable, "-m", "luxminer"]


def run(*arguments: str, cwd: Path | None = None, timeout_s: float = 60) -> "Result":
    return subprocess.run(
        [*LUXMINER, *arguments],
        cwd=cwd,
        env={**os.environ, "STATE_DIRECTORY": str(cwd or Path.cwd())},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


Result = subprocess.CompletedProcess[str]


@contextlib.contextmanager
def demo(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A demo with its output to read; ended by its id, whatever happens."""
    process = subprocess.Popen(
        [*LUXMINER, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for_line(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"never said: {words}")


@pytest.mark.slow
def test_the_demo_ends_by_itself_with_both_ledgers() -> None:
    result = run("demo", "--duration", "20", "--sticks", "4", "--port", "0", "--http-port", "0")
    assert result.returncode == 0, result.stdout + result.stderr
    nonces = re.search(r"all +(\d+) = +(\d+) \+ +(\d+) \+ +(\d+) \+ +(\d+)\n", result.stdout)
    shares = re.search(
        r"all +(\d+) = +(\d+) \+ +(\d+) \+ +(\d+) \+ +(\d+) \+ +(\d+) \+ +(\d+)\n", result.stdout
    )
    assert nonces is not None
    assert shares is not None
    for match in (nonces, shares):
        whole, *parts = map(int, match.groups())
        assert whole == sum(parts) > 0
    assert int(nonces[2]) == 0, "hardware errors"
    assert "standard errors" in result.stdout
    assert "accepted share" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_clients_see_the_demo_and_ctrl_c_ends_it_quickly() -> None:
    port, http_port = free_port(), free_port()
    with demo("--port", str(port), "--http-port", str(http_port)) as process:
        wait_for_line(process, "accepted share")
        _check_shell_clients(port, http_port)
        _check_old_clients(port)
        process.send_signal(signal.SIGINT)
        started_s = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - started_s < 4, "the service and its virtual hardware have ended"


def _check_shell_clients(port: int, http_port: int) -> None:
    for tool in ("nc", "jq", "curl"):
        assert shutil.which(tool), f"{tool} is missing: scripts/setup.sh test installs it"
    line = (
        """echo '{"command":"version+summary"}' | nc 127.0.0.1 %d | jq -c '.summary[0].SUMMARY'"""
    )
    for _ in range(10):  # the pool has spoken, but its answer may still be under way
        shell = subprocess.run(
            line % port, shell=True, capture_output=True, text=True, timeout=10, check=True
        )
        if json.loads(shell.stdout)[0]["Accepted"]:
            break
        time.sleep(0.5)
    else:
        raise AssertionError(f"no accepted share: {shell.stdout}")
    curl = ["curl", "-sS", "-d", '{"command":"devs"}', f"http://127.0.0.1:{http_port}/api"]
    reply = subprocess.run(curl, capture_output=True, text=True, timeout=10, check=True)
    assert json.loads(reply.stdout)["DEVS"][0]["Status"] == "Alive"
    ours = run("api", "pools", "--json", "--port", str(port))
    assert json.loads(ours.stdout)["POOLS"][0]["Accepted"] >= 1
    text = run("api", "summary", "--port", str(port), "--text")
    assert text.stdout.startswith("STATUS=S,")
    assert run("api", "nonsense", "--port", str(port)).returncode == 1


def _check_old_clients(port: int) -> None:
    """One that demands the NUL, one that takes the last byte away blindly."""
    for request in (b'{"command":"summary"}', b"summary"):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(request)
            reply = b""
            while chunk := connection.recv(4096):
                reply += chunk
        assert reply.endswith(b"\0")
        assert reply.count(b"\0") == 1
        if request.startswith(b"{"):
            assert json.loads(reply[:-1])["SUMMARY"][0]["Accepted"] >= 1


GOOD = """\
[api]
port = 0
http_port = 0
[mining]
detect = false
[[pools]]
url = "stratum+tcp://127.0.0.1:1"
user = "me"
[[devices]]
port = "/tmp/no-such-port-of-luxminer"
model = "compac"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "words", "status"),
    [
        ("port = 0\nhttp", 'port = "4028"\nhttp', ["api.port", "whole number", "line 2"], 2),
        ("detect = false", "detct = false", ["mining.detct", "detect", "line 5"], 2),
        (
            'model = "compac"',
            'model = "compac"\nfrequency_mhz = 900',
            ["devices[0].frequency_mhz", "900", "500", "line 12, column 17"],
            2,
        ),
        (
            "stratum+tcp://",
            "stratum+ftp://",
            ["pools[0].url", "stratum+tcp://", "line 7, column 7"],
            2,
        ),
        ('model = "compac"', 'model = "campac"', ["model", "compac"], 2),
        ('user = "me"', "", ["pools[0].user", "enter the account or address"], 2),
        ("", "", ["/tmp/no-such-port-of-luxminer"], 3),
    ],
)
def test_a_mistake_gets_one_clear_line(
    before: str, after: str, words: list[str], status: int, tmp_path: Path
) -> None:
    file = tmp_path / "luxminer.toml"
    assert before in GOOD
    file.write_text(GOOD.replace(before, after, 1) if before else GOOD)
    result = run("run", "-c", str(file), cwd=tmp_path)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr
    if status == 2:
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr


@pytest.mark.slow
def test_a_port_in_use_is_named_with_the_cure(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        result = run("demo", "--port", str(port), "--http-port", "0", "--duration", "5")
    assert result.returncode == 2, result.stderr
    assert str(port) in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("check-config", "-c", str(tmp_path / "none.toml"))
    assert result.returncode == 2
    assert "none.toml" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_config_praises_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "luxminer.toml"
    file.write_text(GOOD)
    result = run("check-config", "-c", str(file))
    assert (result.returncode, result.stderr) == (0, "")
    assert "fine (1 pool)" in result.stdout


def test_help_names_every_command_and_imports_no_http() -> None:
    result = run("--help")
    for name in ("run", "demo", "devices", "check-config", "api"):
        assert name in result.stdout
    code = "import sys; from luxminer.cli import main\n"
    code += "try: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted(m for m in sys.modules if m in ('aiohttp', 'asyncio', 'serial')))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.splitlines()[-1] == "[]"


def test_an_unreachable_miner_is_a_clear_error() -> None:
    result = run("api", "summary", "--port", str(free_port()))
    assert result.returncode == 1
    assert "is luxminer running" in result.stderr
