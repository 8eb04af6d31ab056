/*
 * Template: hashes LANES headers at once with the x86 SHA instructions, interleaved so that the
 * latency of one is spent on the others.
 *
 * The including file defines LANES and NAME(suffix). One sha256rnds2 does two rounds on the state
 * halves ABEF and CDGH; four message words ride in one register.
 *
 * Ref: Intel SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2.
 */

#define TARGET SHA_NI
#define EACH _Pragma("GCC unroll 4") for (int l = 0; l < LANES; l++)

/* Four rounds whose words plus constants are the same in all lanes. */
#define ROUNDS_K(lo, hi)                                        \
    do {                                                        \
        EACH cdgh[l] = RNDS2(cdgh[l], abef[l], lo);             \
        EACH abef[l] = RNDS2(abef[l], cdgh[l], hi);             \
    } while (0)
#define ROUNDS_CONSTANT(i, w0, w3)                                                      \
    ROUNDS_K(_mm_set_epi32(0, 0, (int)lux_k[(i) + 1], (int)(lux_k[i] + (w0))),          \
             _mm_set_epi32(0, 0, (int)(lux_k[(i) + 3] + (w3)), (int)lux_k[(i) + 2]))
/* Four rounds with the words in m. */
#define ROUNDS_W(i, m)                                                                  \
    do {                                                                                \
        __m128i kw[LANES];                                                              \
        EACH kw[l] = _mm_add_epi32(m[l], _mm_load_si128((const __m128i *)(lux_k + (i)))); \
        EACH cdgh[l] = RNDS2(cdgh[l], abef[l], kw[l]);                                  \
        EACH abef[l] = RNDS2(abef[l], cdgh[l], _mm_shuffle_epi32(kw[l], 0x0e));         \
    } while (0)
/* a becomes the four words after d; a, b, c, d hold the sixteen before. */
#define NEXT_W(a, b, c, d)                                                              \
    EACH a[l] = _mm_sha256msg2_epu32(                                                   \
        _mm_add_epi32(_mm_sha256msg1_epu32(a[l], b[l]), _mm_alignr_epi8(d[l], c[l], 4)), d[l])
#define NEXT_ROUNDS(i, a, b, c, d) \
    do {                           \
        NEXT_W(a, b, c, d);        \
        ROUNDS_W(i, a);            \
    } while (0)

typedef struct {
    uint32_t lane[LANES];
} NAME(positions);

