/*
 * The display channel: its clients' messages, and the worker's events for all of them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/display_client.h"
#include "spice/display_lossy.h"
#include "spice/migrate_state.h"
#include "spice/server.h"
#include "spice/video_client.h"

#include <limits.h>
#include <spice/protocol.h>

/* A list of what is not to be done: docs/cassia.1. */
#define SWITCHES_VARIABLE  "CASSIA_DISPLAY_WITHOUT"
#define MAX_CLIENT_MESSAGE 1024 /* bytes, spice-wire.md section 8.1 */
#define PACE_MS            1    /* between pictures of what small commands paint */
#define MAX_CACHE_PIXELS   (1 << 30)

static void init_timed_out(void *opaque)
{
    struct display_client *client = opaque;

    channel_client_close(&client->base, "no INIT message within %d s",
                         DISPLAY_INIT_TIMEOUT_MS / 1000);
}

static bool client_connect(struct channel_client *cc)
{
    struct display_client *client = (struct display_client *)cc;

    display_client_init(client);
    client->before = display_client_display(client)->count;
    client->arriving = cc->resumes;
    client->compression = server_image_compression(cc->channel->server);
    if (client->arriving) {
        channel_client_pause(cc, !display_client_display(client)->machine_runs);
        return true;
    }
    client->init_timer = loop_timer_create(cc->channel->loop, init_timed_out, client);
    loop_timer_start(client->init_timer, DISPLAY_INIT_TIMEOUT_MS);
    return true;
}

/* Is there a client that looks at the primary? */
static bool is_looked_at(const struct display *display)
{
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        const struct display_client *client = l->data;

        if (client->ready || client->arriving)
            return true;
    }
    return false;
}

static void client_disconnect(struct channel_client *cc)
{
    struct display_client *client = (struct display_client *)cc;
    struct display *display = display_client_display(client);
    struct surface *primary = surfaces_find(display->surfaces, 0);
    bool was_ready = client->ready;

    client->ready = client->arriving = false;
    display_gl_client_left(&display->gl, client);
    if (client->init_timer != NULL)
        loop_timer_destroy(client->init_timer);
    display_client_finish(client);
    if (primary != NULL && !is_looked_at(display)) {
        front_close(&primary->front);
        primary->gathered.count = 0;
    }
    client_leave_dictionary(cc->client, client->glz);
    image_cache_destroy(client->cache);
    if (client->waited_since != 0)
        display->has_room(display->opaque);
    if (was_ready)
        display->clients_changed(display->opaque);
}

bool display_client_set_caches(struct display_client *client, uint8_t cache_id,
                               int64_t cache_pixels, uint8_t dictionary_id,
                               int32_t dictionary_pixels, uint64_t next_number)
{
    if (cache_pixels < 0 || cache_pixels > MAX_CACHE_PIXELS || dictionary_pixels < 0)
        return false;
    client->cache_id = cache_id;
    client->cache_pixels = cache_pixels;
    client->dictionary_id = dictionary_id;
    client->dictionary_pixels = dictionary_pixels;
    client->glz =
        client_join_dictionary(client->base.client, dictionary_id, dictionary_pixels, next_number);
    return true;
}

/* The client takes the dictionary's numbers along: from now on there is only what it has. */
static void client_leave(struct channel_client *cc)
{
    struct display_client *client = (struct display_client *)cc;

    if (client->glz != NULL)
        glz_dictionary_freeze(client->glz);
}

static bool receive_init(struct display_client *client, struct message_reader *reader)
{
    struct display *display = display_client_display(client);
    uint8_t cache_id = message_read_u8(reader);
    int64_t cache_pixels = message_read_u64(reader);
    uint8_t dictionary_id = message_read_u8(reader);
    int32_t dictionary_pixels = message_read_u32(reader);

    if (reader->failed || client->ready ||
        !display_client_set_caches(client, cache_id, cache_pixels, dictionary_id, dictionary_pixels,
                                   0))
        return false;

    loop_timer_destroy(client->init_timer);
    client->init_timer = NULL;
    client->ready = true;
    if (client->cache_pixels > 0 && !(display->switches & DISPLAY_NO_IMAGE_CACHE))
        client->cache = image_cache_create(client->cache_pixels, client->base.channel->id);
    display_client_start(client);
    display_gl_client_start(&display->gl, client);
    display->clients_changed(display->opaque);
    channel_client_wake(&client->base);
    display_client_prepare(client);
    return true;
}

