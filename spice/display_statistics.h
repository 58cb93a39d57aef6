/*
 * What display channels count; see spice-statistics.h. One thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_compress.h"

/* Pictures sent as one enum image_method. */
struct codec_count {
    uint64_t images, bytes_in, bytes_out, encode_ns;
};

/* For one client. */
struct display_statistics {
    uint64_t passed_on, pictures, folded;
    struct codec_count codecs[IMAGE_METHODS];
};

/* For all of them: what the guest asked for, and what was still worth drawing. */
struct command_count {
    uint64_t commands, drawn;
};

/* A name of METHOD for people. */
const char *image_method_name(enum image_method method);
