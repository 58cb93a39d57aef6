/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/playback_channel.h"

#include "spice/client.h"
#include "spice/play_delay.h"
#include "spice/server_state.h"
#include "spice/sound.h"

#ifdef HAVE_OPUS
#include <opus.h>
#endif

#define FRAMES 3 /* that the host may have at once */
/* What a client's socket does not take is dropped, the oldest first: sound must not be late. */
#define MAX_WAITING 10
/* Bytes: an opus packet of ours has three frames at most. */
#define MAX_OPUS_FRAME 1275
#define MAX_PACKET     (3 * MAX_OPUS_FRAME + 7)

struct SpicePlaybackState {
    struct playback *playback;
};

struct frame {
    uint32_t samples[SOUND_FRAME_SAMPLES];
    bool lent; /* the host has it */
};

struct playback {
    struct SpicePlaybackState state;
    SpicePlaybackInstance *instance;
    struct channel channel;
    uint32_t rate;
    bool active;
    uint32_t started; /* multi-media time */
    bool has_volume, has_mute;
    struct sound_volume volume;
    struct frame frames[FRAMES];
};

struct playback_client {
    struct channel_client base;
    uint16_t mode;    /* SPICE_AUDIO_DATA_MODE_* */
    uint32_t latency; /* ms that it holds sound back at least, since START */
    GQueue waiting;   /* of struct message: sound */
#ifdef HAVE_OPUS
    OpusEncoder *encoder; /* NULL: not needed yet */
#endif
};

static struct playback *playback_of(const struct channel_client *cc)
{
    return cc->channel->opaque;
}

/* The one that is served; those that were replaced are closed. */
static struct channel_client *client_of(const struct playback *playback)
{
    for (GList *l = playback->channel.clients; l != NULL; l = l->next) {
        if (!channel_client_is_closed(l->data)) {
            return l->data;
        }
    }
    return NULL;
}

static uint32_t now(const struct playback *playback)
{
    return server_mm_time(playback->channel.server);
}

static uint16_t wanted_mode(struct channel_client *cc)
{
    struct playback *playback = playback_of(cc);

    return sound_rate_has_opus(playback->rate) &&
                   channel_client_has_cap(cc, SPICE_PLAYBACK_CAP_OPUS) &&
                   cc->channel->server->policy.playback_compression
               ? SPICE_AUDIO_DATA_MODE_OPUS
               : SPICE_AUDIO_DATA_MODE_RAW;
}

static void send_mode(struct channel_client *cc)
{
    struct message *message = message_create(SPICE_MSG_PLAYBACK_MODE);

    message_add_u32(message, now(playback_of(cc)));
    message_add_u16(message, ((struct playback_client *)cc)->mode);
    channel_client_send(cc, message);
}

static void send_latency(struct channel_client *cc)
{
    struct playback_client *pc = (struct playback_client *)cc;
    uint32_t latency = MAX(PLAY_DELAY_SOUND_MS, play_delay_wanted(cc->client));
    struct message *message;

    if (latency == pc->latency || !channel_client_has_cap(cc, SPICE_PLAYBACK_CAP_LATENCY)) {
        return;
    }
    pc->latency = latency;
    message = message_create(SPICE_MSG_PLAYBACK_LATENCY);
    message_add_u32(message, latency);
    channel_client_send(cc, message);
}

static void send_start(struct channel_client *cc)
{
    struct playback *playback = playback_of(cc);
    struct message *message = message_create(SPICE_MSG_PLAYBACK_START);

    message_add_u32(message, SOUND_CHANNELS);
    message_add_u16(message, SPICE_AUDIO_FMT_S16);
    message_add_u32(message, playback->rate);
    message_add_u32(message, playback->started);
    channel_client_send(cc, message);
    ((struct playback_client *)cc)->latency = PLAY_DELAY_SOUND_MS; /* spice-gtk forgets any other */
    send_latency(cc);
}

