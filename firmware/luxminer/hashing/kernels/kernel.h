/*
 * What a SHA-256 kernel offers, and what all kernels share.
 *
 * A kernel is one way to do the arithmetic: plain C, vector lanes, or the SHA instructions of the
 * processor. Everything here works on numbers: "position" is the fourth word of the second header
 * block as SHA-256 reads it, that is the big-endian reading of header bytes 76 to 79.
 *
 * Ref: FIPS 180-4 sections 4.1.2, 4.2.2, 5.3.3, 6.2.2.
 */
#ifndef LUX_KERNEL_H
#define LUX_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One header without its nonce, one target, and what does not depend on the nonce. */
struct lux_search {
    uint32_t midstate[8]; /* after header bytes 0..63 */
    uint32_t target[8];   /* most significant word first */
    uint32_t w[4];        /* header bytes 64..75 as words; w[3] is 0 */
    uint32_t round2[8];   /* state a..h after rounds 0 and 1 */
    uint32_t round4[8];   /* state after rounds 0 to 3 with w[3] = 0: a and e still lack + w3 */
    uint32_t w16, w17;
    uint32_t w18, w19;    /* without their nonce terms, + sigma0(w3) and + w3 */
    uint32_t w31, w32;    /* the terms that come from w15, w16 and w17 */
};

struct lux_kernel {
    const char *name;
    uint32_t lanes;  /* headers hashed at once by scan and check */
    uint32_t single; /* up to so many left-over headers are quicker one by one */
    int (*usable)(void);
    /*
     * Takes `count` blocks of 64 bytes into a state and writes the new one, which may be in the
     * same place. States are bytes, so that no kernel has to take words apart.
     */
    void (*compress)(const uint8_t before[32], const uint8_t *blocks, size_t count,
                     uint8_t after[32]);
    /*
     * Finds positions first .. first + count - 1 that meet the target, in ascending order, and
     * stops after `limit` of them. first + count may be 2^32 at most. Returns how many it found.
     */
    uint32_t (*scan)(const struct lux_search *search, uint32_t first, uint64_t count,
                     uint32_t *found, uint32_t limit);
    /* Writes 1 for each of `count` nonces (four header bytes each) that meets the target, else 0. */
    void (*check)(const struct lux_search *search, const uint8_t *nonces, size_t count,
                  uint8_t *meets);
};

/* Kernels with the SHA instructions of ARMv8: clang before 16 cannot compile them beside others. */
#if defined(__aarch64__) && \
    (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2))
#define LUX_ARM_SHA2
#endif

/* All kernels built for this architecture, best first, up to a NULL. */
extern const struct lux_kernel *const lux_kernels[];

/* Sets everything but the target. */
void lux_prepare(struct lux_search *search, const uint8_t midstate[32], const uint8_t tail[12]);
void lux_set_target(struct lux_search *search, const uint8_t target_le[32]);
void lux_midstate(const struct lux_kernel *kernel, const uint8_t header[64], uint8_t midstate[32]);
void lux_double(const struct lux_kernel *kernel, const uint8_t *data, size_t size,
                uint8_t hash[32]);
void lux_header_hash(const struct lux_kernel *kernel, const uint8_t midstate[32],
                     const uint8_t tail[12], const uint8_t nonce[4], uint8_t hash[32]);
int lux_verify(const struct lux_kernel *kernel, const uint8_t midstate[32],
               const uint8_t tail[12], const uint8_t nonce[4], const uint8_t target_le[32]);
void lux_verify_batch(const struct lux_kernel *kernel, const uint8_t midstate[32],
                      const uint8_t tail[12], const uint8_t target_le[32],
                      const uint8_t *nonces, size_t count, uint8_t *meets);

void lux_portable_compress(const uint8_t before[32], const uint8_t *blocks, size_t count,
                           uint8_t after[32]);

#define LUX_INLINE static inline __attribute__((always_inline, unused))

static const uint32_t lux_k[64] __attribute__((aligned(64), unused)) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t lux_initial[8] __attribute__((aligned(32), unused)) = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Padding: the bit after the message, and the lengths in bits of a header and of a hash. */
#define LUX_END 0x80000000u
#define LUX_HEADER_BITS 640u
#define LUX_HASH_BITS 256u

/*
 * The functions of FIPS 180-4 4.1.2 in fewer operations, for numbers and for vectors of numbers
 * alike. One of the two terms of MAJ is the other one of the round before.
 */
#define LUX_ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define LUX_XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define LUX_CH(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define LUX_MAJ(x, y, z) ((y) ^ (((x) ^ (y)) & ((y) ^ (z))))

/* The sums of rotations are nested: rotating a sum does the work of two rotations. */

LUX_INLINE uint32_t lux_big0(uint32_t x)
{
    return LUX_ROTR(LUX_ROTR(LUX_ROTR(x, 9) ^ x, 11) ^ x, 2);
}

LUX_INLINE uint32_t lux_big1(uint32_t x)
{
    return LUX_ROTR(LUX_ROTR(LUX_ROTR(x, 14) ^ x, 5) ^ x, 6);
}

LUX_INLINE uint32_t lux_small0(uint32_t x)
{
    return LUX_ROTR(LUX_ROTR(x, 11) ^ x, 7) ^ (x >> 3);
}

LUX_INLINE uint32_t lux_small1(uint32_t x)
{
    return LUX_ROTR(LUX_ROTR(x, 2) ^ x, 17) ^ (x >> 10);
}

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LUX_BE(x) (x)
#else
#define LUX_BE(x) __builtin_bswap32(x)
#endif

LUX_INLINE uint32_t lux_load_be(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return LUX_BE(x);
}

LUX_INLINE void lux_store_be(uint8_t *p, uint32_t x)
{
    x = LUX_BE(x);
    memcpy(p, &x, sizeof x);
}

/* Is a hash, read as a little-endian number, at most the target? Its words are `step` apart. */
LUX_INLINE int lux_meets(const uint32_t *hash, int step, const uint32_t target[8])
{
    for (int i = 0; i < 8; i++) {
        const uint32_t word = __builtin_bswap32(hash[(7 - i) * step]);

        if (word != target[i])
            return word < target[i];
    }
    return 1;
}

#endif
