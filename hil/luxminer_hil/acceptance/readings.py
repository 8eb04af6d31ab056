"""Which chip has found a nonce: what its driver says, and where sources disagree, what each says.

Ref: docs/sources.md, "Sticks": where a BM1397 has its address cg and esp do not agree about, and no
recording of a chain of them was ever published.
"""

from collections import Counter
from collections.abc import Mapping

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.facts import NonceAddress, Split
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.acceptance.bench import Measurement
from luxminer_hil.acceptance.statistics import even_tail

__all__ = ["counts_by_chip"]


def _whole(place: NonceAddress) -> NonceAddress:
    """Return a reading of all eight bits of the address where only the upper ones are looked at.

    Near its first nonce a chip is else taken for the one before it.
    """
    bits = place.bits
    return NonceAddress(
        bits._replace(shift=bits.shift + bits.width - ADDRESS_BITS, width=ADDRESS_BITS), Split.STEP
    )


ADDRESS_BITS = 8

READINGS: Mapping[str, tuple[NonceAddress, ...]] = {
    bm1397.BM1397.name: (_whole(bm1397.BM1397.nonce_address), bm1397.NONCE_ADDRESS_ESP),
}
"""Chip -> readings of its nonces beside that of its driver."""


def counts_by_chip(measured: Measurement, chip: str) -> list[int]:
    """Return right nonces of each chip, by the reading under which they are most even.

    A wrong reading gives some chips twice their share and others nothing, and so does a dead chip
    under the right one: the choice hides none.
    """
    right = [nonce for nonce in measured.nonces if nonce.is_right]
    found: list[Counter[int | None]] = [
        Counter(nonce.chip for nonce in right),
        *(
            Counter(chain.chip_of_nonce(place, nonce.nonce, measured.chips) for nonce in right)
            for place in READINGS.get(chip, ())
        ),
    ]
    listed = [[counts[index] for index in range(measured.chips)] for counts in found]
    return max(listed, key=even_tail)
