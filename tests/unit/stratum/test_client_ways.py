"""The ways to a pool: TLS, proxies, several addresses, names looked up anew, wishes it hates."""

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from luxminer.stratum.events import ExtensionAnswered, JobReceived, Subscribed
from luxminer.stratum.leniency import MAX_WISH_HANGUPS
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer_hil.fakepool.server import FakePool
from tests.unit.stratum.client_rig import (
    QUICK,
    TINY,
    ClientRig,
    ScriptedPool,
    running,
    until,
)
from tests.unit.stratum.proxies import LOGIN, SmallProxy

QUOTED = "proxy%20user:p%40ss%20w%2Frd"
SECRETS = ("p@ss w/rd", "p%40ss", "hunter2")

SESSION_LOST = ShareResult(outcome=Outcome.DROPPED, reason="session lost")


async def mines(rig: ClientRig) -> None:
    share = rig.miner.share(await rig.job())
    rig.client.submit(share)
    assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED


def trusted(pool: FakePool, folder: Path) -> dict[str, Any]:
    assert pool.certificate is not None
    file = folder / "ca.pem"
    file.write_text(pool.certificate.authority_pem)
    return {"tls_ca_file": str(file)}


# TLS ---------------------------------------------------------------------------------------------


async def test_a_pool_with_tls_is_mined_for(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=TINY, tls="good") as pool,
        running(pool.url, **trusted(pool, tmp_path)) as rig,
    ):
        await mines(rig)
        await pool.disconnect()
        await rig.job(2)
        assert rig.client.at is not None
        assert rig.client.at.tls


async def test_a_certificate_that_is_not_accepted_is_the_problem_and_no_login_is_sent() -> None:
    async with FakePool(difficulty=TINY, tls="self-signed") as pool:
        async with running(pool.url) as rig:
            await until(lambda: "certificate is not accepted" in rig.client.problem, "problem")
            assert "tls_fingerprint" in rig.client.problem
            assert not rig.events
        assert pool.certificate is not None
        async with running(pool.url, tls_fingerprint=pool.certificate.sha256) as rig:
            await mines(rig)


async def test_unchecked_tls_is_logged_loudly(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        FakePool(difficulty=TINY, tls="wrong-name") as pool,
        running(pool.url, tls_verify=False) as rig,
    ):
        await mines(rig)
    (record,) = (r for r in caplog.records if r.levelno == logging.WARNING)
    assert "CERTIFICATE NOT CHECKED" in record.getMessage()


