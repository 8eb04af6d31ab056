"""What a bench asks an agent for; everything in it is hostile until it has been looked at."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Effort
from luxminer_hil.acceptance.rig import LIMITS
from luxminer_hil.acceptance.table import CHECKS, Check, chosen
from luxminer_hil.agent.wire import decode

__all__ = ["RunRequest", "parse_request"]

KEYS = frozenset({"token", "checks", "effort", "seed"})
MAX_SEED = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that may be made."""

    checks: tuple[Check, ...]
    effort: Effort
    seed: int


def parse_request(line: bytes, token: str) -> RunRequest:
    """Return what a line asks for. Raises ConfigError that names key, value and cure."""
    try:
        given = decode(line)
    except ValueError as exc:
        raise ConfigError(f"is no JSON object: {exc}", key="request") from exc
    sent = given.get("token")
    is_theirs = isinstance(sent, str) and hmac.compare_digest(
        sent.encode(errors="replace"), token.encode()
    )
    if not is_theirs:
        cure = "take the one that the coordinator gives to whoever has acquired the place"
        raise ConfigError("is not that of this agent", key="token", cure=cure)
    for key in given:
        if key not in KEYS:
            raise ConfigError("is unknown", key=key[:40], cure=f"known: {', '.join(sorted(KEYS))}")
    seed = given.get("seed", 1)
    if type(seed) is not int or not 0 <= seed < MAX_SEED:
        raise ConfigError(f"is {seed!r:.40}", key="seed", cure=f"use 0 to {MAX_SEED - 1}")
    return RunRequest(
        checks=_checks(given.get("checks", [])),
        effort=_effort(given.get("effort", {})),
        seed=seed,
    )


def _checks(names: Any) -> tuple[Check, ...]:
    """Return the checks of these names and those they build on; all when there are none."""
    known = [check.name for check in CHECKS]
    if not isinstance(names, list):
        raise ConfigError(f"is {names!r:.40}, no list", key="checks")
    for name in names:
        if name not in known:
            raise ConfigError(f"{name!r:.40} is unknown", key="checks", cure=_list(known))
    return chosen(names)


def _effort(given: Any) -> Effort:
    if not isinstance(given, dict):
        raise ConfigError(f"is {given!r:.40}, no object", key="effort")
    known = [field.name for field in fields(Effort)]
    usual = Effort()
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ConfigError("is unknown", key=f"effort.{key[:40]}", cure=_list(known))
        whole = isinstance(getattr(usual, key), int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            what = "whole number" if whole else "number"
            raise ConfigError(f"{value!r:.40} is no {what}", key=f"effort.{key}")
        low, high = LIMITS[key]
        if not low <= value <= high:
            cure = f"use {low:g} to {high:g}"
            raise ConfigError(f"is {value!r:.40}", key=f"effort.{key}", cure=cure)
        values[key] = value if whole else float(value)
    return Effort(**values)


def _list(names: Sequence[str]) -> str:
    return f"known: {', '.join(names)}"
