/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gtk_sound.h"

#include "tests/support/film_levels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES = 4 }; /* two channels of 16 bits */

void gtk_sound_init(struct gtk_sound *sound)
{
    *sound = (struct gtk_sound){.heard = -1, .seen = -1};
}

static void on_start(SpicePlaybackChannel *channel, gint format, gint channels, gint rate,
                     gpointer opaque)
{
    struct gtk_sound *sound = opaque;

    (void)format;
    (void)channels;
    sound->rate = rate;
    sound->end = 0;
    sound->gaps = 0;
    sound->samples = 0;
    g_object_get(channel, "min-latency", &sound->latency, NULL);
    printf("playing %d\n", rate);
}

/* Tells the session how far behind it is, by which its clock goes. */
static void set_delay(const struct gtk_sound *sound, SpicePlaybackChannel *channel)
{
    gint64 left = sound->end - g_get_monotonic_time();

    spice_playback_channel_set_delay(channel, left > 0 ? (guint32)(left / 1000) : 0);
}

static void hear(struct gtk_sound *sound, const int16_t *samples, gint count)
{
    guint64 sum = 0;
    int level;

    for (gint i = 0; i < count; i++)
        sum += (guint64)abs(samples[2 * i]);
    level = (int)film_level_of_amplitude((uint32_t)(sum / (guint64)count));
    if (level != sound->heard)
        printf("heard %d %" G_GINT64_FORMAT "\n", level, sound->end);
    sound->heard = level;
}

static void on_data(SpicePlaybackChannel *channel, gpointer data, gint size, gpointer opaque)
{
    struct gtk_sound *sound = opaque;
    gint count = size / FRAME_BYTES;
    gint64 now = g_get_monotonic_time();
    bool begins = sound->end < now;

    if (count <= 0)
        return;
    if (begins) {
        sound->gaps += sound->end != 0;
        sound->end = now + sound->latency * G_GINT64_CONSTANT(1000);
    }
    hear(sound, data, count);
    sound->end += count * G_USEC_PER_SEC / sound->rate;
    sound->samples += (guint64)count;
    if (begins)
        set_delay(sound, channel);
}

static void on_get_delay(SpicePlaybackChannel *channel, gpointer opaque)
{
    set_delay(opaque, channel);
}

/* Silence is put in, or sound left out. */
static void on_latency(GObject *object, GParamSpec *spec, gpointer opaque)
{
    struct gtk_sound *sound = opaque;
    guint before = sound->latency;

    (void)spec;
    g_object_get(object, "min-latency", &sound->latency, NULL);
    if (sound->latency == before)
        return;
    printf("latency %u\n", sound->latency);
    if (sound->end == 0)
        return;
    sound->end += ((gint64)sound->latency - before) * 1000;
    set_delay(sound, SPICE_PLAYBACK_CHANNEL(object));
}

static void on_stop(SpicePlaybackChannel *channel, gpointer opaque)
{
    struct gtk_sound *sound = opaque;

    (void)channel;
    sound->end = 0;
    printf("silent\n");
}

void gtk_sound_watch(struct gtk_sound *sound, SpiceChannel *channel)
{
    if (!SPICE_IS_PLAYBACK_CHANNEL(channel))
        return;
    g_signal_connect(channel, "playback-start", G_CALLBACK(on_start), sound);
    g_signal_connect(channel, "playback-data", G_CALLBACK(on_data), sound);
    g_signal_connect(channel, "playback-get-delay", G_CALLBACK(on_get_delay), sound);
    g_signal_connect(channel, "playback-stop", G_CALLBACK(on_stop), sound);
    g_signal_connect(channel, "notify::min-latency", G_CALLBACK(on_latency), sound);
}

void gtk_sound_see(struct gtk_sound *sound, uint32_t brightness)
{
    int level = (int)film_level_of_brightness(brightness);

    if (sound->rate == 0)
        return;
    if (level != sound->seen)
        printf("seen %d %" G_GINT64_FORMAT "\n", level, g_get_monotonic_time());
    sound->seen = level;
}

void gtk_sound_command(const struct gtk_sound *sound, const char *line)
{
    if (strcmp(line, "sound") == 0)
        printf("sound %" G_GUINT64_FORMAT " %u\n", sound->samples, sound->gaps);
}
