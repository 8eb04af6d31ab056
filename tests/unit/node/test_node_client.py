"""The client against a whole node: jobs in, blocks out, and everything that goes wrong between."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import StratumConfig
from luxminer.node import client as client_module
from luxminer.node import delivery
from luxminer.stratum.events import MessageShown
from luxminer.stratum.outcome import Outcome
from luxminer.work.payout import PayoutCheck, PayoutVerdict
from luxminer_hil.fakenode import Cut, Failure, FakeNode, Hang, NodeSettings, Raw, Result
from luxminer_hil.fakepool.certificate import make_certificate, server_context
from tests.unit.node.node_rig import (
    PAYOUT,
    PAYOUT_SCRIPT,
    NodeRig,
    node_and_rig,
    running,
    until,
)

TEST_PAYOUT = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"


async def test_a_block_goes_all_the_way(tmp_path: Path) -> None:
    async with node_and_rig(state_dir=tmp_path, coinbase_text="mine") as (node, rig):
        job = await rig.first_job()
        assert (job.clean, job.user, job.extranonce2_size, job.pool_id) == (True, PAYOUT, 8, 5)
        assert job.share_target == job.network_target
        assert PayoutCheck(PAYOUT).verdict(job) is PayoutVerdict.FOUND
        value, share = node.chain.value, rig.solve(job)
        result = await rig.outcome(share)
        assert result.outcome is Outcome.ACCEPTED
        (judged,) = node.chain.judged
        assert (judged.result, judged.digest) == (None, share.block_hash)
        assert node.chain.height == 201
        coinbase = judged.block.txs[0]
        paid = coinbase.outputs[0]
        assert (paid.value, paid.script) == (value, PAYOUT_SCRIPT)
        assert b"\x04mine" in coinbase.inputs[0].script
        assert len(judged.block.txs) == 4
        name = f"{share.block_hash[::-1].hex()}.hex"
        kept = bytes.fromhex((tmp_path / "blocks" / name).read_text())
        assert kept.startswith(judged.block.header)
        assert any(isinstance(e, MessageShown) and "height 201" in e.text for e in rig.events)
        await until(lambda: rig.jobs[-1].prev_hash == share.block_hash)
        assert rig.jobs[-1].clean


@pytest.mark.parametrize("transactions", [0, 1, 2, 6])
async def test_blocks_of_any_size_and_version_are_right(transactions: int) -> None:
    settings = NodeSettings(transactions=transactions, height=16 + transactions, aux="abcd")
    async with node_and_rig(settings) as (node, rig):
        share = rig.solve(await rig.first_job(), rolled=True)
        assert share.version != share.work.job.version
        assert (await rig.outcome(share)).outcome is Outcome.ACCEPTED
        assert node.chain.judged[0].block.txs[0].inputs[0].script.count(b"\xab\xcd") == 1


async def test_a_new_block_of_others_is_told_at_once() -> None:
    async with node_and_rig() as (node, rig):
        first = await rig.first_job()
        await until(lambda: node.polls == 1)
        tip = node.found_elsewhere()
        await until(lambda: len(rig.jobs) > 1)
        assert (rig.jobs[1].prev_hash, rig.jobs[1].clean) == (tip, True)
        assert rig.jobs[1].extranonce1 == first.extranonce1
        assert node.calls["getblocktemplate"] == 1


async def test_fees_come_with_the_next_template_and_void_nothing() -> None:
    async with node_and_rig() as (node, rig):
        first = await rig.first_job()
        node.add_transactions(2)
        rig.clock.skew_s += client_module.REFRESH_S
        await until(lambda: len(rig.jobs) > 1)
        assert not rig.jobs[1].clean
        assert len(rig.jobs[1].merkle_branch) > len(first.merkle_branch)
        result = await rig.outcome(rig.solve(first))
        assert result.outcome is Outcome.ACCEPTED
        assert len(node.chain.mempool) == 2


async def test_the_same_template_is_not_searched_twice() -> None:
    async with node_and_rig() as (node, rig):
        await rig.first_job()
        node.template_changes["curtime"] = rig.jobs[0].ntime
        rig.clock.skew_s += client_module.REFRESH_S
        await until(lambda: node.calls["getblocktemplate"] == 2)
        await asyncio.sleep(0.1)
        assert len(rig.jobs) == 1


async def test_a_second_block_in_the_same_place_is_stale() -> None:
    async with node_and_rig() as (node, rig):
        job = await rig.first_job()
        assert (await rig.outcome(rig.solve(job))).outcome is Outcome.ACCEPTED
        assert (await rig.outcome(rig.solve(job))).outcome is Outcome.STALE
        assert len(node.chain.judged) == 1


@pytest.mark.parametrize("wins", [True, False])
async def test_a_rival_is_asked_for_until_it_is_clear(
    monkeypatch: pytest.MonkeyPatch, *, wins: bool
) -> None:
    monkeypatch.setattr(delivery, "VERIFY_PAUSE_S", 0.01)
    async with node_and_rig() as (node, rig):
        job = await rig.first_job()
        node.found_elsewhere()
        if wins:
            node.fail("getblockheader", Result({"confirmations": -1}), Result({"confirmations": 1}))
        result = await rig.outcome(rig.solve(job))
        wanted = (Outcome.ACCEPTED, "") if wins else (Outcome.REJECTED, "stale")
        assert (result.outcome, result.reason) == wanted
        assert node.calls["getblockheader"] == (2 if wins else delivery.VERIFY_TRIES)


async def test_a_refusal_is_told_with_its_reason() -> None:
    async with node_and_rig() as (node, rig):
        job = await rig.first_job()
        node.fail(
            "submitblock", Result("bad-cb-amount"), Result("new-rule"), Failure(-22, "decode")
        )
        results = [await rig.outcome(rig.solve(job)) for _ in range(3)]
        assert {result.outcome for result in results} == {Outcome.REJECTED}
        assert [result.reason for result in results] == ["invalid block", "other", "other"]
        assert "pays out more" in results[0].text
        assert "new-rule" in results[1].text
        assert "decode" in results[2].text


@pytest.mark.parametrize(
    "trouble",
    [Cut(), Cut(after=True), Raw(b"busy", 503), Failure(-28, "Loading"), Raw(b"{", 200)],
    ids=lambda trouble: str(trouble),
)
async def test_a_block_is_offered_until_the_node_answers(
    monkeypatch: pytest.MonkeyPatch, trouble: Cut | Raw | Failure
) -> None:
    monkeypatch.setattr(delivery, "RETRY_MIN_S", 0.02)
    async with node_and_rig() as (node, rig):
        share = rig.solve(await rig.first_job())
        node.fail("submitblock", trouble, trouble)
        assert (await rig.outcome(share)).outcome is Outcome.ACCEPTED
        assert node.calls["submitblock"] == 3
        assert node.chain.tip == share.block_hash


@pytest.mark.slow
async def test_a_block_waits_for_a_node_that_is_down() -> None:
    async with node_and_rig() as (node, rig):
        share = rig.solve(await rig.first_job())
        await node.__aexit__()
        rig.client.submit(share)
        await until(lambda: not rig.client.authorized)
        assert "no connection" in rig.client.problem or "lost" in rig.client.problem
        assert rig.result(share) is None
        await node.__aenter__()
        await until(lambda: rig.result(share) is not None)
        result = rig.result(share)
        assert result is not None
        assert result.outcome is Outcome.ACCEPTED
        await until(lambda: rig.client.authorized)
        assert rig.client.interruptions == 1


@pytest.mark.parametrize(
    ("sent", "outcome"), [(False, Outcome.DROPPED), (True, Outcome.UNANSWERED)]
)
async def test_a_block_that_cannot_be_delivered_ends_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, *, sent: bool, outcome: Outcome
) -> None:
    monkeypatch.setattr(delivery, "OFFER_S", 0.0)
    async with node_and_rig() as (node, rig):
        share = rig.solve(await rig.first_job())
        if sent:
            node.fail("submitblock", Cut())
        else:
            await node.__aexit__()
        assert (await rig.outcome(share)).outcome is outcome


async def test_the_end_settles_what_waits() -> None:
    async with FakeNode() as node:
        node.fail("submitblock", Hang(0.2))
        async with running(NodeRig(node.url)) as rig:
            shares = [rig.solve(await rig.first_job()) for _ in range(3)]
            for share in shares:
                rig.client.submit(share)
            await until(lambda: node.calls["submitblock"] == 1)
        results = [rig.result(share) for share in shares]
        assert all(result is not None for result in results)
        assert rig.client.protocol is None


async def test_a_flood_of_blocks_is_bounded() -> None:
    async with FakeNode() as node:
        node.fail("submitblock", Hang(0.1))
        async with running(NodeRig(node.url)) as rig:
            job = await rig.first_job()
            shares = [rig.solve(job) for _ in range(delivery.MAX_WAITING + 2)]
            for share in shares:
                rig.client.submit(share)
            dropped = [share for share in shares if rig.result(share) is not None]
            assert dropped == shares[-2:]
            await until(lambda: all(rig.result(share) for share in shares))
            outcomes = [rig.result(share) for share in shares]
            counts = [result.outcome for result in outcomes if result is not None]
            assert counts.count(Outcome.ACCEPTED) == 1
            assert counts.count(Outcome.STALE) == delivery.MAX_WAITING - 1


@pytest.mark.parametrize(("code", "words"), [(-10, "initial sync"), (-9, "not connected")])
async def test_a_node_that_is_not_ready_gives_no_work(code: int, words: str) -> None:
    async with FakeNode() as node:
        node.fail("getblocktemplate", Failure(code, words), Failure(code, words))
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: words in rig.client.problem)
            assert rig.job is None
            await rig.first_job()
            assert rig.client.problem == ""
            assert rig.client.authorized_since_s is not None


async def test_a_wrong_login_is_not_tried_again_soon(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeNode() as node:
        url = node.url.replace("user:pass", "user:hunter2")
        async with running(NodeRig(url)) as rig:
            await until(lambda: bool(rig.refusals))
            await asyncio.sleep(0.15)
            assert node.calls["401"] == 1
            assert "refuses the login" in rig.client.problem
            assert "hunter2" not in caplog.text + rig.client.problem + repr(rig.client.__dict__)


async def test_a_cookie_is_read_anew(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    async with FakeNode(NodeSettings(cookie_file=cookie)) as node:
        url = f"http://{node.address}"
        async with running(NodeRig(url, cookie_file=str(cookie))) as rig:
            job = await rig.first_job()
            node.write_cookie()
            assert (await rig.outcome(rig.solve(job))).outcome is Outcome.ACCEPTED
            await until(lambda: rig.client.interruptions == 1 and rig.client.authorized)


async def test_a_missing_cookie_is_said() -> None:
    async with running(NodeRig("http://127.0.0.1:1", cookie_file="/nowhere/.cookie")) as rig:
        await until(lambda: "/nowhere/.cookie" in rig.client.problem)
        assert "is the node running?" in rig.client.problem


async def test_an_address_of_another_chain_is_refused() -> None:
    async with node_and_rig(NodeSettings(chain="main"), payout=PAYOUT) as (node, rig):
        await until(lambda: "no address of the chain" in rig.client.problem)
        assert rig.job is None
        assert not node.calls["getblocktemplate"]


async def test_an_address_that_the_node_reads_otherwise_is_refused() -> None:
    async with FakeNode() as node:
        node.fail("validateaddress", Result({"isvalid": True, "scriptPubKey": "0014" + "00" * 20}))
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: "does not take payout" in rig.client.problem)


@pytest.mark.parametrize("chain", ["main", "test", "testnet4", "signet", "regtest"])
async def test_every_chain_can_be_mined(chain: str) -> None:
    payout = {"main": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "regtest": PAYOUT}
    settings = NodeSettings(chain=chain, bits=0x207FFFFF)
    async with node_and_rig(settings, payout=payout.get(chain, TEST_PAYOUT)) as (_, rig):
        share = rig.solve(await rig.first_job())
        assert (await rig.outcome(share)).outcome is Outcome.ACCEPTED


async def test_a_closed_signet_is_told_apart() -> None:
    settings = NodeSettings(chain="signet", signet_challenge="5121aa51ae")
    async with node_and_rig(settings, payout=TEST_PAYOUT) as (_, rig):
        await until(lambda: "need a signature" in rig.client.problem)


async def test_blocks_that_the_node_would_refuse_are_not_mined() -> None:
    async with FakeNode() as node:
        node.fail("proposal", Result("bad-cb-amount"))
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: "would refuse our blocks: bad-cb-amount" in rig.client.problem)
            await until(lambda: node.calls["proposal"] == 2 and rig.client.authorized)


@pytest.mark.parametrize(
    "answer", [Failure(-32601, "no"), Result({}), Result("inconclusive"), Cut()]
)
async def test_a_node_may_know_nothing_of_proposals(answer: Failure | Result | Cut) -> None:
    async with FakeNode() as node:
        node.fail("proposal", answer)
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: node.calls["proposal"] == 1)
            assert (await rig.outcome(rig.solve(await rig.first_job()))).outcome is Outcome.ACCEPTED


async def test_a_node_may_keep_the_rest_from_us() -> None:
    async with FakeNode() as node:
        node.fail("getblockchaininfo", Raw(b"", 403))
        node.fail("validateaddress", Failure(-32601, "Method not found"))
        async with running(NodeRig(node.url)) as rig:
            await rig.first_job()


async def test_without_long_polls_the_node_is_asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "POLL_S", 0.05)
    monkeypatch.setattr(client_module, "PAUSE_S", 0.05)
    async with FakeNode() as node:
        node.template_changes["longpollid"] = None
        async with running(NodeRig(node.url)) as rig:
            await rig.first_job()
            node.found_elsewhere()
            await until(lambda: len(rig.jobs) > 1)
            assert rig.jobs[-1].clean
            assert not node.calls["longpoll"]


async def test_a_node_that_falls_silent_is_given_up() -> None:
    async with node_and_rig(config=StratumConfig(retry_min_s=0.1, retry_max_s=0.1)) as (node, rig):
        await rig.first_job()
        node.fail("getblocktemplate", Hang(5))
        rig.clock.skew_s += 60
        await until(lambda: node.calls["getblocktemplate"] == 2)
        rig.clock.skew_s += 60
        await until(lambda: rig.client.interruptions == 1)


async def test_a_long_poll_that_sleeps_over_a_block_is_noticed() -> None:
    async with FakeNode() as node:
        node.fail("longpoll", Hang(5))
        async with running(NodeRig(node.url)) as rig:
            await rig.first_job()
            await until(lambda: node.calls["longpoll"] == 1)
            node.found_elsewhere()
            rig.clock.skew_s += client_module.REFRESH_S
            await until(lambda: len(rig.jobs) == 2)
            rig.clock.skew_s += client_module.LAG_S + 1
            await until(lambda: rig.client.interruptions == 1)


HOSTILE: list[tuple[str, Raw | Result]] = [
    ("no JSON", Raw(b"<html>")),
    ("no JSON", Raw(b"[" * 100_000)),
    ("too many values", Raw(b"[" * 1_000_001)),
    ("no result", Raw(b"{}")),
    ("no result", Raw(b"[]")),
    ("HTTP status 302", Raw(b"", 302, {"Location": "http://127.0.0.1:1/"})),
    ("no JSON", Raw(b"\x1f\x8b", 200, {"Content-Encoding": "gzip"})),
    ("no object", Result([])),
    ("no object", Result(None)),
    ("transactions is no list", Result({"bits": "207fffff"})),
]


@pytest.mark.parametrize(("words", "answer"), HOSTILE, ids=range(len(HOSTILE)))
async def test_an_answer_that_is_none_costs_the_session_only(
    words: str, answer: Raw | Result
) -> None:
    async with FakeNode() as node:
        node.fail("getblocktemplate", answer)
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: words in rig.client.problem)
            await rig.first_job()
            assert rig.client.errors == 0


@pytest.mark.slow
async def test_an_answer_without_end_is_cut_off() -> None:
    async with FakeNode() as node:
        node.fail("getblocktemplate", Raw(b" " * (17 << 20)))
        async with running(NodeRig(node.url)) as rig:
            await until(lambda: "more than 16 MiB" in rig.client.problem)


async def test_an_owner_that_fails_costs_no_event(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("a bug in the owner")

    async with FakeNode() as node:
        rig = NodeRig(node.url)
        heard: Callable[[object], None] = fail
        rig.client._listener = heard
        async with running(rig):
            await rig.first_job()
            await until(lambda: rig.client.errors > 0)
    assert "a bug in the owner" in caplog.text


@pytest.mark.slow
async def test_a_node_behind_tls_is_who_it_should_be(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(make_certificate, "good")
    authority = tmp_path / "ca.pem"
    await asyncio.to_thread(authority.write_text, certificate.authority_pem)
    ways: list[tuple[dict[str, Any], str]] = [
        ({"tls_ca_file": str(authority)}, ""),
        ({"tls_fingerprint": certificate.sha256}, ""),
        ({"tls_verify": False}, ""),
        ({}, "certificate is not accepted"),
        ({"tls_fingerprint": "00" * 32}, "not the one of tls_fingerprint"),
    ]
    async with FakeNode(tls=server_context(certificate)) as node:
        for settings, problem in ways:
            async with running(NodeRig(node.url, **settings)) as rig:
                if problem:
                    await rig.trouble(problem)
                    assert rig.job is None
                else:
                    await rig.first_job()
        async with running(NodeRig(node.url.replace("https", "http"))) as rig:
            await until(lambda: "not connected" not in rig.client.problem)
    async with FakeNode() as node, running(NodeRig(node.url.replace("http", "https"))) as rig:
        await until(lambda: "no TLS" in rig.client.problem)