static void set_compression(struct display_client *client, uint8_t wanted)
{
    if (!display_client_prefer_compression(client, wanted))
        g_log("Spice", G_LOG_LEVEL_WARNING,
              "display client asks for unknown image compression %u; ignored", wanted);
}

static bool client_receive(struct channel_client *cc, uint16_t type, const uint8_t *body,
                           uint32_t size)
{
    struct display_client *client = (struct display_client *)cc;
    struct message_reader reader = message_reader(body, size);

    if (!client->ready && type != SPICE_MSGC_DISPLAY_INIT)
        return false;
    switch (type) {
    case SPICE_MSGC_DISPLAY_INIT:
        return receive_init(client, &reader);
    case SPICE_MSGC_DISPLAY_STREAM_REPORT:
        return video_client_report(client, &reader);
    case SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION:
        set_compression(client, message_read_u8(&reader));
        return !reader.failed;
    case SPICE_MSGC_DISPLAY_PREFERRED_VIDEO_CODEC_TYPE:
        return video_client_prefer(client, &reader);
    case SPICE_MSGC_DISPLAY_GL_DRAW_DONE:
        return display_gl_client_done(&display_client_display(client)->gl, client);
    default:
        return false;
    }
}

static const struct channel_ops display_ops = {
    .client_size = sizeof(struct display_client),
    .max_message = MAX_CLIENT_MESSAGE,
    .has_ack_window = true,
    .connect = client_connect,
    .receive = client_receive,
    .produce = display_client_produce,
    .disconnect = client_disconnect,
    .leave = client_leave,
    .state_magic = STATE_MAGIC('D', 'C', 'M', 'D'),
    .max_state = DISPLAY_MAX_STATE,
    .save = display_client_save,
    .load = display_client_load,
};

static void pace_timer_fired(void *opaque)
{
    struct display *display = opaque;

    display->pace_timer_runs = false;
    display_wake(display);
}

static unsigned read_switches(void)
{
    static const GDebugKey keys[] = {{"refinement", DISPLAY_NO_REFINEMENT},
                                     {"moves", DISPLAY_NO_MOVES},
                                     {"image-cache", DISPLAY_NO_IMAGE_CACHE},
                                     {"threads", DISPLAY_NO_THREADS}};

    return g_parse_debug_string(g_getenv(SWITCHES_VARIABLE), keys, G_N_ELEMENTS(keys));
}

void display_init(struct display *display, SpiceServer *server, int id, struct event_loop *loop,
                  struct surfaces *surfaces, void (*clients_changed)(void *opaque),
                  void (*has_room)(void *opaque), void *opaque)
{
    channel_init(&display->channel, server, SPICE_CHANNEL_DISPLAY, id, &display_ops, loop, display);
    channel_set_capability(&display->channel, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
    channel_set_capability(&display->channel, SPICE_DISPLAY_CAP_PREF_COMPRESSION);
    channel_set_capability(&display->channel, SPICE_DISPLAY_CAP_PREF_VIDEO_CODEC_TYPE);
    channel_set_capability(&display->channel, SPICE_DISPLAY_CAP_STREAM_REPORT);
    display->surfaces = surfaces;
    display->clients_changed = clients_changed;
    display->has_room = has_room;
    display->opaque = opaque;
    display->switches = read_switches();
    display_encoder_init(&display->encoder,
                         display->switches & DISPLAY_NO_THREADS ? 1 : g_get_num_processors());
    display->pace_timer = loop_timer_create(loop, pace_timer_fired, display);
    display->changes = g_array_new(FALSE, FALSE, sizeof(draw_rect));
    video_init(display);
}

void display_finish(struct display *display)
{
    video_finish(display);
    channel_finish(&display->channel);
    display_encoder_finish(&display->encoder);
    g_array_free(display->changes, TRUE);
    loop_timer_destroy(display->pace_timer);
}

bool display_must_wait(struct display *display, unsigned *wait_ms)
{
    int64_t shortest = INT64_MAX;

    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;
        int64_t wait;

        if (!client->ready || channel_client_is_closed(&client->base))
            continue;
        wait = display_client_wait(client);
        if (!display_client_is_slow(client))
            shortest = MIN(shortest, wait);
    }
    if (shortest == INT64_MAX)
        shortest = 0; /* nobody keeps up, or nobody is there */
    *wait_ms = (unsigned)(shortest / 1000 + 1);
    return shortest > 0;
}

void display_queue(struct display *display, struct drawable *drawable,
                   const struct surface *surface)
{
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        display_client_draw(l->data, drawable, surface);
}

