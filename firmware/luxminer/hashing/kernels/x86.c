/* Kernels for x86-64: vector lanes of three widths, and the SHA instructions. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
/* The order of the source has the shortest waits; what GCC makes of it is 5 % slower. */
#pragma GCC optimize("no-schedule-insns2", "no-tree-reassoc")
#endif
#include "kernel.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

/* Vector lanes. */

#define LANES 4
#define NAME(suffix) sse2_##suffix
#define TARGET __attribute__((target("sse2")))
#define ANY(mask) (_mm_movemask_epi8((__m128i)(mask)) != 0)
#include "lanes.h"

#define LANES 8
#define NAME(suffix) avx2_##suffix
#define TARGET __attribute__((target("avx2")))
#define ANY(mask) (_mm256_movemask_epi8((__m256i)(mask)) != 0)
#include "lanes.h"

/* Any function of three inputs is one instruction; the number is its truth table. */
#define LOGIC3(x, y, z, table) \
    ((V)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))

#define LANES 16
#define NAME(suffix) avx512_##suffix
#define TARGET __attribute__((target("avx512f")))
#define ROTR(x, n) ((V)_mm512_ror_epi32((__m512i)(x), n))
#define XOR3(x, y, z) LOGIC3(x, y, z, 0x96)
#define CH(x, y, z) LOGIC3(x, y, z, 0xca)
#define MAJ(x, y, z) LOGIC3(x, y, z, 0xe8)
#define ANY(mask) (_mm512_test_epi32_mask((__m512i)(mask), (__m512i)(mask)) != 0)
#include "lanes.h"

/* SHA instructions. */

#define SHA_NI __attribute__((target("sha,sse4.1")))
#define RNDS2 _mm_sha256rnds2_epu32
#define INITIAL_ABEF                                                        \
    _mm_set_epi32((int)lux_initial[0], (int)lux_initial[1],                 \
                  (int)lux_initial[4], (int)lux_initial[5])
#define INITIAL_CDGH                                                        \
    _mm_set_epi32((int)lux_initial[2], (int)lux_initial[3],                 \
                  (int)lux_initial[6], (int)lux_initial[7])
/* From the halves that the instructions work on to words 0-3 and 4-7, lowest first. */
#define WORDS(abef, cdgh, low, high)                                        \
    do {                                                                    \
        __m128i abef_up = _mm_shuffle_epi32(abef, 0x1b);                    \
        __m128i cdgh_up = _mm_shuffle_epi32(cdgh, 0xb1);                    \
        low = _mm_blend_epi16(abef_up, cdgh_up, 0xf0);                      \
        high = _mm_alignr_epi8(cdgh_up, abef_up, 8);                        \
    } while (0)

#define LANES 1
#define NAME(suffix) sha_ni_1_##suffix
#include "sha_ni.h"

#define LANES 3
#define NAME(suffix) sha_ni_3_##suffix
#include "sha_ni.h"

SHA_NI static void sha_ni_compress(const uint8_t before[32], const uint8_t *blocks, size_t count,
                                   uint8_t after[32])
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)before), swap);
    __m128i high = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(before + 16)), swap);
    __m128i dcba = _mm_shuffle_epi32(low, 0xb1), efgh = _mm_shuffle_epi32(high, 0x1b);
    __m128i abef = _mm_alignr_epi8(dcba, efgh, 8), cdgh = _mm_blend_epi16(efgh, dcba, 0xf0);

    for (; count > 0; count--, blocks += 64) {
        const __m128i abef0 = abef, cdgh0 = cdgh;
        __m128i m[4];

        for (int i = 0; i < 4; i++)
            m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16 * i)), swap);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i kw;

            if (i >= 4) {
                const __m128i last = m[(i + 3) & 3];
                const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(m[i & 3], m[(i + 1) & 3]),
                                                  _mm_alignr_epi8(last, m[(i + 2) & 3], 4));
                m[i & 3] = _mm_sha256msg2_epu32(sum, last);
            }
            kw = _mm_add_epi32(m[i & 3], _mm_load_si128((const __m128i *)(lux_k + 4 * i)));
            cdgh = RNDS2(cdgh, abef, kw);
            abef = RNDS2(abef, cdgh, _mm_shuffle_epi32(kw, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    WORDS(abef, cdgh, low, high);
    _mm_storeu_si128((__m128i *)after, _mm_shuffle_epi8(low, swap));
    _mm_storeu_si128((__m128i *)(after + 16), _mm_shuffle_epi8(high, swap));
}

/* Which of them this machine can run. The builtins also ask whether the system saves the registers. */

static int has_sse2(void)
{
    return 1; /* part of x86-64 */
}

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static int has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

static int has_sha_ni(void)
{
    unsigned eax, ebx, ecx, edx;

    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (ebx & bit_SHA);
}

static int has_both(void)
{
    return has_sha_ni() && has_avx512();
}

const struct lux_kernel lux_sha_ni_avx512 = {
    "sha-ni+avx512", 16, 5, has_both, sha_ni_compress, avx512_scan, avx512_check};
const struct lux_kernel lux_sha_ni = {
    "sha-ni", 3, 1, has_sha_ni, sha_ni_compress, sha_ni_3_scan, sha_ni_3_check};
const struct lux_kernel lux_avx512 = {
    "avx512", 16, 1, has_avx512, lux_portable_compress, avx512_scan, avx512_check};
const struct lux_kernel lux_sha_ni_1 = {
    "sha-ni-x1", 1, 0, has_sha_ni, sha_ni_compress, sha_ni_1_scan, sha_ni_1_check};
const struct lux_kernel lux_avx2 = {
    "avx2", 8, 1, has_avx2, lux_portable_compress, avx2_scan, avx2_check};
const struct lux_kernel lux_sse2 = {
    "sse2", 4, 2, has_sse2, lux_portable_compress, sse2_scan, sse2_check};

#endif
