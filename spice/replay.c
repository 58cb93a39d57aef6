/*
 * spice_replay_*: plays a recorded command stream back, server-abi.md section 8.5.
 *
 * One thread reads commands; any thread may free them, the worker's among them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record_format.h"
#include "spice/replay_command.h"

#include <pthread.h>
#include <spice.h>
#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>

struct SpiceReplay {
    struct replay_reader reader;
    struct replay_surfaces surfaces;
    uint8_t *primary; /* pixels of surface 0; NULL: there is none */

    pthread_mutex_t lock; /* not GLib's: race detectors cannot see that one; of everything below */
    pthread_cond_t id_freed;
    GHashTable *commands; /* handed out and not freed */
    GHashTable *ids;      /* recorded surface id -> ours */
    bool *used;           /* by our id, n_ids of them; 0 is the primary's */
    uint32_t n_ids;
    unsigned ids_to_come; /* ids of destroy commands that were handed out and not freed */
};

static uint32_t find_surface(void *opaque, uint32_t recorded)
{
    SpiceReplay *replay = opaque;
    if (recorded == 0)
        return 0;
    pthread_mutex_lock(&replay->lock);
    uint32_t id = GPOINTER_TO_UINT(g_hash_table_lookup(replay->ids, GUINT_TO_POINTER(recorded)));
    pthread_mutex_unlock(&replay->lock);
    if (id == 0)
        g_warning("replay: line %lu: surface %u was not created; drawing goes to surface 0",
                  replay->reader.line, recorded);
    return id;
}

/* Locked. The recorded id itself when it is free. */
static uint32_t free_id(SpiceReplay *replay, uint32_t recorded)
{
    if (recorded < replay->n_ids && recorded > 0 && !replay->used[recorded])
        return recorded;
    for (uint32_t id = 1; id < replay->n_ids; id++) {
        if (!replay->used[id])
            return id;
    }
    return 0;
}

static uint32_t create_surface(void *opaque, uint32_t recorded)
{
    SpiceReplay *replay = opaque;
    pthread_mutex_lock(&replay->lock);
    uint32_t id = free_id(replay, recorded);
    while (id == 0 && replay->ids_to_come > 0) {
        pthread_cond_wait(&replay->id_freed, &replay->lock);
        id = free_id(replay, recorded);
    }
    if (id != 0) {
        replay->used[id] = true;
        g_hash_table_insert(replay->ids, GUINT_TO_POINTER(recorded), GUINT_TO_POINTER(id));
    }
    pthread_mutex_unlock(&replay->lock);
    return id;
}

static uint32_t destroy_surface(void *opaque, uint32_t recorded)
{
    SpiceReplay *replay = opaque;
    uint32_t id = find_surface(replay, recorded);
    if (id == 0)
        return 0;
    pthread_mutex_lock(&replay->lock);
    g_hash_table_remove(replay->ids, GUINT_TO_POINTER(recorded));
    replay->ids_to_come++;
    pthread_mutex_unlock(&replay->lock);
    return id;
}

SpiceReplay *spice_replay_new(FILE *file, int nsurfaces)
{
    unsigned version = 0;
    if (nsurfaces < 1 || fscanf(file, "SPICE_REPLAY %u", &version) != 1 || version != 1) {
        g_warning("replay: this is not a recording of version 1 (SPICE_REPLAY 1)");
        return NULL;
    }
    SpiceReplay *replay = g_new0(SpiceReplay, 1);
    replay_reader_init(&replay->reader, file);
    replay->surfaces =
        (struct replay_surfaces){find_surface, create_surface, destroy_surface, replay};
    pthread_mutex_init(&replay->lock, NULL);
    pthread_cond_init(&replay->id_freed, NULL);
    replay->commands = g_hash_table_new(NULL, NULL);
    replay->ids = g_hash_table_new(NULL, NULL);
    replay->n_ids = (uint32_t)nsurfaces;
    replay->used = g_new0(bool, replay->n_ids);
    return replay;
}

static void drop_primary(SpiceReplay *replay, QXLInstance *qxl)
{
    if (!replay->primary)
        return;
    spice_qxl_destroy_primary_surface(qxl, 0);
    g_clear_pointer(&replay->primary, g_free);
}

