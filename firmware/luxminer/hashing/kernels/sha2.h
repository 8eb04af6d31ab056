/*
 * Template: hashes LANES headers at once with the SHA2 instructions of ARMv8, interleaved so that
 * the latency of one is spent on the others.
 *
 * The including file defines LANES and NAME(suffix). sha256h and sha256h2 together do four rounds
 * on the state halves ABCD and EFGH; four message words ride in one register.
 *
 * Ref: Arm Architecture Reference Manual for A-profile, SHA256H, SHA256H2, SHA256SU0, SHA256SU1.
 */

#define TARGET SHA2
#define EACH for (int l = 0; l < LANES; l++)

#define ROUNDS(kw)                                                  \
    EACH {                                                          \
        const uint32x4_t before = abcd[l];                          \
        abcd[l] = vsha256hq_u32(abcd[l], efgh[l], kw);              \
        efgh[l] = vsha256h2q_u32(efgh[l], before, kw);              \
    }
#define ROUNDS_W(i, m) ROUNDS(vaddq_u32(m[l], vld1q_u32(lux_k + (i))))
/* Four rounds whose words are zero but for the first and the last. */
#define ROUNDS_CONSTANT(i, w0, w3) \
    ROUNDS(((uint32x4_t){lux_k[i] + (w0), lux_k[(i) + 1], lux_k[(i) + 2], lux_k[(i) + 3] + (w3)}))
/* a becomes the four words after d; a, b, c, d hold the sixteen before. */
#define NEXT_ROUNDS(i, a, b, c, d)                                              \
    do {                                                                        \
        EACH a[l] = vsha256su1q_u32(vsha256su0q_u32(a[l], b[l]), c[l], d[l]);   \
        ROUNDS_W(i, a);                                                         \
    } while (0)
#define ALL_NEXT_ROUNDS                \
    do {                               \
        NEXT_ROUNDS(32, m0, m1, m2, m3); \
        NEXT_ROUNDS(36, m1, m2, m3, m0); \
        NEXT_ROUNDS(40, m2, m3, m0, m1); \
        NEXT_ROUNDS(44, m3, m0, m1, m2); \
        NEXT_ROUNDS(48, m0, m1, m2, m3); \
        NEXT_ROUNDS(52, m1, m2, m3, m0); \
        NEXT_ROUNDS(56, m2, m3, m0, m1); \
        NEXT_ROUNDS(60, m3, m0, m1, m2); \
    } while (0)

/*
 * Takes the second header block with its first four words in m0, then hashes the hash.
 * Leaves words 0-3 and 4-7 of the double hash in m0 and m1.
 */
TARGET LUX_INLINE void NAME(hash)(const struct lux_search *s, uint32x4_t m0[LANES],
                                  uint32x4_t m1[LANES])
{
    const uint32x4_t none = vdupq_n_u32(0), end = {LUX_END, 0, 0, 0};
    uint32x4_t abcd[LANES], efgh[LANES], m2[LANES], m3[LANES];

    /* First hash, second block. Words 4 to 15 are the same in every lane, most of them zero. */
    {
        const uint32x4_t length = {0, 0, 0, LUX_HEADER_BITS};

        EACH abcd[l] = vld1q_u32(s->midstate);
        EACH efgh[l] = vld1q_u32(s->midstate + 4);
        ROUNDS_W(0, m0);
        ROUNDS_CONSTANT(4, LUX_END, 0);
        ROUNDS_CONSTANT(8, 0, 0);
        ROUNDS_CONSTANT(12, 0, LUX_HEADER_BITS);
        EACH m0[l] = vsha256su1q_u32(vsha256su0q_u32(m0[l], end), none, length);
        ROUNDS_W(16, m0);
        EACH m1[l] = vsha256su1q_u32(end, length, m0[l]);
        ROUNDS_W(20, m1);
        EACH m2[l] = vsha256su1q_u32(none, m0[l], m1[l]);
        ROUNDS_W(24, m2);
        EACH m3[l] = vsha256su1q_u32(vsha256su0q_u32(length, m0[l]), m1[l], m2[l]);
        ROUNDS_W(28, m3);
        ALL_NEXT_ROUNDS;
        EACH m0[l] = vaddq_u32(abcd[l], vld1q_u32(s->midstate));
        EACH m1[l] = vaddq_u32(efgh[l], vld1q_u32(s->midstate + 4));
    }

    /* Second hash. */
    {
        const uint32x4_t length = {0, 0, 0, LUX_HASH_BITS};

        EACH abcd[l] = vld1q_u32(lux_initial);
        EACH efgh[l] = vld1q_u32(lux_initial + 4);
        ROUNDS_W(0, m0);
        ROUNDS_W(4, m1);
        ROUNDS_CONSTANT(8, LUX_END, 0);
        ROUNDS_CONSTANT(12, 0, LUX_HASH_BITS);
        EACH m0[l] = vsha256su1q_u32(vsha256su0q_u32(m0[l], m1[l]), none, length);
        ROUNDS_W(16, m0);
        EACH m1[l] = vsha256su1q_u32(vsha256su0q_u32(m1[l], end), length, m0[l]);
        ROUNDS_W(20, m1);
        EACH m2[l] = vsha256su1q_u32(end, m0[l], m1[l]);
        ROUNDS_W(24, m2);
        EACH m3[l] = vsha256su1q_u32(vsha256su0q_u32(length, m0[l]), m1[l], m2[l]);
        ROUNDS_W(28, m3);
        ALL_NEXT_ROUNDS;
        EACH m0[l] = vaddq_u32(abcd[l], vld1q_u32(lux_initial));
        EACH m1[l] = vaddq_u32(efgh[l], vld1q_u32(lux_initial + 4));
    }
}

TARGET static inline uint32_t NAME(candidates)(const struct lux_search *s, uint32_t first)
{
    uint32x4_t m0[LANES], m1[LANES];
    uint32_t hit = 0;

    EACH m0[l] = vsetq_lane_u32(first + (uint32_t)l, vld1q_u32(s->w), 3);
    NAME(hash)(s, m0, m1);
    EACH hit |= (uint32_t)(__builtin_bswap32(vgetq_lane_u32(m1[l], 3)) <= s->target[0]) << l;
    return hit;
}

TARGET static __attribute__((noinline)) uint32_t
NAME(meeting)(const struct lux_search *s, const uint32_t positions[LANES])
{
    uint32x4_t m0[LANES], m1[LANES];
    uint32_t hit = 0;

    EACH m0[l] = vsetq_lane_u32(positions[l], vld1q_u32(s->w), 3);
    NAME(hash)(s, m0, m1);
    EACH {
        uint32_t hash[8];

        vst1q_u32(hash, m0[l]);
        vst1q_u32(hash + 4, m1[l]);
        hit |= (uint32_t)lux_meets(hash, s->target) << l;
    }
    return hit;
}

#include "search.h"

#undef EACH
#undef ROUNDS
#undef ROUNDS_W
#undef ROUNDS_CONSTANT
#undef NEXT_ROUNDS
#undef ALL_NEXT_ROUNDS
#undef LANES
#undef NAME
#undef TARGET