static void send_volume(struct channel_client *cc)
{
    struct playback *playback = playback_of(cc);

    if (playback->has_volume && channel_client_has_cap(cc, SPICE_PLAYBACK_CAP_VOLUME)) {
        channel_client_send(cc, sound_volume_message(&playback->volume, SPICE_MSG_PLAYBACK_VOLUME));
    }
}

static void send_mute(struct channel_client *cc)
{
    struct playback *playback = playback_of(cc);

    if (playback->has_mute && channel_client_has_cap(cc, SPICE_PLAYBACK_CAP_VOLUME)) {
        channel_client_send(cc, sound_mute_message(&playback->volume, SPICE_MSG_PLAYBACK_MUTE));
    }
}

static bool on_connect(struct channel_client *cc)
{
    struct playback_client *pc = (struct playback_client *)cc;

    sound_close_others(cc);
    pc->mode = wanted_mode(cc);
    send_mode(cc);
    if (playback_of(cc)->active) {
        send_start(cc);
    }
    send_volume(cc);
    send_mute(cc);
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    struct playback_client *pc = (struct playback_client *)cc;

    g_queue_clear_full(&pc->waiting, (GDestroyNotify)message_destroy);
#ifdef HAVE_OPUS
    g_clear_pointer(&pc->encoder, opus_encoder_destroy);
#endif
}

/* Clients only listen. */
static bool receive(struct channel_client *cc G_GNUC_UNUSED, uint16_t type G_GNUC_UNUSED,
                    const uint8_t *body G_GNUC_UNUSED, uint32_t size G_GNUC_UNUSED)
{
    return false;
}

static bool produce(struct channel_client *cc)
{
    struct message *message = g_queue_pop_head(&((struct playback_client *)cc)->waiting);

    if (message != NULL) {
        channel_client_send(cc, message);
    }
    return message != NULL;
}

static const struct channel_ops playback_ops = {
    .client_size = sizeof(struct playback_client),
    .max_message = 0,
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
};

/* The device. */

void playback_attach(SpiceServer *server, SpicePlaybackInstance *instance)
{
    struct playback *playback;

    instance->st = NULL;
    if (server->playback != NULL) {
        g_warning("there is a playback device already: nobody will hear this one");
        return;
    }
    playback = g_new0(struct playback, 1);
    playback->state.playback = playback;
    playback->instance = instance;
    playback->rate = SPICE_INTERFACE_PLAYBACK_FREQ;
    channel_init(&playback->channel, server, SPICE_CHANNEL_PLAYBACK, 0, &playback_ops, server->loop,
                 playback);
    channel_set_capability(&playback->channel, SPICE_PLAYBACK_CAP_VOLUME);
    instance->st = &playback->state;
    server->playback = playback;
    server_add_channel(server, &playback->channel);
}

void playback_detach(struct playback *playback)
{
    if (playback == NULL) {
        return;
    }
    playback->instance->st = NULL;
    server_remove_channel(playback->channel.server, &playback->channel);
    channel_finish(&playback->channel);
    g_free(playback);
}

int playback_remove(SpicePlaybackInstance *instance)
{
    if (instance->st == NULL) {
        return -1;
    }
    playback_detach(g_steal_pointer(&instance->st->playback->channel.server->playback));
    return 0;
}

void playback_update_compression(struct playback *playback)
{
    for (GList *l = playback != NULL ? playback->channel.clients : NULL; l != NULL; l = l->next) {
        struct playback_client *pc = l->data;
        uint16_t mode = wanted_mode(&pc->base);

        if (mode != pc->mode) {
            g_queue_clear_full(&pc->waiting, (GDestroyNotify)message_destroy);
            pc->mode = mode;
            send_mode(&pc->base);
        }
    }
}

