"""A bench of labgrid on loopback: a coordinator, and hosts that are mock machines with sticks.

umockdev shows the programs of a host /sys and /dev of our making; the ttys there are those of
virtual sticks, which really answer.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from luxminer_hil.usbsim.stick_port import UartPort
from luxminer_hil.usbsim.sticks import STICKS, make_bridge
from tests.integration import test_discovery as mock

__all__ = ["ROOT", "SCALE", "Lab", "MockStick"]

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("luxminer-hil")
SCALE = 0.0005
Command = Sequence[str | Path]
READY_S = 60.0
RUN_S = 180.0
END_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MockStick:
    """One at a port of the hub of a host."""

    model: str
    serial: str
    port: int
    fault: str = ""
    """In words, as ``luxminer-hil stick --fault`` takes them."""


class Lab:
    """Ends what it has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.coordinator = f"127.0.0.1:{taken.getsockname()[1]}"
        subprocess.run([ROOT / "scripts" / "lab_venv.sh"], check=True)
        self.bin = ROOT / os.environ.get("LAB_VENV", ".cache/lab") / "bin"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """Variables of all programs of labgrid."""
        ours = {"LG_COORDINATOR": self.coordinator, "LUXMINER_HIL": str(PROGRAM)}
        return {**os.environ, **ours, "PYTHONUNBUFFERED": "1"}

    def start(self, name: str, command: Command, ready: str) -> "subprocess.Popen[str]":
        """Start a program and return once it has said ``ready``."""
        errors = self._stack.enter_context((self.folder / f"{name}.err").open("w"))
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        for line in process.stdout:
            if ready in line:
                return process
        raise AssertionError(f"{name} has ended: {(self.folder / f'{name}.err').read_text()}")

    def start_coordinator(self) -> None:
        command: Command = [self.bin / "labgrid-coordinator", "-l", self.coordinator]
        self.start("coordinator", command, "listening on")

    def machine(self, host: str, sticks: Sequence[MockStick]) -> list[str | Path]:
        """Start the sticks of a host; return what stands before a command that runs there."""
        rows = mock.hub(mock.CONTROLLER, mock.ROOT_HUB_NODE, "Controller")
        rows += mock.hub(mock.HUB, mock.HUB_NODE, "Hub")
        links = []
        for number, stick in enumerate(sticks):
            link = self.folder / f"{host}-{stick.serial}"
            command: list[str | Path] = [PROGRAM, "stick", "--model", stick.model, "--link", link]
            command += ["--scale", str(SCALE), *(["--fault", stick.fault] if stick.fault else [])]
            self.start(link.name, command, "/")
            links.append(f"ln -sfn {link.readlink()} $UMOCKDEV_DIR/dev/ttyUSB{number}")
            bridge = make_bridge(stick.model, UartPort(""), serial=stick.serial)
            shown = mock.stick(bridge, stick.port, number)
            properties = {
                "ID_SERIAL_SHORT": stick.serial,
                "ID_VENDOR": STICKS[stick.model].manufacturer,
                "ID_MODEL": STICKS[stick.model].product.replace(" ", "_"),
            }
            first = shown.index("E: SUBSYSTEM=usb")
            shown[first:first] = [f"E: {name}={value}" for name, value in properties.items()]
            rows += shown
        file = self.folder / f"{host}.umockdev"
        file.write_text("\n".join(rows))
        script = "; ".join([*links, f"echo $$ > {self.folder / host}.pid", 'exec "$@"'])
        return ["umockdev-run", "--device", file, "--", "sh", "-c", script, "sh"]

    def start_exporter(self, host: str, sticks: Sequence[MockStick], resources: str) -> int:
        """Start a host with sticks that exports ``resources`` (YAML); return its exporter's id."""
        file = self.folder / f"{host}.yaml"
        file.write_text(resources)
        exporter: Command = [self.bin / "python", "-m", "luxminer_hil.lab.exporter"]
        named: Command = ["--name", host, "--hostname", "127.0.0.1", file]
        self.start(host, [*self.machine(host, sticks), *exporter, *named], "Exporter ready")
        return int((self.folder / f"{host}.pid").read_text())

    def client(self, *arguments: str, **variables: str) -> str:
        """Run ``labgrid-client`` and return what it prints."""
        return self.run(self.bin / "labgrid-client", *arguments, **variables)

    def run(self, *command: str | Path, **variables: str) -> str:
        """Run a program to its good end and return what it prints."""
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_S,
            cwd=self.folder,
            env={**self.environment, **variables},
        )
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def suite(self, file: Path) -> list[str | Path]:
        """Return the command that checks the stick of an environment."""
        return [self.bin / "pytest", "-v", "--lg-env", file, ROOT / "hil" / "labgrid"]

    def begin(self, *command: str | Path, **variables: str) -> "subprocess.Popen[str]":
        """Start a program that ends by itself."""
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env={**self.environment, **variables},
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        return process


def _end(process: "subprocess.Popen[str]") -> None:
    """End a program and those that it has started, which are in its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_S)
            return
