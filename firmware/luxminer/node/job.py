"""A template as a job, as all other pools send them."""

from dataclasses import dataclass

from luxminer.node.coinbase import build_coinbase
from luxminer.node.template import Template
from luxminer.work.job import PoolJob

__all__ = ["EXTRANONCE1_SIZE", "EXTRANONCE2_SIZE", "ROLLED_BITS", "JobMaker"]

EXTRANONCE1_SIZE = 4
"""Random, so that several miners at one node and for one address do not search the same."""

EXTRANONCE2_SIZE = 8

ROLLED_BITS = 0x1FFFE000
"""Version bits that no soft fork will be signalled by (BIP320)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMaker:
    """What all jobs of a node have in common."""

    pool_id: int
    user: str
    payout: bytes
    text: bytes
    extranonce1: bytes
    version_mask: int

    def job(
        self, template: Template, *, connection: int, job_id: str, clean: bool, received_s: float
    ) -> PoolJob:
        """Return the job of a template; a share is a block. Raises NodeError as building does."""
        parts = build_coinbase(
            height=template.height,
            value_sat=template.value_sat,
            payout=self.payout,
            commitment=template.commitment,
            aux=template.aux,
            text=self.text,
            extranonce_size=len(self.extranonce1) + EXTRANONCE2_SIZE,
        )
        mask = self.version_mask & ROLLED_BITS
        return PoolJob(
            pool_id=self.pool_id,
            connection=connection,
            user=self.user,
            job_id=job_id,
            prev_hash=template.prev_hash,
            coinb1=parts.before,
            coinb2=parts.behind,
            merkle_branch=template.branch,
            version=template.version,
            nbits=template.nbits,
            ntime=template.ntime,
            clean=clean,
            extranonce1=self.extranonce1,
            extranonce2_size=EXTRANONCE2_SIZE,
            version_mask=mask,
            version_rolling=bool(mask),
            difficulty=template.difficulty,
            share_target=template.network_target,
            network_target=template.network_target,
            received_s=received_s,
        )
