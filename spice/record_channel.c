/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_channel.h"

#include "spice/client.h"
#include "spice/server_state.h"
#include "spice/sound.h"

#include <string.h>
#ifdef HAVE_OPUS
#include <opus.h>
#endif

#define RING_SAMPLES 8192u /* a power of two */
/* The host hears nothing before so many have arrived, so that it does not run dry at once. */
#define FIRST_SAMPLES (RING_SAMPLES / 2)
#define MAX_RAW_BYTES (32 * 1024)
/* The longest opus packet holds 120 ms. */
#define MAX_PACKET_SAMPLES (SOUND_OPUS_RATE * 120 / 1000)

struct SpiceRecordState {
    struct record *record;
};

struct record {
    struct SpiceRecordState state;
    SpiceRecordInstance *instance;
    struct channel channel;
    uint32_t rate;
    bool active;
    bool has_volume, has_mute;
    struct sound_volume volume;

    uint32_t ring[RING_SAMPLES];
    uint64_t written, read; /* samples since the start; at most RING_SAMPLES apart */
    bool flowing;           /* FIRST_SAMPLES have arrived */
};

struct record_client {
    struct channel_client base;
    uint16_t mode; /* SPICE_AUDIO_DATA_MODE_* */
#ifdef HAVE_OPUS
    OpusDecoder *decoder; /* NULL: not needed yet */
#endif
};

static struct record *record_of(const struct channel_client *cc)
{
    return cc->channel->opaque;
}

static struct channel_client *client_of(const struct record *record)
{
    for (GList *l = record->channel.clients; l != NULL; l = l->next) {
        if (!channel_client_is_closed(l->data)) {
            return l->data;
        }
    }
    return NULL;
}

static void reset_ring(struct record *record)
{
    record->written = record->read = 0;
    record->flowing = false;
}

/* A host that does not listen loses the oldest samples. */
static void push_samples(struct record *record, const void *data, size_t count)
{
    const uint8_t *from = data;

    while (count > 0) {
        size_t at = record->written % RING_SAMPLES;
        size_t n = MIN(count, RING_SAMPLES - at);

        memcpy(record->ring + at, from, n * SOUND_SAMPLE_BYTES);
        from += n * SOUND_SAMPLE_BYTES;
        record->written += n;
        count -= n;
    }
    record->read = MAX(record->read, record->written - MIN(record->written, RING_SAMPLES));
    record->flowing = record->flowing || record->written >= FIRST_SAMPLES;
}

static bool receive_data(struct record_client *rc, const uint8_t *data, uint32_t size)
{
    struct record *record = record_of(&rc->base);

    if (!record->active) {
        return true; /* it has crossed our STOP */
    }
    if (rc->mode == SPICE_AUDIO_DATA_MODE_RAW) {
        if (size % SOUND_SAMPLE_BYTES != 0 || size > MAX_RAW_BYTES) {
            return false;
        }
        push_samples(record, data, size / SOUND_SAMPLE_BYTES);
        return true;
    }
#ifdef HAVE_OPUS
    opus_int16 samples[MAX_PACKET_SAMPLES * SOUND_CHANNELS];
    int count;

    if (rc->decoder == NULL) {
        rc->decoder = opus_decoder_create((opus_int32)record->rate, SOUND_CHANNELS, NULL);
    }
    if (rc->decoder == NULL || size == 0) {
        return false;
    }
    count = opus_decode(rc->decoder, data, (opus_int32)size, samples, MAX_PACKET_SAMPLES, 0);
    if (count > 0) {
        push_samples(record, samples, (size_t)count);
        return true;
    }
#endif
    return false;
}

/* Clients encode frames of SOUND_FRAME_SAMPLES, which opus does not have at 16000 Hz (30 ms). */
static bool can_opus(const struct record *record)
{
    return sound_rate_has_opus(record->rate) && record->rate != 16000;
}

static bool receive_mode(struct record_client *rc, uint16_t mode)
{
    bool opus = mode == SPICE_AUDIO_DATA_MODE_OPUS && can_opus(record_of(&rc->base));

    if (mode != SPICE_AUDIO_DATA_MODE_RAW && !opus) {
        return false;
    }
    rc->mode = mode;
    return true;
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    struct record_client *rc = (struct record_client *)cc;
    struct message_reader reader = message_reader(body, size);
    uint16_t mode;

    message_read_u32(&reader); /* the client's clock: sound is taken when it comes */
    if (reader.failed) {
        return false;
    }
    switch (type) {
    case SPICE_MSGC_RECORD_DATA:
        return receive_data(rc, reader.data, reader.left);
    case SPICE_MSGC_RECORD_MODE:
        mode = message_read_u16(&reader);
        return !reader.failed && receive_mode(rc, mode);
    case SPICE_MSGC_RECORD_START_MARK:
        return true;
    default:
        return false;
    }
}

static void send_start(struct channel_client *cc)
{
    struct message *message = message_create(SPICE_MSG_RECORD_START);

    message_add_u32(message, SOUND_CHANNELS);
    message_add_u16(message, SPICE_AUDIO_FMT_S16);
    message_add_u32(message, record_of(cc)->rate);
    channel_client_send(cc, message);
}

static void send_volume(struct channel_client *cc)
{
    struct record *record = record_of(cc);

    if (record->has_volume && channel_client_has_cap(cc, SPICE_RECORD_CAP_VOLUME)) {
        channel_client_send(cc, sound_volume_message(&record->volume, SPICE_MSG_RECORD_VOLUME));
    }
}

