/*
 * A client's share of films, video.h. For display_*.c and video.c only.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_client.h"

/* Films that the client has been sent, or is about to be. */
void video_client_finish(struct display_client *client);

/* There is a frame of film ID, in REGION. False: the client is to be sent it in another way. */
bool video_client_frame(struct display_client *client, unsigned id,
                        const pixman_region32_t *region);
void video_client_stop(struct display_client *client, unsigned id);

/* Something else is drawn in REGION of surface 0: what is on its way of films must not hide it. */
void video_client_cover(struct display_client *client, const pixman_region32_t *region);
/* Takes out of REGION what films show, for they go on. */
void video_client_leave_out(const struct display_client *client, pixman_region32_t *region);

/* What the films that the client is sent may cost now, together. */
uint64_t video_client_bits_per_second(const struct display_client *client);

/* Sends what ITEM, an ITEM_STREAM or ITEM_STREAM_END, stands for. */
void video_client_send(struct display_client *client, const struct display_item *item);

/* STREAM_REPORT and PREFERRED_VIDEO_CODEC_TYPE; false: a protocol error. */
bool video_client_report(struct display_client *client, struct message_reader *reader);
bool video_client_prefer(struct display_client *client, struct message_reader *reader);
