/*
 * Which encoded frames can be shown without those before them. SPDX-License-Identifier:
 * LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CODEC: SPICE_VIDEO_CODEC_TYPE_*. Can a decoder that knows nothing begin with this? DATA is the
 * guest's: whatever it is, the answer is just yes or no.
 */
bool video_is_key_frame(uint8_t codec, const uint8_t *data, size_t size);
