"""A client with everything around it, miners of tiny shares, and a pool that follows a script."""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.hashing import header_hash
from luxminer.stratum.client import StratumClient
from luxminer.stratum.events import Event, JobReceived, ShareSettled
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob, Share, WorkItem
from luxminer.work.target import difficulty_of_hash, hash_meets

TINY = 0.0000001
"""Share difficulty: about one hash in 430."""

QUICK = StratumConfig(retry_min_s=0.02, retry_max_s=0.1, connect_timeout_s=2.0, failback_s=0.5)


class SkewedClock:
    """The loop's own time, plus what a test adds to it."""

    def __init__(self) -> None:
        self.skew_s = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.skew_s

    def wall(self) -> float:
        return 1_700_000_000.0 + self.skew_s


class Miner:
    """Finds shares the slow and sure way, never the same one twice."""

    def __init__(self) -> None:
        self._generators: dict[PoolJob, WorkGenerator] = {}

    def work(self, job: PoolJob, *, versions: int = 1) -> WorkItem:
        generator = self._generators.setdefault(job, WorkGenerator(job))
        work = generator.next(versions=versions, now_s=job.received_s)
        assert work is not None
        return work

    def share(
        self,
        job: PoolJob,
        *,
        good: bool = True,
        block: bool | None = None,
        found_s: float = 0.0,
        rolled: bool = False,
    ) -> Share:
        """Return a share that meets the target, or with ``good=False`` one that just does not.

        ``block`` overrides what the network target says.
        """
        work = self.work(job, versions=4 if rolled else 1)
        return search(work, good=good, block=block, found_s=found_s)


def search(
    work: WorkItem, *, good: bool = True, block: bool | None = None, found_s: float = 0.0
) -> Share:
    """Find a share in the last version of ``work``; see `Miner.share`."""
    midstate, version = work.midstates[-1], work.versions[-1]
    for nonce in range(100_000):
        found = header_hash(midstate, work.tail, nonce)
        if hash_meets(found, work.job.share_target) is good:
            break
    else:
        raise AssertionError("no nonce in 100,000")
    meets = hash_meets(found, work.job.network_target)
    return Share(
        device_id=0,
        work=work,
        nonce=nonce,
        version=version,
        block_hash=found,
        difficulty=difficulty_of_hash(found),
        is_block=meets if block is None else block,
        found_s=found_s or asyncio.get_running_loop().time(),
    )


