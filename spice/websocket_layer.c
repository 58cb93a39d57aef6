/*
 * Frames. Where a client cuts its data into frames means nothing; what we send leaves in one frame
 * a call.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/websocket.h"

#include <string.h>

#define BUFFER_BYTES 4096
#define MAX_CONTROL  125 /* payload bytes of a control frame */
#define MAX_HEADER   14  /* with 64-bit length and mask */
#define MAX_PIECES   64
#define MAX_FILLS    16 /* a call of read; then it is the others' turn */

#define FIN       0x80
#define RESERVED  0x70
#define MASKED    0x80
#define LENGTH_16 126
#define LENGTH_64 127

enum opcode {
    OP_CONTINUATION = 0,
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
};

struct websocket_layer {
    struct stream_layer base;

    /* Raw bytes that are not taken apart yet. */
    uint8_t in[BUFFER_BYTES];
    size_t in_first, in_size;

    /* The frame that is being read. */
    enum opcode opcode;
    uint64_t left; /* payload bytes still to come */
    uint8_t mask[4];
    unsigned mask_at;
    bool in_message; /* the last data frame was not final */
    bool in_control; /* the payload goes to CONTROL */
    uint8_t control[MAX_CONTROL];
    size_t control_size;
    bool ended; /* a close frame has come */

    /* What must leave before payload can: the rest of a header, or of control frames. */
    uint8_t out[MAX_HEADER + 4 * (MAX_CONTROL + 2)];
    size_t out_size;
    uint64_t out_left; /* payload that the header sent last has announced */
    enum opcode due;   /* a control frame that waits for the end of that frame; 0: none */
    uint8_t due_payload[MAX_CONTROL];
    size_t due_size;
};

/* Sends OUT as far as possible; false: errno says why not all. */
static bool flush(struct websocket_layer *layer)
{
    while (layer->out_size > 0) {
        struct iovec piece = {layer->out, layer->out_size};
        ssize_t n = stream_layer_writev(&layer->base, &piece, 1);

        if (n < 0) {
            return false;
        }
        layer->out_size -= (size_t)n;
        memmove(layer->out, layer->out + n, layer->out_size);
    }
    return true;
}

/* Puts the frame that is due where it leaves next, unless we are inside of another one. */
static void add_due(struct websocket_layer *layer)
{
    if (layer->due == 0 || layer->out_left > 0 ||
        layer->out_size + 2 + layer->due_size > sizeof(layer->out) - MAX_HEADER) {
        return;
    }
    layer->out[layer->out_size++] = FIN | layer->due;
    layer->out[layer->out_size++] = (uint8_t)layer->due_size;
    memcpy(layer->out + layer->out_size, layer->due_payload, layer->due_size);
    layer->out_size += layer->due_size;
    layer->due = 0;
}

/* When the peer asks faster than it reads, only its last question is answered. */
static void send_control(struct websocket_layer *layer, enum opcode opcode, const uint8_t *payload,
                         size_t size)
{
    layer->due = opcode;
    layer->due_size = size;
    memcpy(layer->due_payload, payload, size);
    add_due(layer);
    if (layer->out_left == 0) {
        (void)flush(layer); /* what does not leave now leaves with the next data */
    }
}

static void begin_frame(struct websocket_layer *layer, uint64_t size)
{
    uint8_t *out = layer->out + layer->out_size;
    unsigned length_bytes = size < LENGTH_16 ? 0 : size <= UINT16_MAX ? 2 : 8;

    out[0] = FIN | OP_BINARY;
    out[1] = length_bytes == 0 ? (uint8_t)size : length_bytes == 2 ? LENGTH_16 : LENGTH_64;
    for (unsigned i = 0; i < length_bytes; i++) {
        out[2 + i] = (uint8_t)(size >> 8 * (length_bytes - 1 - i));
    }
    layer->out_size += 2 + length_bytes;
    layer->out_left = size;
}

static ssize_t websocket_writev(struct stream_layer *base, const struct iovec *pieces, int count)
{
    struct websocket_layer *layer = (struct websocket_layer *)base;
    struct iovec all[1 + MAX_PIECES];
    uint64_t size = 0;
    size_t header;
    int n = 0;
    ssize_t written;

    count = MIN(count, MAX_PIECES);
    for (int i = 0; i < count; i++) {
        size += pieces[i].iov_len;
    }
    if (size == 0) {
        return 0;
    }
    if (layer->out_left == 0) {
        add_due(layer);
        begin_frame(layer, size);
    }
    header = layer->out_size;
    all[n++] = (struct iovec){layer->out, header};
    size = MIN(size, layer->out_left);
    for (int i = 0; i < count && size > 0; i++) {
        size_t part = MIN(pieces[i].iov_len, size);

        all[n++] = (struct iovec){pieces[i].iov_base, part};
        size -= part;
    }
    written = stream_layer_writev(base, all, n);
    if (written < 0) {
        return -1;
    }
    if ((size_t)written <= header && header > 0) {
        layer->out_size -= (size_t)written;
        memmove(layer->out, layer->out + written, layer->out_size);
        errno = EAGAIN;
        return -1;
    }
    layer->out_size = 0;
    written -= (ssize_t)header;
    layer->out_left -= (uint64_t)written;
    if (layer->due != 0 && layer->out_left == 0) {
        add_due(layer);
        (void)flush(layer);
    }
    return written;
}

