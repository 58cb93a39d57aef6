/*
 * Is a picture a photograph or a drawing? codecs.md section 7.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec.h"

enum graduality {
    GRADUALITY_NONE, /* its format has no colours to compare */
    GRADUALITY_LOW,  /* flat areas and hard edges */
    GRADUALITY_MEDIUM,
    GRADUALITY_HIGH, /* neighbours differ by a little */
};

/* An estimate from a sample: one pixel in 15, and of large pictures some thousands. */
enum graduality graduality_of(const struct codec_source *source);
