/*
 * The cursor channel. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/cursor_channel.h"
#include "spice/hash.h"

#include <spice/protocol.h>

#define CACHE_SIZE         256 /* shapes that a client keeps, spice-wire.md section 5.1 */
#define MAX_CLIENT_MESSAGE 64  /* bytes; only base messages come */

struct cursor_client {
    struct channel_client base;
    bool started; /* INIT has been sent, in EPOCH */
    uint32_t epoch;
    struct cursor_state told;
    bool move_pending;           /* tell the position even if it has been told */
    uint64_t cached[CACHE_SIZE]; /* unique ids at the client, oldest is replaced */
    unsigned cached_count, cached_next;
};

static const struct cursor_state initial_state = {.visible = true};

static struct cursor *client_cursor(const struct cursor_client *client)
{
    return client->base.channel->opaque;
}

static bool is_cached(const struct cursor_client *client, uint64_t unique)
{
    for (unsigned i = 0; i < client->cached_count; i++) {
        if (client->cached[i] == unique)
            return true;
    }
    return false;
}

/* The client caches UNIQUE from now on; what must make room for it is told to it. */
static void cache(struct cursor_client *client, uint64_t unique)
{
    if (client->cached_count < CACHE_SIZE) {
        client->cached_count++;
    } else {
        struct message *message = message_create(SPICE_MSG_CURSOR_INVAL_ONE);

        message_add_u64(message, client->cached[client->cached_next]);
        channel_client_send(&client->base, message);
    }
    client->cached[client->cached_next] = unique;
    client->cached_next = (client->cached_next + 1) % CACHE_SIZE;
}

static void add_shape(struct message *message, struct cursor_shape *shape, uint16_t flags)
{
    message_add_u16(message, flags);
    if (flags & SPICE_CURSOR_FLAGS_NONE)
        return;
    message_add_u64(message, shape->unique);
    message_add_u8(message, shape->type);
    message_add_u16(message, shape->width);
    message_add_u16(message, shape->height);
    message_add_u16(message, shape->hot_x);
    message_add_u16(message, shape->hot_y);
    if (!(flags & SPICE_CURSOR_FLAGS_FROM_CACHE))
        message_add_reference(message, shape->data, shape->size, cursor_shape_unref_opaque,
                              cursor_shape_ref(shape));
}

/* The flags that SHAPE is sent with; notes that it is cached then. */
static uint16_t shape_flags(struct cursor_client *client, const struct cursor_shape *shape)
{
    if (shape == NULL)
        return SPICE_CURSOR_FLAGS_NONE;
    if (shape->unique == 0)
        return 0;
    if (is_cached(client, shape->unique))
        return SPICE_CURSOR_FLAGS_FROM_CACHE;
    cache(client, shape->unique);
    return SPICE_CURSOR_FLAGS_CACHE_ME;
}

static void add_position(struct message *message, const struct cursor_state *state)
{
    message_add_u16(message, state->x);
    message_add_u16(message, state->y);
}

static void send_init(struct cursor_client *client)
{
    const struct cursor *cursor = client_cursor(client);
    struct message *message;

    if (client->started) {
        client->cached_count = client->cached_next = 0;
        channel_client_send(&client->base, message_create(SPICE_MSG_CURSOR_INVAL_ALL));
        channel_client_send(&client->base, message_create(SPICE_MSG_CURSOR_RESET));
    }
    message = message_create(SPICE_MSG_CURSOR_INIT);
    add_position(message, &cursor->state);
    message_add_u16(message, cursor->state.trail_length);
    message_add_u16(message, cursor->state.trail_frequency);
    message_add_u8(message, cursor->state.visible);
    add_shape(message, cursor->shape, shape_flags(client, cursor->shape));
    client->started = true;
    client->epoch = cursor->epoch;
    client->told = cursor->state;
    client->move_pending = false;
    channel_client_send(&client->base, message);
}

static void send_set(struct cursor_client *client)
{
    const struct cursor *cursor = client_cursor(client);
    uint16_t flags = shape_flags(client, cursor->shape); /* may send a message of its own */
    struct message *message = message_create(SPICE_MSG_CURSOR_SET);

    add_position(message, &cursor->state);
    message_add_u8(message, cursor->state.visible);
    add_shape(message, cursor->shape, flags);
    client->told.shape_serial = cursor->state.shape_serial;
    client->told.x = cursor->state.x;
    client->told.y = cursor->state.y;
    client->told.visible = cursor->state.visible;
    client->move_pending = false;
    channel_client_send(&client->base, message);
}

/* Also makes the pointer visible. */
static void send_move(struct cursor_client *client)
{
    const struct cursor *cursor = client_cursor(client);
    struct message *message = message_create(SPICE_MSG_CURSOR_MOVE);

    add_position(message, &cursor->state);
    client->told.x = cursor->state.x;
    client->told.y = cursor->state.y;
    client->told.visible = true;
    client->move_pending = false;
    channel_client_send(&client->base, message);
}

static void send_trail(struct cursor_client *client)
{
    const struct cursor *cursor = client_cursor(client);
    struct message *message = message_create(SPICE_MSG_CURSOR_TRAIL);

    message_add_u16(message, cursor->state.trail_length);
    message_add_u16(message, cursor->state.trail_frequency);
    client->told.trail_length = cursor->state.trail_length;
    client->told.trail_frequency = cursor->state.trail_frequency;
    channel_client_send(&client->base, message);
}