bool playback_update_latency(struct playback *playback, const struct client *client)
{
    struct channel_client *cc = playback != NULL ? client_of(playback) : NULL;

    if (cc == NULL || cc->client != client || !playback->active) {
        return false;
    }
    send_latency(cc);
    return true;
}

/* What the host calls. It may do so with a device that was refused or removed. */

static struct playback *device_of(SpicePlaybackInstance *sin)
{
    return sin->st != NULL ? sin->st->playback : NULL;
}

void spice_server_playback_start(SpicePlaybackInstance *sin)
{
    struct playback *playback = device_of(sin);
    struct channel_client *cc;

    if (playback == NULL || playback->active) {
        return;
    }
    playback->active = true;
    playback->started = now(playback);
    if ((cc = client_of(playback)) != NULL) {
        send_start(cc);
    }
}

void spice_server_playback_stop(SpicePlaybackInstance *sin)
{
    struct playback *playback = device_of(sin);
    struct channel_client *cc;

    if (playback == NULL || !playback->active) {
        return;
    }
    playback->active = false;
    if ((cc = client_of(playback)) != NULL) {
        g_queue_clear_full(&((struct playback_client *)cc)->waiting,
                           (GDestroyNotify)message_destroy);
        channel_client_send(cc, message_create(SPICE_MSG_PLAYBACK_STOP));
    }
    main_channel_send_mm_time(playback->channel.server->main);
}

void spice_server_playback_get_buffer(SpicePlaybackInstance *sin, uint32_t **samples,
                                      uint32_t *num_samples)
{
    struct playback *playback = device_of(sin);

    *samples = NULL;
    *num_samples = 0;
    if (playback == NULL || !playback->active || client_of(playback) == NULL) {
        return;
    }
    for (size_t i = 0; i < FRAMES; i++) {
        if (!playback->frames[i].lent) {
            playback->frames[i].lent = true;
            *samples = playback->frames[i].samples;
            *num_samples = SOUND_FRAME_SAMPLES;
            return;
        }
    }
}

#ifdef HAVE_OPUS
/* 30 ms at 16000 Hz, which no frame of opus has, as a packet of three. Returns its size; <= 0:
 * error. */
static int encode_30_ms(OpusEncoder *encoder, const opus_int16 *samples, uint8_t *packet)
{
    uint8_t frames[3][MAX_OPUS_FRAME];
    const int count = SOUND_FRAME_SAMPLES / 3;
    OpusRepacketizer *joiner = opus_repacketizer_create();
    int size = OPUS_ALLOC_FAIL;

    for (int i = 0; joiner != NULL && i < 3; i++) {
        size = opus_encode(encoder, samples + i * count * SOUND_CHANNELS, count, frames[i],
                           MAX_OPUS_FRAME);
        if (size > 0 && opus_repacketizer_cat(joiner, frames[i], size) != OPUS_OK) {
            size = OPUS_INTERNAL_ERROR; /* it has changed its mode between them */
        }
        if (size <= 0) {
            break;
        }
    }
    if (size > 0) {
        size = opus_repacketizer_out(joiner, packet, MAX_PACKET);
    }
    if (joiner != NULL) {
        opus_repacketizer_destroy(joiner);
    }
    return size;
}

static OpusEncoder *create_encoder(uint32_t rate)
{
    /* Frames of one packet must be of one kind, which only this application does not change. */
    int application = rate == 16000 ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_AUDIO;
    OpusEncoder *encoder = opus_encoder_create((opus_int32)rate, SOUND_CHANNELS, application, NULL);

    if (encoder != NULL && rate == 16000) {
        opus_encoder_ctl(encoder, OPUS_SET_BANDWIDTH(OPUS_BANDWIDTH_WIDEBAND));
        opus_encoder_ctl(encoder, OPUS_SET_FORCE_CHANNELS(SOUND_CHANNELS));
    }
    return encoder;
}

