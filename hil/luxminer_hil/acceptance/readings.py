"""Which chip has found a nonce: what its driver says, and where sources disagree, what each says.

Ref: docs/sources.md, "Sticks": where a BM1397 has its address cg and esp do not agree about, and no
recording of a chain of them was ever published. Drivers name a chip only where sources agree; of a
BM1362 they know the upper seven bits of the address, so just below the first nonce of a chip one of
the chip before it is taken for its.
"""

from collections import Counter
from collections.abc import Mapping

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.facts import NonceAddress, Split
from luxminer_drivers.bm1362 import facts as bm1362
from luxminer_drivers.bm1370 import facts as bm1370
from luxminer_drivers.bm1387 import facts as bm1387
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.acceptance.bench import Measurement
from luxminer_hil.acceptance.host import Nonce
from luxminer_hil.acceptance.statistics import even_tail

__all__ = ["counts_by_chip", "with_chips"]


def _whole(place: NonceAddress) -> NonceAddress:
    """Return a reading of all eight bits of the address."""
    bits = place.bits
    return NonceAddress(
        bits._replace(shift=bits.shift + bits.width - ADDRESS_BITS, width=ADDRESS_BITS), Split.STEP
    )


ADDRESS_BITS = 8
FRAMED = (bm1387.BM1387, bm1362.BM1362, bm1370.BM1368, bm1370.BM1370)

READINGS: Mapping[str, tuple[NonceAddress, ...]] = {
    **{family.name: (_whole(family.nonce_address),) for family in FRAMED},
    bm1397.BM1397.name: (_whole(bm1397.BM1397.nonce_address), bm1397.NONCE_ADDRESS_ESP),
}
"""Chip -> readings of its nonces beside that of its driver."""


def with_chips(measured: Measurement, chip: str) -> list[tuple[Nonce, int | None]]:
    """Return right nonces and who found each, by the reading under which chips are most even.

    A wrong reading gives some chips twice their share and others nothing, and so does a dead chip
    under the right one: the choice hides none.
    """
    right = [nonce for nonce in measured.nonces if nonce.is_right]
    finders: list[list[int | None]] = [[nonce.chip for nonce in right]]
    finders.extend(
        [chain.chip_of_nonce(place, nonce.nonce, measured.chips) for nonce in right]
        for place in READINGS.get(chip, ())
    )

    def evenness(number: int) -> float:
        counts = Counter(finders[number])
        return even_tail([counts[index] for index in range(measured.chips)])

    best = max(range(len(finders)), key=evenness)
    return list(zip(right, finders[best], strict=True))


def counts_by_chip(measured: Measurement, chip: str) -> list[int]:
    """Return how many right nonces each chip has found."""
    counts = Counter(index for _, index in with_chips(measured, chip))
    return [counts[index] for index in range(measured.chips)]
