/*
 * What sound in both directions has in common: rates, volume, START messages.
 *
 * Facts: spice-wire.md sections 5.3 and 5.4, server-abi.md section 1.7.6. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"

/* Opus has others too, but clients expect 480 samples a packet, and that is 10 ms at this one. */
#define SOUND_OPUS_RATE 48000
#define SOUND_CHANNELS  2
/* Bytes of a sample of all channels: the word of spice-audio.h. */
#define SOUND_SAMPLE_BYTES 4

/* Is it compressed at HZ? */
bool sound_rate_has_opus(uint32_t hz);
uint32_t sound_best_rate(void);
/* The channel's capability CAP follows the rate. */
void sound_set_opus_capability(struct channel *channel, unsigned cap, uint32_t hz);

/* As the host has set it; without channels: not yet. */
struct sound_volume {
    uint8_t channels;
    uint16_t levels[UINT8_MAX];
    bool mute;
};

void sound_volume_set(struct sound_volume *volume, uint8_t channels, const uint16_t *levels);
struct message *sound_volume_message(const struct sound_volume *volume, uint16_t type);
struct message *sound_mute_message(const struct sound_volume *volume, uint16_t type);
/* One client a device: others are closed. */
void sound_close_others(struct channel_client *cc);
