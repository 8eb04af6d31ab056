"""The client on real sockets: each share has one end, whatever the pool does."""

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from luxminer.stratum.client import MUTE_S
from luxminer.stratum.events import (
    Authorized,
    AuthorizeRefused,
    BadLine,
    JobReceived,
    MessageShown,
    ProtocolFailed,
    ReconnectRefused,
    ReconnectRequested,
    ShareSettled,
    Subscribed,
)
from luxminer.stratum.held import MAX_CARRIED
from luxminer.stratum.itinerary import MAX_REDIRECTS
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.stratum.requests import CONFIGURE_TIMEOUT_S
from luxminer_hil.fakepool.server import FakePool
from tests.unit.stratum.client_rig import QUICK, TINY, ScriptedPool, outcomes, running, until

LOGIN = ["mining.configure", "mining.subscribe", "mining.authorize"]


def dropped(reason: str) -> list[ShareResult]:
    return [ShareResult(outcome=Outcome.DROPPED, reason=reason)]


LOST = dropped("connection lost")
SESSION_LOST = dropped("session lost")


def unanswered(why: str = "") -> list[ShareResult]:
    return [ShareResult(outcome=Outcome.UNANSWERED, text=why)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Ends of shares ----------------------------------------------------------------------------------


async def test_good_weak_and_old_shares_end_as_they_should() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        good, weak = rig.miner.share(job), rig.miner.share(job, good=False)
        rig.client.submit(good)
        accepted = await rig.end_of(good)
        assert accepted.outcome is Outcome.ACCEPTED
        assert accepted.latency_s is not None
        assert 0 < accepted.latency_s < 1
        rig.client.submit(weak)
        rejected = await rig.end_of(weak)
        assert (rejected.outcome, rejected.reason) == (Outcome.REJECTED, "low difficulty")
        await pool.new_job(clean=True)
        await rig.job(2)
        old = rig.miner.share(job)
        rig.client.submit(old)
        assert rig.ends[old] == [ShareResult(outcome=Outcome.STALE)]
        assert pool.ledger().submitted == 2


async def test_a_share_with_rolled_bits_is_accepted() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        share = rig.miner.share(job, rolled=True)
        assert share.version != job.version
        rig.client.submit(share)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert pool.shares[-1].version == share.version


async def test_bits_that_were_forbidden_meanwhile_are_not_sent() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        share = rig.miner.share(job, rolled=True)
        await pool.set_version_mask(0)
        protocol = rig.client.protocol
        assert protocol is not None
        await until(lambda: not protocol.version_mask, "narrow mask")
        rig.client.submit(share)
        assert rig.ends[share] == [ShareResult(outcome=Outcome.STALE)]


async def test_a_stale_block_is_sent_all_the_same() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        await pool.new_job(clean=True)
        await rig.job(2)
        block = rig.miner.share(job, block=True)
        rig.client.submit(block)
        end = await rig.end_of(block)
        assert (end.outcome, end.reason) == (Outcome.REJECTED, "stale")
        assert pool.ledger().submitted == 1


async def test_a_share_without_an_answer_is_booked_after_its_time() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await pool.answer_submits(False)
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        await pool.wait_until(lambda: pool.ledger().submitted == 1)
        rig.tick_after(QUICK.share_timeout_s - 60)
        assert not rig.ends[share]
        await pool.ping()
        await until(lambda: pool.answers, "answer to a ping")
        rig.tick_after(60)
        assert rig.ends[share][0].outcome is Outcome.UNANSWERED


# A break, and what the session carries across it -------------------------------------------------


async def test_a_share_found_during_a_break_is_sent_when_the_session_goes_on() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        cut = asyncio.create_task(pool.cut(0.2))
        await until(lambda: rig.client.protocol is None, "break")
        share = rig.miner.share(job)
        rig.client.submit(share)
        assert not rig.ends[share]
        await cut
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert pool.shares[-1].connection != 1
        assert rig.client.interruptions == 1


async def test_what_a_pool_had_before_the_break_is_no_reject() -> None:
    """The answer was lost; sent again, the pool calls it a duplicate: it counts it already."""
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await pool.answer_submits(False)
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        await pool.wait_until(lambda: pool.ledger().submitted == 1)
        await pool.answer_submits(True)
        await pool.disconnect()
        end = await rig.end_of(share)
        assert pool.ledger().submitted == 2
        assert (end.outcome, end.reason) == (Outcome.UNANSWERED, "")
        assert "duplicate" in end.text


async def test_what_a_pool_never_saw_is_sent_again() -> None:
    script = ScriptedPool(silent={"mining.submit"})
    async with script.listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        await until(lambda: pool.submits(), "submit")
        pool.silent.clear()
        pool.disconnect()
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert pool.submits(0) == pool.submits(1)
        assert pool.heard[1][1]["params"] == ["rig", "sess"]


@pytest.mark.parametrize("named", [True, False])
async def test_without_the_same_extranonce1_nothing_is_carried_over(named: bool) -> None:
    script = ScriptedPool(session="sess" if named else None, silent={"mining.submit"})
    async with script.listening() as pool, running(pool.url) as rig:
        job = await rig.job()
        sent, found = rig.miner.share(job), rig.miner.share(job)
        rig.client.submit(sent)
        await until(lambda: pool.submits(), "submit")
        pool.extranonce1 = "08000002"
        pool.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        rig.client.submit(found)
        await rig.job(2)
        why = "session lost" if named else "connection lost"
        assert rig.ends[sent] == unanswered(why)
        assert rig.ends[found] == dropped(why)
        block = rig.miner.share(job, block=True)
        rig.client.submit(block)
        assert rig.ends[block] == SESSION_LOST
        assert not pool.submits(1)


async def test_while_the_session_is_being_resumed_shares_wait() -> None:
    """Connected again, the subscription not answered yet: nothing is decided."""
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        job = await rig.job()
        pool.silent = {"mining.subscribe", "mining.authorize"}
        pool.job_after = ""
        pool.disconnect()
        await until(lambda: len(pool.heard) == 2 and len(pool.heard[1]) == 3, "second login")
        share, weak = rig.miner.share(job), rig.miner.share(job)
        rig.client.submit(share)
        assert not rig.ends[share]
        pool.send({"id": 2, "result": [[["mining.notify", "sess"]], "08000001", 4], "error": None})
        await until(lambda: rig.count(Subscribed) == 2, "subscription")
        rig.client.submit(weak)
        assert not rig.ends[weak]
        pool.send({"id": 3, "result": True, "error": None})
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert (await rig.end_of(weak)).outcome is Outcome.ACCEPTED


async def test_a_clean_job_on_the_resumed_session_makes_held_shares_stale() -> None:
    script = ScriptedPool(silent={"mining.submit"})
    async with script.listening() as pool, running(pool.url) as rig:
        job = await rig.job()
        sent, found = rig.miner.share(job), rig.miner.share(job)
        rig.client.submit(sent)
        await until(lambda: pool.submits(), "submit")
        pool.silent = {"mining.authorize"}
        pool.job_after = ""
        pool.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        rig.client.submit(found)
        await until(lambda: rig.count(Subscribed) == 2, "subscription")
        pool.send(pool.notify(clean=True), {"id": 3, "result": True, "error": None})
        await rig.job(2)
        assert rig.ends[found] == [ShareResult(outcome=Outcome.STALE)]
        assert rig.ends[sent] == [ShareResult(outcome=Outcome.UNANSWERED)]
        assert not pool.submits()


async def test_jobs_of_an_earlier_extranonce1_do_not_survive_a_break() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        before = await rig.job()
        await pool.set_extranonce()
        await pool.new_job()
        after = await rig.job(2)
        assert before.extranonce1 != after.extranonce1
        still_good = rig.miner.share(before)
        rig.client.submit(still_good)
        assert (await rig.end_of(still_good)).outcome is Outcome.ACCEPTED
        cut = asyncio.create_task(pool.cut(0.1))
        await until(lambda: rig.client.protocol is None, "break")
        old, new = rig.miner.share(before), rig.miner.share(after)
        rig.client.submit(old)
        rig.client.submit(new)
        assert rig.ends[old] == LOST
        await cut
        assert (await rig.end_of(new)).outcome is Outcome.ACCEPTED


async def test_held_shares_are_bounded_in_time_and_number() -> None:
    script = ScriptedPool(silent={"mining.authorize"})
    async with script.listening() as pool, running(pool.url) as rig:
        await until(lambda: rig.jobs, "job")
        first = rig.miner.share(rig.jobs[0])
        shares = [replace(first, nonce=n) for n in range(MAX_CARRIED + 1)]
        late = replace(first, found_s=first.found_s + 1000)
        for share in shares:
            rig.client.submit(share)
        assert rig.ends[shares[0]] == dropped("too many")
        assert not rig.ends[shares[1]]
        rig.client.submit(late)
        rig.client.tick(first.found_s + QUICK.share_timeout_s + 1)
        assert outcomes(rig)[Outcome.DROPPED] == MAX_CARRIED + 1
        assert rig.ends[shares[2]] == dropped("too old")
        assert not rig.ends[late]
    assert rig.ends[late] == LOST


async def test_shares_wait_for_a_late_login() -> None:
    script = ScriptedPool(silent={"mining.authorize"})
    async with script.listening() as pool, running(pool.url) as rig:
        await until(lambda: rig.jobs, "job")
        share = rig.miner.share(rig.jobs[0])
        rig.client.submit(share)
        await asyncio.sleep(0.05)
        assert not pool.submits()
        pool.send({"id": 3, "result": True, "error": None})
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED


# The end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("resume", [True, False])
async def test_the_end_books_each_share_once_and_later_answers_count_no_more(resume: bool) -> None:
    async with FakePool(difficulty=TINY, resume=resume) as pool, running(pool.url) as rig:
        await pool.delay(0.1)
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        await pool.wait_until(lambda: pool.ledger().accepted == 1)
        rig.client.end()
        assert rig.ends[share] == unanswered("connection lost")
        late = rig.miner.share(share.work.job)
        rig.client.submit(late)
        assert rig.ends[late] == LOST
        assert rig.client.interruptions == 0
        await asyncio.sleep(0.2)
        assert len(rig.ends[share]) == 1


async def test_cancelled_after_the_end_it_is_cancelled_and_runs_again_afterwards() -> None:
    script = ScriptedPool(session=None, silent={"mining.submit"})
    async with script.listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        assert rig.task is not None
        first = rig.task
        first.cancel()
        rig.client.end()
        rig.task = asyncio.create_task(rig.client.run())
        await asyncio.wait({first})
        assert first.cancelled()
        await until(lambda: rig.client.authorized, "second login")
        second = rig.miner.share(await rig.job(2))
        pool.silent.clear()
        rig.client.submit(second)
        assert (await rig.end_of(second)).outcome is Outcome.ACCEPTED


# Logins ------------------------------------------------------------------------------------------


async def test_each_connection_begins_with_the_same_login() -> None:
    async with ScriptedPool(session=None).listening() as pool, running(pool.url) as rig:
        await rig.job()
        pool.disconnect()
        await rig.job(2)
        assert pool.methods(0) == pool.methods(1) == LOGIN


async def test_a_pool_that_hangs_up_on_configure_is_spared_it() -> None:
    script = ScriptedPool(hang_up_on={"mining.configure"})
    async with script.listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job())
        assert pool.methods(1) == LOGIN[1:]
        rig.client.submit(share)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert len(pool.submits()[0]) == 5


