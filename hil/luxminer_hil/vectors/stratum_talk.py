"""Conversations of the golden vectors, held with a real `StratumProtocol`."""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from luxminer.stratum import protocol as stratum
from luxminer.stratum.messages import Call
from luxminer.stratum.outcome import Outcome
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import PoolJob, Share, WorkItem
from luxminer.work.target import parse_difficulty, target_of
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = [
    "call",
    "check_malformed",
    "check_mask_change",
    "check_scenario",
    "check_submit",
    "notify_params",
]

Vector = dict[str, Any]

AGENT = "client/1.0"
USER, PASSWORD = "user.worker", "x"
HOST = "stratum.pool.example"
OWN_MASK = 0x1FFFE000


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


# Scenarios ------------------------------------------------------------------------------------


def check_scenario(vector: Vector) -> None:
    """Play the pool's part line by line and hold events, replies and state against the vector."""
    steps = vector["steps"]
    talk = _talk_for(steps)
    for number, step in enumerate(steps):
        what = f"step {number}"
        if "client_sends" in step:
            _check_client(step["client_sends"], talk, what)
        elif "pool_sends" in step:
            events = talk.pool(step["pool_sends"].encode() + b"\n")
            _check_outcome(step, events, talk, what)
            _check_state(step["state_after"], talk, what)
        elif "hash_found" in step:
            _check_found(step, talk, what)


def _talk_for(steps: list[Vector]) -> Talk:
    """Bring a connection to where the first step of a scenario finds it."""
    asked = {s["client_sends"]["method"]: s["client_sends"] for s in steps if "client_sends" in s}
    state = next(step["state_after"] for step in steps if "state_after" in step)
    replies = [json.loads(s["pool_sends"]).get("id") for s in steps if "pool_sends" in s]
    if "mining.configure" in asked:
        return Talk(first_id=asked["mining.configure"]["id"])
    if "mining.subscribe" in asked:
        params = asked["mining.subscribe"]["params"]
        talk = Talk(
            first_id=asked["mining.subscribe"]["id"],
            configure=False,
            session=params[1] if len(params) > 1 else None,
        )
        if state["mask"] is not None:
            talk = Talk(first_id=asked["mining.subscribe"]["id"] - 1, session=_session(params))
            talk.configured(state["mask"])
        return talk
    if "mining.authorize" in asked:
        first = asked["mining.authorize"]["id"] - (2 if state["mask"] is not None else 1)
        talk = Talk(first_id=first, configure=state["mask"] is not None)
        if state["mask"] is not None:
            talk.configured(state["mask"])
        if state["extranonce1"] is not None:
            talk.subscribed(state["extranonce1"], state["extranonce2_size"])
        return talk
    submits = [number for number in replies if isinstance(number, int)]
    rolling = state["mask"] is not None
    first = min(submits, default=10) - (3 if rolling else 2)
    talk = Talk(first_id=first, configure=rolling)
    if rolling:
        talk.configured(_first_mask(steps))
    talk.subscribed(state["extranonce1"], state["extranonce2_size"])
    if state["authorized"] or submits:
        talk.authorized()
    if submits:
        prior = {**state["valid_jobs"]} or {"j0": state["next_job_difficulty"]}
        for job_id, difficulty in prior.items():
            talk.pool(notification("mining.set_difficulty", [difficulty]))
            talk.pool(notification("mining.notify", [job_id, *JOB[1:8], False]))
        if not state["valid_jobs"]:
            talk.placeholder = talk.job("j0")
        talk.pool(notification("mining.set_difficulty", [state["next_job_difficulty"]]))
        for _ in sorted(set(submits)):
            talk.submit(next(iter(talk.protocol.valid_jobs.values())))
        talk.take_sent()
    return talk


def _session(params: list[Any]) -> str | None:
    return params[1] if len(params) > 1 else None


def _first_mask(steps: list[Vector]) -> str:
    """Return the mask in force before the first line that sets another one."""
    first = next(step for step in steps if "state_after" in step)
    mask: str = first["state_after"]["mask"]
    return mask


