/*
 * One client of a display channel; for display_*.c only. See display_channel.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_channel.h"
#include "spice/display_statistics.h"
#include "spice/palette_cache.h"
#include "spice/video_delay.h"

#define VIDEO_PREFERENCES 8

struct video_agent;

enum {
    DISPLAY_QUEUE_MAX_ITEMS = 4096,             /* drawables that wait for one client, */
    DISPLAY_QUEUE_MAX_BYTES = 32 * 1024 * 1024, /* and their images; beyond: damage */
    DISPLAY_FULL_ITEMS = 128,                   /* from here on a client is waited for, */
    DISPLAY_FULL_BYTES = 2 * 1024 * 1024,       /* until half of it is gone; */
    DISPLAY_PATIENCE_MS = 500,                  /* one that needs longer is slow, */
    DISPLAY_SLOW_MS = 10 * 1000,                /* and for so long not waited for */
    DISPLAY_LOOK_BACK = 16,                     /* queued items, for what is hidden */
    DISPLAY_ENCODE_AHEAD = 16,                  /* queued items, for other threads */
    DISPLAY_ANSWER_MS = 100,                    /* whose answers take longer has a full network: */
    DISPLAY_UNSENT_BYTES = 64 * 1024,           /* no more than that is sent ahead of it */
    DISPLAY_TURN_BYTES = 32 * 1024,             /* pixels for a client that gives way */
    DISPLAY_DAMAGE_PIECE_BYTES = 256 * 1024,    /* pixels of one message */
    DISPLAY_SNAPSHOT_PIXELS = 64 * 1024,        /* what is sent in place of a command */
    DISPLAY_DAMAGE_MAX_RECTS = 64,              /* of one surface; then their bounding box */
    DISPLAY_INIT_TIMEOUT_MS = 30 * 1000,        /* spice-wire.md section 4.2 */
};

struct display_item {
    enum {
        ITEM_DRAW,
        ITEM_SURFACE_CREATE,
        ITEM_SURFACE_DESTROY,
        ITEM_STREAM,     /* what there is by then of a film */
        ITEM_STREAM_END, /* which is over */
    } type;
    uint32_t surface_id;            /* that is drawn on, created or destroyed */
    uint64_t serial;                /* of that surface */
    struct drawable *drawable;      /* ITEM_DRAW: a reference */
    uint32_t width, height, format; /* ITEM_SURFACE_CREATE */
    unsigned film;                  /* ITEM_STREAM*: its id */
};

/* A surface as a client knows it. */
struct client_surface {
    uint32_t id;
    bool sent;                /* the client has it */
    bool queued;              /* its creation is in the queue */
    bool fresh;               /* what it showed when it was sent is not complete there yet */
    bool damaged;             /* it is in the client's list */
    pixman_region32_t damage; /* what to send when the pass under way is through, */
    pixman_region32_t pass;   /* and what is left of that pass */
    pixman_region32_t lossy;  /* what it has of it is not exact, */
    pixman_region32_t exact;  /* and what is about to become so; display_lossy.c */
};

struct display_client {
    struct channel_client base;
    bool ready; /* has sent INIT */
    /* It comes with what another server has sent it, display_state.c; until it says what that is,
     */
    bool arriving; /* whatever changes is damage, */
    bool compared; /* since when it had what there was */
    struct loop_timer *init_timer;
    SpiceImageCompression compression;
    bool prefers_compression;        /* it has asked for that one */
    struct glz_dictionary *glz;      /* shared with its other displays; NULL: none */
    uint8_t cache_id, dictionary_id; /* the client's numbers for them */
    int64_t cache_pixels;
    uint32_t dictionary_pixels; /* what the client keeps of dictionary images; 0: it knows none */
    struct image_cache *cache;  /* NULL: nothing is cached */
    struct palette_cache palettes;
    struct gl_client gl;
    bool monitors_pending, mark_pending, palettes_pending, caches_pending;

