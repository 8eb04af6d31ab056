"""The service's side of a driver: hands out real headers, judges nonces with hashlib."""

import asyncio
import hashlib
import random
from fractions import Fraction

from luxminer.device.contract import DeviceReport
from luxminer.hashing import midstate
from luxminer.work.job import NonceFound, WorkItem
from tests.unit.drivers.fake_chain import HEADERS
from tests.unit.drivers.warp import WarpClock
from tests.unit.mining.jobs import job

DIFFICULTY_1 = 0xFFFF << 208


class FakeHost:
    """A `DeviceHost`. Work goes round the headers whose right nonce is known."""

    def __init__(self) -> None:
        self.device_id = 7
        self.clock = WarpClock()
        self.random = random.Random(1)
        self.has_work = True
        self.job = job(difficulty=Fraction(1024))
        self.handed_out: list[tuple[float, WorkItem]] = []
        self.claims: list[tuple[NonceFound, bool]] = []
        self.reports: list[DeviceReport] = []
        self._headers: dict[WorkItem, bytes] = {}
        self._changed = asyncio.Event()

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        self._changed.clear()
        if not self.has_work:
            return None
        header = bytes.fromhex(HEADERS[len(self.handed_out) % len(HEADERS)])
        item = WorkItem(
            job=self.job,
            extranonce2=bytes(4),
            ntime=int.from_bytes(header[68:72], "little"),
            merkle_root=header[36:68],
            versions=(int.from_bytes(header[:4], "little"),),
            midstates=(midstate(header[:64]),),
            tail=header[64:76],
        )
        self._headers[item] = header
        self.handed_out.append((self.clock.monotonic(), item))
        return item

    async def work_changed(self) -> None:
        await self._changed.wait()

    def change_work(self, *, has_work: bool = True) -> None:
        self.has_work = has_work
        self._changed.set()

    def nonce_found(self, nonce: NonceFound) -> bool:
        is_right = False
        if nonce.work is not None:
            header = self._headers[nonce.work][:76] + nonce.nonce.to_bytes(4, "little")
            digest = hashlib.sha256(hashlib.sha256(header).digest()).digest()
            is_right = int.from_bytes(digest, "little") <= DIFFICULTY_1
        self.claims.append((nonce, is_right))
        return is_right

    def report(self, report: DeviceReport) -> None:
        self.reports.append(report)

    @property
    def right(self) -> int:
        return sum(is_right for _, is_right in self.claims)
