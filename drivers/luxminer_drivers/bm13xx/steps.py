"""Bring-up as data: rows that say what is written, how long to wait after it, and why.

`expand` turns rows into the actions of one chain at one clock; a device carries them out. Pauses
contain the millisecond that follows every command. Registers may appear several times: the original
repeats what chips have been seen to miss.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.commands import ChainInactive, ReadRegister, SetAddress, WriteRegister
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.pll import Pll
from luxminer_drivers.bm13xx.tasks import open_core_tasks
from luxminer_drivers.bm13xx.ticket import encode_ticket

__all__ = [
    "Action",
    "Addresses",
    "Computed",
    "EachChip",
    "Inactive",
    "LinkRate",
    "OpenCores",
    "Read",
    "Settings",
    "Step",
    "Write",
    "expand",
]


class Computed(Enum):
    """Values that depend on chain and clock."""

    PLL = "dividers of the clock"
    TICKET = "ticket mask"
    HASH_COUNT = "hash counting number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Write a register of all chips, or inside `EachChip` of one."""

    register: int
    value: int | Computed
    pause_s: float
    why: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Ask for a register of all chips, or inside `EachChip` of one; nothing is made of replies."""

    register: int
    pause_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactive:
    """Make all chips forget their addresses."""

    pause_s: float
    why: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Give each chip its address."""

    pause_s: float
    after_s: float
    """Instead of ``pause_s`` after the last one."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EachChip:
    """Take these steps for one chip after the other."""

    steps: "tuple[Write | Read, ...]"
    after_s: float
    """Instead of the last step's pause after the last chip."""
    last_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRate:
    """The host changes to another rate, because the chips have. Nothing is written."""

    baudrate: int
    pause_s: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCores:
    """Send the frames that wake one core after the other."""

    count: int
    job_ids: int
    pause_s: float
    why: str


Step = Write | Read | Inactive | Addresses | EachChip | LinkRate | OpenCores


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the steps of one chain depend on."""

    chips: int
    pll: Pll
    chip_plls: Mapping[int, Pll] | None = None
    """Instead of ``pll``, and the only chips that `EachChip` means; None for all."""
    ticket_difficulty: int
    hash_count: int = 0
    """Only where the family has such a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Write ``data`` (or nothing), change the host's rate where one is named, then wait."""

    data: bytes
    pause_s: float
    what: str
    baudrate: int | None = None


def _value(family: Family, settings: Settings, value: int | Computed) -> int:
    match value:
        case Computed.PLL:
            return settings.pll.encode(family.pll)
        case Computed.TICKET:
            return encode_ticket(settings.ticket_difficulty, family.ticket_orders[0])
        case Computed.HASH_COUNT:
            return settings.hash_count
    assert isinstance(value, int), value
    return value


def _one(
    family: Family, settings: Settings, step: Write | Read, address: int | None
) -> Iterator[Action]:
    if isinstance(step, Read):
        read = ReadRegister(register=step.register, address=address).encode(family)
        yield Action(data=read, pause_s=step.pause_s, what=step.why)
        return
    value = _value(family, settings, step.value)
    write = WriteRegister(register=step.register, value=value, address=address).encode(family)
    for _ in range(step.times):
        yield Action(data=write, pause_s=step.pause_s, what=step.why)


def _each_chip(family: Family, settings: Settings, step: EachChip) -> Iterator[Action]:
    addresses = chain.addresses(settings.chips)
    plls = settings.chip_plls
    indices = range(settings.chips) if plls is None else sorted(plls)
    actions = [
        action
        for index in (reversed(indices) if step.last_first else indices)
        for each in step.steps
        for action in _one(
            family,
            settings if plls is None else replace(settings, pll=plls[index]),
            each,
            addresses[index],
        )
    ]
    yield from actions[:-1]
    last = actions[-1]
    yield Action(data=last.data, pause_s=step.after_s, what=last.what)


def _addresses(family: Family, settings: Settings, step: Addresses) -> Iterator[Action]:
    addresses = chain.addresses(settings.chips)
    for index, address in enumerate(addresses):
        pause_s = step.after_s if index == len(addresses) - 1 else step.pause_s
        data = SetAddress(address=address).encode(family)
        yield Action(data=data, pause_s=pause_s, what=step.why)


def _expanded(family: Family, settings: Settings, step: Step) -> Iterator[Action]:
    match step:
        case Write() | Read():
            yield from _one(family, settings, step, None)
        case Inactive():
            for _ in range(step.times):
                data = ChainInactive().encode(family)
                yield Action(data=data, pause_s=step.pause_s, what=step.why)
        case Addresses():
            yield from _addresses(family, settings, step)
        case EachChip():
            yield from _each_chip(family, settings, step)
        case LinkRate():
            yield Action(data=b"", pause_s=step.pause_s, what=step.why, baudrate=step.baudrate)
        case OpenCores():
            for task in open_core_tasks(step.count, step.job_ids):
                data = task.encode(family)
                yield Action(data=data, pause_s=step.pause_s, what=step.why)


def expand(family: Family, steps: Sequence[Step], settings: Settings) -> tuple[Action, ...]:
    """Return what to write, and how long to wait after it, for one chain at one clock."""
    return tuple(action for step in steps for action in _expanded(family, settings, step))