async def test_a_pool_that_was_only_restarting_gets_version_rolling_again() -> None:
    script = ScriptedPool(hang_up_on={"mining.configure", "mining.subscribe"})
    async with script.listening() as p, running(p.url) as rig:
        await until(lambda: len(p.heard) >= 2, "two attempts")
        p.hang_up_on.clear()
        await rig.job()
        p.disconnect()
        await rig.job(2)
        assert p.methods() == LOGIN


async def test_a_pool_that_hangs_up_on_a_session_is_asked_without() -> None:
    script = ScriptedPool(hang_up_on_session=True)
    async with script.listening() as pool, running(pool.url) as rig:
        job = await rig.job()
        pool.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        share = rig.miner.share(job)
        rig.client.submit(share)
        await rig.job(2)
        assert rig.ends[share] == SESSION_LOST
        assert len(pool.heard) == 4


async def test_a_refused_login_is_not_repeated_within_a_minute() -> None:
    async with FakePool(difficulty=TINY) as pool:
        await pool.refuse(["me.*"])
        async with running(pool.url) as rig:
            await until(lambda: rig.count(AuthorizeRefused), "refusal")
            await asyncio.sleep(0.5)
            assert pool.ledger().connections == 1
            assert 'login of "me.rig" refused' in rig.client.problem
            assert not rig.client.authorized


