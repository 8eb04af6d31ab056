/*
 * Template: hashes LANES headers at once, one in each lane of a compiler vector type.
 *
 * The including file defines LANES, NAME(suffix), TARGET and ANY(mask), which tells whether a
 * vector of comparison results has a lane set; ROTR, XOR3, CH and MAJ where instructions of the
 * target do better than the plain expressions. LANES 1 works on plain numbers.
 *
 * All rounds are written out, so that indices are constants, the state stays in registers, and
 * message words that are zero or the same in every lane cost nothing.
 */

#ifndef ROTR
#define ROTR LUX_ROTR
#endif
#ifndef XOR3
#define XOR3 LUX_XOR3
#define CH LUX_CH
#define MAJ LUX_MAJ
#endif

#define V NAME(vector)
#if LANES == 1
typedef uint32_t V;
#define BIG0 lux_big0
#define BIG1 lux_big1
#define SMALL0 lux_small0
#define SMALL1 lux_small1
#else
typedef uint32_t V __attribute__((vector_size(4 * LANES)));
#define BIG0(x) XOR3(ROTR(x, 2), ROTR(x, 13), ROTR(x, 22))
#define BIG1(x) XOR3(ROTR(x, 6), ROTR(x, 11), ROTR(x, 25))
#define SMALL0(x) XOR3(ROTR(x, 7), ROTR(x, 18), (x) >> 3)
#define SMALL1(x) XOR3(ROTR(x, 17), ROTR(x, 19), (x) >> 10)
#endif

/* The state is not moved from round to round: its names move over eight fixed places. */
#define A(i) x[(64 - (i)) & 7]
#define B(i) x[(65 - (i)) & 7]
#define C(i) x[(66 - (i)) & 7]
#define D(i) x[(67 - (i)) & 7]
#define E(i) x[(68 - (i)) & 7]
#define F(i) x[(69 - (i)) & 7]
#define G(i) x[(70 - (i)) & 7]
#define H(i) x[(71 - (i)) & 7]
#define W(i) w[(i) & 15]

#define T1(i, kw) ((H(i) + (kw)) + CH(E(i), F(i), G(i)) + BIG1(E(i)))
#define ROUND(i, kw)                                                \
    do {                                                            \
        V t1 = T1(i, kw);                                           \
        D(i) += t1;                                                 \
        H(i) = t1 + (BIG0(A(i)) + MAJ(A(i), B(i), C(i)));           \
    } while (0)
#define T1_W(i) T1(i, W(i) + lux_k[i])
#define ROUND_W(i) ROUND(i, W(i) + lux_k[i])
#define NEXT_W(i) (W(i) += SMALL0(W((i) + 1)) + W((i) + 9) + SMALL1(W((i) + 14)))
#define NEXT_ROUND(i)  \
    do {               \
        NEXT_W(i);     \
        ROUND_W(i);    \
    } while (0)
#define NEXT_ROUNDS_4(i)   \
    do {                   \
        NEXT_ROUND(i);     \
        NEXT_ROUND(i + 1); \
        NEXT_ROUND(i + 2); \
        NEXT_ROUND(i + 3); \
    } while (0)

TARGET LUX_INLINE V NAME(swap)(V x)
{
    x = ((x & 0x00ff00ffu) << 8) | ((x >> 8) & 0x00ff00ffu);
    return x << 16 | x >> 16;
}

