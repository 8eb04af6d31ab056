"""The pool against a miner that is written from the protocol alone."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from luxminer_hil.fakepool import FakePool, Ledger, Reason
from tests.unit.fakepool.raw_client import Found, RawMiner

EASY = "0.000001"
"""About 4,300 hashes a share."""


def booked(ledger: Ledger) -> int:
    return ledger.accepted + sum(ledger.rejected.values())


async def test_a_found_share_is_accepted_and_booked_with_its_hash() -> None:
    async with FakePool(difficulty=EASY, seed=1) as pool:
        async with await RawMiner.connect(pool.port) as miner:
            await miner.login()
            assert miner.difficulty == Fraction(1, 1_000_000)
            found = miner.mine()
            assert await miner.submit(*found.params()) == (True, None)
        await pool.wait_for_shares(1, 5)
        (share,) = pool.shares
        assert share.accepted
        assert share.block_hash is not None
        assert share.block_hash[::-1].hex() == found.block_hash
        assert share.asked == Fraction(1, 1_000_000)
        assert share.difficulty is not None
        assert share.difficulty == Fraction(0xFFFF << 208, int(found.block_hash, 16))
        assert not share.is_block
        ledger = pool.ledger()
        assert (ledger.submitted, ledger.accepted, ledger.rejected) == (1, 1, {})
        assert ledger.difficulty_accepted == Fraction(1, 1_000_000)


@pytest.mark.parametrize("seed", range(8))
async def test_any_synthetic_job_can_be_mined(seed: int) -> None:
    """Different numbers of branches, extranonce2 anywhere in its range, later times."""
    async with (
        FakePool(difficulty=EASY, seed=seed, extranonce2_size=seed + 1) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        ntime = f"{int(miner.job[7], 16) + 599:08x}"
        found = miner.mine(extranonce2="f1" * miner.size, ntime=ntime)
        assert await miner.submit(*found.params()) == (True, None), f"seed {seed}"


Change = Callable[[list[Any]], list[Any]]


def replaced(index: int, value: Any) -> Change:
    return lambda params: [*params[:index], value, *params[index + 1 :]]


@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        (replaced(0, "other.1"), Reason.UNAUTHORIZED, 24),
        (replaced(1, "beef"), Reason.UNKNOWN_JOB, 21),
        (replaced(2, "000000"), Reason.EXTRANONCE2, 20),
        (replaced(2, "0000000000"), Reason.EXTRANONCE2, 20),
        (replaced(2, "0000000"), Reason.MALFORMED, 20),
        (replaced(2, "0x000000"), Reason.MALFORMED, 20),
        (replaced(3, "00000001"), Reason.NTIME, 20),
        (replaced(3, "ffffffff"), Reason.NTIME, 20),
        (replaced(3, "5f"), Reason.MALFORMED, 20),
        (replaced(4, "123456789"), Reason.MALFORMED, 20),
        (replaced(4, "+1234567"), Reason.MALFORMED, 20),
        (replaced(4, 17), Reason.MALFORMED, 20),
        (replaced(0, None), Reason.MALFORMED, 20),
        (lambda params: params[:4], Reason.MALFORMED, 20),
        (lambda params: [*params, "00000000"], Reason.VERSION_BITS, 20),
        (lambda params: [*params, "00000000", "00"], Reason.MALFORMED, 20),
        (lambda params: [], Reason.MALFORMED, 20),
    ],
)
async def test_a_wrong_share_is_rejected_with_its_reason(
    change: Change, reason: Reason, code: int
) -> None:
    async with (
        FakePool(difficulty=EASY, seed=2) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        found = miner.mine()
        assert await miner.submit(*change(found.params())) == (None, code)
        assert pool.ledger().rejected == {reason: 1}
        assert pool.shares[-1].reason is reason
        assert await miner.submit(*found.params()) == (True, None), "the right one still counts"
        assert booked(pool.ledger()) == pool.ledger().submitted == 2


async def test_a_hash_above_the_target_is_low_difficulty() -> None:
    async with (
        FakePool(difficulty=EASY, seed=3) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        near = miner.mine(wanted=False)
        assert await miner.submit(*near.params()) == (None, 23)
        share = pool.shares[-1]
        assert share.block_hash is not None
        assert share.block_hash[::-1].hex() == near.block_hash
        assert pool.ledger().difficulty_rejected == Fraction(1, 1_000_000)


async def test_the_same_share_counts_once_however_it_is_spelled() -> None:
    async with (
        FakePool(difficulty=EASY, seed=4) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        found = miner.mine(extranonce2="abcdef00")
        assert await miner.submit(*found.params()) == (True, None)
        assert await miner.submit(*found.params()) == (None, 22)
        upper = Found(found.job_id, "ABCDEF00", found.ntime, found.nonce.upper(), "")
        assert await miner.submit(*upper.params()) == (None, 22)
        assert pool.ledger().rejected == {Reason.DUPLICATE: 2}


async def test_a_clean_job_makes_older_ones_stale_and_others_do_not() -> None:
    async with (
        FakePool(difficulty=EASY, seed=5) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        first, second = miner.mine(), miner.mine(extranonce2="01000000")
        old_prev_hash = miner.job[1]
        await pool.new_job()
        assert (await miner.until("mining.notify"))[8] is False
        assert miner.job[1] == old_prev_hash
        assert await miner.submit(*first.params()) == (True, None)
        await pool.new_job(clean=True)
        assert (await miner.until("mining.notify"))[8] is True
        assert miner.job[1] != old_prev_hash
        assert await miner.submit(*second.params()) == (None, 21)
        assert pool.ledger().rejected == {Reason.STALE: 1}
        assert await miner.submit(*miner.mine().params()) == (True, None)


async def test_a_clean_job_on_the_same_block_is_possible() -> None:
    async with FakePool(seed=6) as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        before = miner.job[1]
        await pool.new_job(clean=True, new_block=False)
        notify = await miner.until("mining.notify")
        assert (notify[1], notify[8]) == (before, True)


async def test_a_job_keeps_the_difficulty_it_was_sent_with() -> None:
    async with (
        FakePool(difficulty=EASY, seed=7) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        found, later = miner.mine(), miner.mine(extranonce2="02000000")
        await pool.set_difficulty("0.25")
        assert await miner.until("mining.set_difficulty") == [Fraction(1, 4)]
        assert await miner.submit(*found.params()) == (True, None)
        await pool.new_job()
        await miner.until("mining.notify")
        assert await miner.submit(*later.params()) == (True, None)
        miner.difficulty = Fraction(1, 1_000_000)
        weak = miner.mine()
        assert int(weak.block_hash, 16) > (0xFFFF << 208) * 4, "1 in 250,000 of being wrong"
        assert await miner.submit(*weak.params()) == (None, 23)


async def test_submits_before_subscription_and_authorization_are_refused() -> None:
    async with (
        FakePool(difficulty=EASY, job_before_authorize=True) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        assert await miner.submit("rig.1", "0001j", "00000000", "00000000", "00000000") == (
            None,
            25,
        )
        reply = await miner.call("mining.authorize", "rig.1", "x")
        assert reply["error"][0] == 25
        reply = await miner.call("mining.subscribe", "raw/1")
        _, miner.extranonce1, miner.size = reply["result"]
        await miner.until("mining.notify")
        found = miner.mine()
        assert await miner.submit(*found.params()) == (None, 24)
        assert (await miner.call("mining.authorize", "rig.1", "x"))["result"] is True
        assert await miner.submit(*found.params()) == (True, None)


async def test_users_can_be_refused_by_pattern() -> None:
    async with (
        FakePool(refuse=("bad.*",)) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.call("mining.subscribe", "raw/1")
        reply = await miner.call("mining.authorize", "bad.1", "x")
        assert (reply["result"], reply["error"][0]) == (False, 24)
        assert (await miner.call("mining.authorize", "good.1", "x"))["result"] is True
        await pool.refuse()
        assert (await miner.call("mining.authorize", "good.2", "x"))["result"] is False
        assert pool.users == {"good.1"}


async def test_every_connection_has_its_own_extranonce() -> None:
    async with FakePool(difficulty=EASY, seed=8) as pool:
        miners = [await RawMiner.connect(pool.port) for _ in range(8)]
        for miner in miners:
            await miner.login()
        assert len({miner.extranonce1 for miner in miners}) == 8
        for miner in miners[:3]:
            assert await miner.submit(*miner.mine().params()) == (True, None)
        found = miners[0].mine(extranonce2="00000001")
        assert await miners[1].submit(*found.params()) == (None, 23), "another coinbase"
        for miner in miners:
            miner.writer.close()
        await pool.wait_until(lambda: pool.connections == 0, 5)
        assert pool.ledger().connections == 8


async def test_version_rolling_within_the_granted_mask_only() -> None:
    async with (
        FakePool(difficulty=EASY, seed=9, version_mask=0x00FFE000) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        reply = await miner.call(
            "mining.configure", ["version-rolling"], {"version-rolling.mask": "1fffe000"}
        )
        assert reply["result"] == {"version-rolling": True, "version-rolling.mask": "00ffe000"}
        await miner.login()
        found = miner.mine(bits=0x00A02000)
        assert await miner.submit(*found.params()) == (None, 20), "sixth parameter is missing"
        assert await miner.submit(*found.params(), "01000000") == (None, 20)
        assert await miner.submit(*found.params(), "00000000") == (None, 23), "another version"
        assert await miner.submit(*found.params(), "00a02000") == (True, None)
        assert pool.shares[-1].version == 0x20A02000
        await pool.set_version_mask(0x00F00000)
        assert await miner.until("mining.set_version_mask") == ["00f00000"]
        again = miner.mine(bits=0x00A02000, start=int(found.nonce, 16) + 1)
        assert await miner.submit(*again.params(), "00a02000") == (None, 20)


@pytest.mark.parametrize("mask", ["00000000", "zzzzzzzz", "+1fffe00", "1fffe", 17, None])
async def test_a_mask_that_grants_nothing_means_no_rolling(mask: object) -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        reply = await miner.call(
            "mining.configure", ["version-rolling"], {"version-rolling.mask": mask}
        )
        assert reply["result"] == {"version-rolling": False}


async def test_configure_answers_each_name() -> None:
    async with (
        FakePool(difficulty=EASY) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        reply = await miner.call(
            "mining.configure",
            ["minimum-difficulty", "subscribe-extranonce", "info", "unheard-of"],
            {"minimum-difficulty.value": 0.5},
        )
        assert reply["result"] == {
            "minimum-difficulty": True,
            "subscribe-extranonce": True,
            "info": True,
            "unheard-of": False,
        }
        await miner.login()
        assert pool.sessions[0].takes_extranonce
        assert miner.difficulty == Fraction(1, 2)
        for value in (0, -1, 1e40, "1", True, [1]):
            reply = await miner.call(
                "mining.configure", ["minimum-difficulty"], {"minimum-difficulty.value": value}
            )
            assert reply["result"] == {"minimum-difficulty": False}, value


async def test_suggestions_are_refused_unless_switched_on() -> None:
    async with FakePool(difficulty=EASY) as pool, await RawMiner.connect(pool.port) as miner:
        assert (await miner.call("mining.suggest_difficulty", 2))["error"][0] == 20
    async with (
        FakePool(difficulty=EASY, suggestions=True) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        assert (await miner.call("mining.suggest_difficulty", 2))["result"] is True
        await miner.login()
        assert miner.difficulty == 2


async def test_a_new_extranonce_counts_from_the_next_job() -> None:
    async with (
        FakePool(difficulty=EASY, seed=10) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        old, found = miner.extranonce1, miner.mine()
        await pool.set_extranonce(6)
        extranonce1, size = await miner.until("mining.set_extranonce")
        assert extranonce1 != old
        assert size == 6
        assert await miner.submit(*found.params()) == (True, None)
        await pool.new_job()
        await miner.until("mining.notify")
        found = miner.mine(extranonce2="010203040506")
        assert await miner.submit(*found.params()) == (True, None)


async def test_a_resumed_session_keeps_extranonce_jobs_and_duplicates() -> None:
    async with FakePool(difficulty=EASY, seed=11) as pool:
        async with await RawMiner.connect(pool.port) as miner:
            await miner.login()
            sent, unsent = miner.mine(), miner.mine(extranonce2="01000000")
            assert await miner.submit(*sent.params()) == (True, None)
        await pool.wait_until(lambda: pool.connections == 0, 5)
        await pool.new_job()
        async with await RawMiner.connect(pool.port) as again:
            await again.login(session=miner.session)
            assert (again.extranonce1, again.session) == (miner.extranonce1, miner.session)
            assert again.job[8] is False
            assert await again.submit(*unsent.params()) == (True, None)
            assert await again.submit(*sent.params()) == (None, 22)
        await pool.wait_until(lambda: pool.connections == 0, 5)
        await pool.new_job(clean=True)
        await pool.new_job()
        async with await RawMiner.connect(pool.port) as last:
            await last.login(session=miner.session)
            assert last.job[8] is True, "a block was missed"
            old = again.mine(extranonce2="07000000")
            assert await last.submit(*old.params()) == (None, 21)


async def test_no_resume_of_a_session_in_use_or_where_it_is_off() -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        async with await RawMiner.connect(pool.port) as thief:
            await thief.login(session=miner.session)
            assert thief.extranonce1 != miner.extranonce1
    async with FakePool(resume=False) as pool:
        async with await RawMiner.connect(pool.port) as miner:
            await miner.login()
        await pool.wait_until(lambda: pool.connections == 0, 5)
        async with await RawMiner.connect(pool.port) as again:
            await again.login(session=miner.session)
            assert again.extranonce1 != miner.extranonce1


@pytest.mark.slow
async def test_a_cut_refuses_connections_and_ends() -> None:
    async with FakePool(difficulty=EASY, seed=12) as pool:
        miner = await RawMiner.connect(pool.port)
        await miner.login()
        found = miner.mine()
        cut = asyncio.create_task(pool.cut(0.3))
        assert await miner.read() is None
        with pytest.raises(ConnectionRefusedError):
            await RawMiner.connect(pool.port)
        await cut
        async with await RawMiner.connect(pool.port) as again:
            await again.login(session=miner.session)
            assert await again.submit(*found.params()) == (True, None)
        miner.writer.close()


async def test_the_timer_issues_jobs_and_every_second_is_clean() -> None:
    async with (
        FakePool(job_interval_s=0.05, clean_every=2) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        flags = [(await miner.until("mining.notify"))[8] for _ in range(4)]
        assert flags in ([False, True, False, True], [True, False, True, False])


async def test_calls_to_the_client_and_their_answers() -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        await pool.show_message("hello")
        assert await miner.until("client.show_message") == ["hello"]
        await pool.reconnect()
        assert await miner.until("client.reconnect") == []
        await pool.reconnect("eu.pool.example", 3334, 7)
        assert await miner.until("client.reconnect") == ["eu.pool.example", 3334, 7]
        await pool.ping()
        await miner.until("mining.ping")
        assert miner.lines[-1]["id"] == 42
        await pool.get_version()
        await miner.until("client.get_version")
        number = miner.lines[-1]["id"]
        miner.writer.write(b'{"id":42,"result":"pong","error":null}\n')
        miner.writer.write(b'{"id":%d,"result":"raw/1","error":null}\n' % number)
        await pool.wait_until(lambda: len(pool.answers) == 2, 5)
        assert [answer[1:] for answer in pool.answers] == [
            ("mining.ping", "pong"),
            ("client.get_version", "raw/1"),
        ]
        assert (await miner.call("mining.ping"))["result"] == "pong"
        flags = [session.takes_extranonce for session in pool.sessions]
        assert (await miner.call("mining.extranonce.subscribe"))["result"] is True
        flags += [session.takes_extranonce for session in pool.sessions]
        assert flags == [False, True]
        assert pool.ledger().bad_lines == 0


async def test_unanswered_submits_are_judged_all_the_same() -> None:
    async with (
        FakePool(difficulty=EASY, seed=13) as pool,
        await RawMiner.connect(pool.port) as miner,
    ):
        await miner.login()
        await pool.answer_submits(on=False)
        miner.post("mining.submit", *miner.mine().params())
        await pool.wait_for_shares(1, 5)
        assert pool.ledger().unanswered == 1
        assert not pool.shares[-1].answered
        await pool.answer_submits(on=True)
        assert await miner.submit(*miner.mine(extranonce2="01000000").params()) == (True, None)
        assert not miner.early, "the first was never answered"


async def test_delayed_lines_keep_their_order() -> None:
    async with FakePool() as pool, await RawMiner.connect(pool.port) as miner:
        await miner.login()
        loop = asyncio.get_running_loop()
        await pool.delay(0.2)
        began = loop.time()
        first, second = miner.post("mining.ping"), miner.post("mining.ping")
        await asyncio.sleep(0.05)
        await pool.delay(0)
        await pool.show_message("last")
        seen = [await miner.read() for _ in range(3)]
        assert [line and line["id"] for line in seen] == [first, second, None]
        assert loop.time() - began >= 0.19


async def test_waiting_for_shares_that_do_not_come_says_so() -> None:
    async with FakePool() as pool:
        with pytest.raises(TimeoutError, match=r"no 1 accepted shares within 0.05 s: Ledger"):
            await pool.wait_for_shares(1, 0.05)


async def test_the_same_seed_gives_the_same_jobs() -> None:
    async def jobs(seed: int) -> list[list[Any]]:
        async with (
            FakePool(seed=seed, wall=lambda: 1_700_000_000.0) as pool,
            await RawMiner.connect(pool.port) as miner,
        ):
            await miner.login()
            found = [list(miner.job)]
            for clean in (False, True):
                await pool.new_job(clean=clean)
                found.append(list(await miner.until("mining.notify")))
            return found

    assert await jobs(77) == await jobs(77)
    assert await jobs(77) != await jobs(78)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"difficulty": 0}, "difficulty 0 is outside"),
        ({"difficulty": "a lot"}, "'a lot' is not a number"),
        ({"difficulty": Fraction(1, 3)}, "no finite decimal form"),
        ({"difficulty": float("nan")}, "not a finite number"),
        ({"extranonce2_size": 201}, "extranonce2_size 201 is outside 0 to 200"),
        ({"extranonce2_size": 40, "block": "main-1"}, "40 does not fit into a real block"),
        ({"job_interval_s": 0.01}, "job_interval_s 0.01 is below 0.05"),
        ({"tls": "bad"}, "tls 'bad' is none of good, expired"),
        ({"block": "main-7"}, "no block 'main-7'; there are main-"),
        ({"nbits": 0}, "nbits 00000000 is no target"),
        ({"port": 70000}, "port 70000 is outside"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FakePool(**changes)
