"""How a node can answer otherwise than it should, one answer at a time."""

from dataclasses import dataclass, field

__all__ = ["Cut", "Failure", "Fault", "Hang", "Raw", "Result"]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the RPC, with the HTTP status 500."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as the whole answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """A value as the result, whatever it should have been."""

    value: object


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks; ``after`` the order was carried out, or before."""

    after: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer for this long; then the right one."""

    seconds: float


Fault = Failure | Raw | Result | Cut | Hang
