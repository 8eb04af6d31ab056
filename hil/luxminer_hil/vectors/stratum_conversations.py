"""Conversations of the golden vectors: every outcome, reply and state, line by line."""

import json
import re
from fractions import Fraction
from typing import Any

from luxminer.stratum import protocol as stratum
from luxminer.stratum.outcome import Outcome
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer.work.target import parse_difficulty, target_of
from luxminer_hil.vectors.mismatch import Mismatch, expect
from luxminer_hil.vectors.stratum_talk import AGENT, JOB, Talk, make_share, notification

__all__ = ["check_malformed", "check_scenario"]

Vector = dict[str, Any]


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
            _check_state(step["state_after"], talk, f"{what}: ")
        elif "hash_found" in step:
            _check_found(step, talk, what)
        elif "event" in step:
            _check_in_flight(step, talk, what)


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
        _, job_id, extranonce2, ntime, nonce, *bits = wanted["params"]
        job = talk.job(str(job_id))
        mask = talk.protocol.version_mask
        share = make_share(
            job,
            version=job.version & ~mask | int(bits[0], 16) if bits else None,
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


def _state(talk: Talk) -> Vector:
    """Say what a connection holds in the words of the vectors, difficulties exact."""
    protocol = talk.protocol
    current = None if protocol.current_job is talk.placeholder else protocol.current_job
    jobs = protocol.valid_jobs.items()
    return {
        "extranonce1": protocol.extranonce1.hex() if protocol.extranonce1 is not None else None,
        "extranonce2_size": protocol.extranonce2_size,
        "mask": f"{protocol.version_mask:08x}" if protocol.version_rolling else None,
        "next_job_difficulty": protocol.difficulty,
        "current_job": current.job_id if current else None,
        "valid_jobs": {name: job.difficulty for name, job in jobs if job is not talk.placeholder},
        "authorized": protocol.authorized,
    }


def _check_state(wanted: Vector, talk: Talk, prefix: str) -> None:
    state = _state(talk)
    for name, value in wanted.items():
        exact = value
        if name == "next_job_difficulty":
            exact = Fraction(value)
        elif name == "valid_jobs":
            exact = {job_id: Fraction(difficulty) for job_id, difficulty in value.items()}
        expect(exact, state[name], f"{prefix}{name}")


def _check_in_flight(step: Vector, talk: Talk, what: str) -> None:
    """Events are prose; those about version bits of a share in flight can be tried."""
    bits = re.search(r"\bbits ([0-9a-f]{8})\b", step["event"])
    if bits is None:
        return
    job = list(talk.protocol.valid_jobs.values())[-1]
    share = make_share(job, version=job.version | int(bits[1], 16))
    withheld = "withhold" in step["expected"]
    expect(withheld, not talk.protocol.share_is_valid(share), f"{what}: withheld")


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


def check_malformed(vector: Vector) -> None:
    talk = _context(vector["context"])
    before = _state(talk)
    events = talk.pool(_line_of(vector) + b"\n")
    _check_outcome(vector, events, talk, "")
    if vector["outcome"] == "close":  # what a closed connection holds is gone with it
        return
    changes = vector["state_changes"]
    _check_state(changes, talk, "")
    after = _state(talk)
    for name in before.keys() - changes.keys():
        expect(before[name], after[name], f"{name}, which must not change")


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
        return Talk(first_id=0)
    if name == "await-authorize":
        talk = Talk(first_id=0)
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
                expect(_printable(wanted["message"]), result.text, f"{prefix}message")
            if "counts_as" in wanted:
                counted = "stale" if result.reason == "stale" else "rejected"
                expect(wanted["counts_as"], counted, f"{prefix}counts as")
        case stratum.AuthorizeRefused(code=code):
            if "code" in wanted:
                expect(wanted["code"], code, f"{prefix}code")
        case stratum.MessageShown(text=text):
            expect(_printable(wanted["text"]), text, f"{prefix}text")
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


def _printable(text: str) -> str:
    """Give a text as it can be shown: half characters replaced, not over 200 long."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:200]


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
        expect(int(wanted["mask"] or "0", 16), protocol.version_mask, f"{prefix}mask")
