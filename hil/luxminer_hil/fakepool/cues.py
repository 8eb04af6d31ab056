"""Which steps of a script an event sets off: counted, by chance, and repeatable by the seed."""

import json
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from luxminer_hil.scripting.language import Step

__all__ = ["NO_CUE", "Cue", "Cues", "Override"]


class Override(NamedTuple):
    """What a client is told instead of the pool's own answer. All None is silence."""

    result: object = None
    error: object = None
    text: bytes | None = None
    """Whole line with ``$id`` for the id; without ``$id`` it comes before the pool's own answer."""

    @property
    def is_silent(self) -> bool:
        return self.result is None and self.error is None and self.text is None

    @property
    def replaces(self) -> bool:
        """Whether the pool's own answer is left out."""
        return self.text is None or b"$id" in self.text

    @property
    def carries_out(self) -> bool:
        """Whether the pool does what was asked for, whatever it says about it."""
        return self.text is not None or self.result is not None

    @property
    def says_accepted(self) -> bool:
        if self.text is None:
            return self.result is True
        try:
            message = json.loads(self.line(0))
        except (ValueError, RecursionError):
            return False
        return isinstance(message, dict) and message.get("result") is True

    def line(self, number: object) -> bytes:
        """Make the line for a request with this id; not for silence."""
        if self.text is not None:
            return self.text.replace(b"$id", json.dumps(number).encode())
        body = {"id": number, "result": self.result, "error": self.error}
        return json.dumps(body).encode()


class Cue(NamedTuple):
    """What follows an event: another answer, then orders."""

    override: Override | None = None
    steps: tuple[Step, ...] = ()


NO_CUE = Cue()


class Cues:
    """Steps with ``when``. Occurrences are counted over all connections."""

    def __init__(self, steps: Iterable[Step] = (), random: Random | None = None) -> None:
        self._random = random or Random(0)
        self._steps: dict[str, list[Step]] = {}
        for step in steps:
            if step.when is not None:
                self._steps.setdefault(step.when, []).append(step)
        self._seen: dict[int, int] = {}
        self._done: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def take(self, event: str, judged: str | None = None) -> Cue:
        """Count the event and return what it sets off; ``judged`` is the verdict on a share.

        Of several answers the first one counts.
        """
        steps = self._steps.get(event)
        if not steps:
            return NO_CUE
        override = None
        orders = []
        for step in steps:
            if not self._is_due(step, judged):
                continue
            if step.action != "reply":
                orders.append(step)
            elif override is None:
                override = next_override(step, event)
        return Cue(override, tuple(orders))

    def _is_due(self, step: Step, judged: str | None) -> bool:
        if step.judged is not None and step.judged != judged:
            return False
        key = id(step)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen <= step.skip:
            return False
        if step.chance < 1 and self._random.random() >= step.chance:
            return False
        done = self._done.get(key, 0)
        if step.times is not None and done >= step.times:
            return False
        self._done[key] = done + 1
        return True


def next_override(step: Step, event: str) -> Override | None:
    """Make the answer of a ``reply``; None when its file has no line for the event any more."""
    values = step.values
    if values["lines"] is not None:
        line = values["lines"].next_for(event)
        return None if line is None else Override(text=line)
    text = values["text"]
    return Override(values["result"], values["error"], None if text is None else text.encode())
