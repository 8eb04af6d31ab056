"""A stratum pool that checks every share with `hashlib`, for tests, demonstrations and benches."""

from luxminer_hil.fakepool.blocks import HistoricalBlock, blocks
from luxminer_hil.fakepool.judge import Reason
from luxminer_hil.fakepool.ledger import Ledger, ShareRecord
from luxminer_hil.fakepool.script import ScriptError, Step, play, read_script
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.fakepool.settings import PoolSettings

__all__ = [
    "FakePool",
    "HistoricalBlock",
    "Ledger",
    "PoolSettings",
    "Reason",
    "ScriptError",
    "ShareRecord",
    "Step",
    "blocks",
    "play",
    "read_script",
]
