/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"

struct client *client_create(void)
{
    struct client *client = g_new0(struct client, 1);

    client->references = 1;
    pthread_mutex_init(&client->lock, NULL);
    do {
        client->id = g_random_int();
    } while (client->id == 0);
    return client;
}

struct client *client_ref(struct client *client)
{
    g_atomic_int_inc(&client->references);
    return client;
}

void client_unref(struct client *client)
{
    if (g_atomic_int_dec_and_test(&client->references)) {
        pthread_mutex_destroy(&client->lock);
        g_free(client);
    }
}
