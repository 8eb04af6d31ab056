"""What stands at the head of a report: which stick, where, driven by which program."""

import datetime
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

import luxminer
from luxminer.hashing import kernel
from luxminer_hil.acceptance.bench import Bench

__all__ = ["commit_of", "identity"]

UNKNOWN = "unknown"
MAX_REF_BYTES = 1 << 20


def identity(bench: Bench, *, rig: str = "") -> Mapping[str, str]:
    """Return names and values in the order in which they are shown."""
    stick, effort = bench.stick, bench.effort
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {
        "rig": rig or socket.gethostname(),
        "model": f"{stick.model.name} ({stick.model.title}, {stick.model.chip})",
        "port": stick.port,
        "serial": stick.serial or UNKNOWN,
        "kind": f"virtual, in warped time, seed {bench.seed}" if stick.is_virtual else "at a port",
        "scale": f"{stick.scale:.6g}",
        "effort": (
            f"{effort.nonces} nonces or {effort.longest_s:g} s in each measurement, "
            f"{effort.points} clocks, soak {effort.soak_s:g} s"
        ),
        "firmware": f"luxminer {luxminer.__version__}",
        "commit": commit_of(Path(luxminer.__file__).parent),
        "host": f"{platform.machine()}, Python {platform.python_version()}, SHA-256 by {kernel()}",
        "finished": now,
    }


def commit_of(folder: Path) -> str:
    """Return the commit that a source tree is checked out at; what has changed since is not seen.

    "unknown" for an installed package.
    """
    for parent in (folder, *folder.parents):
        git = parent / ".git"
        if git.is_dir():
            return _head(git) or UNKNOWN
    return UNKNOWN


def _head(git: Path) -> str:
    head = _read(git / "HEAD")
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    own = _read(git / name) if ".." not in name else ""
    if own:
        return own
    packed = (line.split(" ") for line in _read(git / "packed-refs").splitlines())
    return next((parts[0] for parts in packed if parts[1:] == [name]), "")


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_REF_BYTES).strip()
    except OSError:
        return ""