void display_surface_created(struct display *display, struct surface *surface)
{
    if (surface->id == 0 && is_looked_at(display))
        surface_open_front(surface);
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        display_client_surface_created(l->data, surface);
}

void display_surface_destroyed(struct display *display, const struct surface *surface)
{
    if (surface->id == 0)
        video_stop(display);
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        display_client_surface_destroyed(l->data, surface);
}

void display_monitors_changed(struct display *display)
{
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        client->monitors_pending = true;
    }
}

static void fold_client(struct display_client *client)
{
    struct display *display = display_client_display(client);
    bool waited_for = client->waited_since != 0;

    display_client_fold(client);
    channel_client_own_messages(&client->base);
    client->waited_since = 0;
    if (waited_for)
        display->has_room(display->opaque);
}

void display_fold(struct display *display)
{
    display_flush(display);
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        fold_client(l->data);
}

void display_fold_laggards(struct display *display)
{
    unsigned least = UINT_MAX;
    bool all_full = true;

    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        const struct display_client *client = l->data;

        if (!client->ready)
            continue;
        least = MIN(least, client->queue_drawables);
        all_full = all_full && channel_client_is_full(&client->base);
    }
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        if (client->queue_drawables > least || (!all_full && channel_client_is_full(&client->base)))
            fold_client(client);
    }
}

/* Does A take what it is sent sooner than B? */
static bool is_quicker(const struct display_client *a, const struct display_client *b)
{
    int64_t due_a = channel_client_answer_due(&a->base),
            due_b = channel_client_answer_due(&b->base);

    if (due_a != due_b)
        return due_a > due_b;
    return channel_client_unacknowledged(&a->base) < channel_client_unacknowledged(&b->base);
}

/* Of those that keep up; NULL: none does. */
static struct display_client *find_quickest(const struct display *display)
{
    struct display_client *best = NULL;

    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        if (client->ready && !channel_client_is_full(&client->base) &&
            g_queue_is_empty(&client->damaged) && (best == NULL || is_quicker(client, best)))
            best = client;
    }
    return best;
}

/*
 * What waits in the socket of a client whose network is full is old by the time it gets there; what
 * waits in its queue is left out when it is painted over.
 */
static void limit_backlog(struct display_client *client)
{
    int64_t due = channel_client_answer_due(&client->base);

    if (due != INT64_MAX && g_get_monotonic_time() - due > DISPLAY_ANSWER_MS * 1000)
        channel_client_limit_unsent(&client->base, DISPLAY_UNSENT_BYTES);
}

/*
 * With a dictionary of its own for each client, large pictures are encoded for one after the other.
 * The quickest is the first, and what the guest draws next for it need not wait until the others
 * are through.
 */
void display_wake(struct display *display)
{
    struct display_client *quickest;

    display_flush(display);
    display->passed_on = false;
    quickest = find_quickest(display);
    if (quickest != NULL) {
        quickest->gives_way = false;
        channel_client_wake(&quickest->base);
    }
    /* A client may go away inside the call. */
    for (GList *l = display->channel.clients, *next; l != NULL; l = next) {
        struct display_client *client = l->data;

        next = l->next;
        if (client == quickest)
            continue;
        client->gives_way = quickest != NULL;
        limit_backlog(client);
        channel_client_wake(&client->base);
    }
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        display_client_prepare(l->data);
}

void display_machine_runs(struct display *display)
{
    display->machine_runs = true;
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        if (client->arriving && !client->compared) {
            display_client_compare(client);
            channel_client_pause(&client->base, false);
        }
    }
}

void display_machine_stops(struct display *display)
{
    display->machine_runs = false;
    video_stop(display);
    /* Clients may leave for where it goes on, with what they have. */
    for (GList *l = display->channel.clients; l != NULL; l = l->next)
        display_lossy_make_up(l->data);
}

void display_wake_paced(struct display *display)
{
    if (display->passed_on || !display_has_gathered(display) ||
        g_get_monotonic_time() - display->pictured_at >= PACE_MS * 1000) {
        display_wake(display);
    } else if (!display->pace_timer_runs) {
        display->pace_timer_runs = true;
        loop_timer_start(display->pace_timer, PACE_MS);
    }
}

bool display_has_clients(const struct display *display)
{
    return display->channel.clients != NULL;
}

unsigned display_clients(const struct display *display, uint32_t *capabilities)
{
    unsigned count = 0;

    *capabilities = UINT32_MAX;
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        const struct display_client *client = l->data;

        if (!client->ready)
            continue;
        *capabilities &= client->base.caps[0];
        count++;
    }
    if (count == 0)
        *capabilities = 0;
    return count;
}