/* A client from another server has a pointer, which may be this one or another. */
static bool send_again(struct cursor_client *client)
{
    const struct cursor *cursor = client_cursor(client);

    if (!cursor->machine_runs)
        return false;
    client->started = true;
    client->epoch = cursor->epoch;
    channel_client_send(&client->base, message_create(SPICE_MSG_CURSOR_INVAL_ALL));
    send_set(client);
    return true;
}

static bool client_produce(struct channel_client *cc)
{
    struct cursor_client *client = (struct cursor_client *)cc;
    const struct cursor *cursor = client_cursor(client);
    const struct cursor_state *now = &cursor->state, *told = &client->told;
    bool moved = client->move_pending || now->x != told->x || now->y != told->y;

    if (!client->started && cc->resumes)
        return send_again(client);
    if (!client->started || client->epoch != cursor->epoch) {
        send_init(client);
    } else if (now->shape_serial != told->shape_serial) {
        send_set(client);
    } else if (told->visible && !now->visible) {
        client->told.visible = false;
        channel_client_send(cc, message_create(SPICE_MSG_CURSOR_HIDE));
    } else if (now->visible && (!told->visible || (moved && !cursor->client_mouse))) {
        send_move(client);
    } else if (now->trail_length != told->trail_length ||
               now->trail_frequency != told->trail_frequency) {
        send_trail(client);
    } else {
        return false;
    }
    return true;
}

static bool client_connect(struct channel_client *cc)
{
    channel_client_wake(cc);
    return true;
}

static bool client_receive(struct channel_client *cc, uint16_t type, const uint8_t *body,
                           uint32_t size)
{
    (void)cc;
    (void)type;
    (void)body;
    (void)size;
    return false; /* clients have nothing to say here */
}

/* The other server's unique ids may mean other shapes. */
static void client_leave(struct channel_client *cc)
{
    channel_client_send(cc, message_create(SPICE_MSG_CURSOR_INVAL_ALL));
}

static void client_disconnect(struct channel_client *cc)
{
    (void)cc;
}

static const struct channel_ops cursor_ops = {
    .client_size = sizeof(struct cursor_client),
    .max_message = MAX_CLIENT_MESSAGE,
    .has_ack_window = true,
    .connect = client_connect,
    .receive = client_receive,
    .produce = client_produce,
    .disconnect = client_disconnect,
    .leave = client_leave,
};

void cursor_init(struct cursor *cursor, SpiceServer *server, int id, struct event_loop *loop)
{
    *cursor = (struct cursor){.state = initial_state};
    channel_init(&cursor->channel, server, SPICE_CHANNEL_CURSOR, id, &cursor_ops, loop, cursor);
}

static void drop_shape(struct cursor *cursor)
{
    cursor_shape_unref(cursor->shape);
    cursor->shape = NULL;
    guest_resource_release(&cursor->resource);
}

void cursor_finish(struct cursor *cursor)
{
    channel_finish(&cursor->channel);
    drop_shape(cursor);
}

/* Clients know a shape by what it looks like: guests give the same one ever new names. */
static uint64_t name_of(const struct cursor_shape *shape)
{
    const uint16_t head[] = {shape->type, shape->width, shape->height, shape->hot_x, shape->hot_y};

    return XXH3_64bits_withSeed(shape->data, shape->size, XXH3_64bits(head, sizeof(head))) | 1;
}

void cursor_execute(struct cursor *cursor, const struct cursor_command *command,
                    struct guest_resource *resource)
{
    struct cursor_state *state = &cursor->state;

    switch (command->type) {
    case QXL_CURSOR_SET:
        drop_shape(cursor);
        cursor->shape = command->shape;
        cursor->shape->unique = name_of(cursor->shape);
        cursor->resource = *resource;
        state->shape_serial++;
        state->x = command->x;
        state->y = command->y;
        state->visible = command->visible;
        return;
    case QXL_CURSOR_MOVE:
        state->x = command->x;
        state->y = command->y;
        state->visible = true;
        break;
    case QXL_CURSOR_HIDE:
        state->visible = false;
        break;
    case QXL_CURSOR_TRAIL:
        state->trail_length = command->trail_length;
        state->trail_frequency = command->trail_frequency;
        break;
    }
    guest_resource_release(resource);
}

void cursor_reset(struct cursor *cursor)
{
    uint64_t serial = cursor->state.shape_serial;

    drop_shape(cursor);
    cursor->state = initial_state;
    cursor->state.shape_serial = serial;
    cursor->epoch++;
    cursor_wake(cursor);
}

void cursor_set_mouse_mode(struct cursor *cursor, bool client_mouse)
{
    cursor->client_mouse = client_mouse;
    for (GList *l = cursor->channel.clients; l != NULL; l = l->next)
        ((struct cursor_client *)l->data)->move_pending = true;
    cursor_wake(cursor);
}

void cursor_machine_runs(struct cursor *cursor)
{
    cursor->machine_runs = true;
    cursor_wake(cursor);
}

void cursor_wake(struct cursor *cursor)
{
    /* A client may go away inside the call. */
    for (GList *l = cursor->channel.clients, *next; l != NULL; l = next) {
        next = l->next;
        channel_client_wake(l->data);
    }
}
