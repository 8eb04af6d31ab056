"""What one client says and what it is told: lines in, lines out, no I/O.

Nothing that a client sends raises out of here: a line that is no request is counted and answered
with an error. A script may put other answers in the place of the pool's own, and have orders follow
them. Ref: docs/sources.md, "Stratum".
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn

from luxminer_hil.fakepool.conduct import Conduct
from luxminer_hil.fakepool.core import PoolCore, Session, rounded
from luxminer_hil.fakepool.cues import Override
from luxminer_hil.fakepool.judge import ERRORS, U32, Reason
from luxminer_hil.fakepool.proof import DIFFICULTY_1_TARGET, exact_difficulty, json_number
from luxminer_hil.scripting.language import Step

__all__ = ["EVENTS", "Dialogue"]

SUBMIT = "mining.submit"
MAY_HAVE_NO_ID = ("mining.suggest_difficulty", "mining.suggest_target")
"""Requests that some miners send as notifications: done, and not answered."""
ACCEPTED = "accepted"
U256 = re.compile(r"[0-9a-fA-F]{64}\Z")
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

    def __init__(self, core: PoolCore, number: int, conduct: Conduct | None = None) -> None:
        self.core = core
        self.number = number
        self.conduct = conduct or Conduct()
        self.on_cue: Callable[[tuple[Step, ...]], object] = lambda _steps: None
        """Told the orders of the script that follow what the client did."""
        self.session: Session | None = None
        self.answers: deque[tuple[str, object]] = deque(maxlen=MAX_CALLS)
        """Method and result of those of our calls that the client answered."""
        self.bad_in_row = 0
        """Lines since the last request that were none."""
        self.takes_extranonce = False
        self.asked_mask: int | None = None
        self.floor = Fraction(0)
        self._calls: dict[int, str] = {}
        self._next_call = FIRST_CALL_ID
        self._announced = False

    @property
    def users(self) -> frozenset[str]:
        """Names that are let in on this connection."""
        return frozenset(self.session.users if self.session else ())

    def receive(self, line: bytes) -> Iterator[str | bytes]:
        """Handle one line without its line feed; yields the lines to send.

        What is yielded must be on its way before the next one is asked for: orders that follow an
        answer come after it.
        """
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
        if self.session is None or not self.core.sends_jobs:
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
        session.takes_extranonce = self.takes_extranonce

    def raise_floor(self, value: object) -> bool:
        """Take a lowest difficulty from the client, if it is one that can be asked of it."""
        if not isinstance(value, int | Decimal | Fraction):
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

    def _request(self, message: dict[str, object]) -> Iterator[str | bytes]:
        number, method, params = message.get("id"), message["method"], message.get("params")
        handler = METHODS.get(method) if isinstance(method, str) else None
        if handler is None and method != SUBMIT:
            yield self._bad_line(number, NO_METHOD)
            return
        is_numbered = isinstance(number, int) and not isinstance(number, bool)
        if not is_numbered and not (number is None and method in MAY_HAVE_NO_ID):
            yield self._bad_line(number, NO_ID)
            return
        self.bad_in_row = 0
        values = params if isinstance(params, list) else []
        answer: Reply | None = None
        if handler is None:
            judged = self.core.judge(values, self.session)
            cue = self.core.cues.take("submit", judged.verdict.reason or ACCEPTED)
            share = self.core.book(
                judged, self.session, self.number, cue.override, is_mute=self.conduct.is_mute
            )
            if share.answered:
                answer = (True, None) if share.reason is None else (None, error(share.reason))
        else:
            cue = self.core.cues.take(str(method).removeprefix("mining."))
            if cue.override is None or cue.override.carries_out:
                answer = handler(self, values)
        yield from self._answer(number, answer, cue.override)
        if cue.steps:
            self.on_cue(cue.steps)
        if not self._announced:
            yield from self.announce()

    def _answer(
        self, number: object, answer: Reply | None, override: Override | None
    ) -> Iterator[str | bytes]:
        """Yield the pool's answer, or what a script says instead; no request, no answer."""
        if override is not None and not override.is_silent:
            if number is not None or not override.replaces:
                yield override.line(number)
            if override.replaces:
                return
        if answer is not None and number is not None:
            yield reply(number, answer)

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
        elif name == "subscribe-extranonce":
            result[name], _ = take_extranonce(dialogue, [])
        elif isinstance(name, str):
            result[name] = name == "info"
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
    if not dialogue.core.settings.offer_session:
        subscriptions = []
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


def suggest_difficulty(dialogue: Dialogue, params: list[object]) -> Reply:
    if not dialogue.core.settings.suggestions:
        return NOT_SUPPORTED
    return (True, None) if params and dialogue.raise_floor(params[0]) else BAD_PARAMS


def suggest_target(dialogue: Dialogue, params: list[object]) -> Reply:
    if not dialogue.core.settings.suggestions:
        return NOT_SUPPORTED
    text = params[0] if params else None
    target = int(text, 16) if isinstance(text, str) and U256.match(text) else 0
    if not target:
        return BAD_PARAMS
    floor = rounded(Fraction(DIFFICULTY_1_TARGET, target))
    return (True, None) if dialogue.raise_floor(floor) else BAD_PARAMS


def take_extranonce(dialogue: Dialogue, _params: list[object]) -> Reply:
    dialogue.takes_extranonce = True
    if dialogue.session is not None:
        dialogue.session.takes_extranonce = True
    return True, None


def always(answer: Reply) -> Callable[[Dialogue, list[object]], Reply]:
    return lambda _dialogue, _params: answer


METHODS: dict[str, Callable[[Dialogue, list[object]], Reply]] = {
    "mining.configure": configure,
    "mining.subscribe": subscribe,
    "mining.authorize": authorize,
    "mining.suggest_difficulty": suggest_difficulty,
    "mining.suggest_target": suggest_target,
    "mining.extranonce.subscribe": take_extranonce,
    "mining.get_transactions": always(NOT_SUPPORTED),
    "mining.ping": always(("pong", None)),
}
"""What is not here is an unknown method. Shares are judged and booked before their answer."""

EVENTS = ("connect", "submit", *(method.removeprefix("mining.") for method in METHODS))
"""What ``when`` may say in a script."""
