/*
 * Sound from the guest (playback) and to it (record).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_AUDIO_H_
#define SPICE_AUDIO_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

/* A sample is a word: left in the low 16 bits, right in the high ones, both signed. */
enum {
    SPICE_INTERFACE_AUDIO_FMT_S16 = 1,
};

#define SPICE_INTERFACE_PLAYBACK       "playback"
#define SPICE_INTERFACE_PLAYBACK_MAJOR 1
#define SPICE_INTERFACE_PLAYBACK_MINOR 3
#define SPICE_INTERFACE_PLAYBACK_FREQ  44100 /* Hz, unless another rate is set */
#define SPICE_INTERFACE_PLAYBACK_CHAN  2
#define SPICE_INTERFACE_PLAYBACK_FMT   SPICE_INTERFACE_AUDIO_FMT_S16

typedef struct SpicePlaybackInterface {
    SpiceBaseInterface base;
} SpicePlaybackInterface;

typedef struct SpicePlaybackState SpicePlaybackState;
typedef struct SpicePlaybackInstance {
    SpiceBaseInstance base;
    SpicePlaybackState *st;
} SpicePlaybackInstance;

void spice_server_playback_start(SpicePlaybackInstance *sin);
void spice_server_playback_stop(SpicePlaybackInstance *sin);
/* A frame to fill and put back; NULL when there is no client or no free frame. */
void spice_server_playback_get_buffer(SpicePlaybackInstance *sin, uint32_t **samples,
                                      uint32_t *num_samples);
void spice_server_playback_put_samples(SpicePlaybackInstance *sin, uint32_t *samples);
void spice_server_playback_set_volume(SpicePlaybackInstance *sin, uint8_t nchannels,
                                      uint16_t *volume);
void spice_server_playback_set_mute(SpicePlaybackInstance *sin, uint8_t mute);
/* SIN may be NULL. */
uint32_t spice_server_get_best_playback_rate(SpicePlaybackInstance *sin);
void spice_server_set_playback_rate(SpicePlaybackInstance *sin, uint32_t frequency);

#define SPICE_INTERFACE_RECORD       "record"
#define SPICE_INTERFACE_RECORD_MAJOR 2
#define SPICE_INTERFACE_RECORD_MINOR 3
#define SPICE_INTERFACE_RECORD_FREQ  44100
#define SPICE_INTERFACE_RECORD_CHAN  2
#define SPICE_INTERFACE_RECORD_FMT   SPICE_INTERFACE_AUDIO_FMT_S16

typedef struct SpiceRecordInterface {
    SpiceBaseInterface base;
} SpiceRecordInterface;

typedef struct SpiceRecordState SpiceRecordState;
typedef struct SpiceRecordInstance {
    SpiceBaseInstance base;
    SpiceRecordState *st;
} SpiceRecordInstance;

void spice_server_record_start(SpiceRecordInstance *sin);
void spice_server_record_stop(SpiceRecordInstance *sin);
/* Copies at most BUFSIZE samples; returns how many. */
uint32_t spice_server_record_get_samples(SpiceRecordInstance *sin, uint32_t *samples,
                                         uint32_t bufsize);
void spice_server_record_set_volume(SpiceRecordInstance *sin, uint8_t nchannels, uint16_t *volume);
void spice_server_record_set_mute(SpiceRecordInstance *sin, uint8_t mute);
uint32_t spice_server_get_best_record_rate(SpiceRecordInstance *sin);
void spice_server_set_record_rate(SpiceRecordInstance *sin, uint32_t frequency);

#endif
