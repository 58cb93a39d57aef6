/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/play_delay.h"

#include "spice/client.h"
#include "spice/event_loop.h"
#include "spice/main_channel.h"
#include "spice/playback_channel.h"
#include "spice/server_state.h"

struct wish {
    SpiceServer *server;
    uint32_t client;
    uint8_t id;
    uint32_t milliseconds;
};

uint32_t play_delay_wanted(const struct client *client)
{
    uint32_t most = 0;

    for (unsigned id = 0; id < G_N_ELEMENTS(client->play_delays); id++) {
        most = MAX(most, client->play_delays[id]);
    }
    return most;
}

static void take_wish(void *opaque)
{
    struct wish *wish = opaque;
    struct client *client = server_find_client(wish->server, wish->client);

    if (client != NULL) {
        uint32_t before = play_delay_wanted(client), wanted;

        client->play_delays[wish->id] = (uint16_t)MIN(wish->milliseconds, UINT16_MAX);
        wanted = play_delay_wanted(client);
        if (wanted != before && !playback_update_latency(wish->server->playback, client)) {
            main_channel_set_clock(client);
        }
    }
    g_free(wish);
}

void play_delay_want(SpiceServer *server, uint32_t client, uint8_t id, uint32_t milliseconds)
{
    struct wish *wish = g_new(struct wish, 1);

    *wish = (struct wish){server, client, id, milliseconds};
    event_loop_post(server_loop(server), take_wish, wish);
}
