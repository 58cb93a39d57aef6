/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/smartcard.h"

#include "spice/char_device.h"
#include "spice/migrate_state.h"
#include "spice/server_state.h"

#include <string.h>

#define MAX_READERS 10
/* Of a message's data, either way. */
#define MAX_DATA (64 * 1024)
/* What a client that moves may bring. */
#define MAX_STATE (4 * MAX_DATA)

/* The protocol of libcacard's vscard_common.h; no header of SPICE's own has it. */
enum {
    VSC_INIT = 1,
    VSC_ERROR,
    VSC_READER_ADD,
    VSC_READER_REMOVE,
    VSC_ATR,
    VSC_CARD_REMOVE,
    VSC_APDU,
    VSC_FLUSH,
    VSC_FLUSH_COMPLETE,
};
enum { VSC_GENERAL_ERROR = 1, VSC_CANNOT_ADD_MORE_READERS };
#define VSC_UNDEFINED_READER 0xffffffffu

/* Little endian to clients, big endian to the guest's device. */
struct vsc_header {
    uint32_t type, reader_id, length;
};

/* One of the host's devices. */
struct reader {
    SpiceCharDeviceState device;
    struct smartcards *smartcards;
    uint32_t id;
    struct channel_client *client;                    /* whose reader is plugged in, or NULL */
    bool broken;                                      /* it does not speak the protocol */
    uint8_t in[sizeof(struct vsc_header) + MAX_DATA]; /* the message that is being read */
    uint32_t in_size;
};

struct smartcards {
    SpiceServer *server;
    struct channel channel;
    struct reader *readers[MAX_READERS]; /* by id; or NULL */
    unsigned arriving;                   /* clients that are to bring their state */
};

struct smartcard_client {
    struct channel_client base;
    bool arriving; /* and counted */
};

/* To clients. */

static void send_message(struct channel_client *cc, uint32_t type, uint32_t reader_id,
                         const void *data, uint32_t size)
{
    struct message *message = message_create(SPICE_MSG_SMARTCARD_DATA);

    message_add_u32(message, type);
    message_add_u32(message, reader_id);
    message_add_u32(message, size);
    message_add_bytes(message, data, size);
    channel_client_send(cc, message);
}

static void send_error(struct channel_client *cc, uint32_t reader_id, uint32_t code)
{
    code = GUINT32_TO_LE(code);
    send_message(cc, VSC_ERROR, reader_id, &code, sizeof(code));
}

/* A whole message from the guest's device. Its answer to READER_ADD tells the client the id. */
static void hear_device(struct reader *reader, const struct vsc_header *header)
{
    uint8_t *data = reader->in + sizeof(*header);
    uint32_t code;

    if (reader->client == NULL || header->type == VSC_INIT) {
        return;
    }
    if (header->type == VSC_ERROR && header->length == sizeof(code)) {
        memcpy(&code, data, sizeof(code));
        code = GUINT32_TO_LE(GUINT32_FROM_BE(code));
        memcpy(data, &code, sizeof(code));
    }
    send_message(reader->client, header->type, reader->id, data, header->length);
}

static bool pull(void *opaque)
{
    struct reader *reader = opaque;
    struct vsc_header header;
    uint32_t want = sizeof(header);
    size_t n;

    if (reader->smartcards->arriving > 0) {
        return false; /* who the rest of a message is for is not known yet */
    }
    if (reader->broken) {
        return char_device_read(&reader->device, reader->in, sizeof(reader->in)) > 0;
    }
    for (int part = 0; part < 2; part++) {
        if (reader->in_size >= sizeof(header)) {
            memcpy(&header, reader->in, sizeof(header));
            header.type = GUINT32_FROM_BE(header.type);
            header.length = GUINT32_FROM_BE(header.length);
            if (header.length > MAX_DATA) {
                g_warning("smart card device %u: a message of %u bytes, more than %u; it is "
                          "disconnected",
                          reader->id, header.length, MAX_DATA);
                reader->broken = true;
                return true;
            }
            want = sizeof(header) + header.length;
            if (reader->in_size == want) {
                reader->in_size = 0;
                hear_device(reader, &header);
                return true;
            }
        }
        if (part == 0) {
            n = char_device_read(&reader->device, reader->in + reader->in_size,
                                 want - reader->in_size);
            if (n == 0) {
                return false;
            }
            reader->in_size += (uint32_t)n;
        }
    }
    return true;
}

