/* Kernel in plain C, for every machine and for the single hash beside the vector kernels. */
#include "kernel.h"

#define ROUND(a, b, c, d, e, f, g, h, i)                                                \
    do {                                                                                \
        uint32_t t1 = h + (w[(i) & 15] + lux_k[i]) + LUX_CH(e, f, g) + lux_big1(e);     \
        d += t1;                                                                        \
        h = t1 + lux_big0(a) + LUX_MAJ(a, b, c);                                        \
    } while (0)

#define ROUNDS_8(i)                           \
    do {                                      \
        ROUND(a, b, c, d, e, f, g, h, i);     \
        ROUND(h, a, b, c, d, e, f, g, i + 1); \
        ROUND(g, h, a, b, c, d, e, f, i + 2); \
        ROUND(f, g, h, a, b, c, d, e, i + 3); \
        ROUND(e, f, g, h, a, b, c, d, i + 4); \
        ROUND(d, e, f, g, h, a, b, c, i + 5); \
        ROUND(c, d, e, f, g, h, a, b, i + 6); \
        ROUND(b, c, d, e, f, g, h, a, i + 7); \
    } while (0)

#define NEXT_W(i)                                                                  \
    (w[(i) & 15] += lux_small0(w[((i) + 1) & 15]) + w[((i) + 9) & 15] +            \
                    lux_small1(w[((i) + 14) & 15]))
#define NEXT_W_8(i)    \
    do {               \
        NEXT_W(i);     \
        NEXT_W(i + 1); \
        NEXT_W(i + 2); \
        NEXT_W(i + 3); \
        NEXT_W(i + 4); \
        NEXT_W(i + 5); \
        NEXT_W(i + 6); \
        NEXT_W(i + 7); \
    } while (0)
#define NEXT_ROUNDS_8(i) \
    do {                 \
        NEXT_W_8(i);     \
        ROUNDS_8(i);     \
    } while (0)

void lux_portable_compress(const uint8_t before[32], const uint8_t *blocks, size_t count,
                           uint8_t after[32])
{
    uint32_t state[8];

    for (int i = 0; i < 8; i++)
        state[i] = lux_load_be(before + 4 * i);
    for (; count > 0; count--, blocks += 64) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        uint32_t w[16];

        for (int i = 0; i < 16; i++)
            w[i] = lux_load_be(blocks + 4 * i);
        ROUNDS_8(0);
        ROUNDS_8(8);
        NEXT_ROUNDS_8(16);
        NEXT_ROUNDS_8(24);
        NEXT_ROUNDS_8(32);
        NEXT_ROUNDS_8(40);
        NEXT_ROUNDS_8(48);
        NEXT_ROUNDS_8(56);
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
    for (int i = 0; i < 8; i++)
        lux_store_be(after + 4 * i, state[i]);
}

#undef ROUND
#undef NEXT_W

#define LANES 1
#define NAME(suffix) portable_##suffix
#define TARGET
#define ANY(mask) (mask)
#include "lanes.h"

void lux_portable_header(const uint8_t midstate[32], const uint8_t tail[12],
                         const uint8_t nonce[4], uint8_t hash[32])
{
    struct lux_search search;
    uint32_t words[8];

    lux_prepare(&search, midstate, tail);
    portable_hash(&search, lux_load_be(nonce), 0, words);
    for (int i = 0; i < 8; i++)
        lux_store_be(hash + 4 * i, words[i]);
}

static int always(void)
{
    return 1;
}

const struct lux_kernel lux_portable = {
    "portable", 1, 0, always, lux_portable_compress, lux_portable_header,
    portable_scan, portable_check};