async def test_a_login_without_an_answer_ends_the_connection() -> None:
    script = ScriptedPool(silent={"mining.subscribe"})
    async with script.listening() as pool, running(pool.url) as rig:
        await until(lambda: pool.heard and len(pool.heard[0]) == 3, "login")
        rig.tick_after(QUICK.handshake_timeout_s + 1)
        assert "mining.subscribe" in rig.client.problem
        await until(lambda: len(pool.heard) == 2, "another attempt")


async def test_the_problem_is_what_happened_last() -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(ScriptedPool().listening())
        async with running(pool.url) as rig:
            await rig.job()
            assert rig.client.problem == ""
            pool.hang_up_on = {"mining.subscribe"}
            pool.disconnect()
            await until(lambda: "closed by the pool" in rig.client.problem, "reason")
            await stack.aclose()
            await until(lambda: "cannot connect" in rig.client.problem, "other reason")


# Silence and hostility ---------------------------------------------------------------------------


async def test_a_silent_pool_is_left() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await rig.job()
        rig.tick_after(QUICK.silence_timeout_s - 1)
        assert rig.client.interruptions == 0
        rig.tick_after(2)
        assert rig.client.interruptions == 1
        assert "silent for 9" in rig.client.problem
        await rig.job(2)


async def test_a_pool_that_talks_but_answers_no_share_is_left() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await pool.answer_submits(False)
        job = await rig.job()
        rig.client.submit(rig.miner.share(job))
        for jobs in range(int(MUTE_S) // 60):
            await pool.new_job()
            await rig.job(jobs + 2)
            rig.tick_after(59)
            assert rig.client.authorized
        await pool.new_job()
        await rig.job(int(MUTE_S) // 60 + 2)
        rig.tick_after(10)
        assert "answered no share" in rig.client.problem


async def test_one_answer_is_a_sign_of_life() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        share = rig.miner.share(job)
        rig.client.submit(share)
        await rig.end_of(share)
        rig.clock.skew_s += MUTE_S + 1
        await pool.new_job()
        await rig.job(2)
        rig.tick_after(0)
        assert rig.client.authorized


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"x" * (2 << 20), id="2 MiB without an end"),
        pytest.param(b"\x00\xff garbage\n" * 100, id="garbage"),
        pytest.param(b'{"id": 77, "result": [[[[' + b"[" * 5000 + b"\n", id="nested"),
    ],
)
async def test_garbage_costs_at_most_the_connection(data: bytes) -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await rig.job()
        await pool.send_raw(data)
        await asyncio.sleep(0.05)
        share = rig.miner.share(await rig.job(len(rig.jobs)))
        await until(lambda: rig.client.authorized, "login")
        rig.client.submit(share)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED


