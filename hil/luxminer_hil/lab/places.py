"""Makes a place for each stick that exporters offer: ``python -m luxminer_hil.lab.places``.

A place is called like the group of its stick with its host before it (``pi-1.hub-1-port-3``), and
tagged with host, model and serial number. Run it again after sticks have changed; places of sticks
that are gone stay, for sticks come back.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labgrid.remote.client import ServerError, start_session

__all__ = ["main"]

CLASS = "NetworkMiningStick"
COORDINATOR = "127.0.0.1:20408"
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stick:
    """One that an exporter offers."""

    exporter: str
    group: str
    tags: Mapping[str, str]

    @property
    def place(self) -> str:
        return f"{self.exporter}.{self.group}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="places", description="make a place for each stick")
    address = os.environ.get("LG_COORDINATOR", COORDINATOR)
    parser.add_argument("-x", "--coordinator", metavar="HOST:PORT", default=address)
    options = parser.parse_args()
    try:
        session = start_session(options.coordinator)
    except ServerError as exc:
        print(f"{options.coordinator}: {exc}; name the coordinator with -x", file=sys.stderr)
        return 1
    session.loop.run_until_complete(_make(session))
    return 0


async def _make(session: Any) -> None:
    """Make what is missing. A session of labgrid does what its ``args`` say, as its client does."""
    try:
        async with asyncio.timeout(LIMIT_S):
            for stick in list(_sticks(session.resources)):
                tags = [f"{key}={value}" for key, value in stick.tags.items()]
                match = f"{stick.exporter}/{stick.group}/{CLASS}"
                session.args = argparse.Namespace(place=stick.place, tags=tags, patterns=[match])
                if stick.place not in session.places:
                    await session.add_place()
                    await session.add_match()
                await session.set_tags()
                print(stick.place, *tags, flush=True)
    finally:
        await session.stop()


def _sticks(resources: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[Stick]:
    for exporter, groups in sorted(resources.items()):
        for group, members in sorted(groups.items()):
            for entry in members.values():
                if entry.cls == CLASS and entry.avail:
                    args = entry.args
                    tags = {
                        "host": _tag(exporter),
                        "model": _tag(args["model"] or args["product"]),
                        "serial": _tag(args["serial"]),
                    }
                    yield Stick(exporter=exporter, group=group, tags=tags)


def _tag(words: str) -> str:
    """Return a value that labgrid takes for a tag: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


if __name__ == "__main__":
    sys.exit(main())