def _check_client(wanted: Vector, talk: Talk, what: str) -> None:
    if wanted["method"] == "mining.submit":
        _, job_id, extranonce2, ntime, nonce, *_ = wanted["params"]
        share = make_share(
            talk.job(job_id),
            extranonce2=bytes.fromhex(extranonce2),
            ntime=int(ntime, 16),
            nonce=int(nonce, 16),
        )
        talk.protocol.submit(share, 1.0)
        talk.sent = talk.take_sent()
    sent = next((r for r in talk.sent if r["method"] == wanted["method"]), None)
    if sent is None:
        raise Mismatch(wanted, [r["method"] for r in talk.sent], f"{what}: request")
    expect(wanted["id"], sent["id"], f"{what}: id")
    expect(wanted["params"], sent["params"], f"{what}: parameters")


def _check_state(wanted: Vector, talk: Talk, what: str) -> None:
    protocol = talk.protocol
    extranonce1 = protocol.extranonce1
    mask = f"{protocol.version_mask:08x}" if protocol.version_rolling else None
    expect(wanted["mask"], mask, f"{what}: mask")
    shown = extranonce1.hex() if extranonce1 is not None else None
    expect(wanted["extranonce1"], shown, f"{what}: extranonce1")
    expect(wanted["extranonce2_size"], protocol.extranonce2_size, f"{what}: extranonce2 size")
    wanted_difficulty = parse_difficulty(wanted["next_job_difficulty"])
    expect(wanted_difficulty, protocol.difficulty, f"{what}: difficulty")
    current = None if protocol.current_job is talk.placeholder else protocol.current_job
    expect(wanted["current_job"], current.job_id if current else None, f"{what}: job")
    valid = {
        job_id: job.difficulty
        for job_id, job in protocol.valid_jobs.items()
        if job is not talk.placeholder
    }
    jobs = {job_id: parse_difficulty(text) for job_id, text in wanted["valid_jobs"].items()}
    expect(jobs, valid, f"{what}: valid jobs")
    expect(wanted["authorized"], protocol.authorized, f"{what}: authorized")


def _check_found(step: Vector, talk: Talk, what: str) -> None:
    """Hold what we would do with a hash against what the vector asks for."""
    job_id = step["hash_found"]["job"]
    difficulty = parse_difficulty(step["hash_found"]["difficulty"])
    job = talk.protocol.valid_jobs.get(job_id)
    action = step["action"]
    if job is None:
        if not action.startswith("stale"):
            raise Mismatch(action, "stale", what)
        return
    if target_of(difficulty) > job.share_target:
        done = "below share difficulty"
    else:
        share = make_share(job, difficulty=difficulty)
        expect(True, talk.protocol.share_is_valid(share), f"{what}: share is valid")
        done = "submit" if talk.protocol.authorized else "hold"
    if not action.startswith(done):
        raise Mismatch(action, done, what)


# Malformed lines --------------------------------------------------------------------------------

COINB1 = (
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff"
    "20020862062f503253482f04b8864e5008"
)
COINB2 = (
    "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048e"
    "d988ac00000000"
)
PREV_HASH = "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"
JOB = ["j1", PREV_HASH, COINB1, COINB2, [], "20000000", "1c2ac4af", "504e86b9", False]


def check_malformed(vector: Vector) -> None:
    talk = _context(vector["context"])
    before = _state(talk.protocol)
    events = talk.pool(_line_of(vector) + b"\n")
    _check_outcome(vector, events, talk, "")
    if vector["outcome"] == "ignored":
        expect(before, _state(talk.protocol), "state")


def _line_of(vector: Vector) -> bytes:
    if "line_hex" in vector:
        return bytes.fromhex(vector["line_hex"])
    if "generator" in vector:
        rule = vector["generator"]
        first, second = rule["repeat"] * rule["count"], rule["repeat2"] * rule["count2"]
        text: str = rule["prefix"] + first + rule["middle"] + second + rule["suffix"]
        return text.encode()
    return str(vector["line"]).encode("utf-8", "surrogatepass")


def _context(name: str) -> Talk:
    if name == "await-subscribe":
        return Talk(first_id=1, configure=False)
    if name == "await-authorize":
        talk = Talk(first_id=1, configure=False)
        talk.subscribed("4128064f", 4)
        return talk
    if name == "await-configure":
        talk = Talk(first_id=3)
        talk.subscribed("4128064f", 4)
        return talk
    if name != "mining":
        raise Mismatch("a known context", name, "context")
    talk = Talk(first_id=2)
    talk.configured("1fffe000")
    talk.subscribed("4128064f", 4)
    talk.authorized()
    talk.pool(notification("mining.set_difficulty", [8192]))
    talk.pool(notification("mining.notify", JOB))
    for _ in range(2):
        talk.submit(talk.job("j1"))
    talk.take_sent()
    return talk


