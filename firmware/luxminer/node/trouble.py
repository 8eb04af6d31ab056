"""Why a node gives no work, in kinds that an owner mends in different ways.

Ref: Bitcoin Core, RPC error codes.
"""

from enum import Enum, auto

from luxminer.errors import NodeError, TransportError
from luxminer.node.rpc import LoginRefused, NotReached

__all__ = ["BlocksRefused", "Trouble", "WrongNetwork", "trouble_of"]

NOT_READY = (-9, -10, -28)
"""Without peers, in its initial download, or still loading."""


class WrongNetwork(NodeError):
    """The payout address is none on the chain of the node."""


class BlocksRefused(NodeError):
    """The node finds a block of ours wrong but for its work."""


class Trouble(Enum):
    UNREACHABLE = auto()
    LOGIN_REFUSED = auto()
    NOT_READY = auto()
    WRONG_CHAIN = auto()
    BLOCKS_REFUSED = auto()
    NO_TEMPLATE = auto()
    """It answers, but not with what can be mined, or not in time."""


def trouble_of(error: TransportError | NodeError) -> Trouble:
    """Name what an attempt has failed for."""
    if isinstance(error, NotReached):
        return Trouble.UNREACHABLE
    if isinstance(error, TransportError):
        return Trouble.NO_TEMPLATE
    if isinstance(error, LoginRefused):
        return Trouble.LOGIN_REFUSED
    if isinstance(error, WrongNetwork):
        return Trouble.WRONG_CHAIN
    if isinstance(error, BlocksRefused):
        return Trouble.BLOCKS_REFUSED
    return Trouble.NOT_READY if error.code in NOT_READY else Trouble.NO_TEMPLATE
