/*
 * What display channels count; see spice-statistics.h. One thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_compress.h"

#include <spice/enums.h>

/* Pictures sent as one enum image_method, or a film's frames in one codec. */
struct codec_count {
    uint64_t images, bytes_in, bytes_out, encode_ns;
};

/* For one client. */
struct display_statistics {
    uint64_t passed_on, pictures, folded;
    struct codec_count codecs[IMAGE_METHODS];
    struct codec_count films[SPICE_VIDEO_CODEC_TYPE_ENUM_END]; /* SPICE_VIDEO_CODEC_TYPE_* */
    uint64_t left_out; /* frames that the rate did not admit, */
    uint64_t late;     /* and that the client says it had too late to be shown */
};

/* For all of them: what the guest asked for, and what was still worth drawing. */
struct command_count {
    uint64_t commands, drawn;
};

/* A name of METHOD for people. */
const char *image_method_name(enum image_method method);
