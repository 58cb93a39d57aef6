/*
 * A sound device for a client made of spice-gtk's library, and an eye on the film that goes with
 * what it plays: tests/client/film_server's. Used by tests/client/gtk_client, from its one thread.
 *
 * The device plays what it is given without a gap, behind as much of it as the channel wants at
 * least; when it runs out of sound it gathers that much again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice-client.h>
#include <stdbool.h>

struct gtk_sound {
    gint rate;
    guint latency;   /* milliseconds: what is gathered */
    gint64 end;      /* monotonic us, when all that came has been heard; 0: there is none */
    unsigned gaps;   /* times that it ran out */
    guint64 samples; /* that came since it began */
    int heard, seen; /* levels (film_levels.h); -1: none yet */
};

void gtk_sound_init(struct gtk_sound *sound);

/*
 * Looks at a new channel. Of a playback channel it prints, one event a line:
 *   playing RATE | silent
 *   latency MILLISECONDS              the least that sound is to be held back
 *   heard LEVEL MICROSECONDS          monotonic, when it is heard
 */
void gtk_sound_watch(struct gtk_sound *sound, SpiceChannel *channel);

/* What the film shows now; with sound, prints "seen LEVEL MICROSECONDS" when it is another level.
 */
void gtk_sound_see(struct gtk_sound *sound, uint32_t brightness);

/* Obeys "sound": prints "sound SAMPLES GAPS", both since it began. Others are ignored. */
void gtk_sound_command(const struct gtk_sound *sound, const char *line);
