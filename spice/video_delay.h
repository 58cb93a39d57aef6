/*
 * How long a client must hold films back for their frames to be there in time. Clients do so for
 * PLAY_DELAY_MS, or as long as they do with sound; a line that needs longer for a frame than that
 * would show none at all. Goes by the client's reports (spice-wire.md section 4.9): it grows at
 * once when frames are late, and shrinks when they have been far too early for a while.
 *
 * Times are the server's multi-media time, milliseconds. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VIDEO_DELAY_MAX_MS 5000
#define VIDEO_NO_SOUND     UINT32_MAX

/* All zero: clients do as they like. */
struct video_delay {
    uint32_t wanted;  /* 0: no other than clients have by themselves */
    uint32_t before;  /* what it was, */
    uint32_t changed; /* until then */
    uint32_t looked;  /* since when SPARE is known */
    int32_t spare;    /* the least that the last frame of a report was too early since then */
};

/* What the client says about some frames. */
struct video_report {
    uint32_t frames, drops; /* of them */
    uint32_t first;         /* when the first one was due */
    int32_t early;          /* that the last one was; below 0: late */
    uint32_t sound;         /* how long sound is held back; VIDEO_NO_SOUND: there is none */
};

/*
 * EXPLAINED: the longest delay that frames of this size may need on this line. What is beyond it
 * comes of too many of them. True: the frames were late, but will not be with the delay that is
 * wanted by now, so nothing else need be changed for them.
 */
bool video_delay_report(struct video_delay *delay, const struct video_report *report,
                        uint32_t explained, uint32_t now);
