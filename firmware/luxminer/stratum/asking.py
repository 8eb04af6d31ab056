"""What a pool is asked for beside work, and in which words. All of it may be refused or ignored.

Ref: docs/sources.md, "Stratum" (extensions, vardiff); BIP310.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from luxminer.work.target import target_of

__all__ = [
    "EXTRANONCE_SUBSCRIBE",
    "MINIMUM_DIFFICULTY",
    "SUBSCRIBE_EXTRANONCE",
    "SUGGEST_DIFFICULTY",
    "SUGGEST_TARGET",
    "Wishes",
    "configure_params",
    "first_requests",
    "is_asked_to_configure",
    "target_request",
]

VERSION_ROLLING = "version-rolling"
MINIMUM_DIFFICULTY = "minimum-difficulty"
SUBSCRIBE_EXTRANONCE = "subscribe-extranonce"
"""Names in `mining.configure`."""

EXTRANONCE_SUBSCRIBE = "mining.extranonce.subscribe"
SUGGEST_DIFFICULTY = "mining.suggest_difficulty"
SUGGEST_TARGET = "mining.suggest_target"

Request = tuple[str, list[object]]
"""Method and parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the owner wants from a pool; difficulties are None where nothing is asked."""

    extranonce_subscribe: bool = False
    suggest_difficulty: Fraction | None = None
    minimum_difficulty: Fraction | None = None


def is_asked_to_configure(mask: int, wishes: Wishes) -> bool:
    """Tell whether `mining.configure` has anything to say."""
    return mask != 0 or wishes.minimum_difficulty is not None


def configure_params(mask: int, wishes: Wishes) -> list[object]:
    """Return the parameters of `mining.configure`.

    Version rolling always comes first: servers were seen that answer nothing else, or answer with
    broken JSON where it is missing. Without a wish for it, its mask is 0.
    """
    names = [VERSION_ROLLING]
    options: dict[str, object] = {
        f"{VERSION_ROLLING}.mask": f"{mask:08x}",
        f"{VERSION_ROLLING}.min-bit-count": 2 if mask else 0,
    }
    if wishes.minimum_difficulty is not None:
        names.append(MINIMUM_DIFFICULTY)
        options[f"{MINIMUM_DIFFICULTY}.value"] = _number(wishes.minimum_difficulty)
    if wishes.extranonce_subscribe:
        names.append(SUBSCRIBE_EXTRANONCE)
    return [names, options]


def first_requests(
    wishes: Wishes, extranonce_granted: bool, leave_out: Collection[str]
) -> Iterator[Request]:
    """Yield what to ask once the login is granted; earlier, pools were seen to hang up.

    ``extranonce_granted``: by the answer to `mining.configure`. ``leave_out`` holds methods that
    this pool has hung up on.
    """
    if wishes.extranonce_subscribe and not extranonce_granted:
        yield from _unless(leave_out, EXTRANONCE_SUBSCRIBE, [])
    if wishes.suggest_difficulty is not None:
        yield from _unless(leave_out, SUGGEST_DIFFICULTY, [_number(wishes.suggest_difficulty)])


def target_request(wishes: Wishes, leave_out: Collection[str]) -> Iterator[Request]:
    """Yield the other form of a suggested difficulty, for a pool that has refused the first."""
    if wishes.suggest_difficulty is not None:
        target = f"{target_of(wishes.suggest_difficulty):064x}"
        yield from _unless(leave_out, SUGGEST_TARGET, [target])


def _unless(leave_out: Collection[str], method: str, params: list[object]) -> Iterator[Request]:
    if method not in leave_out:
        yield method, params


def _number(difficulty: Fraction) -> int | float:
    """Pools compare integers more reliably than floats."""
    return int(difficulty) if difficulty.denominator == 1 else float(difficulty)
