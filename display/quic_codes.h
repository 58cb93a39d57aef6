/*
 * QUIC's codes, ready to be written: codecs.md section 1.5. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#pragma once

#include "display/quic_model.h"

/*
 * The code of SYMBOL for parameter K is at SYMBOL * QUIC_MAX_BPC + K: length << 8 | bits. No code
 * has other bits set than its last eight. The lengths alone are arranged in the same way.
 */
extern const uint16_t quic_codes8[256 * QUIC_MAX_BPC], quic_codes5[32 * QUIC_MAX_BPC];
extern const uint8_t quic_lengths8[256 * QUIC_MAX_BPC], quic_lengths5[32 * QUIC_MAX_BPC];
