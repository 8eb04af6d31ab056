"""Who may call, and who may change things, by address.

- This machine (loopback) may do everything.
- Everybody else who can reach the port may read, and may not write.
- ``W:`` entries give the addresses they list the right to write as well.
- Other letters are groups of the owner's, ``P:switchpool:enablepool:*``: the addresses of their
  entries may use what the group lists, and nothing else; ``*`` is all that only shows something.
- As soon as there is an entry without ``W``, reading too is only for the addresses listed.
- Where several entries cover an address, the most specific one counts: ``W:192.168.1.0/24``
  with ``R:192.168.1.66`` leaves that one host with reading.

Ref: docs/api.md, "Rights"; CGMiner API (api-allow, api-groups) for the form of an entry.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from luxminer.errors import ConfigError

__all__ = ["AccessRules", "Caller", "Right", "host_address"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENTRY = re.compile(
    r"(?:(?P<group>[A-Za-z]):)?(?P<address>\[[^\]]*\]|[^/\[\]]*)(?:/(?P<prefix>[0-9]+))?"
)
EXAMPLES = 'write "W:192.168.1.0/24", "R:192.168.1.5", "W:[fe80::]/10", or "R:0/0" for everybody'
EVERYBODY = "0/0"
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 inside IPv6, which is judged as IPv4."""
GROUP = re.compile(r"([A-Za-z]):([^:,\s]+(?::[^:,\s]+)*)")
GROUP_EXAMPLE = 'write a letter and the commands, "P:switchpool:enablepool:*"'


class Right(IntEnum):
    NONE = 0
    """Closed without a byte."""
    GROUP = 1
    """What the caller's group lists."""
    READ = 2
    WRITE = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, for rights and for the log."""

    address: str
    may_write: bool
    only: frozenset[str] | None = None
    """Names of the commands of its group, ``*`` for all that only show something; None: all."""

    def may(self, name: str, write: bool) -> bool:
        """Tell whether it may use this command, which changes something or does not."""
        listed = self.only is None or name in self.only or (not write and "*" in self.only)
        return listed and (self.may_write or not write)


@dataclass(frozen=True, slots=True)
class Entry:
    network: Network
    right: Right
    only: frozenset[str] | None = None


class AccessRules:
    """``allow`` and ``groups`` of the configuration. Raises ConfigError for what is wrong there."""

    def __init__(self, allow: Iterable[str] = (), groups: Iterable[str] = ()) -> None:
        known: dict[str, frozenset[str]] = {}
        for number, text in enumerate(groups):
            known |= _parse_group(text, f"api.groups[{number}]", known)
        self._entries: list[Entry] = []
        for number, text in enumerate(allow):
            self._entries += _parse_entry(text, f"api.allow[{number}]", known)
        used = {entry.only for entry in self._entries}
        self._idle_groups = [letter for letter, only in known.items() if only not in used]
        limited = any(entry.right < Right.WRITE for entry in self._entries)
        self._default = Right.NONE if limited else Right.READ

    def without_effect(self) -> list[str]:
        """Say of each entry and group that no caller can ever meet it, and why."""
        found = [f"no entry of api.allow has the letter {name}" for name in self._idle_groups]
        for number, entry in enumerate(self._entries):
            network = entry.network
            if network.is_loopback:
                found.append(f"{network}: this machine may do everything anyway")
            elif isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
                found.append(f"{network}: write it as IPv4")
            else:
                same = [other for other in self._entries if other.network == network]
                if max(same, key=lambda other: other.right) is not self._entries[number]:
                    found.append(f"{network}: another entry for it counts")
        return found

    def right(self, address: str) -> Right:
        """Return what a caller from this address may do."""
        found = self._find(address)
        return found.right if isinstance(found, Entry) else found

    def caller(self, address: str) -> Caller:
        found = self._find(address)
        address = str(host_address(address) or address)
        if isinstance(found, Entry):
            return Caller(address, found.right is not Right.READ, found.only)
        return Caller(address, found is Right.WRITE)

    def _find(self, address: str) -> Entry | Right:
        """Return the entry that counts for an address, or the right where none does."""
        caller = host_address(address)
        if caller is None:
            return self._default
        if caller.is_loopback:
            return Right.WRITE
        covering = [entry for entry in self._entries if caller in entry.network]
        if not covering:
            return self._default
        return max(covering, key=lambda entry: (entry.network.prefixlen, entry.right))


def host_address(text: str) -> Address | None:
    """Parse an address as sockets show it; IPv4 that came in over IPv6 is IPv4 again."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parse_group(
    text: str, key: str, known: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    from luxminer.api.commands import COMMANDS  # they import this module

    match = GROUP.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f'"{text}" is no group', key=key, value=text, cure=GROUP_EXAMPLE)
    letter, names = match[1].upper(), match[2].lower().split(":")
    if letter in ("R", "W", *known):
        reason = f"gives the letter {letter} a second meaning"
        raise ConfigError(f'"{text}" {reason}', key=key, value=text, cure="take another letter")
    for name in names:
        if name != "*" and name not in COMMANDS:
            raise ConfigError(
                f'"{text}" names the unknown command {name}',
                key=key,
                value=text,
                cure="docs/api.md has all commands",
            )
    return {letter: frozenset(names)}


def _parse_entry(text: str, key: str, groups: Mapping[str, frozenset[str]]) -> list[Entry]:
    match = ENTRY.fullmatch(text.strip())
    if match is None or not match["address"]:
        raise _wrong(text, key, "is not an address")
    group = (match["group"] or "R").upper()
    rights = {"R": Right.READ, "W": Right.WRITE} | dict.fromkeys(groups, Right.GROUP)
    if group not in rights:
        known = ", ".join(rights)
        raise _wrong(text, key, f"has the unknown group {group}; there are {known}")
    right, only = rights[group], groups.get(group)
    address, prefix = match["address"], match["prefix"]
    if text.strip().rpartition(":")[2] == EVERYBODY:
        everywhere = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
        return [Entry(network, right, only) for network in everywhere]
    if address.startswith("["):
        address = address[1:-1]
        if ":" not in address:
            raise _wrong(text, key, "has brackets around something else than IPv6")
    elif ":" in address:
        raise _wrong(text, key, "has IPv6 without square brackets")
    else:
        address = _complete_ipv4(address)
    try:
        network = ipaddress.ip_network(f"{address}/{prefix}" if prefix else address, strict=False)
    except ValueError as exc:
        raise _wrong(text, key, "is not an address with an optional prefix") from exc
    return [Entry(network, right, only)]


def _complete_ipv4(address: str) -> str:
    """``10.0`` means ``10.0.0.0``."""
    parts = address.split(".")
    return ".".join(parts + ["0"] * (4 - len(parts)))


def _wrong(text: str, key: str, reason: str) -> ConfigError:
    return ConfigError(f'"{text}" {reason}', key=key, value=text, cure=EXAMPLES)