    GArray *queue; /* of struct display_item; the first queue_sent ones are gone */
    unsigned queue_sent;
    unsigned looked_ahead; /* about so many items behind those were given other threads */
    unsigned queue_drawables;
    size_t queue_bytes;
    bool gives_way;       /* to a client that is quicker, between large pictures */
    size_t turn_bytes;    /* of pictures since it last did */
    int64_t waited_since; /* monotonic us; 0: it is not waited for */
    int64_t slow_until;

    /* What is lossy on any surface is made up for when nothing of the kind comes any more. */
    bool has_losses, still_timer_runs;
    struct loop_timer *still_timer;
    int64_t lossy_at; /* monotonic us */

    struct video_agent *films[VIDEO_STREAMS]; /* by id; video_client.c */
    unsigned film_count;
    double film_limit;                           /* bits a second that earlier ones came to */
    struct video_delay film_delay;               /* for all of them */
    uint32_t told_delay;                         /* play_delay_want() */
    uint8_t preferred_codecs[VIDEO_PREFERENCES]; /* the best first; 0: no more */

    struct client_surface **surfaces; /* by id */
    GQueue damaged; /* of struct client_surface with damage, in the order to send them */

    struct display_statistics statistics;
    struct command_count before; /* what the guest had asked for when it came */
};

/* display_client.c */
struct display *display_client_display(const struct display_client *client);
/* Memory only; the rest is zero. */
void display_client_init(struct display_client *client);
void display_client_finish(struct display_client *client);
/* Before anything else is sent: all that there is now. */
void display_client_start(struct display_client *client);
void display_client_draw(struct display_client *client, struct drawable *drawable,
                         const struct surface *surface);
void display_client_surface_created(struct display_client *client, const struct surface *surface);
void display_client_surface_destroyed(struct display_client *client, const struct surface *surface);
void display_client_fold(struct display_client *client);
/* How many microseconds more the client is to be waited for; 0: not at all. */
int64_t display_client_wait(struct display_client *client);
/* Has it been waited for in vain of late, or been left behind already? */
bool display_client_is_slow(const struct display_client *client);
/* Is it waited for, and half empty by now? */
bool display_client_has_room(struct display_client *client);

/*
 * display_channel.c: what the client keeps, and the number of the next picture of a dictionary that
 * none of its displays has yet; false: that cannot be.
 */
bool display_client_set_caches(struct display_client *client, uint8_t cache_id,
                               int64_t cache_pixels, uint8_t dictionary_id,
                               int32_t dictionary_pixels, uint64_t next_number);

/* display_send.c: nothing can be sent now; a moment to get ready for what comes. */
void display_client_prepare(struct display_client *client);
/* display_send.c: may CLIENT be sent pictures with losses? */
bool display_client_wants_jpeg(const struct display_client *client);

/* Does it know SURFACE's format? */
bool display_client_can_have(const struct display_client *client, const struct surface *surface);
/* For a client that has it already: no more than that is said. */
struct client_surface *display_client_has_surface(struct display_client *client, uint32_t id);
void display_client_damage(struct display_client *client, const struct surface *surface,
                           const pixman_region32_t *region);
void display_client_damage_all(struct display_client *client, const struct surface *surface);

/* display_client.c: a SpiceImageCompression; false: none that there is. */
bool display_client_prefer_compression(struct display_client *client, uint8_t wanted);

/* display_state.c: clients that move, spice/channel_move.h; DISPLAY_MAX_STATE bytes at most. */
#define DISPLAY_MAX_STATE (64 * 1024)
void display_client_save(struct channel_client *cc, struct message *state);
bool display_client_load(struct channel_client *cc, const uint8_t *state, uint32_t size,
                         struct message_reader *reader);
/* The machine begins to run: what surfaces show now is what an arriving client has of them. */
void display_client_compare(struct display_client *client);

/* display_send.c: channel_ops.produce */
bool display_client_produce(struct channel_client *cc);

static inline struct display_item *display_client_next(const struct display_client *client)
{
    return client->queue_sent < client->queue->len
               ? &g_array_index(client->queue, struct display_item, client->queue_sent)
               : NULL;
}
