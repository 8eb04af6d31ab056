/*
 * Template: makes NAME_scan and NAME_check out of NAME_candidates and NAME_meeting.
 *
 * The including file defines LANES, NAME(suffix), TARGET (a function attribute) and
 *   uint32_t NAME(candidates)(const struct lux_search *, uint32_t first)
 *     bit i is set if the most significant word of the hash of position first + i may do;
 *   uint32_t NAME(meeting)(const struct lux_search *, const uint32_t positions[LANES])
 *     bit i is set if the hash of positions[i] meets the target.
 */

TARGET static uint32_t NAME(scan)(const struct lux_search *search, uint32_t first, uint64_t count,
                                  uint32_t *found, uint32_t limit)
{
    const struct lux_search local = *search; /* so that no store to `found` can change it */
    uint32_t hits = 0;

    for (uint64_t done = 0; done < count; done += LANES) {
        uint32_t base = first + (uint32_t)done;
        uint32_t hit = NAME(candidates)(&local, base);

        if (__builtin_expect(hit != 0, 0)) {
            uint32_t positions[LANES];
            uint64_t left = count - done;

            for (uint32_t i = 0; i < LANES; i++)
                positions[i] = base + i;
            hit &= NAME(meeting)(&local, positions);
            for (uint32_t i = 0; i < LANES && i < left; i++) {
                if (hit >> i & 1) {
                    if (hits == limit)
                        return hits;
                    found[hits++] = base + i;
                }
            }
            if (hits == limit)
                return hits;
        }
    }
    return hits;
}

TARGET static void NAME(check)(const struct lux_search *search, const uint8_t *nonces,
                               size_t count, uint8_t *meets)
{
    const struct lux_search local = *search;

    for (size_t done = 0; done < count; done += LANES) {
        uint32_t positions[LANES];
        size_t left = count - done < LANES ? count - done : LANES;
        uint32_t hit;

        for (size_t i = 0; i < LANES; i++)
            positions[i] = lux_load_be(nonces + 4 * (done + (i < left ? i : left - 1)));
        hit = NAME(meeting)(&local, positions);
        for (size_t i = 0; i < left; i++)
            meets[done + i] = hit >> i & 1;
    }
}
