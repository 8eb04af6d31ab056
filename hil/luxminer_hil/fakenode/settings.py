"""What a node is told when it is made; all of it can be left out."""

import re
from dataclasses import dataclass
from pathlib import Path

from luxminer_hil.fakenode.proof import nbits_target

__all__ = ["CHAINS", "NodeSettings"]

CHAINS = {
    "main": 0x1D00FFFF,
    "test": 0x1D00FFFF,
    "testnet4": 0x1D00FFFF,
    "signet": 0x1E0377AE,
    "regtest": 0x207FFFFF,
}
"""Names as a node gives them, and the easiest target that each allows."""

RANGES: dict[str, tuple[int, int]] = {
    "port": (0, 65535),
    "height": (11, 0x7FFFFFF0),
    "transactions": (0, 20_000),
    "version": (0, 0xFFFFFFFF),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Raises ValueError that names the setting, its value and what it may be."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    chain: str = "regtest"
    seed: int = 0
    """Of everything random: the same seed gives the same transactions and block hashes."""
    bits: int = 0
    """Target of all blocks; 0 is the easiest of the chain."""
    height: int = 200
    """Of the tip at the start."""
    transactions: int = 3
    """That wait at the start."""
    version: int = 0x20000000
    aux: str = ""
    """Hex that ``coinbaseaux`` shall hold."""
    signet_challenge: str = "51"
    login: str = "user:pass"
    """Of its RPC: user, colon, password."""
    cookie_file: Path | None = None
    """Written at the start with a login of its own, removed at the end."""
    longpoll_fees_s: float = 60.0
    """A long poll ends after this time when transactions have come in meanwhile."""

    def __post_init__(self) -> None:
        if self.chain not in CHAINS:
            raise ValueError(f"chain {self.chain!r} is none of {', '.join(CHAINS)}")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} {value} is outside {low} to {high}")
        if not re.fullmatch(r"(?:[0-9a-f]{2}){0,90}", self.aux):
            raise ValueError(f"aux {self.aux!r} is no hex of at most 90 bytes")
        if ":" not in self.login:
            raise ValueError("login is no user:password")
        if not self.bits:
            object.__setattr__(self, "bits", CHAINS[self.chain])
        nbits_target(self.bits)
