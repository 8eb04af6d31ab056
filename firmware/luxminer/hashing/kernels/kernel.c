/* What is the same for every kernel, and the list of them. */
#include "kernel.h"

extern const struct lux_kernel lux_portable;
#if defined(__x86_64__)
extern const struct lux_kernel lux_sha_ni_avx512, lux_sha_ni, lux_avx512, lux_sha_ni_1, lux_avx2,
    lux_sse2;
#elif defined(__aarch64__)
extern const struct lux_kernel lux_neon;
#endif
#ifdef LUX_ARM_SHA2
extern const struct lux_kernel lux_sha2, lux_sha2_1;
#endif

const struct lux_kernel *const lux_kernels[] = {
#if defined(__x86_64__)
    &lux_sha_ni_avx512, &lux_sha_ni, &lux_avx512, &lux_sha_ni_1, &lux_avx2, &lux_sse2,
#endif
#ifdef LUX_ARM_SHA2
    &lux_sha2, &lux_sha2_1,
#endif
#if defined(__aarch64__)
    &lux_neon,
#endif
    &lux_portable, NULL};

/* The same numbers as lux_initial, as compress takes them. */
static const uint8_t initial_state[32] = {
    0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85, 0x3c, 0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a,
    0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68, 0x8c, 0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19};

/* Padding of the last block of a header, and of a block that holds a hash. */
#define HEADER_BLOCK {[16] = 0x80, [62] = LUX_HEADER_BITS >> 8, [63] = LUX_HEADER_BITS & 0xff}
#define HASH_BLOCK {[32] = 0x80, [62] = LUX_HASH_BITS >> 8}

void lux_set_target(struct lux_search *search, const uint8_t target_le[32])
{
    for (int i = 0; i < 8; i++)
        search->target[i] = __builtin_bswap32(lux_load_be(target_le + 28 - 4 * i));
}

#define ROUND(a, b, c, d, e, f, g, h, kw)                                       \
    do {                                                                        \
        uint32_t t1 = h + (kw) + LUX_CH(e, f, g) + lux_big1(e);                 \
        d += t1;                                                                \
        h = t1 + lux_big0(a) + LUX_MAJ(a, b, c);                                \
    } while (0)

void lux_prepare(struct lux_search *search, const uint8_t midstate[32], const uint8_t tail[12])
{
    const uint32_t w0 = lux_load_be(tail), w1 = lux_load_be(tail + 4), w2 = lux_load_be(tail + 8);
    const uint32_t w16 = lux_small0(w1) + w0;
    const uint32_t w17 = lux_small1(LUX_HEADER_BITS) + lux_small0(w2) + w1;
    uint32_t a, b, c, d, e, f, g, h;

    for (int i = 0; i < 8; i++)
        search->midstate[i] = lux_load_be(midstate + 4 * i);
    a = search->midstate[0], b = search->midstate[1], c = search->midstate[2];
    d = search->midstate[3], e = search->midstate[4], f = search->midstate[5];
    g = search->midstate[6], h = search->midstate[7];
    ROUND(a, b, c, d, e, f, g, h, lux_k[0] + w0);
    ROUND(h, a, b, c, d, e, f, g, lux_k[1] + w1);
    memcpy(search->round2, (uint32_t[8]){g, h, a, b, c, d, e, f}, sizeof search->round2);
    ROUND(g, h, a, b, c, d, e, f, lux_k[2] + w2);
    ROUND(f, g, h, a, b, c, d, e, lux_k[3]);
    memcpy(search->round4, (uint32_t[8]){e, f, g, h, a, b, c, d}, sizeof search->round4);
    memcpy(search->w, (uint32_t[4]){w0, w1, w2, 0}, sizeof search->w);
    /* w4 is the end mark, w5 to w14 are zero, w15 is the length. */
    search->w16 = w16;
    search->w17 = w17;
    search->w18 = lux_small1(w16) + w2;
    search->w19 = lux_small1(w17) + lux_small0(LUX_END);
    search->w31 = lux_small0(w16) + LUX_HEADER_BITS;
    search->w32 = lux_small0(w17) + w16;
}

void lux_midstate(const struct lux_kernel *kernel, const uint8_t header[64], uint8_t midstate[32])
{
    kernel->compress(initial_state, header, 1, midstate);
}

void lux_double(const struct lux_kernel *kernel, const uint8_t *data, size_t size, uint8_t hash[32])
{
    const size_t whole = size / 64, rest = size % 64;
    const size_t last = rest < 56 ? 1 : 2; /* blocks for the rest, the end mark and the length */
    const uint64_t bits = (uint64_t)size * 8;
    uint8_t end[128] = {0}, second[64] = HASH_BLOCK;

    memcpy(end, data + 64 * whole, rest);
    end[rest] = 0x80;
    lux_store_be(end + 64 * last - 8, (uint32_t)(bits >> 32));
    lux_store_be(end + 64 * last - 4, (uint32_t)bits);
    kernel->compress(initial_state, data, whole, second);
    kernel->compress(second, end, last, second);
    kernel->compress(initial_state, second, 1, hash);
}

void lux_header_hash(const struct lux_kernel *kernel, const uint8_t midstate[32],
                     const uint8_t tail[12], const uint8_t nonce[4], uint8_t hash[32])
{
    /* One store of 16 bytes, because a load of 16 bytes follows at once. */
    typedef uint32_t four_words __attribute__((vector_size(16)));
    uint8_t first[64] = HEADER_BLOCK, second[64] = HASH_BLOCK;
    uint32_t word[4];
    four_words words;

    memcpy(word, tail, 12);
    memcpy(word + 3, nonce, 4);
    words = (four_words){word[0], word[1], word[2], word[3]};
    memcpy(first, &words, sizeof words);
    kernel->compress(midstate, first, 1, second);
    kernel->compress(initial_state, second, 1, hash);
}

int lux_verify(const struct lux_kernel *kernel, const uint8_t midstate[32],
               const uint8_t tail[12], const uint8_t nonce[4], const uint8_t target_le[32])
{
    uint8_t hash[32];

    lux_header_hash(kernel, midstate, tail, nonce, hash);
    for (int i = 28; i >= 0; i -= 4) {
        uint32_t word = __builtin_bswap32(lux_load_be(hash + i));
        uint32_t bound = __builtin_bswap32(lux_load_be(target_le + i));

        if (word != bound)
            return word < bound;
    }
    return 1;
}

void lux_verify_batch(const struct lux_kernel *kernel, const uint8_t midstate[32],
                      const uint8_t tail[12], const uint8_t target_le[32],
                      const uint8_t *nonces, size_t count, uint8_t *meets)
{
    const size_t rest = count % kernel->lanes;
    const size_t together = rest <= kernel->single ? count - rest : count;

    if (together > 0) {
        struct lux_search search;

        lux_prepare(&search, midstate, tail);
        lux_set_target(&search, target_le);
        kernel->check(&search, nonces, together, meets);
    }
    for (size_t i = together; i < count; i++)
        meets[i] = (uint8_t)lux_verify(kernel, midstate, tail, nonces + 4 * i, target_le);
}