static void play_create_primary(SpiceReplay *replay, QXLInstance *qxl)
{
    struct replay_reader *in = &replay->reader;
    QXLDevSurfaceCreate surface = {0};
    surface.width = (uint32_t)replay_read_number(in);
    surface.height = (uint32_t)replay_read_number(in);
    surface.stride = (int32_t)replay_read_number(in);
    surface.format = (uint32_t)replay_read_number(in);
    surface.position = (uint32_t)replay_read_number(in);
    surface.mouse_mode = (uint32_t)replay_read_number(in);
    surface.flags = (uint32_t)replay_read_number(in);
    surface.type = (uint32_t)replay_read_number(in);
    size_t size;
    g_autofree uint8_t *pixels = replay_read_binary(in, "data", 0, &size);
    if (pixels && size != (uint64_t)surface.height * (uint64_t)llabs(surface.stride))
        replay_reader_fail(in, "%zu bytes for a primary surface of %u rows of %d bytes", size,
                           surface.height, surface.stride);
    if (replay_reader_failed(in))
        return;

    drop_primary(replay, qxl);
    replay->primary = g_steal_pointer(&pixels);
    surface.mem = (QXLPHYSICAL)(uintptr_t)replay->primary;
    spice_qxl_create_primary_surface(qxl, 0, &surface);
}

/* Recorded surfaces have no DESTROY commands after this. */
static void destroy_surfaces(SpiceReplay *replay, QXLInstance *qxl)
{
    spice_qxl_destroy_surfaces(qxl);
    g_clear_pointer(&replay->primary, g_free);
    pthread_mutex_lock(&replay->lock);
    g_hash_table_remove_all(replay->ids);
    memset(replay->used, 0, replay->n_ids * sizeof(*replay->used));
    pthread_mutex_unlock(&replay->lock);
}

static void play_call(SpiceReplay *replay, QXLInstance *qxl, uint32_t number)
{
    switch (number) {
    case CALL_CREATE_PRIMARY:
    case CALL_CREATE_PRIMARY_ASYNC:
        play_create_primary(replay, qxl);
        break;
    case CALL_DESTROY_PRIMARY:
    case CALL_DESTROY_PRIMARY_ASYNC:
        drop_primary(replay, qxl);
        break;
    case CALL_DESTROY_SURFACES:
    case CALL_DESTROY_SURFACES_ASYNC:
        destroy_surfaces(replay, qxl);
        break;
    default:
        break;
    }
}

QXLCommandExt *spice_replay_next_cmd(SpiceReplay *replay, QXLInstance *qxl)
{
    struct replay_reader *in = &replay->reader;
    while (!in->ended && !replay_reader_failed(in)) {
        if (!replay_read_word_or_end(in, "event"))
            break;
        replay_read_number(in); /* counter */
        uint64_t what = replay_read_number(in);
        uint32_t type = (uint32_t)replay_read_number(in);
        replay_read_number(in); /* time */
        if (replay_reader_failed(in))
            break;
        if (what == EVENT_CALL) {
            play_call(replay, qxl, type);
            continue;
        }
        if (what != EVENT_COMMAND) {
            replay_reader_fail(in, "event kind %" G_GUINT64_FORMAT " is unknown", what);
            break;
        }
        struct replay_command *command = replay_command_read(in, type, &replay->surfaces);
        if (command) {
            pthread_mutex_lock(&replay->lock);
            g_hash_table_add(replay->commands, command);
            pthread_mutex_unlock(&replay->lock);
            return &command->ext;
        }
    }
    if (replay_reader_failed(in))
        g_warning("replay: %s", in->error);
    return NULL;
}

void spice_replay_free_cmd(SpiceReplay *replay, QXLCommandExt *cmd)
{
    void *name = cmd; /* the address of ext, which is the command's own */
    struct replay_command *command = name;
    if (!command)
        return;
    pthread_mutex_lock(&replay->lock);
    bool ours = g_hash_table_remove(replay->commands, command);
    if (ours && command->destroys_surface) {
        replay->used[command->destroys_surface] = false;
        replay->ids_to_come--;
        pthread_cond_signal(&replay->id_freed);
    }
    pthread_mutex_unlock(&replay->lock);
    if (ours)
        replay_command_free(command);
    else
        g_warning("replay: a command was freed that is not in use");
}

static void free_left_over(gpointer command, gpointer value, gpointer opaque)
{
    (void)value;
    (void)opaque;
    replay_command_free(command);
}

void spice_replay_free(SpiceReplay *replay)
{
    if (!replay)
        return;
    g_hash_table_foreach(replay->commands, free_left_over, NULL);
    g_hash_table_unref(replay->commands);
    g_hash_table_unref(replay->ids);
    g_free(replay->used);
    g_free(replay->primary);
    pthread_cond_destroy(&replay->id_freed);
    pthread_mutex_destroy(&replay->lock);
    fclose(replay->reader.file);
    replay_reader_finish(&replay->reader);
    g_free(replay);
}
