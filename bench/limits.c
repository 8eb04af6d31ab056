/*
 * What the nonce search is held against: the loop that anybody would write, and the instruction
 * limit of each kernel.
 *
 * The instruction limit is the rate at which the processor carries out the operations that one
 * search step cannot do without, if nothing ever waits: independent operands, no loads, no
 * spills, no moves. The loops below run these operations in their true proportion, so what is
 * measured is the throughput of the execution units at the clock of this moment. The numbers of
 * operations are those of kernels/lanes.h, sha_ni.h and sha2.h with everything left out that does
 * not depend on the nonce; a cleverer formula would have another limit.
 */
#include "kernel.h"

/* Textbook SHA-256 from the midstate, as in FIPS 180-4 6.2.2: no step is left out or shared. */
static void compress(uint32_t state[8], const uint32_t block[16])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7], w[64];

    memcpy(w, block, 64);
    for (int i = 16; i < 64; i++)
        w[i] = lux_small1(w[i - 2]) + w[i - 7] + lux_small0(w[i - 15]) + w[i - 16];
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = h + lux_big1(e) + LUX_CH(e, f, g) + lux_k[i] + w[i];
        uint32_t t2 = lux_big0(a) + LUX_MAJ(a, b, c);

        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/* Searches `count` positions for a hash whose most significant word is zero. */
uint32_t plain_scan(uint32_t count)
{
    uint32_t hits = 0;

    for (uint32_t position = 0; position < count; position++) {
        uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        uint32_t first[16] = {9, 10, 11, position, LUX_END, [15] = LUX_HEADER_BITS};
        uint32_t second[16] = {[8] = LUX_END, [15] = LUX_HASH_BITS};

        compress(state, first);
        memcpy(second, state, sizeof state);
        memcpy(state, lux_initial, sizeof state);
        compress(state, second);
        hits += state[7] == 0;
    }
    return hits;
}

/*
 * Limit of a lane kernel. A step needs 1049 additions, 1020 rotations, 156 shifts, and 628
 * functions of three words, of which 392 are sums, 120 CH and 116 MAJ. One turn of the loop is a
 * 52nd of that: 20, 20, 3, 8, 2, 2. The empty asm keeps the compiler from folding neighbours.
 */
#define TURNS_PER_STEP 52
#define DO(x, expression)  \
    do {                   \
        x = (expression);  \
        KEEP(x);           \
    } while (0)
#define ADD(x) DO(x, x + y)
#define ROT(x) DO(x, ROTR(x, 7))
#define SHR(x) DO(x, x >> 3)
#define SUM(x) DO(x, XOR3(x, y, z))
#define CHO(x) DO(x, CH(x, y, z))
#define MJO(x) DO(x, MAJ(x, y, z))
#define LANE_LIMIT(name, target)                                                        \
    target uint32_t name(uint32_t steps)                                                \
    {                                                                                   \
        V a = {1}, b = {2}, c = {3}, d = {4}, e = {5}, f = {6}, g = {7}, h = {8};       \
        V y = {9}, z = {10};                                                            \
                                                                                        \
        KEEP(y);                                                                        \
        KEEP(z);                                                                        \
        for (uint32_t turn = 0; turn < TURNS_PER_STEP * steps; turn++) {                \
            ADD(a); ROT(b); SUM(c); ADD(d); ROT(e); SHR(f); ADD(g); ROT(h);             \
            CHO(a); ADD(b); ROT(c); SUM(d); ADD(e); ROT(f); MJO(g); ADD(h);             \
            ROT(a); SUM(b); ADD(c); ROT(d); ADD(e); ROT(f); ADD(g); ROT(h);             \
            SUM(a); ADD(b); ROT(c); SHR(d); ADD(e); ROT(f); SUM(g); ADD(h);             \
            ROT(a); ADD(b); ROT(c); CHO(d); ADD(e); ROT(f); SUM(g); ADD(h);             \
            ROT(a); MJO(b); ADD(c); ROT(d); SUM(e); ADD(f); ROT(g); SHR(h);             \
            ADD(a); ROT(b); ADD(c); ROT(d); SUM(e); ADD(f); ROT(g);                     \
        }                                                                               \
        a += b + c + d + e + f + g + h;                                                 \
        return ((const uint32_t *)&a)[0];                                               \
    }

#define ROTR LUX_ROTR
#define XOR3 LUX_XOR3
#define CH LUX_CH
#define MAJ LUX_MAJ
#define KEEP(value) __asm__ volatile("" : "+r"(value))
#define V uint32_t
LANE_LIMIT(limit_portable, )
#undef V
#undef KEEP