static void send_mute(struct channel_client *cc)
{
    struct record *record = record_of(cc);

    if (record->has_mute && channel_client_has_cap(cc, SPICE_RECORD_CAP_VOLUME)) {
        channel_client_send(cc, sound_mute_message(&record->volume, SPICE_MSG_RECORD_MUTE));
    }
}

static bool on_connect(struct channel_client *cc)
{
    struct record *record = record_of(cc);

    ((struct record_client *)cc)->mode = SPICE_AUDIO_DATA_MODE_RAW;
    sound_close_others(cc);
    reset_ring(record);
    send_volume(cc);
    send_mute(cc);
    if (record->active) {
        send_start(cc);
    }
    return true;
}

static void forget_decoder(struct record_client *rc)
{
#ifdef HAVE_OPUS
    g_clear_pointer(&rc->decoder, opus_decoder_destroy);
#else
    (void)rc;
#endif
}

static void on_disconnect(struct channel_client *cc)
{
    forget_decoder((struct record_client *)cc);
}

static bool produce(struct channel_client *cc G_GNUC_UNUSED)
{
    return false;
}

static const struct channel_ops record_ops = {
    .client_size = sizeof(struct record_client),
    .max_message = MAX_RAW_BYTES + sizeof(uint32_t),
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
};

/* The device. */

void record_attach(SpiceServer *server, SpiceRecordInstance *instance)
{
    struct record *record;

    instance->st = NULL;
    if (server->record != NULL) {
        g_warning("there is a record device already: this one will hear nothing");
        return;
    }
    record = g_new0(struct record, 1);
    record->state.record = record;
    record->instance = instance;
    record->rate = SPICE_INTERFACE_RECORD_FREQ;
    channel_init(&record->channel, server, SPICE_CHANNEL_RECORD, 0, &record_ops, server->loop,
                 record);
    channel_set_capability(&record->channel, SPICE_RECORD_CAP_VOLUME);
    instance->st = &record->state;
    server->record = record;
    server_add_channel(server, &record->channel);
}

void record_detach(struct record *record)
{
    if (record == NULL) {
        return;
    }
    record->instance->st = NULL;
    server_remove_channel(record->channel.server, &record->channel);
    channel_finish(&record->channel);
    g_free(record);
}

int record_remove(SpiceRecordInstance *instance)
{
    if (instance->st == NULL) {
        return -1;
    }
    record_detach(g_steal_pointer(&instance->st->record->channel.server->record));
    return 0;
}

/* What the host calls. It may do so with a device that was refused or removed. */

static struct record *device_of(SpiceRecordInstance *sin)
{
    return sin->st != NULL ? sin->st->record : NULL;
}

void spice_server_record_start(SpiceRecordInstance *sin)
{
    struct record *record = device_of(sin);
    struct channel_client *cc;

    if (record == NULL || record->active) {
        return;
    }
    record->active = true;
    reset_ring(record);
    if ((cc = client_of(record)) != NULL) {
        send_start(cc);
    }
}

void spice_server_record_stop(SpiceRecordInstance *sin)
{
    struct record *record = device_of(sin);
    struct channel_client *cc;

    if (record == NULL || !record->active) {
        return;
    }
    record->active = false;
    if ((cc = client_of(record)) != NULL) {
        channel_client_send(cc, message_create(SPICE_MSG_RECORD_STOP));
    }
}

uint32_t spice_server_record_get_samples(SpiceRecordInstance *sin, uint32_t *samples,
                                         uint32_t bufsize)
{
    struct record *record = device_of(sin);
    uint32_t copied = 0;

    if (record == NULL || !record->active || !record->flowing || client_of(record) == NULL) {
        return 0;
    }
    while (copied < bufsize && record->read < record->written) {
        size_t at = record->read % RING_SAMPLES;
        size_t n = MIN(MIN(bufsize - copied, record->written - record->read), RING_SAMPLES - at);

        memcpy(samples + copied, record->ring + at, n * SOUND_SAMPLE_BYTES);
        record->read += n;
        copied += (uint32_t)n;
    }
    return copied;
}

void spice_server_record_set_volume(SpiceRecordInstance *sin, uint8_t nchannels, uint16_t *volume)
{
    struct record *record = device_of(sin);
    struct channel_client *cc;

    if (record == NULL) {
        return;
    }
    record->has_volume = true;
    sound_volume_set(&record->volume, nchannels, volume);
    if ((cc = client_of(record)) != NULL) {
        send_volume(cc);
    }
}

void spice_server_record_set_mute(SpiceRecordInstance *sin, uint8_t mute)
{
    struct record *record = device_of(sin);
    struct channel_client *cc;

    if (record == NULL) {
        return;
    }
    record->has_mute = true;
    record->volume.mute = mute != 0;
    if ((cc = client_of(record)) != NULL) {
        send_mute(cc);
    }
}

uint32_t spice_server_get_best_record_rate(SpiceRecordInstance *sin G_GNUC_UNUSED)
{
    return sound_best_rate();
}

void spice_server_set_record_rate(SpiceRecordInstance *sin, uint32_t frequency)
{
    struct record *record = device_of(sin);

    if (record == NULL || record->rate == frequency) {
        return;
    }
    record->rate = frequency;
    sound_offer_opus(&record->channel, SPICE_RECORD_CAP_OPUS, can_opus(record));
    for (GList *l = record->channel.clients; l != NULL; l = l->next) {
        struct record_client *rc = l->data;

        forget_decoder(rc);
        if (!can_opus(record)) {
            rc->mode = SPICE_AUDIO_DATA_MODE_RAW;
        }
    }
}
