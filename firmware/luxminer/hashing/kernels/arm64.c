/* Kernels for 64-bit ARM: vector lanes, and the SHA2 instructions where the processor has them. */
#include "kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <sys/auxv.h>

#ifndef HWCAP_SHA2
#define HWCAP_SHA2 (1 << 6) /* Ref: Linux, Documentation/arch/arm64/elf_hwcaps.rst */
#endif

/* Vector lanes. */

#define LANES 4
#define NAME(suffix) neon_##suffix
#define TARGET
#define ROTR(x, n) ((V)vsriq_n_u32(vshlq_n_u32((uint32x4_t)(x), 32 - (n)), (uint32x4_t)(x), n))
#define XOR3 LUX_XOR3
#define CH(x, y, z) ((V)vbslq_u32((uint32x4_t)(x), (uint32x4_t)(y), (uint32x4_t)(z)))
#define MAJ(x, y, z) ((V)vbslq_u32((uint32x4_t)((x) ^ (y)), (uint32x4_t)(z), (uint32x4_t)(y)))
#define ANY(mask) (vmaxvq_u32((uint32x4_t)(mask)) != 0)
#include "lanes.h"

static int has_neon(void)
{
    return 1; /* part of every 64-bit ARM that runs Linux */
}

const struct lux_kernel lux_neon = {
    "neon", 4, 1, has_neon, lux_portable_compress, neon_scan, neon_check};

/* SHA instructions. */

#ifdef LUX_ARM_SHA2
#define SHA2 __attribute__((target("+crypto")))

#define LANES 1
#define NAME(suffix) sha2_1_##suffix
#include "sha2.h"

#define LANES 3
#define NAME(suffix) sha2_3_##suffix
#include "sha2.h"

SHA2 static void sha2_compress(const uint8_t before[32], const uint8_t *blocks, size_t count,
                               uint8_t after[32])
{
    uint32x4_t abcd = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(before)));
    uint32x4_t efgh = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(before + 16)));

    for (; count > 0; count--, blocks += 64) {
        const uint32x4_t abcd0 = abcd, efgh0 = efgh;
        uint32x4_t m[4];

        for (int i = 0; i < 4; i++)
            m[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            const uint32x4_t old = abcd;
            uint32x4_t kw;

            if (i >= 4)
                m[i & 3] = vsha256su1q_u32(vsha256su0q_u32(m[i & 3], m[(i + 1) & 3]),
                                           m[(i + 2) & 3], m[(i + 3) & 3]);
            kw = vaddq_u32(m[i & 3], vld1q_u32(lux_k + 4 * i));
            abcd = vsha256hq_u32(abcd, efgh, kw);
            efgh = vsha256h2q_u32(efgh, old, kw);
        }
        abcd = vaddq_u32(abcd, abcd0);
        efgh = vaddq_u32(efgh, efgh0);
    }
    vst1q_u8(after, vrev32q_u8(vreinterpretq_u8_u32(abcd)));
    vst1q_u8(after + 16, vrev32q_u8(vreinterpretq_u8_u32(efgh)));
}

static int has_sha2(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
}

const struct lux_kernel lux_sha2 = {
    "armv8-sha2", 3, 1, has_sha2, sha2_compress, sha2_3_scan, sha2_3_check};
const struct lux_kernel lux_sha2_1 = {
    "armv8-sha2-x1", 1, 0, has_sha2, sha2_compress, sha2_1_scan, sha2_1_check};

#endif

#endif
