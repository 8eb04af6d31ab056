"""Whole blocks as ``submitblock`` takes them.

Ref: Bitcoin developer reference (serialized blocks); BIP144 (witnesses).
"""

from luxminer.node.coinbase import with_witness
from luxminer.node.template import Template
from luxminer.work.coinbase import compact_size
from luxminer.work.header import coinbase as join_coinbase
from luxminer.work.header import header_bytes
from luxminer.work.job import PoolJob, Share

__all__ = ["block_bytes", "block_of_share", "proposed_block"]


def block_bytes(header: bytes, coinbase: bytes, template: Template) -> bytes:
    """Serialise a block. ``coinbase`` is without witness; it gets one where it commits to any."""
    whole = with_witness(coinbase) if template.commitment else coinbase
    transactions = [transaction.data for transaction in template.transactions]
    return b"".join([header, compact_size(1 + len(transactions)), whole, *transactions])


def block_of_share(share: Share, template: Template) -> bytes:
    """Serialise the block that a share has solved."""
    work, job = share.work, share.work.job
    header = header_bytes(
        share.version, job.prev_hash, work.merkle_root, work.ntime, job.nbits, share.nonce
    )
    coinbase = join_coinbase(job.coinb1, job.extranonce1, work.extranonce2, job.coinb2)
    return block_bytes(header, coinbase, template)


def proposed_block(job: PoolJob, template: Template, merkle_root: bytes) -> bytes:
    """Serialise the block of a job without proof of work, for the node to look at.

    ``merkle_root`` is that with an extranonce2 of zeros.
    """
    header = header_bytes(job.version, job.prev_hash, merkle_root, job.ntime, job.nbits, 0)
    zeros = bytes(job.extranonce2_size)
    coinbase = join_coinbase(job.coinb1, job.extranonce1, zeros, job.coinb2)
    return block_bytes(header, coinbase, template)
