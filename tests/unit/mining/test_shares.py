"""The share gate judges every claim from its own header, and its ledger always adds up."""

import hashlib
import struct
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from luxminer.mining.shares import MAX_REMEMBERED_JOBS, ShareGate
from luxminer.work.generator import WorkGenerator
from luxminer.work.job import NonceFound, PoolJob, Share, WorkItem
from tests.unit.mining.jobs import COINB1, COINB2, job

DIFF1 = 0xFFFF << 208
EASY = 2.0**-31
"""As scale: one hash in two is right."""


def plain_hash(work: WorkItem, nonce: int, version: int) -> int:
    """Hash the header with hashlib and struct only."""
    node = COINB1 + work.job.extranonce1 + work.extranonce2 + COINB2
    node = hashlib.sha256(hashlib.sha256(node).digest()).digest()
    for branch in work.job.merkle_branch:
        node = hashlib.sha256(hashlib.sha256(node + branch).digest()).digest()
    header = struct.pack("<I", version) + work.job.prev_hash + node
    header += struct.pack("<III", work.ntime, work.job.nbits, nonce)
    return int.from_bytes(hashlib.sha256(hashlib.sha256(header).digest()).digest(), "little")


def claim(work: WorkItem | None, nonce: int, version: int = 0x20000000) -> NonceFound:
    return NonceFound(
        device_id=0, chip=0, work=work, nonce=nonce, version=version, found_s=float(nonce)
    )


def nonces(work: WorkItem, below: int, above: int = -1) -> list[int]:
    version = work.versions[0]
    return [n for n in range(400) if above < plain_hash(work, n, version) <= below]


def gate_and_work(made: PoolJob | None = None) -> tuple[ShareGate, list[Share], WorkItem]:
    shares: list[Share] = []
    work = WorkGenerator(made or job()).next(now_s=0.0)
    assert work is not None
    return ShareGate(shares.append), shares, work


def test_each_kind_of_claim_is_counted_once() -> None:
    made = job(difficulty=Fraction(1, 1 << 28))
    gate, shares, work = gate_and_work(made)
    wrong = nonces(work, below=2**256, above=int(DIFF1 / Fraction(EASY)))[0]
    weak = nonces(work, below=int(DIFF1 / Fraction(EASY)), above=made.share_target)[0]
    good = nonces(work, below=made.share_target)[0]
    assert not gate.nonce_found(claim(work, wrong), EASY, EASY)
    assert gate.nonce_found(claim(work, weak), EASY, EASY)
    assert gate.nonce_found(claim(work, good), EASY, EASY)
    assert gate.nonce_found(claim(work, good), EASY, EASY)
    assert not gate.nonce_found(claim(None, good), EASY, EASY)
    counts = gate.total()
    assert (counts.nonces, counts.hw_errors, counts.below_target) == (5, 2, 1)
    assert (counts.duplicates, counts.shares) == (1, 1)
    assert counts.balanced
    assert counts.diff1_work == 2 * Fraction(EASY)
    (share,) = shares
    number = plain_hash(work, good, work.versions[0])
    assert int.from_bytes(share.block_hash, "little") == number
    assert share.difficulty == Fraction(DIFF1, number)
    assert (share.nonce, share.work, share.is_block) == (good, work, False)


def test_a_hash_exactly_on_the_target_is_a_share() -> None:
    probe = WorkGenerator(job()).next(now_s=0.0)
    assert probe is not None
    number = plain_hash(probe, 7, probe.versions[0])
    exact = job(difficulty=Fraction(DIFF1, number))
    assert exact.share_target == number
    gate, shares, work = gate_and_work(exact)
    gate.nonce_found(claim(work, 7), 2.0**-40, 2.0**-40)
    assert len(shares) == 1
    harder = job(difficulty=Fraction(DIFF1, number - 1))
    gate, shares, work = gate_and_work(harder)
    gate.nonce_found(claim(work, 7), 2.0**-40, 2.0**-40)
    assert shares == []
    assert gate.total().below_target == 1


def test_a_block_is_a_share_even_below_the_pool_difficulty() -> None:
    made = job(difficulty=Fraction(1 << 60), network_difficulty=Fraction(1, 1 << 30))
    gate, shares, work = gate_and_work(made)
    gate.nonce_found(claim(work, nonces(work, below=made.network_target)[0]), EASY, EASY)
    assert [share.is_block for share in shares] == [True]


def test_a_nonce_below_the_ticket_is_right_but_stands_for_no_work() -> None:
    gate, _, work = gate_and_work()
    ticket = 16 * EASY
    easy, hard = int(DIFF1 / Fraction(EASY)), int(DIFF1 / Fraction(ticket))
    weak = nonces(work, below=easy, above=hard)[0]
    assert gate.nonce_found(claim(work, weak), ticket, EASY)
    assert gate.total().diff1_work == 0
    assert gate.device(0, 0.0).last_valid_s is None


def test_the_same_nonce_of_another_header_is_no_duplicate() -> None:
    made = job(version_mask=0x1FFFE000)
    generator = WorkGenerator(made)
    first, second = generator.next(now_s=0.0), generator.next(now_s=0.0)
    assert first is not None
    assert second is not None
    gate = ShareGate(lambda share: None)
    for work in (first, second):
        gate.nonce_found(claim(work, 3, work.versions[0]), 2.0**-60, 2.0**-60)
    assert gate.total().duplicates == 0


