/*
 * Template: makes NAME_scan and NAME_check out of what the including file defines:
 *   LANES, NAME(suffix), and TARGET (a function attribute);
 *   NAME(positions), a type that holds one position for each lane;
 *   NAME(positions) NAME(range)(uint32_t first): first, first + 1, ...;
 *   NAME(positions) NAME(given)(const uint8_t *nonces): LANES times four header bytes;
 *   uint32_t NAME(meeting)(const struct lux_search *, NAME(positions)): bit i is set if the hash
 *     of lane i meets the target.
 */

TARGET static uint32_t NAME(scan)(const struct lux_search *search, uint32_t first, uint64_t count,
                                  uint32_t *found, uint32_t limit)
{
    const struct lux_search local = *search; /* so that no store to `found` can change it */
    uint32_t hits = 0;

    for (uint64_t done = 0; done < count && hits < limit; done += LANES) {
        const uint32_t base = first + (uint32_t)done;
        const uint32_t hit = NAME(meeting)(&local, NAME(range)(base));

        if (__builtin_expect(hit == 0, 1))
            continue;
        for (uint32_t i = 0; i < LANES && done + i < count && hits < limit; i++)
            if (hit >> i & 1)
                found[hits++] = base + i;
    }
    return hits;
}

TARGET static void NAME(check)(const struct lux_search *search, const uint8_t *nonces,
                               size_t count, uint8_t *meets)
{
    const struct lux_search local = *search;
    uint8_t last[4 * LANES] = {0};

    for (size_t done = 0; done < count; done += LANES) {
        const size_t left = count - done < LANES ? count - done : LANES;
        const uint8_t *group = nonces + 4 * done;
        uint32_t hit;

        if (left < LANES)
            group = memcpy(last, group, 4 * left);
        hit = NAME(meeting)(&local, NAME(given)(group));
        for (size_t i = 0; i < left; i++)
            meets[done + i] = hit >> i & 1;
    }
}
