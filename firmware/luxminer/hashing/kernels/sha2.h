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
#define EACH _Pragma("GCC unroll 4") for (int l = 0; l < LANES; l++)

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

typedef struct {
    uint32_t lane[LANES];
} NAME(positions);

TARGET LUX_INLINE uint32_t NAME(meeting)(const struct lux_search *s, NAME(positions) positions)
{
    const uint32x4_t none = vdupq_n_u32(0), end = {LUX_END, 0, 0, 0};
    uint32x4_t abcd[LANES], efgh[LANES], m0[LANES], m1[LANES], m2[LANES], m3[LANES];
    uint32_t hit = 0;

    EACH m0[l] = vsetq_lane_u32(positions.lane[l], vld1q_u32(s->w), 3);

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
    EACH {
        uint32_t hash[8];

        vst1q_u32(hash, m0[l]);
        vst1q_u32(hash + 4, m1[l]);
        hit |= (uint32_t)lux_meets(hash, 1, s->target) << l;
    }
    return hit;
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
#undef ROUNDS
#undef ROUNDS_W
#undef ROUNDS_CONSTANT
#undef NEXT_ROUNDS
#undef ALL_NEXT_ROUNDS
#undef LANES
#undef NAME
#undef TARGET
