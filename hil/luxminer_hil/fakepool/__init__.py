"""A stratum pool that checks every share with `hashlib`, for tests, demonstrations and benches."""

from luxminer_hil.fakepool.actions import read_script
from luxminer_hil.fakepool.behaviours import scripted_pool
from luxminer_hil.fakepool.blocks import HistoricalBlock, blocks
from luxminer_hil.fakepool.judge import Reason
from luxminer_hil.fakepool.ledger import Ledger, ShareRecord
from luxminer_hil.fakepool.player import play
from luxminer_hil.fakepool.recording import SessionRecorder
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.fakepool.settings import PoolSettings
from luxminer_hil.scripting.language import Script, ScriptError, Step

__all__ = [
    "FakePool",
    "HistoricalBlock",
    "Ledger",
    "PoolSettings",
    "Reason",
    "Script",
    "ScriptError",
    "SessionRecorder",
    "ShareRecord",
    "Step",
    "blocks",
    "play",
    "read_script",
    "scripted_pool",
]
