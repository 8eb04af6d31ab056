"""A Bitcoin node that is not there: templates, long polls, and a judge of the blocks handed in.

It imports nothing of the miner: what is built there is checked here with other code.
"""

from luxminer_hil.fakenode.blocks import Block, Output, Tx
from luxminer_hil.fakenode.chain import Chain, Judged
from luxminer_hil.fakenode.faults import Cut, Failure, Fault, Hang, Raw, Result
from luxminer_hil.fakenode.server import FakeNode
from luxminer_hil.fakenode.settings import CHAINS, NodeSettings

__all__ = [
    "CHAINS",
    "Block",
    "Chain",
    "Cut",
    "Failure",
    "FakeNode",
    "Fault",
    "Hang",
    "Judged",
    "NodeSettings",
    "Output",
    "Raw",
    "Result",
    "Tx",
]
