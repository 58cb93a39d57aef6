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
#define SYMBOLS4(item, s) item(s), item((s) + 1), item((s) + 2), item((s) + 3)
#define SYMBOLS16(item, s)                                                                         \
    SYMBOLS4(item, s), SYMBOLS4(item, (s) + 4), SYMBOLS4(item, (s) + 8), SYMBOLS4(item, (s) + 12)
#define SYMBOLS32(item, s) SYMBOLS16(item, s), SYMBOLS16(item, (s) + 16)
#define SYMBOLS256(item)                                                                           \
    SYMBOLS32(item, 0), SYMBOLS32(item, 32), SYMBOLS32(item, 64), SYMBOLS32(item, 96),             \
        SYMBOLS32(item, 128), SYMBOLS32(item, 160), SYMBOLS32(item, 192), SYMBOLS32(item, 224)

#define FOR_EACH_K8(item, s)                                                                       \
    item(s, 0, 8), item(s, 1, 8), item(s, 2, 8), item(s, 3, 8), item(s, 4, 8), item(s, 5, 8),      \
        item(s, 6, 8), item(s, 7, 8)
#define FOR_EACH_K5(item, s)                                                                       \
    item(s, 0, 5), item(s, 1, 5), item(s, 2, 5), item(s, 3, 5), item(s, 4, 5), 0, 0, 0

#define CODES8(s)   FOR_EACH_K8(CODE, s)
#define CODES5(s)   FOR_EACH_K5(CODE, s)
#define LENGTHS8(s) FOR_EACH_K8(LENGTH, s)
#define LENGTHS5(s) FOR_EACH_K5(LENGTH, s)

const uint16_t quic_codes8[256 * QUIC_MAX_BPC] = {SYMBOLS256(CODES8)};
const uint16_t quic_codes5[32 * QUIC_MAX_BPC] = {SYMBOLS32(CODES5, 0)};
const uint8_t quic_lengths8[256 * QUIC_MAX_BPC] = {SYMBOLS256(LENGTHS8)};
const uint8_t quic_lengths5[32 * QUIC_MAX_BPC] = {SYMBOLS32(LENGTHS5, 0)};