async def test_bad_lines_are_counted_and_ignored() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await rig.job()
        await pool.send_raw(b"what?\n\n[1, 2]\n")
        await until(lambda: rig.count(BadLine) == 2, "bad lines")
        assert rig.client.bad_lines == 2
        assert pool.connections == 1


async def test_an_error_of_a_listener_costs_neither_connection_nor_other_events(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        rig.break_on = ShareSettled
        shares = [rig.miner.share(job) for _ in range(3)]
        with caplog.at_level(logging.ERROR):
            for share in shares:
                rig.client.submit(share)
            await until(lambda: len(rig.ends) == 3, "all ends")
        assert outcomes(rig) == {Outcome.ACCEPTED: 3}
        assert rig.client.errors == 3
        assert "ZeroDivisionError: a bug in a listener" in caplog.text
        assert pool.ledger().connections == 1
        assert rig.client.authorized


# Redirects ---------------------------------------------------------------------------------------


async def test_a_redirect_to_another_port_is_followed_and_later_ended_at_home() -> None:
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(FakePool(difficulty=TINY))
        other = FakePool(difficulty=TINY)
        async with running(home.url) as rig:
            async with other:
                await rig.job()
                await home.reconnect("127.0.0.1", other.port)
                await other.wait_for_users()
                share = rig.miner.share(await rig.job(2))
                rig.client.submit(share)
                assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
                assert other.ledger().accepted == 1
                assert rig.client.at is not None
                assert rig.client.at.port == other.port
            await home.wait_for_users()
            await rig.job(3)


async def test_a_redirect_into_nowhere_ends_at_home() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await rig.job()
        await pool.reconnect("127.0.0.1", free_port())
        await rig.job(2)
        assert pool.ledger().connections == 2


async def test_a_redirect_to_a_foreign_host_is_refused_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        await rig.job()
        with caplog.at_level(logging.INFO):
            for _ in range(50):
                await pool.reconnect("198.51.100.1", 3333)
                await pool.show_message("hello")
            await until(lambda: rig.count(MessageShown) == 50, "all lines")
        assert rig.count(ReconnectRefused) == 50
        assert pool.ledger().connections == 1
        assert caplog.text.count("198.51.100.1") == 1
        assert caplog.text.count("says: hello") == 1


async def test_a_pool_that_sends_us_in_circles_is_obeyed_a_few_times_only() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        for number in range(MAX_REDIRECTS):
            await rig.job(number + 1)
            await pool.reconnect()
        await rig.job(MAX_REDIRECTS + 1)
        for _ in range(20):
            await pool.reconnect()
        await until(lambda: rig.count(ReconnectRequested) >= MAX_REDIRECTS + 20, "requests")
        assert rig.client.authorized
        assert pool.ledger().connections == MAX_REDIRECTS + 1


async def test_nothing_after_a_redirect_in_the_same_packet_is_taken_for_work() -> None:
    async with ScriptedPool(session=None).listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job())
        pool.silent = {"mining.submit"}
        rig.client.submit(share)
        await until(lambda: pool.submits(), "submit")
        number = pool.heard[0][-1]["id"]
        pool.send(
            {"id": None, "method": "client.reconnect", "params": []},
            pool.notify(),
            {"id": number, "result": True, "error": None},
        )
        await until(lambda: rig.count(Authorized) == 2, "second login")
        assert rig.count(ReconnectRequested) == 1
        assert rig.count(JobReceived) == 2
        assert outcomes(rig) == {Outcome.ACCEPTED: 1}


