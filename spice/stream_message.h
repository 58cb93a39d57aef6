/*
 * Messages of video streams (spice-wire.md section 4.9). SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"
#include "spice/message.h"

#include <glib.h>
#include <pixman.h>

/* Frames of BOX's size, the top row first, are shown at BOX on surface 0, for now nowhere. */
struct message *stream_message_create(uint32_t id, uint8_t codec, const draw_rect *box);
/* The client is to report on the stream, which it calls UNIQUE_ID. */
struct message *stream_message_activate_report(uint32_t id, uint32_t unique_id, uint32_t frames,
                                               uint32_t timeout_ms);
/* Frames are shown inside REGION only. */
struct message *stream_message_clip(uint32_t id, const pixman_region32_t *region);
/* Refers to DATA. */
struct message *stream_message_frame(uint32_t id, uint32_t mm_time, GBytes *data);
struct message *stream_message_destroy(uint32_t id);

/* Surface 0 for a film and nothing else; and the command that makes it black. */
struct message *stream_message_surface(uint32_t width, uint32_t height);
struct message *stream_message_black(uint32_t width, uint32_t height);
