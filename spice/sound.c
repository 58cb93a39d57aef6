/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/sound.h"

#include <string.h>

bool sound_rate_has_opus(uint32_t hz)
{
#ifdef HAVE_OPUS
    return hz == 48000 || hz == 24000 || hz == 16000 || hz == 12000 || hz == 8000;
#else
    (void)hz;
    return false;
#endif
}

uint32_t sound_best_rate(void)
{
    return sound_rate_has_opus(SOUND_OPUS_RATE) ? SOUND_OPUS_RATE : SPICE_INTERFACE_PLAYBACK_FREQ;
}

void sound_offer_opus(struct channel *channel, unsigned cap, bool offered)
{
    channel->caps[cap / 32] &= ~(1u << cap % 32);
    if (offered) {
        channel_set_capability(channel, cap);
    }
}

void sound_volume_set(struct sound_volume *volume, uint8_t channels, const uint16_t *levels)
{
    volume->channels = channels;
    memcpy(volume->levels, levels, channels * sizeof(*levels));
}

struct message *sound_volume_message(const struct sound_volume *volume, uint16_t type)
{
    struct message *message = message_create(type);

    message_add_u8(message, volume->channels);
    for (unsigned i = 0; i < volume->channels; i++) {
        message_add_u16(message, volume->levels[i]);
    }
    return message;
}

struct message *sound_mute_message(const struct sound_volume *volume, uint16_t type)
{
    struct message *message = message_create(type);

    message_add_u8(message, volume->mute);
    return message;
}

void sound_close_others(struct channel_client *cc)
{
    for (GList *l = cc->channel->clients; l != NULL; l = l->next) {
        if (l->data != cc) {
            channel_client_close(l->data, "another client has taken its place");
        }
    }
}
