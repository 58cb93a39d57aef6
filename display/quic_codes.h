/*
 * QUIC's codes, ready to be written: codecs.md section 1.5. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#pragma once

#include "display/quic_model.h"

/*
 * The code of SYMBOL for parameter K is at K << bpc | SYMBOL: length << 8 | bits. No code has other
 * bits set than its last eight.
 */
extern const uint16_t quic_codes8[8 << 8], quic_codes5[5 << 5];

/* The lengths of SYMBOL's codes, for all parameters, are at SYMBOL * QUIC_MAX_BPC. */
extern const uint8_t quic_lengths8[256 * QUIC_MAX_BPC], quic_lengths5[32 * QUIC_MAX_BPC];