TARGET LUX_INLINE uint32_t NAME(meeting)(const struct lux_search *s, NAME(positions) positions)
{
    __m128i abef[LANES], cdgh[LANES], m0[LANES], m1[LANES], m2[LANES], m3[LANES];
    const __m128i end = _mm_set_epi32(0, 0, 0, (int)LUX_END);

    EACH m0[l] = _mm_set_epi32((int)positions.lane[l], (int)s->w[2], (int)s->w[1], (int)s->w[0]);

    /* First hash, second block; rounds 0 and 1 are done. */
    {
        const __m128i abef2 = _mm_set_epi32((int)s->round2[0], (int)s->round2[1],
                                            (int)s->round2[4], (int)s->round2[5]);
        const __m128i cdgh2 = _mm_set_epi32((int)s->round2[2], (int)s->round2[3],
                                            (int)s->round2[6], (int)s->round2[7]);
        const __m128i k2 = _mm_set_epi32(0, 0, (int)lux_k[3], (int)lux_k[2]);

        EACH cdgh[l] = abef2;
        EACH abef[l] = RNDS2(cdgh2, abef2, _mm_add_epi32(_mm_shuffle_epi32(m0[l], 0x0e), k2));
    }
    ROUNDS_CONSTANT(4, LUX_END, 0);
    ROUNDS_CONSTANT(8, 0, 0);
    ROUNDS_CONSTANT(12, 0, LUX_HEADER_BITS);
    /* Words 4 to 15 are the same in every lane, most of them zero. */
    {
        const __m128i length = _mm_set_epi32((int)LUX_HEADER_BITS, 0, 0, 0);
        const __m128i w28 = _mm_set_epi32((int)s->w31, (int)lux_small0(LUX_HEADER_BITS), 0, 0);

        EACH m0[l] = _mm_sha256msg2_epu32(_mm_sha256msg1_epu32(m0[l], end), length);
        ROUNDS_W(16, m0);
        EACH m1[l] = _mm_sha256msg2_epu32(_mm_add_epi32(end, _mm_alignr_epi8(m0[l], length, 4)),
                                          m0[l]);
        ROUNDS_W(20, m1);
        EACH m2[l] = _mm_sha256msg2_epu32(_mm_alignr_epi8(m1[l], m0[l], 4), m1[l]);
        ROUNDS_W(24, m2);
        EACH m3[l] = _mm_sha256msg2_epu32(_mm_add_epi32(w28, _mm_alignr_epi8(m2[l], m1[l], 4)),
                                          m2[l]);
        ROUNDS_W(28, m3);
    }
    NEXT_ROUNDS(32, m0, m1, m2, m3);
    NEXT_ROUNDS(36, m1, m2, m3, m0);
    NEXT_ROUNDS(40, m2, m3, m0, m1);
    NEXT_ROUNDS(44, m3, m0, m1, m2);
    NEXT_ROUNDS(48, m0, m1, m2, m3);
    NEXT_ROUNDS(52, m1, m2, m3, m0);
    NEXT_ROUNDS(56, m2, m3, m0, m1);
    NEXT_ROUNDS(60, m3, m0, m1, m2);
    {
        const __m128i abef0 = _mm_set_epi32((int)s->midstate[0], (int)s->midstate[1],
                                            (int)s->midstate[4], (int)s->midstate[5]);
        const __m128i cdgh0 = _mm_set_epi32((int)s->midstate[2], (int)s->midstate[3],
                                            (int)s->midstate[6], (int)s->midstate[7]);

        EACH abef[l] = _mm_add_epi32(abef[l], abef0);
        EACH cdgh[l] = _mm_add_epi32(cdgh[l], cdgh0);
        EACH WORDS(abef[l], cdgh[l], m0[l], m1[l]);
    }

    /* Second hash. */
    EACH abef[l] = INITIAL_ABEF;
    EACH cdgh[l] = INITIAL_CDGH;
    ROUNDS_W(0, m0);
    ROUNDS_W(4, m1);
    ROUNDS_CONSTANT(8, LUX_END, 0);
    ROUNDS_CONSTANT(12, 0, LUX_HASH_BITS);
    {
        const __m128i length = _mm_set_epi32((int)LUX_HASH_BITS, 0, 0, 0);

        EACH m0[l] = _mm_sha256msg2_epu32(_mm_sha256msg1_epu32(m0[l], m1[l]), length);
        ROUNDS_W(16, m0);
        EACH m1[l] = _mm_sha256msg2_epu32(
            _mm_add_epi32(_mm_sha256msg1_epu32(m1[l], end), _mm_alignr_epi8(m0[l], length, 4)),
            m0[l]);
        ROUNDS_W(20, m1);
        EACH m2[l] = _mm_sha256msg2_epu32(
            _mm_add_epi32(end, _mm_alignr_epi8(m1[l], m0[l], 4)), m1[l]);
        ROUNDS_W(24, m2);
        EACH m3[l] = _mm_sha256msg2_epu32(
            _mm_add_epi32(_mm_sha256msg1_epu32(length, m0[l]), _mm_alignr_epi8(m2[l], m1[l], 4)),
            m2[l]);
        ROUNDS_W(28, m3);
    }
    NEXT_ROUNDS(32, m0, m1, m2, m3);
    NEXT_ROUNDS(36, m1, m2, m3, m0);
    NEXT_ROUNDS(40, m2, m3, m0, m1);
    NEXT_ROUNDS(44, m3, m0, m1, m2);
    NEXT_ROUNDS(48, m0, m1, m2, m3);
    NEXT_ROUNDS(52, m1, m2, m3, m0);
    NEXT_ROUNDS(56, m2, m3, m0, m1);
    NEXT_W(m3, m0, m1, m2);

    /*
     * Rounds 60 and 61 bring the most significant word of the hash to f; two more would only move
     * it on to h. Nearly always it ends here.
     */
    {
        uint32_t hit = 0;

        EACH m3[l] = _mm_add_epi32(m3[l], _mm_load_si128((const __m128i *)(lux_k + 60)));
        EACH cdgh[l] = RNDS2(cdgh[l], abef[l], m3[l]);
        EACH {
            const uint32_t top = (uint32_t)_mm_cvtsi128_si32(cdgh[l]) + lux_initial[7];

            hit |= (uint32_t)(__builtin_bswap32(top) <= s->target[0]) << l;
        }
        if (hit == 0)
            return 0;
        EACH {
            uint32_t hash[8];

            abef[l] = RNDS2(abef[l], cdgh[l], _mm_shuffle_epi32(m3[l], 0x0e));
            abef[l] = _mm_add_epi32(abef[l], INITIAL_ABEF);
            cdgh[l] = _mm_add_epi32(cdgh[l], INITIAL_CDGH);
            WORDS(abef[l], cdgh[l], m0[l], m1[l]);
            _mm_storeu_si128((__m128i *)hash, m0[l]);
            _mm_storeu_si128((__m128i *)(hash + 4), m1[l]);
            if (!lux_meets(hash, 1, s->target))
                hit &= ~((uint32_t)1 << l);
        }
        return hit;
    }
}

TARGET LUX_INLINE NAME(positions) NAME(range)(uint32_t first)
{
    NAME(positions) positions;

    EACH positions.lane[l] = first + (uint32_t)l;
    return positions;
}

TARGET LUX_INLINE NAME(positions) NAME(given)(const uint8_t *nonces)
{
    NAME(positions) positions;

    EACH positions.lane[l] = lux_load_be(nonces + 4 * l);
    return positions;
}

#include "search.h"

#undef EACH
#undef ROUNDS_K
#undef ROUNDS_CONSTANT
#undef ROUNDS_W
#undef NEXT_W
#undef NEXT_ROUNDS
#undef LANES
#undef NAME
#undef TARGET
