/*
 * What sound in both directions has in common: rates, volume, START messages.
 *
 * Facts: spice-wire.md sections 5.3 and 5.4, server-abi.md section 1.7.6. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"

#define SOUND_OPUS_RATE 48000 /* the best one that opus has */
/* What clients make of a packet, and expect in one, whatever the rate. */
#define SOUND_FRAME_SAMPLES 480
#define SOUND_CHANNELS      2
/* Bytes of a sample of all channels: the word of spice-audio.h. */
#define SOUND_SAMPLE_BYTES 4

/* Does opus have HZ? */
bool sound_rate_has_opus(uint32_t hz);
uint32_t sound_best_rate(void);
/* For clients that connect later: CAP is the channel's capability. */
void sound_offer_opus(struct channel *channel, unsigned cap, bool offered);

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