TARGET LUX_INLINE uint32_t NAME(meeting)(const struct lux_search *s, V w3)
{
    const V zero = w3 ^ w3;
    V x[8], w[16], first[8];

    /* First hash, second block. Rounds 0 to 3 are done but for the nonce, which enters linearly. */
    A(4) = w3 + s->round4[0];
    B(4) = zero + s->round4[1];
    C(4) = zero + s->round4[2];
    D(4) = zero + s->round4[3];
    E(4) = w3 + s->round4[4];
    F(4) = zero + s->round4[5];
    G(4) = zero + s->round4[6];
    H(4) = zero + s->round4[7];
    ROUND(4, lux_k[4] + LUX_END);
    ROUND(5, lux_k[5]);
    ROUND(6, lux_k[6]);
    ROUND(7, lux_k[7]);
    ROUND(8, lux_k[8]);
    ROUND(9, lux_k[9]);
    ROUND(10, lux_k[10]);
    ROUND(11, lux_k[11]);
    ROUND(12, lux_k[12]);
    ROUND(13, lux_k[13]);
    ROUND(14, lux_k[14]);
    ROUND(15, lux_k[15] + LUX_HEADER_BITS);
    /* w5 to w14 are zero, w16 and w17 do not know the nonce. */
    ROUND(16, lux_k[16] + s->w16);
    ROUND(17, lux_k[17] + s->w17);
    W(18) = SMALL0(w3) + s->w18;
    ROUND_W(18);
    W(19) = w3 + s->w19;
    ROUND_W(19);
    W(20) = SMALL1(W(18)) + LUX_END;
    ROUND_W(20);
    W(21) = SMALL1(W(19));
    ROUND_W(21);
    W(22) = SMALL1(W(20)) + LUX_HEADER_BITS;
    ROUND_W(22);
    W(23) = SMALL1(W(21)) + s->w16;
    ROUND_W(23);
    W(24) = SMALL1(W(22)) + s->w17;
    ROUND_W(24);
    W(25) = SMALL1(W(23)) + W(18);
    ROUND_W(25);
    W(26) = SMALL1(W(24)) + W(19);
    ROUND_W(26);
    W(27) = SMALL1(W(25)) + W(20);
    ROUND_W(27);
    W(28) = SMALL1(W(26)) + W(21);
    ROUND_W(28);
    W(29) = SMALL1(W(27)) + W(22);
    ROUND_W(29);
    W(30) = SMALL1(W(28)) + W(23) + lux_small0(LUX_HEADER_BITS);
    ROUND_W(30);
    W(31) = SMALL1(W(29)) + W(24) + s->w31;
    ROUND_W(31);
    W(32) = SMALL1(W(30)) + W(25) + s->w32;
    ROUND_W(32);
    W(33) = SMALL1(W(31)) + W(26) + SMALL0(W(18)) + s->w17;
    ROUND_W(33);
    NEXT_ROUND(34);
    NEXT_ROUND(35);
    NEXT_ROUNDS_4(36);
    NEXT_ROUNDS_4(40);
    NEXT_ROUNDS_4(44);
    NEXT_ROUNDS_4(48);
    NEXT_ROUNDS_4(52);
    NEXT_ROUNDS_4(56);
    NEXT_ROUNDS_4(60);
    for (int i = 0; i < 8; i++)
        first[i] = x[i] + s->midstate[i];

    /* Second hash. Round 0 starts from constants and is linear in its word. */
    {
        const uint32_t *const iv = lux_initial;
        const uint32_t t1 = iv[7] + lux_big1(iv[4]) + LUX_CH(iv[4], iv[5], iv[6]) + lux_k[0];
        const uint32_t t2 = lux_big0(iv[0]) + LUX_MAJ(iv[0], iv[1], iv[2]);

        A(1) = first[0] + (t1 + t2);
        B(1) = zero + iv[0];
        C(1) = zero + iv[1];
        D(1) = zero + iv[2];
        E(1) = first[0] + (iv[3] + t1);
        F(1) = zero + iv[4];
        G(1) = zero + iv[5];
        H(1) = zero + iv[6];
    }
    for (int i = 0; i < 8; i++)
        w[i] = first[i];
    ROUND_W(1);
    ROUND_W(2);
    ROUND_W(3);
    ROUND_W(4);
    ROUND_W(5);
    ROUND_W(6);
    ROUND_W(7);
    ROUND(8, lux_k[8] + LUX_END);
    ROUND(9, lux_k[9]);
    ROUND(10, lux_k[10]);
    ROUND(11, lux_k[11]);
    ROUND(12, lux_k[12]);
    ROUND(13, lux_k[13]);
    ROUND(14, lux_k[14]);
    ROUND(15, lux_k[15] + LUX_HASH_BITS);
    /* w9 to w14 are zero. */
    W(16) = SMALL0(W(1)) + W(0);
    ROUND_W(16);
    W(17) = SMALL0(W(2)) + W(1) + lux_small1(LUX_HASH_BITS);
    ROUND_W(17);
    W(18) = SMALL1(W(16)) + SMALL0(W(3)) + W(2);
    ROUND_W(18);
    W(19) = SMALL1(W(17)) + SMALL0(W(4)) + W(3);
    ROUND_W(19);
    W(20) = SMALL1(W(18)) + SMALL0(W(5)) + W(4);
    ROUND_W(20);
    W(21) = SMALL1(W(19)) + SMALL0(W(6)) + W(5);
    ROUND_W(21);
    W(22) = SMALL1(W(20)) + SMALL0(W(7)) + W(6) + LUX_HASH_BITS;
    ROUND_W(22);
    W(23) = SMALL1(W(21)) + W(16) + W(7) + lux_small0(LUX_END);
    ROUND_W(23);
    W(24) = SMALL1(W(22)) + W(17) + LUX_END;
    ROUND_W(24);
    W(25) = SMALL1(W(23)) + W(18);
    ROUND_W(25);
    W(26) = SMALL1(W(24)) + W(19);
    ROUND_W(26);
    W(27) = SMALL1(W(25)) + W(20);
    ROUND_W(27);
    W(28) = SMALL1(W(26)) + W(21);
    ROUND_W(28);
    W(29) = SMALL1(W(27)) + W(22);
    ROUND_W(29);
    W(30) = SMALL1(W(28)) + W(23) + lux_small0(LUX_HASH_BITS);
    ROUND_W(30);
    W(31) = SMALL1(W(29)) + W(24) + SMALL0(W(16)) + LUX_HASH_BITS;
    ROUND_W(31);
    NEXT_ROUNDS_4(32);
    NEXT_ROUNDS_4(36);
    NEXT_ROUNDS_4(40);
    NEXT_ROUNDS_4(44);
    NEXT_ROUNDS_4(48);
    NEXT_ROUNDS_4(52);
    NEXT_ROUND(56);

    /*
     * The e of round 60 moves on to h, the most significant word of the hash, and needs no a after
     * that of round 56. Nearly always it ends here.
     */
    {
        const V a57 = A(57), b57 = B(57), c57 = C(57);
        V t57, t58, t59, t60;
        uint32_t words[8 * LANES], hit = 0;

        NEXT_W(57);
        D(57) += t57 = T1_W(57);
        NEXT_W(58);
        D(58) += t58 = T1_W(58);
        NEXT_W(59);
        D(59) += t59 = T1_W(59);
        NEXT_W(60);
        D(60) += t60 = T1_W(60);
        if (!ANY(NAME(swap)(E(61) + lux_initial[7]) <= s->target[0]))
            return 0;
        A(58) = t57 + (BIG0(a57) + MAJ(a57, b57, c57));
        A(59) = t58 + (BIG0(A(58)) + MAJ(A(58), a57, b57));
        A(60) = t59 + (BIG0(A(59)) + MAJ(A(59), A(58), a57));
        A(61) = t60 + (BIG0(A(60)) + MAJ(A(60), A(59), A(58)));
        NEXT_ROUND(61);
        NEXT_ROUND(62);
        NEXT_ROUND(63);
        for (int i = 0; i < 8; i++)
            x[i] += lux_initial[i];
        memcpy(words, x, sizeof words);
        for (int i = 0; i < LANES; i++)
            hit |= (uint32_t)lux_meets(words + i, LANES, s->target) << i;
        return hit;
    }
}

typedef V NAME(positions);

TARGET LUX_INLINE V NAME(range)(uint32_t first)
{
    static const uint32_t numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    V w3;

    memcpy(&w3, numbers, sizeof w3);
    return w3 + first;
}

TARGET LUX_INLINE V NAME(given)(const uint8_t *nonces)
{
    V w3;

    memcpy(&w3, nonces, sizeof w3);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? w3 : NAME(swap)(w3);
}

#include "search.h"

#undef A
#undef B
#undef C
#undef D
#undef E
#undef F
#undef G
#undef H
#undef W
#undef V
#undef T1
#undef ROUND
#undef ROUND_W
#undef T1_W
#undef NEXT_W
#undef NEXT_ROUND
#undef NEXT_ROUNDS_4
#undef BIG0
#undef BIG1
#undef SMALL0
#undef SMALL1
#undef ROTR
#undef XOR3
#undef CH
#undef MAJ
#undef ANY
#undef LANES
#undef NAME
#undef TARGET