/* To the guest. */

static void write_message(struct reader *reader, uint32_t type, const uint8_t *data, uint32_t size)
{
    struct vsc_header header = {GUINT32_TO_BE(type), GUINT32_TO_BE(reader->id),
                                GUINT32_TO_BE(size)};
    uint8_t *all = g_malloc(sizeof(header) + size);

    memcpy(all, &header, sizeof(header));
    if (size > 0) {
        memcpy(all + sizeof(header), data, size);
    }
    char_device_write(&reader->device, all, sizeof(header) + size, 0);
    /* A client that floods a guest which does not listen: it has to wait. */
    if (reader->client != NULL && reader->device.queued > 2 * MAX_DATA) {
        channel_client_close(reader->client, "smart card %u does not listen", reader->id);
    }
}

static void unplug(struct reader *reader)
{
    write_message(reader, VSC_READER_REMOVE, NULL, 0);
    reader->client = NULL;
    char_device_set_state(&reader->device, false);
}

/* NULL: all devices have a client's reader. */
static struct reader *connect_reader(struct channel_client *cc)
{
    struct smartcards *smartcards = cc->channel->opaque;

    for (size_t i = 0; i < MAX_READERS; i++) {
        struct reader *reader = smartcards->readers[i];

        if (reader != NULL && reader->client == NULL && !reader->broken) {
            reader->client = cc;
            char_device_set_state(&reader->device, true);
            return reader;
        }
    }
    return NULL;
}

static void plug(struct channel_client *cc, const uint8_t *name, uint32_t size)
{
    struct reader *reader = connect_reader(cc);

    if (reader != NULL) {
        write_message(reader, VSC_READER_ADD, name, size);
    } else {
        send_error(cc, VSC_UNDEFINED_READER, VSC_CANNOT_ADD_MORE_READERS);
    }
}

/* The client's reader ID, or NULL. */
static struct reader *reader_of(struct channel_client *cc, uint32_t id)
{
    struct smartcards *smartcards = cc->channel->opaque;
    struct reader *reader = id < MAX_READERS ? smartcards->readers[id] : NULL;

    return reader != NULL && reader->client == cc ? reader : NULL;
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    struct message_reader from = message_reader(body, size);
    struct vsc_header header;
    struct reader *reader;

    header.type = message_read_u32(&from);
    header.reader_id = message_read_u32(&from);
    header.length = message_read_u32(&from);
    if (type != SPICE_MSGC_SMARTCARD_DATA || from.failed || header.length > from.left ||
        header.type < VSC_INIT || header.type > VSC_FLUSH_COMPLETE) {
        return false;
    }
    if (header.type == VSC_INIT) {
        return true; /* there is nothing to agree on */
    }
    if (header.type == VSC_READER_ADD) {
        plug(cc, from.data, header.length);
        return true;
    }
    reader = reader_of(cc, header.reader_id);
    if (reader == NULL) {
        send_error(cc, header.reader_id, VSC_GENERAL_ERROR);
    } else if (header.type == VSC_READER_REMOVE) {
        unplug(reader);
    } else {
        write_message(reader, header.type, from.data, header.length);
    }
    return true;
}

static bool on_connect(struct channel_client *cc)
{
    struct smartcards *smartcards = cc->channel->opaque;

    if (cc->resumes) {
        ((struct smartcard_client *)cc)->arriving = true;
        smartcards->arriving++;
    }
    return true; /* the client speaks first */
}

static void end_arrival(struct channel_client *cc)
{
    struct smartcards *smartcards = cc->channel->opaque;

    if (!((struct smartcard_client *)cc)->arriving) {
        return;
    }
    ((struct smartcard_client *)cc)->arriving = false;
    smartcards->arriving--;
    for (size_t i = 0; i < MAX_READERS && smartcards->arriving == 0; i++) {
        if (smartcards->readers[i] != NULL) {
            char_device_wake(&smartcards->readers[i]->device);
        }
    }
}

static void on_disconnect(struct channel_client *cc)
{
    end_arrival(cc);
    for (uint32_t id = 0; id < MAX_READERS; id++) {
        struct reader *reader = reader_of(cc, id);

        if (reader != NULL) {
            unplug(reader);
        }
    }
}

static bool produce(struct channel_client *cc G_GNUC_UNUSED)
{
    return false;
}

/* Clients that move, with one reader. */

