"""The one table of golden vectors that do not apply to us: what we do instead, and why.

A vector of a family without a driver is not in it: which families have one is a fact of
`luxminer_hil.vectors.chips`, and its reason is printed with this table.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

__all__ = ["ROWS", "Row", "row_for"]


class Row(NamedTuple):
    """Patterns (``*``, ``?``, ``[]``) that a vector must match, and the answer to "why not?"."""

    kinds: str
    instead: str
    why: str
    ids: str = "*"
    families: str = "*"
    """Against the vector's own text, as ``BM1366/BM1368``; empty for vectors of pools."""

    @property
    def place(self) -> str:
        """The patterns that say something, for the table."""
        parts = [self.kinds if self.kinds != "*" else ""]
        parts += [f"id {self.ids}"] if self.ids != "*" else []
        parts += [f"family {self.families}"] if self.families != "*" else []
        return ", ".join(part for part in parts if part)


ROWS: tuple[Row, ...] = (
    Row(
        "increment_bitmask",
        "the work generator deposits a counter into the free bits of the mask",
        "which versions a host rolls is its own choice",
    ),
    Row(
        "next_job_id",
        "ids go up by four",
        "chips add the midstate to the id, or OR it: with multiples of four both are the same",
        families="BM1387",
    ),
    Row(
        "job_interval_espminer",
        "tasks follow the time that a full scan takes",
        "another host's formula",
    ),
    Row(
        "voltage_u3",
        "no core voltage is set by command on sticks this old",
        "no stick of ours with a BM1382 exists",
    ),
    Row(
        "command",
        "no core voltage is set by command on sticks this old",
        "no stick of ours with a BM1382 exists",
        families="BM1382",
    ),
    Row("sv2*", "pools are spoken to in stratum v1", "stratum v2 is not built"),
)


def row_for(kind: str, vector_id: str, vector: Mapping[str, Any]) -> Row | None:
    """Return the first row that covers a vector, or None when it has to pass."""
    family = str(vector.get("family", ""))
    for row in ROWS:
        if (
            fnmatchcase(kind, row.kinds)
            and fnmatchcase(vector_id, row.ids)
            and fnmatchcase(family, row.families)
        ):
            return row
    return None
