"""What one client says and what it is told: lines in, lines out, no I/O.

Nothing that a client sends raises out of here: a line that is no request is counted and answered
with an error. Ref: docs/sources.md, "Stratum".
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn

from luxminer_hil.fakepool.core import PoolCore, Session
from luxminer_hil.fakepool.judge import ERRORS, U32, Reason
from luxminer_hil.fakepool.proof import exact_difficulty, json_number

__all__ = ["Dialogue"]

MAX_USERS = 64
MAX_CALLS = 64
"""Calls of ours that wait for an answer, and answers that are kept."""
MAX_TEXT = 256
"""Longest agent that is kept."""
PING_ID = 42
FIRST_CALL_ID = 1000

Reply = tuple[object, object]
"""``result`` and ``error`` of a reply."""

NOT_SUPPORTED: Reply = (None, [20, "Not supported.", None])
BAD_PARAMS: Reply = (None, [-2, "Bad parameters", None])
NO_METHOD: Reply = (None, [-3, "Method not found", None])
NO_REQUEST: Reply = (None, [20, "Not a request", None])
NO_ID: Reply = (None, [20, "The id of a request must be an integer", None])


class Dialogue:
    """State of one connection above the bytes."""

    def __init__(self, core: PoolCore, number: int) -> None:
        self.core = core
        self.number = number
        self.session: Session | None = None
        self.answers: deque[tuple[str, object]] = deque(maxlen=MAX_CALLS)
        """Method and result of those of our calls that the client answered."""
        self.bad_in_row = 0
        """Lines since the last request that were none."""
        self.asked_mask: int | None = None
        self.floor = Fraction(0)
        self._calls: dict[int, str] = {}
        self._next_call = FIRST_CALL_ID
        self._announced = False

    @property
    def users(self) -> frozenset[str]:
        """Names that are let in on this connection."""
        return frozenset(self.session.users if self.session else ())

    def receive(self, line: bytes) -> Iterator[str]:
        """Handle one line without its line feed; yields the lines to send."""
        line = line.removesuffix(b"\r")
        if not line:
            return
        message = parse(line)
        if message is None:
            yield self._bad_line(None, NO_REQUEST)
        elif "method" in message:
            yield from self._request(message)
        elif not self._is_answer(message):
            yield self._bad_line(message.get("id"), NO_REQUEST)

    def announce(self) -> Iterator[str]:
        """Yield what brings the client to the current job, once it is far enough for one."""
        if self.session is None:
            return
        if self.session.users or self.core.settings.job_before_authorize:
            first, self._announced = not self._announced, True
            yield from self.core.announce(self.session, first=first)

    def call(self, method: str) -> str:
        """Make the line of a question; what the client says shows up in ``answers``."""
        number = PING_ID
        if method != "mining.ping":
            number = self._next_call
            self._next_call += 1
        self._calls[number] = method
        if len(self._calls) > MAX_CALLS:
            del self._calls[next(iter(self._calls))]
        return json.dumps({"params": [], "id": number, "method": method})

    def negotiate(self, session: Session) -> None:
        """Give a session what this connection asked for."""
        session.asked_mask = self.asked_mask
        session.mask = (self.asked_mask or 0) & self.core.version_mask
        session.floor = self.floor

    def raise_floor(self, value: object) -> bool:
        """Take a lowest difficulty from the client, if it is one that can be asked of it."""
        if not isinstance(value, int | Decimal):
            return False
        try:
            floor = exact_difficulty(value)
            json_number(floor)
        except ValueError:
            return False
        self.floor = floor
        if self.session is not None:
            self.session.floor = floor
        return True

    def _request(self, message: dict[str, object]) -> Iterator[str]:
        number, method, params = message.get("id"), message["method"], message.get("params")
        handler = METHODS.get(method) if isinstance(method, str) else None
        if handler is None:
            yield self._bad_line(number, NO_METHOD)
            return
        if not isinstance(number, int) or isinstance(number, bool):
            yield self._bad_line(number, NO_ID)
            return
        self.bad_in_row = 0
        answer = handler(self, params if isinstance(params, list) else [])
        if answer is not None:
            yield reply(number, answer)
        if not self._announced:
            yield from self.announce()

    def _bad_line(self, number: object, answer: Reply) -> str:
        self.core.books.bad_lines += 1
        self.bad_in_row += 1
        return reply(number, answer)

    def _is_answer(self, message: dict[str, object]) -> bool:
        number = message.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or number not in self._calls:
            return False
        self.answers.append((self._calls.pop(number), message.get("result")))
        return True


def parse(line: bytes) -> dict[str, object] | None:
    """Read the JSON object of a line, decimal numbers exact; None for anything else."""
    try:
        value = json.loads(line.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def reply(number: object, answer: Reply) -> str:
    """Make the line of a reply; an id that no request may have becomes null."""
    known = number if isinstance(number, int | str) and not isinstance(number, bool) else None
    return json.dumps({"id": known, "result": answer[0], "error": answer[1]})


def error(reason: Reason) -> list[object]:
    code, text = ERRORS[reason]
    return [code, text, None]


def configure(dialogue: Dialogue, params: list[object]) -> Reply:
    names = params[0] if params else None
    options = params[1] if len(params) > 1 else {}
    if not isinstance(names, list) or not isinstance(options, dict):
        return BAD_PARAMS
    result: dict[str, object] = {}
    for name in names:
        if name == "version-rolling":
            granted = grant(dialogue, options.get("version-rolling.mask", "ffffffff"))
            result[name] = bool(granted)
            if granted:
                result["version-rolling.mask"] = f"{granted:08x}"
        elif name == "minimum-difficulty":
            result[name] = dialogue.raise_floor(options.get("minimum-difficulty.value"))
        elif isinstance(name, str):
            result[name] = name in ("subscribe-extranonce", "info")
    return result, None


def grant(dialogue: Dialogue, asked: object) -> int:
    """Return the mask in force from now on; 0 when there will be no version rolling."""
    mask = int(asked, 16) if isinstance(asked, str) and U32.match(asked) else 0
    granted = mask & dialogue.core.version_mask
    dialogue.asked_mask = mask if granted else None
    if dialogue.session is not None:
        dialogue.negotiate(dialogue.session)
    return granted


def subscribe(dialogue: Dialogue, params: list[object]) -> Reply:
    """Open a session; a second time on a connection gives the same one."""
    session = dialogue.session
    if session is None:
        session = dialogue.core.subscribe(params[1] if len(params) > 1 else None)
        session.agent = str(params[0])[:MAX_TEXT] if params else ""
        dialogue.negotiate(session)
        dialogue.session = session
    name = session.session_id
    subscriptions = [["mining.set_difficulty", name], ["mining.notify", name]]
    return [subscriptions, session.extranonce.fixed.hex(), session.extranonce.size], None


def authorize(dialogue: Dialogue, params: list[object]) -> Reply:
    session = dialogue.session
    if session is None:
        return None, error(Reason.NOT_SUBSCRIBED)
    if not params or not all(isinstance(value, str) for value in params[:2]):
        return BAD_PARAMS
    user = str(params[0])
    if not dialogue.core.lets_in(user):
        return False, error(Reason.UNAUTHORIZED)
    if user not in session.users and len(session.users) >= MAX_USERS:
        return False, [24, f"More than {MAX_USERS} users on one connection", None]
    session.users.add(user)
    return True, None


def submit(dialogue: Dialogue, params: list[object]) -> Reply | None:
    """No reply at all while the pool was told not to answer."""
    share = dialogue.core.submit(params, dialogue.session, dialogue.number)
    if not share.answered:
        return None
    return (True, None) if share.reason is None else (None, error(share.reason))


def suggest_difficulty(dialogue: Dialogue, params: list[object]) -> Reply:
    if not dialogue.core.settings.suggestions:
        return NOT_SUPPORTED
    return (True, None) if params and dialogue.raise_floor(params[0]) else BAD_PARAMS


def always(answer: Reply) -> Callable[[Dialogue, list[object]], Reply]:
    return lambda _dialogue, _params: answer


METHODS: dict[str, Callable[[Dialogue, list[object]], Reply | None]] = {
    "mining.configure": configure,
    "mining.subscribe": subscribe,
    "mining.authorize": authorize,
    "mining.submit": submit,
    "mining.suggest_difficulty": suggest_difficulty,
    "mining.suggest_target": always(NOT_SUPPORTED),
    "mining.extranonce.subscribe": always((True, None)),
    "mining.get_transactions": always(NOT_SUPPORTED),
    "mining.ping": always(("pong", None)),
}
