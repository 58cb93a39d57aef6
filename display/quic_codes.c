/*
 * The tables are computed by the compiler. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/quic_codes.h"

/* What quic_prefix_limit() and quic_escape_bits() give, as constant expressions. */
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define LIMIT(k, n) LEAST((1 << ((n) - (k))) - 1, QUIC_CODE_LIMIT - (n))
#define REST(k, n)  ((1 << (n)) - (LIMIT(k, n) << (k))) /* symbols that need an escape */
#define BITS(x)                                                                                    \
    ((x) <= 1     ? 0                                                                              \
     : (x) <= 2   ? 1                                                                              \
     : (x) <= 4   ? 2                                                                              \
     : (x) <= 8   ? 3                                                                              \
     : (x) <= 16  ? 4                                                                              \
     : (x) <= 32  ? 5                                                                              \
     : (x) <= 64  ? 6                                                                              \
     : (x) <= 128 ? 7                                                                              \
                  : 8)

#define IS_SHORT(s, k, n) ((s) < LIMIT(k, n) << (k))
#define LENGTH(s, k, n)                                                                            \
    (IS_SHORT(s, k, n) ? ((s) >> (k)) + 1 + (k) : LIMIT(k, n) + BITS(REST(k, n)))
#define CODE(s, k, n)                                                                              \
    (LENGTH(s, k, n) << 8 |                                                                        \
     (IS_SHORT(s, k, n) ? 1 << (k) | ((s) & ((1 << (k)) - 1)) : (s) - (LIMIT(k, n) << (k))))

/* ITEM for 32 or 256 symbols from S on. */
#define SYMBOLS4(item, s, ...)                                                                     \
    item(s, __VA_ARGS__), item((s) + 1, __VA_ARGS__), item((s) + 2, __VA_ARGS__),                  \
        item((s) + 3, __VA_ARGS__)
#define SYMBOLS16(item, s, ...)                                                                    \
    SYMBOLS4(item, s, __VA_ARGS__), SYMBOLS4(item, (s) + 4, __VA_ARGS__),                          \
        SYMBOLS4(item, (s) + 8, __VA_ARGS__), SYMBOLS4(item, (s) + 12, __VA_ARGS__)
#define SYMBOLS32(item, s, ...)                                                                    \
    SYMBOLS16(item, s, __VA_ARGS__), SYMBOLS16(item, (s) + 16, __VA_ARGS__)
#define SYMBOLS256(item, ...)                                                                      \
    SYMBOLS32(item, 0, __VA_ARGS__), SYMBOLS32(item, 32, __VA_ARGS__),                             \
        SYMBOLS32(item, 64, __VA_ARGS__), SYMBOLS32(item, 96, __VA_ARGS__),                        \
        SYMBOLS32(item, 128, __VA_ARGS__), SYMBOLS32(item, 160, __VA_ARGS__),                      \
        SYMBOLS32(item, 192, __VA_ARGS__), SYMBOLS32(item, 224, __VA_ARGS__)

#define LENGTHS8(s, n)                                                                             \
    LENGTH(s, 0, n), LENGTH(s, 1, n), LENGTH(s, 2, n), LENGTH(s, 3, n), LENGTH(s, 4, n),           \
        LENGTH(s, 5, n), LENGTH(s, 6, n), LENGTH(s, 7, n)
#define LENGTHS5(s, n)                                                                             \
    LENGTH(s, 0, n), LENGTH(s, 1, n), LENGTH(s, 2, n), LENGTH(s, 3, n), LENGTH(s, 4, n), 0, 0, 0

const uint16_t quic_codes8[8 << 8] = {
    SYMBOLS256(CODE, 0, 8), SYMBOLS256(CODE, 1, 8), SYMBOLS256(CODE, 2, 8), SYMBOLS256(CODE, 3, 8),
    SYMBOLS256(CODE, 4, 8), SYMBOLS256(CODE, 5, 8), SYMBOLS256(CODE, 6, 8), SYMBOLS256(CODE, 7, 8),
};

const uint16_t quic_codes5[5 << 5] = {
    SYMBOLS32(CODE, 0, 0, 5), SYMBOLS32(CODE, 0, 1, 5), SYMBOLS32(CODE, 0, 2, 5),
    SYMBOLS32(CODE, 0, 3, 5), SYMBOLS32(CODE, 0, 4, 5),
};

const uint8_t quic_lengths8[256 * QUIC_MAX_BPC] = {SYMBOLS256(LENGTHS8, 8)};
const uint8_t quic_lengths5[32 * QUIC_MAX_BPC] = {SYMBOLS32(LENGTHS5, 0, 5)};