async def test_a_redirect_does_not_lead_out_of_tls(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.transport.abort()

    plain = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with (
        plain,
        FakePool(difficulty=TINY, tls="good") as pool,
        running(pool.url, **trusted(pool, tmp_path)) as rig,
    ):
        await rig.job()
        await pool.reconnect("127.0.0.1", plain.sockets[0].getsockname()[1])
        await rig.job(2)
        assert pool.ledger().connections == 2
    assert len(heard) == 1
    assert heard[0].startswith(b"\x16\x03"), "a handshake"


# Proxies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_a_pool_behind_a_proxy_is_mined_for(kind: str) -> None:
    async with (
        FakePool(difficulty=TINY) as pool,
        SmallProxy(kind, LOGIN, to_port=pool.port).listening() as proxy,
        running(
            "stratum+tcp://pool.invalid:3333", proxy=f"{kind}://{QUOTED}@127.0.0.1:{proxy.port}"
        ) as rig,
    ):
        await mines(rig)
        assert proxy.asked == [("pool.invalid", 3333)]
        assert str(rig.client.at) == "pool.invalid:3333"


async def test_tls_runs_inside_the_tunnel_and_is_checked_for_the_pool(tmp_path: Path) -> None:
    async with (
        FakePool(difficulty=TINY, tls="good", tls_names=("pool.invalid",)) as pool,
        SmallProxy("socks5", to_port=pool.port).listening() as proxy,
    ):
        way: dict[str, Any] = trusted(pool, tmp_path)
        way["proxy"] = f"socks5://127.0.0.1:{proxy.port}"
        async with running("stratum+ssl://pool.invalid:443", **way) as rig:
            await mines(rig)
        async with running("stratum+ssl://other.invalid:443", **way) as rig:
            await until(lambda: "mismatch" in rig.client.problem, "problem")


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_no_password_shows_when_a_proxy_refuses(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with SmallProxy(kind, "somebody:else").listening() as proxy:
        url = f"{kind}://{QUOTED}@127.0.0.1:{proxy.port}"
        async with running("pool.invalid:1", proxy=url, password="hunter2") as rig:
            await until(lambda: "refuses user and password" in rig.client.problem, "problem")
            shown = f"{rig.client.problem} {rig.events} {caplog.text} {rig.client._way!r}"
    for secret in SECRETS:
        assert secret not in shown


# Several addresses -------------------------------------------------------------------------------


async def test_the_next_address_is_used_when_the_first_is_dead() -> None:
    async with (
        FakePool(difficulty=TINY) as pool,
        running("127.0.0.1:1", backup_urls=(pool.url,)) as rig,
    ):
        await mines(rig)
        await pool.disconnect()
        await rig.job(2)
        assert rig.client.interruptions == 1
        assert pool.ledger().connections == 2, "one that works is kept to"


async def test_a_session_goes_on_at_its_own_address_only() -> None:
    """Another server may happen to give the same extranonce1 to somebody else's session."""
    async with (
        ScriptedPool(silent={"mining.submit"}).listening() as first,
        ScriptedPool().listening() as second,
        running(first.url, backup_urls=(second.url,)) as rig,
    ):
        job = await rig.job()
        first.hang_up_on = {"mining.subscribe"}
        first.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        share = rig.miner.share(job)
        rig.client.submit(share)
        await until(lambda: rig.count(JobReceived) == 2, "job of the second")
        subscribe = next(r for r in second.heard[0] if r["method"] == "mining.subscribe")
        assert subscribe["params"] == ["rig"]
        assert rig.ends[share] == [SESSION_LOST]
        ends = [event for event in rig.events if isinstance(event, Subscribed)]
        assert ends[-1] == Subscribed(resumed=False, asked=False)


async def test_a_name_is_looked_up_anew_at_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    lookups: list[str] = []

    def moving(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host != "pool.example" or options.get("flags") == socket.AI_NUMERICHOST:
            return real(host, port, *args, **options)
        lookups.append(host)
        return real("127.0.0.1" if len(lookups) == 1 else "127.0.0.2", port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", moving)
    async with (
        ScriptedPool().listening() as before,
        ScriptedPool(host="127.0.0.2", port=before.port).listening() as after,
        running(f"pool.example:{before.port}") as rig,
    ):
        await rig.job()
        before.disconnect()
        await rig.job(2)
        assert len(before.heard) == len(after.heard) == 1
        assert len(lookups) == 2


# Wishes ------------------------------------------------------------------------------------------


async def test_a_pool_that_hangs_up_on_a_suggestion_is_spared_it() -> None:
    script = ScriptedPool(hang_up_on={"mining.suggest_difficulty"})
    async with script.listening() as pool, running(pool.url, suggest_difficulty=512.0) as rig:
        await until(lambda: len(pool.heard) == MAX_WISH_HANGUPS + 1, "last attempt")
        await mines(rig)
        assert "mining.suggest_difficulty" in pool.methods(MAX_WISH_HANGUPS - 1)
        assert "mining.suggest_difficulty" not in pool.methods()
        assert len(pool.heard) == MAX_WISH_HANGUPS + 1


async def test_wishes_are_answered_and_told() -> None:
    script = ScriptedPool(answers={"mining.suggest_difficulty": [None, [20, "no", None]]})
    async with (
        script.listening() as pool,
        running(pool.url, suggest_difficulty=512.0, extranonce_subscribe=True) as rig,
    ):
        await until(lambda: rig.count(ExtensionAnswered) == 4, "answers")
        await mines(rig)
    told = {e.name: e.granted for e in rig.events if isinstance(e, ExtensionAnswered)}
    assert told == {
        "subscribe-extranonce": False,
        "mining.extranonce.subscribe": True,
        "mining.suggest_difficulty": False,
        "mining.suggest_target": True,
    }


# Pools that only seem to live --------------------------------------------------------------------


async def test_bytes_without_a_line_are_no_sign_of_life() -> None:
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        await rig.job()
        for _ in range(9):
            pool.send_bytes(b"x")
            await asyncio.sleep(0.01)
            rig.tick_after(QUICK.silence_timeout_s / 8)
            if not rig.client.authorized:
                break
        assert "silent for" in rig.client.problem


async def test_a_login_without_a_job_is_left() -> None:
    async with ScriptedPool(job_after="never").listening() as pool, running(pool.url) as rig:
        await until(lambda: rig.client.authorized, "login")
        for _ in range(9):
            pool.send({"id": 1, "method": "mining.ping", "params": []})
            await asyncio.sleep(0.01)
            rig.tick_after(QUICK.silence_timeout_s / 8)
            if not rig.client.authorized:
                break
        assert "sent no job" in rig.client.problem


async def test_what_a_pool_says_before_it_hangs_up_is_part_of_the_reason() -> None:
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        await rig.job()
        pool.send_bytes(b"Invalid JSON,\x1b disconnecting\nbye\n")
        await until(lambda: rig.client.bad_lines == 2, "last words")
        pool.hang_up_on = {"mining.subscribe"}
        problems: list[str] = []
        rig.client._changed = lambda: problems.append(rig.client.problem)
        pool.disconnect()
        await until(lambda: problems, "break")
        assert problems[0].endswith('; it said "Invalid JSON,  disconnecting"')


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_login_by_order_is_a_new_one_and_ends_what_waits(elsewhere: bool) -> None:
    async with (
        ScriptedPool(silent={"mining.submit"}).listening() as a,
        ScriptedPool().listening() as b,
        running(a.url, backup_urls=(b.url,)) as rig,
    ):
        sent = rig.miner.share(await rig.job())
        rig.client.submit(sent)
        await until(a.submits, "a submit")
        rig.client.renew("of no use", elsewhere=elsewhere)
        assert rig.client.problem == "of no use"
        assert (await rig.end_of(sent)).outcome is Outcome.UNANSWERED
        assert await rig.job(2)
        pool = b if elsewhere else a
        assert str(rig.client.at) == f"127.0.0.1:{pool.port}"
        subscribe = next(m for m in pool.heard[-1] if m["method"] == "mining.subscribe")
        assert len(subscribe["params"]) == 1, "no session is asked for"
