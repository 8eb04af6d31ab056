"""The ``luxminer-hil`` command: the bench's sub-commands, each imported only when it is typed."""

from collections.abc import Sequence

from luxminer.cli import dispatch

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "stick": ("one virtual stick on a tty", "luxminer_hil.stick_command:COMMAND"),
    "node": ("a Bitcoin node for solo mining", "luxminer_hil.node_command:COMMAND"),
    "pool": ("a pool that checks every share", "luxminer_hil.pool_command:COMMAND"),
    "proxy": ("a proxy between miner and pool", "luxminer_hil.proxy_command:COMMAND"),
    "vectors": ("run golden vectors", "luxminer_hil.vectors_command:COMMAND"),
    "record": ("record what passes to a stick", "luxminer_hil.record_command:COMMAND"),
    "bench": ("check a stick", "luxminer_hil.bench_command:COMMAND"),
    "agent": ("check a stick for a bench elsewhere", "luxminer_hil.agent_command:COMMAND"),
    "replay": ("replay a recording", "luxminer_hil.replay_command:COMMAND"),
}
"""Name -> (words for the help, where it is)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``luxminer-hil`` with ``argv`` and return the exit status."""
    return dispatch("luxminer-hil", "test bench for luxminer", COMMANDS, argv)
