/*
 * What a client keeps of dictionary images, shared by its displays: codecs.md section 3.5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"

#include "display/glz.h"

struct client_dictionary {
    uint8_t id;
    unsigned displays;
    struct glz_dictionary *glz;
};

static struct client_dictionary *find(const struct client *client, uint8_t id)
{
    for (GList *l = client->dictionaries; l != NULL; l = l->next) {
        struct client_dictionary *dictionary = l->data;

        if (dictionary->id == id)
            return dictionary;
    }
    return NULL;
}

/* NULL: there cannot be one. */
static struct client_dictionary *add(struct client *client, uint8_t id, uint32_t window,
                                     uint64_t next)
{
    struct glz_dictionary *glz = glz_dictionary_create(window);
    struct client_dictionary *dictionary;

    if (glz == NULL)
        return NULL;
    glz_dictionary_continue(glz, next);
    dictionary = g_new0(struct client_dictionary, 1);
    dictionary->id = id;
    dictionary->glz = glz;
    client->dictionaries = g_list_prepend(client->dictionaries, dictionary);
    return dictionary;
}

struct glz_dictionary *client_join_dictionary(struct client *client, uint8_t id, uint32_t window,
                                              uint64_t next)
{
    struct client_dictionary *dictionary;

    pthread_mutex_lock(&client->lock);
    dictionary = find(client, id);
    if (dictionary == NULL)
        dictionary = add(client, id, window, next);
    if (dictionary != NULL)
        dictionary->displays++;
    pthread_mutex_unlock(&client->lock);
    return dictionary != NULL ? dictionary->glz : NULL;
}

void client_leave_dictionary(struct client *client, struct glz_dictionary *glz)
{
    GList *link;
    struct client_dictionary *dictionary;

    if (glz == NULL)
        return;
    pthread_mutex_lock(&client->lock);
    link = client->dictionaries;
    while (((struct client_dictionary *)link->data)->glz != glz)
        link = link->next;
    dictionary = link->data;
    if (--dictionary->displays == 0) {
        client->dictionaries = g_list_delete_link(client->dictionaries, link);
        glz_dictionary_destroy(glz);
        g_free(dictionary);
    } else {
        /* What was still to be sent to this one is missing for ever, and others refer to it. */
        glz_dictionary_freeze(glz);
    }
    pthread_mutex_unlock(&client->lock);
}
