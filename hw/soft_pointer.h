/*
 * Cursor shapes, by name.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/soft_paint.h"

enum soft_pointer {
    SOFT_POINTER_ARROW, /* alpha, with a soft shadow */
    SOFT_POINTER_BUSY,  /* alpha, a turning ring; PHASE turns it */
    SOFT_POINTER_TEXT,  /* mono, inverts what is below */
    SOFT_POINTER_CROSS, /* mono */
    SOFT_POINTER_HAND,  /* alpha */
    SOFT_POINTER_COUNT,
};

void soft_pointer_set(struct soft_frame *frame, int x, int y, enum soft_pointer pointer,
                      uint32_t phase);
const char *soft_pointer_name(enum soft_pointer pointer);