# What may be rolled on the connection that goes on -----------------------------------------------


async def test_a_login_whose_answer_about_versions_is_lost_is_made_anew() -> None:
    """What a pool grants and we have not read would cost all shares: they lack their bits."""
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        await rig.job()
        pool.garble = {"mining.configure"}
        pool.disconnect()
        await until(lambda: rig.count(ProtocolFailed) == 1, "end of the spoiled login")
        pool.garble.clear()
        share = rig.miner.share(await rig.job(3), rolled=True)
        rig.client.submit(share)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert len(pool.submits()[0]) == 6
        assert not pool.submits(1)


async def test_a_pool_that_never_answers_it_sensibly_is_spared_it() -> None:
    async with ScriptedPool(garble={"mining.configure"}).listening() as p, running(p.url) as rig:
        share = rig.miner.share(await rig.job())
        assert [pool_methods[0] for pool_methods in map(p.methods, range(3))] == [
            "mining.configure",
            "mining.configure",
            "mining.subscribe",
        ]
        rig.client.submit(share)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        p.disconnect()
        await rig.job(len(rig.jobs) + 1)
        assert p.methods()[0] == "mining.subscribe"


async def test_shares_wait_until_it_is_known_what_may_be_rolled() -> None:
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job(), rolled=True)
        pool.silent = {"mining.configure"}
        pool.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        rig.client.submit(share)
        await rig.job(2)
        found = rig.miner.share(rig.jobs[-1])
        rig.client.submit(found)
        assert not pool.submits()
        granted = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
        pool.send({"id": 1, "result": granted, "error": None})
        for each in (share, found):
            assert (await rig.end_of(each)).outcome is Outcome.ACCEPTED
        assert {len(params) for params in pool.submits()} == {6}


