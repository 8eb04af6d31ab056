"""How one setting is declared."""

from dataclasses import MISSING, field
from typing import Any

__all__ = ["opt"]


def opt(
    default: Any = MISSING,
    words: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
    example: Any = None,
    restart: bool = True,
) -> Any:
    """Declare one setting; MISSING as default means that the owner must give it.

    ``low`` and ``high`` are inclusive. ``secret`` keeps the value out of ``repr``, logs and
    replies. ``example`` is what the template shows instead of a default that says nothing.
    """
    metadata = {
        "words": words,
        "low": low,
        "high": high,
        "choices": choices,
        "secret": secret,
        "example": example,
        "restart": restart,
    }
    if default is MISSING:
        return field(repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)