def test_versions_rolled_in_the_chip_are_hashed_as_claimed_or_refused() -> None:
    made = job(version_mask=0x1FFFE000, difficulty=Fraction(1, 1 << 33))
    gate, shares, work = gate_and_work(made)
    inside, outside = 0x20000000 | 0x0ABCE000, 0x20000001
    for nonce in range(64):
        gate.nonce_found(claim(work, nonce, inside), 2.0**-33, 2.0**-33)
    assert shares
    for share in shares:
        number = plain_hash(work, share.nonce, inside)
        assert int.from_bytes(share.block_hash, "little") == number
        assert share.version == inside
    errors = gate.total().hw_errors
    assert not gate.nonce_found(claim(work, 1, outside), 2.0**-33, 2.0**-33)
    assert gate.total().hw_errors == errors + 1


def test_bits_that_the_pool_has_added_since_the_job_came_are_right() -> None:
    made = job(version_mask=0x00002000, difficulty=Fraction(1, 1 << 33))
    generator = WorkGenerator(made)
    generator.set_version_mask(0x1FFFE000)
    work = generator.next(chip_rolls=True, now_s=0.0)
    assert work is not None
    shares: list[Share] = []
    gate = ShareGate(shares.append)
    for nonce in range(64):
        gate.nonce_found(claim(work, nonce, 0x20000000 | 0x0ABCE000), 2.0**-33, 2.0**-33)
    assert shares
    errors = gate.total().hw_errors
    assert not gate.nonce_found(claim(work, 1, 0x20000001), 2.0**-33, 2.0**-33)
    assert gate.total().hw_errors == errors + 1


class GateMachine(RuleBasedStateMachine):
    """Any sequence of claims: the ledger adds up, and no header leaves twice."""

    @initialize()
    def start(self) -> None:
        self.shares: list[Share] = []
        self.gate = ShareGate(self.shares.append)
        self.works: list[WorkItem] = []
        self.claims = 0
        self.new_job(0, 28)

    @rule(mask=st.sampled_from([0, 0x1FFFE000]), bits=st.integers(20, 34))
    def new_job(self, mask: int, bits: int) -> None:
        generator = WorkGenerator(job(version_mask=mask, difficulty=Fraction(1, 1 << bits)))
        for _ in range(2):
            work = generator.next(versions=4, now_s=0.0)
            assert work is not None
            self.works.append(work)

    @rule(
        which=st.integers(-4, -1),
        nonce=st.integers(0, 15) | st.integers(0, 2**32 - 1),
        version=st.integers(0, 5),
        device=st.integers(0, 2),
        known=st.booleans() | st.just(True),
    )
    def found(self, which: int, nonce: int, version: int, device: int, known: bool) -> None:
        work = self.works[max(which, -len(self.works))]
        versions = (*work.versions, work.job.version ^ 1, work.job.version | 0x1000E000)
        self.claims += 1
        self.gate.nonce_found(
            NonceFound(
                device_id=device,
                chip=None,
                work=work if known else None,
                nonce=nonce,
                version=versions[version % len(versions)],
                found_s=float(self.claims),
            ),
            EASY,
            EASY,
        )

    @invariant()
    def ledger_adds_up(self) -> None:
        total = self.gate.total()
        assert total.balanced
        assert total.nonces == self.claims
        assert total.shares == len(self.shares)

    @invariant()
    def nothing_leaves_twice_or_unproven(self) -> None:
        keys = {(s.work, s.nonce, s.version) for s in self.shares}
        assert len(keys) == len(self.shares)
        for share in self.shares[-1:]:
            assert plain_hash(share.work, share.nonce, share.version) <= share.work.job.share_target


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(deadline=None, stateful_step_count=30)


@pytest.mark.parametrize("limit", ["MAX_REMEMBERED_JOBS", "MAX_NONCES_PER_JOB"])
def test_memory_is_bounded(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"luxminer.mining.shares.{limit}", 3)
    gate = ShareGate(lambda share: None)
    for n in range(10):
        work = WorkGenerator(job()).next(now_s=0.0)
        assert work is not None
        for nonce in range(5):
            gate.nonce_found(claim(work, 10 * n + nonce), 2.0**-60, 2.0**-60)
    remembered = gate._seen
    assert len(remembered) <= (3 if limit == "MAX_REMEMBERED_JOBS" else 10)
    if limit == "MAX_NONCES_PER_JOB":
        assert all(len(seen) == 3 for seen in remembered.values())
    assert gate.total().balanced


def test_a_job_that_lives_long_is_not_forgotten_for_the_many_of_another_pool() -> None:
    gate, _, old = gate_and_work()
    good = nonces(old, below=int(DIFF1 / Fraction(EASY)))
    gate.nonce_found(claim(old, good[0]), EASY, EASY)
    for number in range(MAX_REMEMBERED_JOBS + 5):
        work = WorkGenerator(job(pool_id=1)).next(now_s=0.0)
        assert work is not None
        gate.nonce_found(
            claim(work, nonces(work, below=int(DIFF1 / Fraction(EASY)))[0]), EASY, EASY
        )
        gate.nonce_found(claim(old, good[1 + number]), EASY, EASY)
    before = gate.total().duplicates
    gate.nonce_found(claim(old, good[0]), EASY, EASY)
    assert gate.total().duplicates == before + 1
