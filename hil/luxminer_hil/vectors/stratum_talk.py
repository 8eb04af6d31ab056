"""A pool played by hand against a real `StratumProtocol`, and the vectors of single exchanges."""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from luxminer.stratum.messages import Call
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob, Share, WorkItem
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = [
    "AGENT",
    "JOB",
    "PREV_HASH",
    "Talk",
    "call",
    "check_mask_change",
    "check_submit",
    "make_share",
    "notification",
    "notify_params",
]

Vector = dict[str, Any]

AGENT = "client/1.0"
USER, PASSWORD = "user.worker", "x"
HOST = "stratum.pool.example"
OWN_MASK = 0x1FFFE000

COINB1 = (
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff"
    "20020862062f503253482f04b8864e5008"
)
COINB2 = (
    "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048e"
    "d988ac00000000"
)
PREV_HASH = "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"
JOB: list[Any] = ["j1", PREV_HASH, COINB1, COINB2, [], "20000000", "1c2ac4af", "504e86b9", False]
"""Parameters of a notify with the job of the first published example."""


def call(method: str, params: list[Any]) -> Call:
    return Call(id=None, method=method, params=params)


def notify_params(fields: Mapping[str, Any]) -> list[Any]:
    names = ("job_id", "prevhash", "coinb1", "coinb2", "merkle_branch", "version", "nbits")
    return [*(fields[name] for name in names), fields["ntime"], fields["clean_jobs"]]


def line(**fields: Any) -> bytes:
    return (json.dumps(fields) + "\n").encode()


def notification(method: str, params: list[Any]) -> bytes:
    return line(id=None, method=method, params=params)


class Talk:
    """A protocol with its pool played by hand."""

    def __init__(
        self,
        *,
        first_id: int = 1,
        configure: bool = True,
        session: str | None = None,
        mask: int = OWN_MASK,
    ) -> None:
        self.protocol = StratumProtocol(
            pool_id=0,
            connection=1,
            host=HOST,
            user=USER,
            password=PASSWORD,
            agent=AGENT,
            version_mask=mask,
            session_id=session,
            use_configure=configure,
            first_request_id=first_id,
        )
        self.protocol.start(0.0)
        self.placeholder: PoolJob | None = None
        """Job of shares that a vector takes as sent without saying of which job."""
        self.sent = self.take_sent()
        self.ids = {request["method"]: request["id"] for request in self.sent}

    def take_sent(self) -> list[Vector]:
        return [json.loads(text) for text in self.protocol.data_to_send().splitlines()]

    def pool(self, data: bytes) -> list[Event]:
        return self.protocol.receive_data(data, 1.0)

    def configured(self, mask: str | None) -> None:
        result: Vector = {"version-rolling": mask is not None}
        if mask is not None:
            result["version-rolling.mask"] = mask
        self.pool(line(id=self.ids["mining.configure"], result=result, error=None))

    def subscribed(self, extranonce1: str, size: int) -> None:
        result = [[["mining.notify", "s"]], extranonce1, size]
        self.pool(line(id=self.ids["mining.subscribe"], result=result, error=None))

    def authorized(self) -> None:
        self.pool(line(id=self.ids["mining.authorize"], result=True, error=None))

    def job(self, job_id: str) -> PoolJob:
        return self.protocol.valid_jobs[job_id]

    def submit(self, job: PoolJob, difficulty: Fraction = Fraction(1)) -> Share:
        """Submit some share of ``job``; what its hash is does not matter here."""
        share = make_share(job, difficulty=difficulty)
        self.protocol.submit(share, 1.0)
        return share


def make_share(
    job: PoolJob,
    *,
    difficulty: Fraction = Fraction(1),
    extranonce2: bytes | None = None,
    ntime: int | None = None,
    nonce: int = 0,
    version: int | None = None,
) -> Share:
    work = WorkGenerator(job).next(now_s=1.0)
    assert work is not None
    rolled = job.version if version is None else version
    item = WorkItem(
        job=job,
        extranonce2=work.extranonce2 if extranonce2 is None else extranonce2,
        ntime=job.ntime if ntime is None else ntime,
        merkle_root=work.merkle_root,
        versions=(rolled,),
        midstates=work.midstates[:1],
        tail=work.tail,
    )
    return Share(
        device_id=0,
        work=item,
        nonce=nonce,
        version=rolled,
        block_hash=bytes(32),
        difficulty=difficulty,
        is_block=False,
        found_s=1.0,
    )


def check_submit(vector: Vector, version: int) -> None:
    """Send the job of a vector through a connection and hold the submit against the right one."""
    submit, mask = vector["submit"], vector["version_mask"]
    talk = Talk(mask=int(mask or "1fffe000", 16))
    talk.configured(mask if submit.get("version_bits") is not None else None)
    talk.subscribed(vector["extranonce1"], vector["extranonce2_size"])
    talk.authorized()
    if "pool_difficulty" in vector:
        talk.pool(notification("mining.set_difficulty", [vector["pool_difficulty"]]))
    talk.pool(notification("mining.notify", notify_params(vector["notify"])))
    job = talk.protocol.current_job
    if job is None:
        raise Mismatch("a job", None, "notify")
    talk.take_sent()
    share = make_share(
        job,
        extranonce2=bytes.fromhex(submit["extranonce2"]),
        ntime=int(submit["ntime"], 16),
        nonce=int(submit["nonce"], 16),
        version=version,
    )
    talk.protocol.submit(share, 1.0)
    (request,) = talk.take_sent()
    expect("mining.submit", request["method"], "method")
    expect(vector["expected_submit_params"], request["params"], "submit")


def check_mask_change(vector: Vector) -> None:
    own = int(vector["client_mask"], 16)
    talk = Talk(mask=own)
    if int(vector["old_mask"], 16):
        talk.configured(vector["old_mask"])
    talk.subscribed("08000002", 4)
    talk.authorized()
    talk.pool(notification("mining.notify", JOB))
    job = talk.job("j1")
    flight = int(vector["example_bits_in_flight"], 16)
    share = make_share(job, version=job.version | flight)
    talk.pool(notification("mining.set_version_mask", [vector["pushed_mask"]]))
    expect(vector["effective_mask"], f"{talk.protocol.version_mask:08x}", "mask")
    valid = talk.protocol.share_is_valid(share)
    expect(vector["in_flight_still_valid"], valid, "share in flight")
