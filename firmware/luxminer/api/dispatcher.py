"""From a request to its reply: the one way into the API for TCP and HTTP alike."""

import asyncio
import logging

from luxminer.api.access import Caller
from luxminer.api.codes import CODES, Code
from luxminer.api.commands import COMMANDS, CommandRow
from luxminer.api.grammar import parse, whole
from luxminer.api.handlers.context import Context
from luxminer.api.params import Facts, Refusal
from luxminer.api.replies import Answer, Joined, Reply, Section, Status
from luxminer.api.requests import Request
from luxminer.api.sessions import ID_LENGTH, Sessions
from luxminer.clock import Clock
from luxminer.control import CommandBus
from luxminer.errors import CommandError
from luxminer.telemetry.hub import TelemetryHub
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["MAX_JOINED", "ORDER_TIMEOUT_S", "Dispatcher"]

log = logging.getLogger(__name__)

MAX_JOINED = 64
"""Different commands in one request; more than there are."""
ORDER_TIMEOUT_S = 2.5
"""Luxor's client waits for 3 s."""


class Dispatcher:
    """Answers requests from snapshots, and turns writes into orders."""

    def __init__(self, hub: TelemetryHub, bus: CommandBus, clock: Clock) -> None:
        self.hub = hub
        self._bus = bus
        self._clock = clock
        self.sessions = Sessions(clock)
        self.failures = 0
        """Requests that met a fault of ours."""

    async def handle(self, request: Request, caller: Caller) -> Answer:
        """Answer one request, which may be several commands joined with ``+``."""
        if "+" not in request.command:
            return await self._command(request.command, request.parameter, caller)
        names = dict.fromkeys(map(str.strip, request.command.split("+")))
        for reserved in ("", "id"):  # the outer id is a member of its own; no name comes twice
            names.pop(reserved, None)
        if not 0 < len(names) <= MAX_JOINED:
            return self.refuse(Code.INVALID_COMMAND)
        return Joined(parts=tuple([(name, await self._part(name, caller)) for name in names]))

    def lasts(self, request: Request) -> bool:
        """Tell whether the reply follows from the snapshot alone, whoever asks."""
        rows = [COMMANDS.get(name.strip()) for name in request.command.split("+")]
        readable = (row is not None and row.joinable and not row.write for row in rows)
        return not request.parameter and all(readable)

    def refuse(self, code: int, **facts: object) -> Reply:
        """Make the reply to a request that names no command."""
        return self._reply(self.hub.snapshot(), code, facts)

    async def _part(self, name: str, caller: Caller) -> Reply:
        row = COMMANDS.get(name)
        if row is not None and not row.joinable:
            return self.refuse(Code.ACCESS_DENIED, command=name)
        return await self._command(name, "", caller)

    async def _command(self, name: str, parameter: str, caller: Caller) -> Reply:
        row = COMMANDS.get(name)
        if row is None:
            return self.refuse(Code.INVALID_COMMAND)
        if not caller.may(row.name, row.write):
            return self.refuse(Code.ACCESS_DENIED, command=name)
        miner = self.hub.snapshot()
        try:
            return await self._run(row, parameter, caller, miner)
        except Refusal as exc:
            return self._reply(miner, exc.code, exc.facts)
        except Exception:
            self.failures += 1
            log.exception("%s from %s failed", name, caller.address)
            return self._reply(miner, Code.INTERNAL, {})

    async def _run(
        self, row: CommandRow, parameter: str, caller: Caller, miner: MinerSnapshot
    ) -> Reply:
        args = parse(row.grammar, self._without_session(row, parameter), miner)
        facts = args.facts | row.facts(args, miner) if row.facts is not None else args.facts
        context = Context(
            miner=miner,
            caller=caller,
            sessions=self.sessions,
            bus=self._bus,
            may_use=lambda name: _may_use(name, caller),
        )
        if row.write:
            log.info("%s from %s", row.name, caller.address)
        try:
            async with asyncio.timeout(ORDER_TIMEOUT_S):
                outcome = await row.run(context, args)
        except CommandError as exc:
            code = row.refusals.get(exc.reason, Code.REFUSED)
            raise Refusal(code, **{"reason": str(exc), **facts}) from exc
        except TimeoutError as exc:
            raise Refusal(Code.NO_ANSWER, seconds=ORDER_TIMEOUT_S) from exc
        finally:
            if row.write:
                self.hub.invalidate()
        if row.bare:
            return self._bare(miner, row.bare)
        code = row.success if outcome.code is None else outcome.code
        return self._reply(miner, code, {**facts, **outcome.facts}, outcome.sections)

    def _without_session(self, row: CommandRow, parameter: str) -> str:
        """Take the session id off the parameter; some clients send it where none is needed."""
        first, _, rest = parameter.partition(",")
        known = self.sessions.use(first.strip())
        if row.session and not known and not (row.sessionless and _is_value(first)):
            raise Refusal(Code.INVALID_SESSION if first.strip() else Code.MISSING_SESSION)
        return rest.strip() if known else parameter

    def _reply(
        self, miner: MinerSnapshot, code: int, facts: Facts, sections: tuple[Section, ...] = ()
    ) -> Reply:
        letter, text = CODES[code]
        status = self._status(miner, letter, code, text.format_map(facts))
        return Reply(status=status, sections=sections)

    def _bare(self, miner: MinerSnapshot, word: str) -> Reply:
        return Reply(status=self._status(miner, "S", 0, word), bare=word)

    def _status(self, miner: MinerSnapshot, letter: str, code: int, text: str) -> Status:
        return Status(
            letter=letter,
            when=int(self._clock.wall()),
            code=code,
            text=text,
            description=f"LUXminer {miner.host.version}",
        )


def _is_value(text: str) -> bool:
    """Tell whether this is a number or a key with its value, and so no session id."""
    return "=" in text or (len(text) < ID_LENGTH and whole(text) is not None)


def _may_use(name: str, caller: Caller) -> tuple[bool, bool]:
    row = COMMANDS.get(name)
    return row is not None, row is not None and caller.may(row.name, row.write)
