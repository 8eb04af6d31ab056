"""How a connection treats its bytes, apart from what they say."""

from dataclasses import dataclass

__all__ = ["Conduct"]


@dataclass(slots=True, kw_only=True)
class Conduct:
    """Of one connection, or of all that are opened from now on."""

    delay_s: float = 0.0
    """How long everything that is sent is held back."""
    is_mute: bool = False
    """Nothing is sent any more."""
    is_deaf: bool = False
    """Nothing is read any more, so that the client's writes get stuck."""
    piece_bytes: int = 0
    """What is sent goes in pieces of so many bytes; 0 for as much as there is."""
    piece_s: float = 0.0
