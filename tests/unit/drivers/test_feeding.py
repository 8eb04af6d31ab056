"""How fast chips may be that roll versions, by what their link brings."""

import pytest

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.facts import VERSION_MASK, Family
from luxminer_drivers.bm13xx.feeding import fed_ceiling, shortage_words
from luxminer_drivers.bm13xx.pll import clocks_of
from luxminer_drivers.bm1362.facts import BM1362
from luxminer_drivers.bm1370.facts import BM1368, BM1370

LINE_S = 0.00864
MASKS = [VERSION_MASK & ((1 << 13 + bits) - 1) for bits in range(17)]


@pytest.mark.parametrize("family", [BM1362, BM1368, BM1370], ids=lambda family: family.name)
@pytest.mark.parametrize("chips", [1, 2, 4, 16])
def test_chips_are_as_fast_as_a_task_in_time_allows(family: Family, chips: int) -> None:
    clocks = clocks_of(family.pll)
    for mask in MASKS:
        ceiling = fed_ceiling(family, chips, mask, LINE_S)
        lives_s = {mhz: chain.task_life_s(family, chips, mhz, mask=mask) for mhz in clocks}
        if ceiling is None:
            assert lives_s[clocks[-1]] > LINE_S
            continue
        assert VERSION_MASK.bit_count() > mask.bit_count()
        assert ceiling.mhz in clocks
        assert "1fffe000" in ceiling.why
        if ceiling.mhz > clocks[0]:
            assert lives_s[ceiling.mhz] > 1.2 * LINE_S, "with time to spare"
        faster_mhz = clocks[clocks.index(ceiling.mhz) + 1]
        assert lives_s[faster_mhz] < 1.3 * LINE_S, "and no slower than that needs"


def test_a_pool_that_lets_all_be_rolled_bounds_nothing() -> None:
    for family in (BM1362, BM1368, BM1370):
        assert fed_ceiling(family, 16, VERSION_MASK, LINE_S) is None


def test_words() -> None:
    assert shortage_words(0.010, 0.010) == ""
    assert "busy for 5.0 ms and its link brings one each 10.0 ms" in shortage_words(0.005, 0.010)