async def until(condition: Callable[[], object], what: str, timeout_s: float = 5.0) -> None:
    """Wait until something became true; fails with ``what`` did not."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline_s, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.005)


class ClientRig:
    """One client against an address, and all that it said."""

    def __init__(self, pool: PoolConfig, config: StratumConfig) -> None:
        self.clock = SkewedClock()
        self.events: list[Event] = []
        self.ends: defaultdict[Share, list[ShareResult]] = defaultdict(list)
        self.changes = 0
        self.break_on: type[Event] | None = None
        """Listening fails on such an event."""
        self.client = StratumClient(
            pool_id=7,
            pool=pool,
            agent="rig",
            config=config,
            clock=self.clock,
            rng=random.Random(5),
            listener=self._listen,
            changed=self._changed,
        )
        self.miner = Miner()
        self.task: asyncio.Task[None] | None = None

    def _listen(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ShareSettled):
            self.ends[event.share].append(event.result)
        if self.break_on is not None and isinstance(event, self.break_on):
            raise ZeroDivisionError("a bug in a listener")

    def _changed(self) -> None:
        self.changes += 1

    @property
    def jobs(self) -> list[PoolJob]:
        return [event.job for event in self.events if isinstance(event, JobReceived)]

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    async def job(self, number: int = 1) -> PoolJob:
        """Wait for the ``number``-th job since the start, with a login."""
        await until(
            lambda: len(self.jobs) >= number and self.client.authorized, f"job {number} and a login"
        )
        return self.jobs[-1]

    async def end_of(self, share: Share) -> ShareResult:
        await until(lambda: self.ends[share], "end of a share")
        return self.ends[share][0]

    def tick_after(self, seconds: float) -> None:
        self.clock.skew_s += seconds
        self.client.tick(self.clock.monotonic())


@asynccontextmanager
async def running(
    url: str, config: StratumConfig = QUICK, user: str = "me.rig", **settings: Any
) -> AsyncIterator[ClientRig]:
    """Run a client; at the end every share must have had one end at most, and no error."""
    rig = ClientRig(PoolConfig(url=url, user=user, **settings), config)
    rig.task = asyncio.create_task(rig.client.run())
    try:
        yield rig
    finally:
        rig.client.end()
        rig.task.cancel()
        await asyncio.wait({rig.task})
    assert rig.task.cancelled(), rig.task
    assert all(len(ends) == 1 for ends in rig.ends.values()), rig.ends
    if rig.break_on is None:
        assert not rig.client.errors


def outcomes(rig: ClientRig) -> Counter[Outcome]:
    return Counter(end.outcome for ends in rig.ends.values() for end in ends)


@dataclass
class ScriptedPool:
    """Follows orders where a real pool would think. Extranonce1 and session stay the same."""

    extranonce1: str = "08000001"
    session: str | None = "sess"
    difficulty: Fraction = Fraction(1, 10_000_000)
    silent: set[str] = field(default_factory=set)
    """Methods that get no answer."""
    garble: set[str] = field(default_factory=set)
    """Methods whose answer has bytes of something else before it, in the same line."""
    hang_up_on: set[str] = field(default_factory=set)
    answers: dict[str, list[Any]] = field(default_factory=dict)
    """``[result, error]`` for a method instead of the usual."""
    job_after: str = "mining.subscribe"
    """Method after which the job is sent."""
    heard: list[list[dict[str, Any]]] = field(default_factory=list)
    """Requests, one list for each connection."""
    host: str = "127.0.0.1"
    port: int = 0
    nbits: str = "17029a8a"
    hang_up_on_session: bool = False
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _jobs: int = 0

    @property
    def url(self) -> str:
        return f"stratum+tcp://{self.host}:{self.port}"

    def methods(self, connection: int = -1) -> list[str]:
        return [request["method"] for request in self.heard[connection] if "method" in request]

    def submits(self, connection: int = -1) -> list[list[Any]]:
        heard = self.heard[connection]
        return [line["params"] for line in heard if line.get("method") == "mining.submit"]

    def send(self, *messages: object) -> None:
        data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        self._writers[-1].write(data)

    def send_bytes(self, data: bytes) -> None:
        self._writers[-1].write(data)

    def notify(self, *, clean: bool = False, prev: str = "11" * 32) -> dict[str, object]:
        self._jobs += 1
        coinb1 = "01000000" + "01" + "00" * 32 + "ffffffff" + "1b0320a107" + "00" * 15
        coinb2 = "ffffffff" + "01" + "00f2052a01000000" + "0151" + "00000000"
        job = [f"j{self._jobs}", prev, coinb1, coinb2, [], "20000000", self.nbits, "65a00000"]
        return {"id": None, "method": "mining.notify", "params": [*job, clean]}

    def disconnect(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard: list[dict[str, Any]] = []
        self.heard.append(heard)
        self._writers.append(writer)
        try:
            while line := await reader.readline():
                request = json.loads(line)
                heard.append(request)
                method = request.get("method", "")
                named = method == "mining.subscribe" and len(request["params"]) > 1
                if method in self.hang_up_on or (named and self.hang_up_on_session):
                    break
                if method and method not in self.silent:
                    self._answer(request["id"], method)
                if method == self.job_after:
                    set_difficulty = {"id": None, "method": "mining.set_difficulty"}
                    self.send(set_difficulty | {"params": [float(self.difficulty)]}, self.notify())
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    def _answer(self, number: int, method: str) -> None:
        subscriptions = [["mining.notify", self.session]] if self.session else []
        usual: dict[str, object] = {
            "mining.configure": {"version-rolling": True, "version-rolling.mask": "1fffe000"},
            "mining.subscribe": [subscriptions, self.extranonce1, 4],
        }
        if method in self.garble:
            self.send_bytes(b"A" * 100)
        result, error = self.answers.get(method, [usual.get(method, True), None])
        self.send({"id": number, "result": result, "error": error})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ScriptedPool"]:
        server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.disconnect()
            await asyncio.sleep(0.01)