static int encode(struct playback_client *pc, const uint32_t *samples, uint8_t *packet)
{
    const opus_int16 *words = (const opus_int16 *)samples;
    uint32_t rate = playback_of(&pc->base)->rate;

    if (pc->encoder == NULL) {
        pc->encoder = create_encoder(rate);
    }
    if (pc->encoder == NULL) {
        return OPUS_ALLOC_FAIL;
    }
    return rate == 16000 ? encode_30_ms(pc->encoder, words, packet)
                         : opus_encode(pc->encoder, words, SOUND_FRAME_SAMPLES, packet, MAX_PACKET);
}
#endif

/* The samples for a client, in its mode; false: they cannot be encoded. */
static bool add_sound(struct message *message, struct playback_client *pc, const uint32_t *samples)
{
    if (pc->mode == SPICE_AUDIO_DATA_MODE_RAW) {
        message_add_bytes(message, samples, SOUND_FRAME_SAMPLES * SOUND_SAMPLE_BYTES);
        return true;
    }
#ifdef HAVE_OPUS
    uint8_t packet[MAX_PACKET];
    int size = encode(pc, samples, packet);

    if (size > 0) {
        message_add_bytes(message, packet, (size_t)size);
        return true;
    }
#endif
    return false;
}

void spice_server_playback_put_samples(SpicePlaybackInstance *sin, uint32_t *samples)
{
    struct playback *playback = device_of(sin);
    struct playback_client *pc;
    struct message *message;
    size_t i = 0;

    while (playback != NULL && i < FRAMES && playback->frames[i].samples != samples) {
        i++;
    }
    if (playback == NULL || i == FRAMES || !playback->frames[i].lent) {
        g_warning("these samples are in no buffer that the playback device has handed out");
        return;
    }
    playback->frames[i].lent = false;
    pc = (struct playback_client *)client_of(playback);
    if (pc == NULL || !playback->active) {
        return;
    }
    message = message_create(SPICE_MSG_PLAYBACK_DATA);
    message_add_u32(message, now(playback));
    if (!add_sound(message, pc, samples)) {
        message_destroy(message);
        return;
    }
    if (pc->waiting.length == MAX_WAITING) {
        message_destroy(g_queue_pop_head(&pc->waiting));
    }
    g_queue_push_tail(&pc->waiting, message);
    channel_client_wake(&pc->base);
}

void spice_server_playback_set_volume(SpicePlaybackInstance *sin, uint8_t nchannels,
                                      uint16_t *volume)
{
    struct playback *playback = device_of(sin);
    struct channel_client *cc;

    if (playback == NULL) {
        return;
    }
    playback->has_volume = true;
    sound_volume_set(&playback->volume, nchannels, volume);
    if ((cc = client_of(playback)) != NULL) {
        send_volume(cc);
    }
}

void spice_server_playback_set_mute(SpicePlaybackInstance *sin, uint8_t mute)
{
    struct playback *playback = device_of(sin);
    struct channel_client *cc;

    if (playback == NULL) {
        return;
    }
    playback->has_mute = true;
    playback->volume.mute = mute != 0;
    if ((cc = client_of(playback)) != NULL) {
        send_mute(cc);
    }
}

uint32_t spice_server_get_best_playback_rate(SpicePlaybackInstance *sin G_GNUC_UNUSED)
{
    return sound_best_rate();
}

void spice_server_set_playback_rate(SpicePlaybackInstance *sin, uint32_t frequency)
{
    struct playback *playback = device_of(sin);

    if (playback == NULL || playback->rate == frequency) {
        return;
    }
    playback->rate = frequency;
    sound_offer_opus(&playback->channel, SPICE_PLAYBACK_CAP_OPUS, sound_rate_has_opus(frequency));
#ifdef HAVE_OPUS
    for (GList *l = playback->channel.clients; l != NULL; l = l->next) {
        g_clear_pointer(&((struct playback_client *)l->data)->encoder, opus_encoder_destroy);
    }
#endif
    playback_update_compression(playback);
}
