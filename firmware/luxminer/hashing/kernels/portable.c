/* Kernel in plain C, for every machine and for the single hash beside the vector kernels. */
#include "kernel.h"

#define LOAD_W(i) w[i] = lux_load_be(blocks + 4 * (i))
#define NEXT_W(i)                                                                  \
    w[i] += lux_small0(w[((i) + 1) & 15]) + w[((i) + 9) & 15] +                    \
            lux_small1(w[((i) + 14) & 15])
#define ROUND(a, b, c, d, e, f, g, h, i, word)                                     \
    do {                                                                           \
        uint32_t t1;                                                               \
        word(i);                                                                   \
        t1 = h + (w[i] + k[i]) + LUX_CH(e, f, g) + lux_big1(e);                    \
        d += t1;                                                                   \
        h = t1 + lux_big0(a) + LUX_MAJ(a, b, c);                                   \
    } while (0)
#define ROUNDS_8(i, word)                             \
    do {                                              \
        ROUND(a, b, c, d, e, f, g, h, i, word);       \
        ROUND(h, a, b, c, d, e, f, g, (i) + 1, word); \
        ROUND(g, h, a, b, c, d, e, f, (i) + 2, word); \
        ROUND(f, g, h, a, b, c, d, e, (i) + 3, word); \
        ROUND(e, f, g, h, a, b, c, d, (i) + 4, word); \
        ROUND(d, e, f, g, h, a, b, c, (i) + 5, word); \
        ROUND(c, d, e, f, g, h, a, b, (i) + 6, word); \
        ROUND(b, c, d, e, f, g, h, a, (i) + 7, word); \
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
        const uint32_t *k = lux_k;
        uint32_t w[16];

        ROUNDS_8(0, LOAD_W);
        ROUNDS_8(8, LOAD_W);
        /* All 64 rounds written out would not stay in the processor's cache of decoded code. */
#pragma GCC unroll 1
        for (k += 16; k < lux_k + 64; k += 16) {
            ROUNDS_8(0, NEXT_W);
            ROUNDS_8(8, NEXT_W);
        }
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

static int always(void)
{
    return 1;
}

const struct lux_kernel lux_portable = {
    "portable", 1, 0, always, lux_portable_compress, portable_scan, portable_check};
