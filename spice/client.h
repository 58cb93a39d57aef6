/*
 * A session: one main connection and the connections of other channels that carry its id.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

#include <pthread.h>

struct glz_dictionary;

struct client {
    gint references;      /* atomic, as SLOW */
    gint slow;            /* the network test found little bandwidth */
    uint32_t id;          /* the session id, never 0 */
    pthread_mutex_t lock; /* not GLib's, which race detectors cannot see; of DICTIONARIES */
    GList *dictionaries;  /* of struct client_dictionary */
    gint round_trip;      /* atomic: milliseconds, as the network test found; 0: not known */
    /* IO thread: the main connection while there is one. */
    struct channel_client *main;
    uint16_t play_delays[UINT8_MAX + 1]; /* milliseconds, by display; IO thread, play_delay.c */

    /* Moving to another server, spice/migrate.h. IO thread. */
    bool arriving;    /* it stays where it was until the machine has come */
    bool resumes;     /* it then goes on with its state; else its channels start anew */
    unsigned awaited; /* connections whose states have not come yet */
    GList *parked;    /* connections that it has made while arriving */
    enum client_move {
        CLIENT_STAYS,
        CLIENT_WAITS, /* to be told to connect, when it has arrived itself */
        CLIENT_CONNECTS,
        CLIENT_CONNECTED,
        CLIENT_CONNECTED_SEAMLESS, /* and the target takes its channels' states */
        CLIENT_LEAVES,             /* has been told to go */
    } move;
    SpiceMigrateOutcome outcome; /* of being told to connect, as hosts ask for it */
    unsigned late_answers;       /* to messages that told it to connect, and no longer hold */
};

/* One reference, the caller's. ID is random. */
struct client *client_create(void);

/* client_dictionary.c; any thread. */
/*
 * The dictionary that CLIENT calls ID, to which one more of its displays belongs now. The first
 * makes it, for WINDOW pixels, with pictures numbered from NEXT on. NULL: there cannot be one.
 */
struct glz_dictionary *client_join_dictionary(struct client *client, uint8_t id, uint32_t window,
                                              uint64_t next);
/* NULL is allowed. The last display takes it along. */
void client_leave_dictionary(struct client *client, struct glz_dictionary *dictionary);

/* Any thread. */
static inline void client_set_slow(struct client *client, bool slow)
{
    g_atomic_int_set(&client->slow, slow);
}
static inline bool client_is_slow(struct client *client)
{
    return g_atomic_int_get(&client->slow) != 0;
}
static inline void client_set_round_trip(struct client *client, uint32_t milliseconds)
{
    g_atomic_int_set(&client->round_trip, (gint)MIN(milliseconds, (uint32_t)G_MAXINT));
}
static inline uint32_t client_round_trip(struct client *client)
{
    return (uint32_t)g_atomic_int_get(&client->round_trip);
}
