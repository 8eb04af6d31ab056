"""Every shipped behaviour, proved by the bytes that come over a socket."""

import asyncio
import hashlib
import json
import ssl
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from luxminer_hil.fakepool import scripted_pool
from luxminer_hil.fakepool.behaviours import SCRIPTS, behaviour_names, list_behaviours
from tests.unit.fakepool.raw_client import RawMiner
from tests.unit.fakepool.wire import Wire, faster

EASY = "0.0000001"
"""About 430 hashes a share."""
SEED = 60
PROVED: set[str] = set()

Test = Callable[..., Any]


def proves(*names: str) -> Callable[[Test], Test]:
    def register(test: Test) -> Test:
        PROVED.update(names)
        return test

    return register


def test_every_behaviour_is_proved_here() -> None:
    assert set(behaviour_names()) == PROVED


def test_every_behaviour_is_listed_with_its_words() -> None:
    rows = list_behaviours()
    assert [row.split()[0] for row in rows] == behaviour_names()
    for row in rows:
        _, words = row.split(maxsplit=1)
        assert len(row) <= 100, row
        assert words[0].islower(), row


def test_scripts_are_small() -> None:
    for path in SCRIPTS.glob("*.toml"):
        assert len(path.read_text().splitlines()) <= 45, path.name


async def until_reset(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """What comes before the end, and whether that is a reset."""
    heard = b""
    try:
        while data := await reader.read(1 << 20):
            heard += data
    except ConnectionResetError:
        return heard, True
    return heard, False


# Connections


@proves("dead")
@pytest.mark.slow
async def test_dead_takes_bytes_and_gives_none() -> None:
    async with scripted_pool("dead") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.subscribe", "raw/1")
        assert await wire.within(0.1) == b""
        wire.say(b"\n" * (32 << 20))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await wire.writer.drain()
        assert pool.connections == 1, "it does not hang up either"
        wire.writer.transport.abort()


async def test_dead_stays_dead_however_many_come() -> None:
    async with scripted_pool("dead", max_connections=3) as pool:
        wires = [await Wire.to(pool.port) for _ in range(5)]
        await pool.wait_until(lambda: pool.ledger().connections == 5, 5)
        assert await wires[-1].within(0.05) == b""
        assert not wires[-1].reader.at_eof()
        assert pool.connections == 3
        for wire in wires:
            wire.writer.transport.abort()


@proves("closed")
async def test_closed_refuses_connections() -> None:
    async with scripted_pool("closed") as pool:
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            await Wire.to(pool.port)


@proves("flapping")
@pytest.mark.slow
async def test_flapping_is_there_and_gone_and_there() -> None:
    async with scripted_pool(faster("flapping", 100)) as pool:
        seen = ""
        began = time.monotonic()
        while time.monotonic() - began < 3 and seen[-3:] != "-+-":
            try:
                async with await Wire.to(pool.port) as wire:
                    await wire.within(0.02)
            except OSError:
                await asyncio.sleep(0.01)
                seen += "-" if seen[-1:] == "+" else ""
            else:
                seen += "+" if seen[-1:] != "+" else ""
        assert seen.endswith("+-+-")


@proves("slow")
async def test_slow_is_late_with_everything() -> None:
    async with scripted_pool(faster("slow", 20)) as pool:
        await asyncio.sleep(0.02)
        async with await Wire.to(pool.port) as wire:
            began = time.monotonic()
            wire.ask(7, "mining.ping")
            assert await wire.line() == b'{"id": 7, "result": "pong", "error": null}\n'
            assert 0.09 <= time.monotonic() - began < 0.5


@proves("trickle")
async def test_trickle_cuts_lines_into_pieces_of_three() -> None:
    async with scripted_pool(faster("trickle", 2)) as pool:
        await asyncio.sleep(0.02)
        async with await Wire.to(pool.port) as wire:
            wire.ask(7, "mining.ping")
            began, pieces = time.monotonic(), [b""]
            while not pieces[-1].endswith(b"\n"):
                pieces.append(await wire.reader.read(100))
            assert b"".join(pieces) == b'{"id": 7, "result": "pong", "error": null}\n'
            assert all(len(piece) % 3 == 0 for piece in pieces[:-1])
            assert len(pieces) > 5
            assert time.monotonic() - began > 13 * 0.004


@proves("silent-after-authorize")
async def test_silent_after_authorize_says_true_and_no_more() -> None:
    async with scripted_pool("silent-after-authorize") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.subscribe", "raw/1")
        assert (await wire.message())["id"] == 1
        wire.ask(2, "mining.authorize", "rig.1", "x")
        wire.ask(3, "mining.ping")
        assert await wire.line() == b'{"id": 2, "result": true, "error": null}\n'
        assert await wire.within(0.1) == b""
        await pool.new_job(clean=True)
        assert await wire.within(0.05) == b""
        assert pool.connections == 1


@proves("no-jobs")
async def test_no_jobs_answers_and_has_none() -> None:
    async with scripted_pool("no-jobs") as pool:
        await asyncio.sleep(0.02)
        async with await Wire.to(pool.port) as wire:
            wire.ask(1, "mining.subscribe", "raw/1")
            wire.ask(2, "mining.authorize", "rig.1", "x")
            wire.ask(3, "mining.ping")
            assert [(await wire.message())["id"] for _ in range(3)] == [1, 2, 3]
            await pool.new_job()
            assert await wire.within(0.05) == b""


@proves("old-job")
async def test_old_job_has_one_and_then_only_pings() -> None:
    async with (
        scripted_pool(faster("old-job", 20), job_interval_s=0.05) as pool,
        await Wire.to(pool.port) as wire,
    ):
        wire.ask(1, "mining.subscribe", "raw/1")
        wire.ask(2, "mining.authorize", "rig.1", "x")
        await asyncio.sleep(0.15)
        heard = await wire.within(0.05)
        assert b"mining.notify" in heard
        later = await wire.within(0.25)
        assert b"mining.ping" in later
        assert b"mining.notify" not in later


@proves("early-jobs")
async def test_early_jobs_come_before_the_login() -> None:
    async with scripted_pool("early-jobs") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.subscribe", "raw/1")
        said = [await wire.message() for _ in range(3)]
        assert said[0]["id"] == 1
        assert [each["method"] for each in said[1:]] == ["mining.set_difficulty", "mining.notify"]


@proves("reset-mid-line")
async def test_reset_mid_line_leaves_half_a_job() -> None:
    async with scripted_pool(faster("reset-mid-line", 20)) as pool:
        async with await Wire.to(pool.port) as wire:
            *_, job = await wire.login()
            rest, was_reset = await until_reset(wire.reader)
            assert was_reset
            assert b"\n" not in rest
            assert job.startswith(rest[:-10])
            assert len(rest) in range(len(job) // 2 - 5, len(job) // 2 + 5)
        await pool.wait_until(lambda: not pool.connections, 5)


@proves("not-stratum")
async def test_not_stratum_speaks_http_and_hangs_up() -> None:
    async with scripted_pool("not-stratum") as pool, await Wire.to(pool.port) as wire:
        said = await wire.end()
        assert said == b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


# TLS


def trusting(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority)


@proves("tls")
async def test_tls_shows_a_certificate_that_its_authority_signed() -> None:
    async with scripted_pool("tls", tls_names=("pool.example",)) as pool:
        assert pool.url == f"stratum+ssl://127.0.0.1:{pool.port}"
        assert pool.certificate is not None
        context = trusting(pool.certificate.authority_pem)
        for name in ("127.0.0.1", "localhost", "pool.example"):
            async with await Wire.to(pool.port, tls=context, name=name) as wire:
                shown = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                assert hashlib.sha256(shown).hexdigest() == pool.certificate.sha256
                wire.ask(7, "mining.ping")
                assert await wire.line() == b'{"id": 7, "result": "pong", "error": null}\n'
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            await Wire.to(pool.port, tls=ssl.create_default_context(), name="localhost")
        async with await Wire.to(pool.port) as plain:
            plain.ask(1, "mining.subscribe", "raw/1")
            assert b"result" not in await plain.end()


@proves("tls-expired", "tls-wrong-name", "tls-self-signed")
@pytest.mark.parametrize(
    ("name", "words", "trusts_authority"),
    [
        ("tls-expired", "certificate has expired", True),
        ("tls-wrong-name", "Hostname mismatch", True),
        ("tls-self-signed", "self-signed certificate", False),
    ],
)
async def test_tls_that_must_be_refused(name: str, words: str, trusts_authority: bool) -> None:
    async with scripted_pool(name) as pool:
        assert pool.certificate is not None
        authority = pool.certificate.authority_pem
        context = trusting(authority) if trusts_authority else ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            await Wire.to(pool.port, tls=context, name="localhost")
        careless = ssl.create_default_context()
        careless.check_hostname = False
        careless.verify_mode = ssl.CERT_NONE
        async with await Wire.to(pool.port, tls=careless) as wire:
            assert len(await wire.login()) == 4


# Logins


@proves("refusing")
async def test_refusing_lets_nobody_in() -> None:
    async with scripted_pool("refusing") as pool:
        await asyncio.sleep(0.02)
        async with await Wire.to(pool.port) as wire:
            wire.ask(1, "mining.subscribe", "raw/1")
            wire.ask(2, "mining.authorize", "rig.1", "x")
            await wire.line()
            refusal = b'{"id": 2, "result": false, "error": [24, "Unauthorized worker", null]}\n'
            assert await wire.line() == refusal
            assert await wire.within(0.05) == b""


@proves("refusing-subscribe")
async def test_refusing_subscribe_makes_no_session() -> None:
    async with scripted_pool("refusing-subscribe") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.subscribe", "raw/1")
        wire.ask(2, "mining.authorize", "rig.1", "x")
        refusal = b'{"id": 1, "result": null, "error": [20, "Not accepting clients", null]}\n'
        assert await wire.line() == refusal
        assert (await wire.message())["error"][0] == 25


@proves("no-configure")
async def test_no_configure_is_silent_about_it_alone() -> None:
    async with scripted_pool("no-configure") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.configure", ["version-rolling"], {"version-rolling.mask": "1fffe000"})
        wire.ask(2, "mining.ping")
        assert (await wire.message())["id"] == 2
        assert await wire.within(0.05) == b""


@proves("configure-hangup")
async def test_configure_hangup_ends_without_a_word() -> None:
    async with scripted_pool("configure-hangup") as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.configure", ["version-rolling"], {})
        assert await wire.end() == b""


@proves("suggest-hangup")
@pytest.mark.parametrize("number", [5, None])
@pytest.mark.parametrize(
    ("method", "value"),
    [("mining.suggest_difficulty", 64), ("mining.suggest_target", "00" * 6 + "ff" * 26)],
)
async def test_suggest_hangup_ends_without_a_word(method: str, value: Any, number: Any) -> None:
    async with scripted_pool("suggest-hangup") as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        wire.ask(number, method, value)
        assert await wire.end() == b""


@proves("suggest-honoured")
@pytest.mark.parametrize(
    ("method", "value", "wanted"),
    [
        ("mining.suggest_difficulty", 64, "64"),
        ("mining.suggest_difficulty", 2.5, "2.5"),
        ("mining.suggest_target", "0000000007fff8" + "00" * 25, "32"),
    ],
)
async def test_suggest_honoured_is_a_lower_limit(method: str, value: Any, wanted: str) -> None:
    async with scripted_pool("suggest-honoured") as pool:
        async with await Wire.to(pool.port) as wire:
            wire.ask(9, method, value)
            assert await wire.line() == b'{"id": 9, "result": true, "error": null}\n'
            line = f'{{"id": null, "method": "mining.set_difficulty", "params": [{wanted}]}}\n'
            assert line.encode() in await wire.login()
        async with await Wire.to(pool.port) as wire:
            wire.ask(None, method, value)
            wire.ask(3, "mining.ping")
            assert (await wire.message())["id"] == 3, "a notification has no answer"
            assert line.encode() in await wire.login()


async def test_suggestions_that_say_nothing_are_refused() -> None:
    async with scripted_pool("suggest-honoured") as pool, await Wire.to(pool.port) as wire:
        for value in (0, -1, "64", True, None, [64]):
            wire.ask(5, "mining.suggest_difficulty", value)
            assert (await wire.message())["error"][0] == -2, value
        for value in ("00" * 32, "ff", 5, "zz" * 32, None):
            wire.ask(5, "mining.suggest_target", value)
            assert (await wire.message())["error"][0] == -2, value


@proves("extranonce-refused")
async def test_extranonce_refused_says_false() -> None:
    async with scripted_pool("extranonce-refused") as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        wire.ask(3, "mining.extranonce.subscribe")
        assert await wire.line() == b'{"id": 3, "result": false, "error": null}\n'


async def subscription(port: int, *params: str) -> Any:
    async with await Wire.to(port) as wire:
        wire.ask(1, "mining.subscribe", *params)
        return (await wire.message())["result"]


@proves("no-resume")
async def test_no_resume_gives_another_extranonce_for_a_session_it_named() -> None:
    async with scripted_pool("no-resume") as pool:
        (_, [_, session]), extranonce1, _ = await subscription(pool.port, "raw/1")
        await pool.wait_until(lambda: not pool.connections, 5)
        _, other, _ = await subscription(pool.port, "raw/1", session)
        assert other != extranonce1


@proves("no-session")
async def test_no_session_names_none() -> None:
    async with scripted_pool("no-session") as pool:
        assert (await subscription(pool.port, "raw/1"))[0] == []


async def test_without_a_script_a_session_is_offered_and_resumed() -> None:
    async with scripted_pool() as pool:
        (_, [_, session]), extranonce1, _ = await subscription(pool.port, "raw/1")
        await pool.wait_until(lambda: not pool.connections, 5)
        assert (await subscription(pool.port, "raw/1", session))[1] == extranonce1


# Redirects


@proves("redirecting")
async def test_redirecting_names_a_host_once() -> None:
    async with scripted_pool(faster("redirecting", 40)) as pool:
        async with await Wire.to(pool.port) as wire:
            await wire.login()
            line = (await wire.line()).decode()
            params = f'["127.0.0.1", {pool.port}, 1]'
            assert line == f'{{"id": null, "method": "client.reconnect", "params": {params}}}\n'
        async with await Wire.to(pool.port) as wire:
            await wire.login()
            assert await wire.within(0.15) == b""


@proves("redirect-foreign")
async def test_redirect_foreign_names_another_host() -> None:
    async with (
        scripted_pool(faster("redirect-foreign", 40)) as pool,
        await Wire.to(pool.port) as wire,
    ):
        await wire.login()
        message = await wire.message()
        assert message["params"] == ["evil.invalid", 3333, 0]


@proves("redirect-loop")
async def test_redirect_loop_comes_before_any_job_each_time() -> None:
    async with scripted_pool("redirect-loop") as pool:
        for _ in range(3):
            async with await Wire.to(pool.port) as wire:
                said = await wire.login()
                assert said[2] == b'{"id": null, "method": "client.reconnect", "params": []}\n'


# Work


@proves("extranonce")
async def test_extranonce_changes_before_the_next_job() -> None:
    async with scripted_pool(faster("extranonce", 200)) as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        seen: list[tuple[str, int]] = []
        for _ in range(4):
            message = await wire.message()
            assert message["method"] == "mining.set_extranonce"
            seen.append(tuple(message["params"]))
            assert (await wire.message())["method"] == "mining.notify"
        assert len({extranonce1 for extranonce1, _ in seen}) == 4
        sizes = [size for _, size in seen]
        assert sizes in ([8, 3, 8, 3], [3, 8, 3, 8])


@proves("extranonce-same-job")
async def test_extranonce_same_job_repeats_the_id_of_another_job() -> None:
    async with (
        scripted_pool(faster("extranonce-same-job", 50), difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        before, extranonce1 = miner.job, miner.extranonce1
        await miner.until("mining.notify")
        assert miner.lines[-2]["method"] == "mining.set_extranonce"
        assert miner.extranonce1 != extranonce1
        assert miner.job[0] == before[0]
        assert miner.job[3] != before[3]
        assert await miner.submit(*miner.mine().params()) == (True, None)


@proves("vardiff")
@pytest.mark.slow
async def test_vardiff_follows_the_rate_of_each_miner() -> None:
    async with (
        scripted_pool(faster("vardiff", 20), difficulty="0.000004", seed=SEED) as pool,
        await RawMiner.connect(pool.port) as busy,
        await RawMiner.connect(pool.port) as idle,
    ):
        await busy.login()
        await idle.login("rig.2")
        start = 0
        while busy.difficulty == Fraction(4, 1_000_000):
            found = busy.mine(start=start)
            start = int(found.nonce, 16) + 1
            assert await busy.submit(*found.params()) == (True, None)
        assert busy.difficulty in {Fraction(4**power, 1_000_000) for power in range(2, 9)}
        seen = [idle.difficulty]
        while seen[-1] > Fraction(1, 1_000_000):
            await idle.until("mining.set_difficulty")
            seen.append(idle.difficulty)
        assert seen == [Fraction(4, 1_000_000), Fraction(1, 1_000_000)], "and not below its limit"


@proves("version-mask")
async def test_version_mask_shrinks_vanishes_and_returns() -> None:
    async with scripted_pool(faster("version-mask", 100)) as pool, await Wire.to(pool.port) as wire:
        wire.ask(1, "mining.configure", ["version-rolling"], {"version-rolling.mask": "1fffe000"})
        assert (await wire.message())["result"]["version-rolling.mask"] in (
            "1fffe000",
            "00ffe000",
            "00000000",
        )
        await wire.login()
        seen = [(await wire.until("mining.set_version_mask"))["params"][0] for _ in range(4)]
        order = ["00ffe000", "00000000", "1fffe000"]
        at = order.index(seen[0])
        assert seen == [*order, *order, *order][at : at + 4]


@proves("talkative")
async def test_talkative_asks_and_shows_control_characters() -> None:
    async with scripted_pool(faster("talkative", 100)) as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        said = [await wire.line() for _ in range(6)]
        assert b'{"params": [], "id": 42, "method": "mining.ping"}\n' in said
        assert any(b'"method": "client.get_version"' in line for line in said)
        message = next(line for line in said if b"show_message" in line)
        text = "\x1b[2J<b>maintenance</b>\r\n at noon\x07"
        assert json.loads(message)["params"] == [text]


# Shares


async def told_shares(script: str, count: int) -> list[tuple[Any, Any]]:
    """Answers to so many good shares."""
    async with (
        scripted_pool(script, difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        answers = []
        start = 0
        for _ in range(count):
            found = miner.mine(start=start)
            start = int(found.nonce, 16) + 1
            answers.append(await miner.submit(*found.params()))
        ledger = pool.ledger()
        assert ledger.accepted == sum(answer == (True, None) for answer in answers)
        assert all(share.judged is None for share in pool.shares), "they were all good"
        assert ledger.submitted == ledger.accepted + sum(ledger.rejected.values())
        return answers


@proves("refusing-shares")
async def test_refusing_shares_rejects_good_ones() -> None:
    assert await told_shares("refusing-shares", 3) == [(None, 20)] * 3


@proves("rejecting-stale", "rejecting-difficulty")
@pytest.mark.parametrize(("name", "code"), [("stale", 21), ("difficulty", 23)])
async def test_rejecting_says_the_same_of_every_share(name: str, code: int) -> None:
    assert await told_shares(f"rejecting-{name}", 3) == [(None, code)] * 3


@proves("stale-happy")
async def test_stale_happy_calls_some_good_shares_stale() -> None:
    answers = await told_shares("stale-happy", 20)
    assert set(answers) == {(True, None), (None, 21)}
    assert answers == await told_shares("stale-happy", 20), f"seed {SEED} repeats it"


@proves("stale-tolerant")
async def test_stale_tolerant_takes_shares_for_the_block_before() -> None:
    async with (
        scripted_pool(faster("stale-tolerant", 20), difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        found, previous = miner.mine(), miner.job[1]
        await miner.until("mining.notify")
        assert miner.job[8] is True
        assert miner.job[1] != previous
        assert await miner.submit(*found.params()) == (True, None)
        assert (pool.shares[-1].reason, pool.shares[-1].judged) == (None, "stale")


@proves("unanswered")
async def test_unanswered_judges_and_is_silent() -> None:
    async with (
        scripted_pool("unanswered", difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        miner.post("mining.submit", *miner.mine().params())
        assert (await miner.call("mining.ping"))["result"] == "pong"
        assert not miner.early
        assert (pool.ledger().accepted, pool.ledger().unanswered) == (1, 1)


@proves("odd-answers")
async def test_odd_answers_have_other_spellings() -> None:
    async with (
        scripted_pool("odd-answers", difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        seen, accepted, start = set(), 0, 0
        for number in range(100, 130):
            found = miner.mine(start=start)
            start = int(found.nonce, 16) + 1
            row = {"id": number, "method": "mining.submit", "params": found.params()}
            miner.writer.write(json.dumps(row).encode() + b"\n")
            line = (await miner.reader.readline()).replace(b"%d" % number, b"N")
            accepted += b'"result":true' in line.replace(b" ", b"")
            seen.add(line)
        assert seen == {
            b'{"error":null,"result":true,"id":"N"}\n',
            b'{"id":N.0,"result":true}\n',
            b'{"reject-reason":"Above target 2","result":false,"error":null,"id":N}\n',
            b'{"id":N,"error":{"code":21,"message":"stale","data":null}}\n',
            b'{"id":N,"result":false,"error":"-3:method not found"}\n',
            b'{"id": N, "result": true, "error": null}\n',
        }, f"seed {SEED}"
        assert pool.ledger().accepted == accepted


# Hostile bytes


VECTORS = Path(__file__).parents[2] / "vectors" / "stratum.json"
EVENTS = {"await-configure": 3, "await-subscribe": 1, "await-authorize": 2}


def vector_line(vector: dict[str, Any]) -> bytes:
    if "line" in vector:
        return str(vector["line"]).encode()
    if "line_hex" in vector:
        return bytes.fromhex(vector["line_hex"])
    parts = vector["generator"]
    text = parts["prefix"] + parts["repeat"] * parts["count"] + parts["middle"]
    return str(text + parts["repeat2"] * parts["count2"] + parts["suffix"]).encode()


@proves("malformed")
@pytest.mark.slow
async def test_malformed_says_every_line_of_the_corpus() -> None:
    """Also those that answer a request: with the ids that the corpus has."""
    wanted = {
        vector["id"]: vector_line(vector) for vector in json.loads(VECTORS.read_text())["malformed"]
    }
    assert len(wanted) == 149
    heard: set[bytes] = set()
    async with scripted_pool(faster("malformed", 10)) as pool:
        for _ in range(13):  # as many as there are answers to a subscription, and one
            async with await Wire.to(pool.port) as wire:
                wire.ask(
                    3, "mining.configure", ["version-rolling"], {"version-rolling.mask": "f" * 8}
                )
                wire.ask(1, "mining.subscribe", "raw/1")
                wire.ask(2, "mining.authorize", "rig.1", "x")
                heard.update((await wire.within(5)).split(b"\n"))
        missing = [name for name, line in wanted.items() if line not in heard]
        assert missing == []
        async with await Wire.to(pool.port) as wire:
            assert len(await wire.login()) == 4, "an ordinary pool in the end"


@pytest.mark.parametrize("name", ["absurd-difficulty", "wrong-types"])
@proves("absurd-difficulty", "wrong-types")
async def test_lines_of_a_file_are_said_as_they_stand_and_then_it_hangs_up(name: str) -> None:
    rows = (SCRIPTS / f"{name}.jsonl").read_text().splitlines()
    lines = [json.loads(row)["text"].encode() + b"\n" for row in rows]
    async with scripted_pool(faster(name, 1000)) as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        assert await wire.end() == b"".join(lines)


@proves("fuzz")
@pytest.mark.slow
async def test_fuzz_repeats_itself_by_the_seed() -> None:
    async def heard(seed: int) -> list[bytes]:
        script = faster("fuzz", 20)
        async with (
            scripted_pool(script, seed=seed, wall=lambda: 1_700_000_000.0) as pool,
            await Wire.to(pool.port) as wire,
        ):
            await wire.login()
            return [await wire.line() for _ in range(100)]

    first = await heard(1)
    good = sum(is_message(line) for line in first)
    assert 5 < good < 95, "some are messages, some are not"
    assert max(map(len, first)) <= 1 + (1 << 16)
    assert first == await heard(1)
    assert first != await heard(2)


def is_message(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


@proves("endless-line")
async def test_endless_line_has_no_end() -> None:
    async with scripted_pool(faster("endless-line", 40)) as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        heard = 0
        while heard < 4 << 20:
            data = await wire.reader.read(1 << 20)
            assert data
            assert not data.strip(b"A")
            heard += len(data)


@proves("job-flood")
async def test_job_flood_sends_hundreds_of_jobs_a_second() -> None:
    async with (
        scripted_pool(faster("job-flood", 10), max_branches=0) as pool,
        await Wire.to(pool.port) as wire,
    ):
        await wire.login()
        began, ids = time.monotonic(), set()
        for _ in range(100):
            message = await wire.until("mining.notify")
            assert message["params"][8] is False
            ids.add(message["params"][0])
        assert time.monotonic() - began < 1.0
        assert len(ids) == 100


@proves("clean-storm")
async def test_clean_storm_finds_a_block_each_time() -> None:
    async with scripted_pool(faster("clean-storm", 10)) as pool, await Wire.to(pool.port) as wire:
        await wire.login()
        jobs = [(await wire.until("mining.notify"))["params"] for _ in range(20)]
        assert all(job[8] is True for job in jobs)
        assert len({job[1] for job in jobs}) == 20


@proves("extranonce2-zero", "extranonce2-huge")
@pytest.mark.parametrize(("name", "size"), [("extranonce2-zero", 0), ("extranonce2-huge", 200)])
async def test_odd_sizes_of_extranonce2_are_said_and_judged(name: str, size: int) -> None:
    async with (
        scripted_pool(name, difficulty=EASY, seed=SEED) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        assert miner.size == size
        assert await miner.submit(*miner.mine().params()) == (True, None)


# Together


async def test_behaviours_combine() -> None:
    async with (
        scripted_pool("tls", "early-jobs", faster("slow", 20), "stale-happy") as pool,
    ):
        assert pool.certificate is not None
        await asyncio.sleep(0.02)
        context = trusting(pool.certificate.authority_pem)
        async with await Wire.to(pool.port, tls=context, name="localhost") as wire:
            began = time.monotonic()
            wire.ask(1, "mining.subscribe", "raw/1")
            said = [await wire.message() for _ in range(3)]
            assert said[2]["method"] == "mining.notify"
            assert time.monotonic() - began >= 0.09


async def test_the_last_word_on_a_setting_counts() -> None:
    async with scripted_pool("extranonce2-zero", "extranonce2-huge") as pool:
        assert pool.settings.extranonce2_size == 200
    async with scripted_pool("extranonce2-zero", extranonce2_size=5) as pool:
        assert pool.settings.extranonce2_size == 5
