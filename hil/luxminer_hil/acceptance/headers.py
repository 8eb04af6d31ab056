"""Headers of real blocks for chips to find the nonces of; nothing in them has to be believed.

Ref: docs/sources.md, "Sticks": block data as published. Hashing a header proves it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from luxminer.work.target import DIFF1_TARGET
from luxminer_hil.fakepool.blocks import blocks

__all__ = ["Golden", "golden_headers"]

MORE = (
    (
        "01000000b3aec10cfb91d39d005f1a1e2a127a81e4af245fc0c4b6d088040000000000007e6ebbf2"
        "035cab9376138a28ef231f055fc9d6753fdb0f8309f3e9a02fa722ce1426674f87320b1a000187a2"
    ),
    (
        "0400000011cec5c65e00d35b08860e4e47c6f63f522bb1294db54205000000000000000005ce7daa"
        "2ab7853686a216e6e40415cfca390c23daff2eaaba16c89f640ca564b38d47573684051803b95f7e"
    ),
    (
        "0000ff3f7c4753164567fd340913885fa8f754b55bd2850dad542200000000000000000099a8a959"
        "d719833763b84352188a8ed0100a806d10a2c811883a25e51d4682b9eaf6945c17612e171a5f75f9"
    ),
    (
        "00e000206edd4ee4f61583ed8c2c32713c5e1b48603e87e6e30b070000000000000000001d801d9c"
        "432a1b94ad2e40cb6417286b0e18ba7dc1e90b6737f0a9d3a601fccdc541605ebc2c121703d0dafb"
    ),
    (
        "00e0ff3f080ed465c5cf926923f74434b2bfc43ba83cc4ddb18f06000000000000000000f85f1638"
        "29455fc521b75c9abba8e238c30db5de9f9f0f0746d6f1971459514dcbfe8d5ebc20131795ca3aec"
    ),
    (
        "00e0ff3fdac23084f96460979c3d18a0d6e888c8a6dd6eaa32ec0a000000000000000000378f9f5b"
        "196b76e5a44c32de43503f2ff5b50a159676833551dd4b7c469f4cd1b73764606fdf0c1700f6b6da"
    ),
    (
        "00e00020887dfea63119551f4ff26de3847386dad18e7831b1e903000000000000000000f1404b64"
        "5ca0301252e7c6203414142af8d6226e3a85918fd44824e1e4586e8347e56d60482a0c17cf4dd787"
    ),
    (
        "00000020205d122c45e1ec1853d363c8c65b55c474677c31ee3805000000000000000000e0081cb2"
        "1f8e870763725dfc60c4a24aba6ded8e8ca2babe6de9a3e86b52e1cb81e66d60482a0c1711668301"
    ),
    (
        "0000ff3f1d5005027d67fd9bf135d8a1a29b4d8e5ee0246a214805000000000000000000f5d00f39"
        "95097cd3d903966ed3b399690b6c2e9b6e4bef9cfdcde97b6dec11bb5a0d6e60482a0c1773ed84f4"
    ),
    (
        "00e00020f717b9bd812c4815fadf8a821c5031f0929b1574ec89020000000000000000005b8cd750"
        "1c9d79caf11c5a17da887afbdb782379f36f2787a2bdd5245a73b4c8c92ba961139a0c17c1d1556d"
    ),
)
"""Beside the blocks that can be mined again from a job: chips look at nonces in different orders,
and what one gets to at once another has among its last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A block that a chip can find again."""

    header: bytes

    @property
    def name(self) -> str:
        """The end of its hash: all begin alike."""
        return f"...{self._hash & 0xFFFFFFFFFFFF:012x}"

    @property
    def nonce(self) -> int:
        """Header field as a number."""
        return int.from_bytes(self.header[76:], "little")

    @property
    def position(self) -> int:
        """Big-endian reading of the nonce bytes: the order in which chips count."""
        return int.from_bytes(self.header[76:], "big")

    @property
    def version(self) -> int:
        return int.from_bytes(self.header[:4], "little")

    @property
    def difficulty(self) -> float:
        return DIFF1_TARGET / self._hash

    @property
    def _hash(self) -> int:
        return int.from_bytes(sha256(sha256(self.header).digest()).digest(), "little")


def golden_headers() -> Iterator[Golden]:
    """Yield all of them, those first that the pool of the bench has, too."""
    for block in blocks().values():
        yield Golden(header=block.header)
    for text in MORE:
        yield Golden(header=bytes.fromhex(text))
