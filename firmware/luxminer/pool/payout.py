"""Whether the jobs of a pool pay the address that the owner expects.

Imported when one is expected, never before.
"""

import logging

from luxminer.work.job import PoolJob
from luxminer.work.payout import PayoutCheck, PayoutVerdict

__all__ = ["PayoutWatch"]

log = logging.getLogger(__name__)


class PayoutWatch:
    """Looks at every job of one pool. ``refusing``: those that do not pay are not mined."""

    def __init__(self, address: str, *, refusing: bool, url: str) -> None:
        self._check = PayoutCheck(address)
        self._address = address
        self._refusing = refusing
        self._url = url
        self.verdict = ""
        """On the newest job; empty before there was one."""

    def saw(self, job: PoolJob) -> None:
        """Say it whenever the answer becomes another one."""
        verdict = self._check.verdict(job)
        if verdict == self.verdict:
            return
        self.verdict = verdict
        level = logging.INFO if verdict is PayoutVerdict.FOUND else logging.WARNING
        mined = "; none of them is mined" if self.refuses(job) else ""
        log.log(level, "pool at %s: payout to %s: %s%s", self._url, self._address, verdict, mined)

    @property
    def is_missing(self) -> bool:
        """The newest job pays somebody else."""
        return self.verdict == PayoutVerdict.NOT_FOUND

    def refuses(self, job: PoolJob) -> bool:
        return self._refusing and self._check.verdict(job) is PayoutVerdict.NOT_FOUND