#if defined(__x86_64__)
#include <immintrin.h>

#define KEEP(value) __asm__ volatile("" : "+x"(value))
typedef uint32_t four_words __attribute__((vector_size(16)));
typedef uint32_t eight_words __attribute__((vector_size(32)));
typedef uint32_t sixteen_words __attribute__((vector_size(64)));
#define V four_words
LANE_LIMIT(limit_sse2, __attribute__((target("sse2"))))
#undef V
#define V eight_words
LANE_LIMIT(limit_avx2, __attribute__((target("avx2"))))
#undef V
#undef ROTR
#undef XOR3
#undef CH
#undef MAJ
#undef KEEP
#define KEEP(value) __asm__ volatile("" : "+v"(value))
#define LOGIC3(x, y, z, table) \
    ((V)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define ROTR(x, n) ((V)_mm512_ror_epi32((__m512i)(x), n))
#define XOR3(x, y, z) LOGIC3(x, y, z, 0x96)
#define CH(x, y, z) LOGIC3(x, y, z, 0xca)
#define MAJ(x, y, z) LOGIC3(x, y, z, 0xe8)
#define V sixteen_words
LANE_LIMIT(limit_avx512, __attribute__((target("avx512f"))))

/*
 * A step needs 62 sha256rnds2, 20 sha256msg1, 24 sha256msg2, and with them 51 additions, 30
 * shuffles and 22 alignments of words.
 */
__attribute__((target("sha,sse4.1"))) uint32_t limit_sha_ni(uint32_t steps)
{
    __m128i y = _mm_set1_epi32(9), one = y, two[2] = {y, y}, sum = y, up = y, align = y;
    __m128i state[4] = {y, y, y, y};

    for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 62
        for (int i = 0; i < 62; i++) {
            state[i & 3] = _mm_sha256rnds2_epu32(state[i & 3], y, y);
            if (i % 3 == 0 && i < 60)
                one = _mm_sha256msg1_epu32(one, y);
            if (i % 5 < 2 && i < 60)
                two[i & 1] = _mm_sha256msg2_epu32(two[i & 1], y);
            if (i < 51)
                DO(sum, _mm_add_epi32(sum, y));
            if (i & 1 && i < 60)
                DO(up, _mm_shuffle_epi32(up, 0x4e));
            if (!(i & 1) && i < 44)
                DO(align, _mm_alignr_epi8(align, y, 4));
        }
    }
    y = one + two[0] + two[1] + sum + up + align + state[0] + state[1] + state[2] + state[3];
    return (uint32_t)_mm_cvtsi128_si32(y);
}
#endif

#if defined(__aarch64__)
#include <arm_neon.h>

#undef ROTR
#undef CH
#undef MAJ
#define KEEP(value) __asm__ volatile("" : "+w"(value))
#define ROTR(x, n) vsriq_n_u32(vshlq_n_u32(x, 32 - (n)), x, n)
#define CH(x, y, z) vbslq_u32(x, y, z)
#define MAJ(x, y, z) vbslq_u32((x) ^ (y), z, y)
#define V uint32x4_t
LANE_LIMIT(limit_neon, )

#ifdef LUX_ARM_SHA2
/* A step needs 32 each of sha256h and sha256h2, 21 sha256su0, 24 sha256su1 and 30 additions. */
__attribute__((target("+crypto"))) uint32_t limit_armv8_sha2(uint32_t steps)
{
    uint32x4_t y = vdupq_n_u32(9), sum = y, one = y, two[2] = {y, y};
    uint32x4_t abcd[4] = {y, y, y, y}, efgh[4] = {y, y, y, y};

    for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 32
        for (int i = 0; i < 32; i++) {
            abcd[i & 3] = vsha256hq_u32(abcd[i & 3], y, y);
            efgh[i & 3] = vsha256h2q_u32(efgh[i & 3], y, y);
            if (i < 21)
                one = vsha256su0q_u32(one, y);
            if (i < 24)
                two[i & 1] = vsha256su1q_u32(two[i & 1], y, y);
            if (i < 30)
                DO(sum, sum + y);
        }
    }
    y = sum + one + two[0] + two[1];
    for (int i = 0; i < 4; i++)
        y += abcd[i] + efgh[i];
    return vgetq_lane_u32(y, 0);
}
#endif
#endif