/* Reads more raw bytes; as stream_read(). */
static ssize_t fill(struct websocket_layer *layer)
{
    ssize_t n;

    memmove(layer->in, layer->in + layer->in_first, layer->in_size);
    layer->in_first = 0;
    n = stream_layer_read(&layer->base, layer->in + layer->in_size,
                          sizeof(layer->in) - layer->in_size);
    if (n > 0) {
        layer->in_size += (size_t)n;
    }
    return n;
}

/* 1: a header has been read, 0: it is not complete, -1: it is none. */
static int read_header(struct websocket_layer *layer)
{
    const uint8_t *in = layer->in + layer->in_first;
    size_t size = 2, length_bytes, mask_bytes;
    uint64_t length;
    enum opcode opcode;
    bool control;

    if (layer->in_size < size) {
        return 0;
    }
    opcode = in[0] & 0xf;
    control = opcode >= OP_CLOSE;
    length = in[1] & 0x7f;
    length_bytes = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    mask_bytes = in[1] & MASKED ? sizeof(layer->mask) : 0;
    size += length_bytes + mask_bytes;
    if ((in[0] & RESERVED) != 0 || opcode > OP_PONG || (opcode > OP_BINARY && !control) ||
        (control && (!(in[0] & FIN) || length > MAX_CONTROL)) ||
        (!control && (opcode == OP_CONTINUATION) != layer->in_message)) {
        return -1;
    }
    if (layer->in_size < size) {
        return 0;
    }
    if (length_bytes > 0) {
        length = 0;
        for (size_t i = 0; i < length_bytes; i++) {
            length = length << 8 | in[2 + i];
        }
        if (length > INT64_MAX) {
            return -1;
        }
    }
    memset(layer->mask, 0, sizeof(layer->mask));
    memcpy(layer->mask, in + 2 + length_bytes, mask_bytes);
    layer->mask_at = 0;
    layer->opcode = opcode;
    layer->left = length;
    layer->in_control = control;
    layer->control_size = 0;
    if (!control) {
        layer->in_message = !(in[0] & FIN);
    }
    layer->in_first += size;
    layer->in_size -= size;
    return 1;
}

/* Takes payload that has been received out of its mask, at most SIZE bytes. */
static size_t take_payload(struct websocket_layer *layer, uint8_t *out, size_t size)
{
    const uint8_t *in = layer->in + layer->in_first;
    size_t part = MIN(MIN(size, layer->in_size), layer->left);

    for (size_t i = 0; i < part; i++) {
        out[i] = in[i] ^ layer->mask[(layer->mask_at + i) % sizeof(layer->mask)];
    }
    layer->mask_at = (layer->mask_at + part) % sizeof(layer->mask);
    layer->left -= part;
    layer->in_first += part;
    layer->in_size -= part;
    return part;
}

static void handle_control(struct websocket_layer *layer)
{
    layer->in_control = false;
    if (layer->opcode == OP_PING) {
        send_control(layer, OP_PONG, layer->control, layer->control_size);
    } else if (layer->opcode == OP_CLOSE) {
        send_control(layer, OP_CLOSE, layer->control, 0);
        layer->ended = true;
    }
}

static ssize_t websocket_read(struct stream_layer *base, void *data, size_t size)
{
    struct websocket_layer *layer = (struct websocket_layer *)base;
    int fills = 0;

    while (!layer->ended) {
        bool short_of_bytes = layer->in_size == 0;

        if (layer->in_control) {
            layer->control_size +=
                take_payload(layer, layer->control + layer->control_size, layer->left);
            if (layer->left == 0) {
                handle_control(layer);
                continue;
            }
            short_of_bytes = true;
        } else if (layer->left > 0) {
            size_t taken = take_payload(layer, data, size);

            if (taken > 0 || size == 0) {
                return (ssize_t)taken;
            }
        } else {
            int header = read_header(layer);

            if (header < 0) {
                layer->ended = true;
                errno = EPROTO;
                return -1;
            }
            short_of_bytes = header == 0;
        }
        if (short_of_bytes) {
            ssize_t n;

            if (fills++ == MAX_FILLS) {
                errno = EAGAIN;
                return -1;
            }
            n = fill(layer);
            if (n <= 0) {
                return n;
            }
        }
    }
    return 0;
}

static bool websocket_pending(const struct stream_layer *base)
{
    const struct websocket_layer *layer = (const struct websocket_layer *)base;

    return layer->in_size > 0;
}

static void websocket_say_goodbye(struct stream_layer *base)
{
    struct websocket_layer *layer = (struct websocket_layer *)base;

    if (!layer->ended) {
        send_control(layer, OP_CLOSE, layer->control, 0);
    }
}

static void websocket_destroy(struct stream_layer *base)
{
    g_free(base);
}

static const struct stream_layer_ops websocket_ops = {
    .read = websocket_read,
    .writev = websocket_writev,
    .pending = websocket_pending,
    .say_goodbye = websocket_say_goodbye,
    .destroy = websocket_destroy,
};

struct stream_layer *websocket_layer_create(const void *early, size_t size)
{
    struct websocket_layer *layer = g_new0(struct websocket_layer, 1);

    layer->base.ops = &websocket_ops;
    layer->in_size = MIN(size, sizeof(layer->in));
    memcpy(layer->in, early, layer->in_size);
    return &layer->base;
}