static struct reader *first_reader_of(struct channel_client *cc)
{
    for (uint32_t id = 0; id < MAX_READERS; id++) {
        if (reader_of(cc, id) != NULL) {
            return reader_of(cc, id);
        }
    }
    return NULL;
}

static void save(struct channel_client *cc, struct message *message)
{
    const struct reader *reader = first_reader_of(cc);
    struct device_state state = {.connected = reader != NULL};
    struct message_pointer written, partial;

    if (reader != NULL) {
        state.client_tokens = state.send_tokens = UINT32_MAX;
        state.written_size = (uint32_t)reader->device.queued;
    }
    written = state_add_device(message, &state);
    message_add_u8(message, reader != NULL);
    message_add_u32(message, reader != NULL ? reader->in_size : 0);
    partial = message_add_pointer(message);
    if (state.written_size > 0) {
        message_point(message, written);
        char_device_save_writes(&reader->device, message);
    }
    if (reader != NULL && reader->in_size > 0) {
        message_point(message, partial);
        message_add_bytes(message, reader->in, reader->in_size);
    }
}

/* The beginning of a message that is not complete? */
static bool is_partial(const uint8_t *data, uint32_t size)
{
    struct vsc_header header;

    if (size < sizeof(header)) {
        return true;
    }
    memcpy(&header, data, sizeof(header));
    header.length = GUINT32_FROM_BE(header.length);
    return header.length <= MAX_DATA && size < sizeof(header) + header.length;
}

static bool load(struct channel_client *cc, const uint8_t *data, uint32_t size,
                 struct message_reader *from)
{
    struct device_state state;
    const uint8_t *partial;
    struct reader *reader;
    bool plugged;
    uint32_t at, partial_size;

    if (!state_read_device(from, data, size, &state)) {
        return false;
    }
    plugged = message_read_u8(from) != 0;
    partial_size = message_read_u32(from);
    at = message_read_u32(from);
    partial = state_at(data, size, at, partial_size);
    if (from->failed || partial == NULL || !is_partial(partial, partial_size)) {
        return false;
    }
    if (state.connected && plugged && (reader = connect_reader(cc)) != NULL) {
        memcpy(reader->in, partial, partial_size);
        reader->in_size = partial_size;
        char_device_write(&reader->device, g_memdup2(state.written, state.written_size),
                          state.written_size, 0);
    }
    end_arrival(cc);
    return true;
}

static const struct channel_ops smartcard_ops = {
    .client_size = sizeof(struct smartcard_client),
    .max_message = sizeof(struct vsc_header) + MAX_DATA,
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
    .state_magic = STATE_MAGIC('S', 'C', 'M', 'D'),
    .max_state = MAX_STATE,
    .save = save,
    .load = load,
};

/* The devices. */

static void on_detach(void *opaque)
{
    struct reader *reader = opaque;

    reader->client = NULL;
    reader->smartcards->readers[reader->id] = NULL;
}

static void release(void *opaque)
{
    struct reader *reader = opaque;

    char_device_finish(&reader->device);
    g_free(reader);
}

static const struct char_device_ops device_ops = {
    .pull = pull,
    .detach = on_detach,
    .release = release,
};

static struct smartcards *create(SpiceServer *server)
{
    struct smartcards *smartcards = g_new0(struct smartcards, 1);

    smartcards->server = server;
    channel_init(&smartcards->channel, server, SPICE_CHANNEL_SMARTCARD, 0, &smartcard_ops,
                 server->loop, smartcards);
    server_add_channel(server, &smartcards->channel);
    return smartcards;
}

void smartcards_destroy(struct smartcards *smartcards)
{
    if (smartcards == NULL) {
        return;
    }
    server_remove_channel(smartcards->server, &smartcards->channel);
    channel_finish(&smartcards->channel);
    g_free(smartcards);
}

void smartcard_attach(SpiceServer *server, SpiceCharDeviceInstance *instance)
{
    struct reader *reader;
    uint32_t id = 0;

    if (server->smartcards == NULL) {
        server->smartcards = create(server);
    }
    while (id < MAX_READERS && server->smartcards->readers[id] != NULL) {
        id++;
    }
    if (id == MAX_READERS) {
        g_warning("there are %d smart card devices already", MAX_READERS);
        return;
    }
    reader = g_new0(struct reader, 1);
    reader->smartcards = server->smartcards;
    reader->id = id;
    reader->smartcards->readers[id] = reader;
    char_device_init(&reader->device, server, instance, &device_ops, reader);
}