def _state(protocol: StratumProtocol) -> object:
    return (
        protocol.subscribed,
        protocol.authorized,
        protocol.extranonce1,
        protocol.extranonce2_size,
        protocol.difficulty,
        protocol.version_mask,
        protocol.version_rolling,
        protocol.current_job,
        dict(protocol.valid_jobs),
    )


def _check_outcome(wanted: Vector, events: list[Event], talk: Talk, what: str) -> None:
    prefix = f"{what}: " if what else ""
    outcome = _outcome(wanted, events)
    replies = talk.take_sent()
    if wanted["outcome"] == "reply":
        expect(1, len(replies), f"{prefix}replies")
    else:
        expect(wanted["outcome"], outcome, f"{prefix}outcome")
    answer = wanted.get("reply")
    if answer is not None:
        if answer.get("result") == "<user agent>":
            answer = {**answer, "result": AGENT}
        expect([answer], replies, f"{prefix}reply")
    else:
        expect([], replies, f"{prefix}replies")
    for event in events:
        _check_event(wanted, event, prefix)
    _check_values(wanted, talk.protocol, prefix)


QUIET = {"difficulty-for-next-job", "extranonce-for-next-job"}
"""What changes state without an event."""


def _outcome(wanted: Vector, events: list[Event]) -> str:
    for event in events:
        match event:
            case stratum.ProtocolFailed() | stratum.AuthorizeRefused():
                return "close"
            case stratum.ReconnectRequested():
                return "reconnect"
            case stratum.BadLine() | stratum.ReconnectRefused():
                return "ignored"
            case _:
                return "processed"
    return "processed" if wanted["reason"] in QUIET else "ignored"


def _check_event(wanted: Vector, event: Event, prefix: str) -> None:
    match event:
        case stratum.ShareSettled(result=result):
            accepted = result.outcome is Outcome.ACCEPTED
            expect(wanted["reason"] == "share-accepted", accepted, f"{prefix}accepted")
            if "message" in wanted:
                shown = wanted["message"].encode("utf-8", "replace").decode().replace("?", "\ufffd")
                if shown not in (result.text, result.text.replace("?", "\ufffd")):
                    raise Mismatch(wanted["message"], result.text, f"{prefix}message")
            if "counts_as" in wanted:
                counted = "stale" if result.reason == "stale" else "rejected"
                expect(wanted["counts_as"], counted, f"{prefix}counts as")
        case stratum.AuthorizeRefused(code=code):
            if "code" in wanted:
                expect(wanted["code"], code, f"{prefix}code")
        case stratum.MessageShown(text=text):
            expect(wanted["text"][:200], text, f"{prefix}text")
        case stratum.ReconnectRequested(host=host, port=port, wait_s=wait_s):
            expect(wanted["host"], host, f"{prefix}host")
            expect(wanted["port"], port, f"{prefix}port")
            expect(wanted["wait_s"], wait_s, f"{prefix}wait")
        case stratum.JobReceived(job=job):
            if "clean" in wanted:
                expect(wanted["clean"], job.clean, f"{prefix}clean")
            if "job_id_echoed_as" in wanted:
                echoed: object = int(job.job_id) if job.job_id_is_number else job.job_id
                expect(wanted["job_id_echoed_as"], echoed, f"{prefix}job id")
        case _:
            pass


def _check_values(wanted: Vector, protocol: StratumProtocol, prefix: str) -> None:
    if wanted["outcome"] != "processed":
        return
    if "difficulty" in wanted:
        expect(parse_difficulty(wanted["difficulty"]), protocol.difficulty, f"{prefix}difficulty")
    if "session_id" in wanted:
        expect(wanted["session_id"], protocol.session_id, f"{prefix}session")
    if "extranonce1" in wanted and protocol.extranonce1 is not None:
        expect(wanted["extranonce1"], protocol.extranonce1.hex(), f"{prefix}extranonce1")
    if "extranonce2_size" in wanted:
        size = protocol.extranonce2_size
        expect(wanted["extranonce2_size"], size, f"{prefix}extranonce2 size")
    if "mask" in wanted:
        mask = f"{protocol.version_mask:08x}" if protocol.version_rolling else None
        expect(wanted["mask"] if wanted["mask"] != "00000000" else mask, mask, f"{prefix}mask")