async def test_shares_do_not_wait_for_ever_for_what_many_pools_never_say() -> None:
    script = ScriptedPool(silent={"mining.configure"})
    async with script.listening() as pool, running(pool.url) as rig:
        share = rig.miner.share(await rig.job())
        rig.client.submit(share)
        rig.tick_after(CONFIGURE_TIMEOUT_S)
        assert (await rig.end_of(share)).outcome is Outcome.ACCEPTED
        assert len(pool.submits()[0]) == 5


@pytest.mark.parametrize("answers", [True, False])
async def test_rolled_shares_are_withheld_where_the_session_goes_on_without(answers: bool) -> None:
    """Nothing is granted the second time, or not even asked for: see the first hang-up."""
    async with ScriptedPool().listening() as pool, running(pool.url) as rig:
        job = await rig.job()
        plain, rolled = rig.miner.share(job), rig.miner.share(job, rolled=True)
        assert plain.version == job.version != rolled.version
        pool.answers["mining.configure"] = [{"version-rolling": False}, None]
        pool.hang_up_on = set() if answers else {"mining.configure"}
        pool.disconnect()
        await until(lambda: rig.client.protocol is None, "break")
        rig.client.submit(rolled)
        rig.client.submit(plain)
        assert (await rig.end_of(plain)).outcome is Outcome.ACCEPTED
        assert rig.ends[rolled] == [ShareResult(outcome=Outcome.STALE)]
        assert [len(params) for params in pool.submits()] == [5]


# Whether anything can still be sent --------------------------------------------------------------


async def test_a_job_may_be_sent_while_its_session_may_go_on() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        assert rig.client.may_send(job)
        cut = asyncio.create_task(pool.cut(0.2))
        await until(lambda: rig.client.protocol is None, "break")
        assert rig.client.may_send(job)
        await cut
        await rig.job(2)
        await pool.new_job(clean=True)
        await rig.job(3)
        assert not rig.client.may_send(job)
        rig.client.renew("by order")
        assert not rig.client.may_send(rig.jobs[-1])


@pytest.mark.parametrize("offers", [True, False])
async def test_a_job_of_a_session_that_is_lost_may_not_be_sent(offers: bool) -> None:
    lost = FakePool(difficulty=TINY, offer_session=offers, resume=False)
    async with lost as pool, running(pool.url) as rig:
        job = await rig.job()
        pool.core.sends_jobs = False
        await pool.disconnect()
        await until(lambda: rig.count(Subscribed) == 2, "subscription")
        assert not rig.client.may_send(job)


async def test_a_refused_user_cannot_send_what_his_session_still_knows() -> None:
    async with FakePool(difficulty=TINY) as pool, running(pool.url) as rig:
        job = await rig.job()
        await pool.refuse()
        await pool.disconnect()
        await until(lambda: rig.count(AuthorizeRefused), "refusal")
        assert not rig.client.may_send(job)
