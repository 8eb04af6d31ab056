"""Every status that a reply can carry: its number, its letter and its text. One file per subject.

Numbers and texts of LuxOS come first, those of CGMiner where LuxOS shows none. Where neither shows
a number, it is one of the subject's own (``OWN`` in its file); no number is ever used anew.

Ref: LUXminer API (codes), CGMiner API (code table).
"""

from collections.abc import Mapping
from types import MappingProxyType

from luxminer.api.codes import (
    cgminer,
    config,
    devices,
    events,
    info,
    pools,
    power,
    profiles,
    requests,
    sticks,
    thermal,
)
from luxminer.api.codes.status import Code, StatusCode

__all__ = ["CODES", "SUBJECTS", "Code", "StatusCode"]

SUBJECTS = (
    cgminer,
    config,
    devices,
    events,
    info,
    pools,
    power,
    profiles,
    requests,
    sticks,
    thermal,
)

CODES: Mapping[int, StatusCode] = MappingProxyType(
    {number: status for subject in SUBJECTS for number, status in subject.CODES.items()}
)
assert len(CODES) == sum(len(subject.CODES) for subject in SUBJECTS), "a number twice"
