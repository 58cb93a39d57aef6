/*
 * How much of a film a client is sent: what its frames may cost, how good they are, and which are
 * left out. Goes by what frames have cost, by which of them waited until they were replaced, and by
 * the client's reports (server-abi.md section 5.8).
 *
 * Times are monotonic microseconds. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct video_rate {
    double limit;               /* bits a second */
    double spent;               /* what was sent lately, bits a second */
    double frame;               /* bits of a frame at this quality, about */
    double interval;            /* between frames of the film, seconds, about */
    double credit;              /* bits that may be sent now; less than 0: none */
    unsigned samples;           /* of frame */
    unsigned quality;           /* an index */
    unsigned offered, replaced; /* frames since CHECKED */
    int64_t seen;               /* the last frame; 0: none yet */
    int64_t began;   /* the first frame was sent; 0: none yet */
    int64_t counted; /* until when credit and spent are */
    int64_t changed; /* when the limit was */
    int64_t checked;
};

/* LIMIT: bits a second that are tried first. */
void video_rate_init(struct video_rate *rate, double limit, int64_t now);

/* There is another frame. REPLACED: for want of bandwidth the one before it has not been sent. */
void video_rate_offer(struct video_rate *rate, bool replaced, int64_t now);
/* Is it to be sent? */
bool video_rate_admits(struct video_rate *rate, int64_t now);
/* 1 to 100, as JPEG has it. */
int video_rate_quality(const struct video_rate *rate);
/* It was, and took SIZE bytes. */
void video_rate_sent(struct video_rate *rate, size_t size, int64_t now);

/* How long one takes, with as much bandwidth as there is; milliseconds. */
uint32_t video_rate_frame_ms(const struct video_rate *rate);

/* The client had FRAMES and left out DROPS of them; the last one was DELAY_MS too early. */
void video_rate_report(struct video_rate *rate, uint32_t frames, uint32_t drops, int32_t delay_ms,
                       int64_t now);
