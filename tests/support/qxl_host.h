/*
 * A host with a QXL instance and nothing behind it: guest memory, two queues of commands and the
 * callbacks, so that tests can drive any SPICE server through spice.h alone.
 *
 * The test's thread fills memory and queues; the server's worker takes commands. Guest addresses
 * are offsets in the memory, which is slot 0 of group 1 with generation QXL_HOST_GENERATION.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/server_library.h"

#include <glib.h>
#include <pthread.h>
#include <spice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QXL_HOST_GENERATION 3
#define QXL_HOST_GROUP      1

struct qxl_host {
    QXLInstance qxl; /* base.sif is the interface; the first member */
    const struct server_library *library;
    uint8_t *memory;
    size_t size, used;

    pthread_mutex_t lock; /* not GLib's: race detectors cannot see that one */
    pthread_cond_t changed;
    GQueue commands, cursor_commands;    /* of QXLCommandExt, to be freed */
    bool notify_commands, notify_cursor; /* the server wants a wakeup */
    unsigned pushed, taken, released;
    unsigned wrong_releases; /* unknown or twice */
    GHashTable *outstanding; /* addresses of release_info of commands that were taken */
    GArray *completions;     /* of uint64_t: the cookies of async_complete in order */
    unsigned updates;        /* calls of notify_update */
    unsigned flushes;        /* calls of flush_resources, */
    bool flush_result;       /* and their answer */
    unsigned update_rects;   /* of the last update_area_complete */
    int client_present;      /* of the last set_client_capabilities; -1: never called */
    uint8_t capabilities[SPICE_CAPABILITIES_SIZE];
    int compression_level; /* what the server last said */
    gint endless; /* atomic: an empty ring gives commands of no type instead, one a millisecond */
};

/* Adds an instance to SERVER with its slot; MEMORY bytes of guest memory, all zero. */
struct qxl_host *qxl_host_create(SpiceServer *server, int id, size_t memory);
/* The same, for a SERVER of another library than the program is linked with. */
struct qxl_host *qxl_host_create_on(const struct server_library *library, SpiceServer *server,
                                    int id, size_t memory);
/* Removes it; afterwards everything that was taken must have been released exactly once. */
void qxl_host_destroy(struct qxl_host *host);

/* The address of OFFSET in guest memory; where ADDRESS is. */
QXLPHYSICAL qxl_host_address(size_t offset);
void *qxl_host_pointer(struct qxl_host *host, QXLPHYSICAL address);
/* SIZE fresh bytes, 8-aligned, as DATA if that is not NULL. Memory is never given back. */
QXLPHYSICAL qxl_host_place(struct qxl_host *host, const void *data, size_t size);
/* Forgets all that was placed behind OFFSET. */
void qxl_host_rewind(struct qxl_host *host, size_t offset);

void qxl_host_push(struct qxl_host *host, uint32_t type, QXLPHYSICAL command);
void qxl_host_push_with_flags(struct qxl_host *host, uint32_t type, QXLPHYSICAL command,
                              uint32_t flags);
void qxl_host_push_cursor(struct qxl_host *host, uint32_t type, QXLPHYSICAL command);

/* Wait, a bounded time; false: in vain. */
bool qxl_host_wait_taken(struct qxl_host *host); /* all that was pushed */
bool qxl_host_wait_released(struct qxl_host *host, unsigned released);
bool qxl_host_wait_completions(struct qxl_host *host, unsigned count);
unsigned qxl_host_released(struct qxl_host *host);

/* A primary surface at the start of a fresh place; where its pixels are. */
void *qxl_host_create_primary(struct qxl_host *host, uint32_t width, uint32_t height,
                              uint32_t format, uint32_t flags);
/* All commands that were pushed are drawn into guest memory when it returns. */
void qxl_host_update(struct qxl_host *host, uint32_t surface_id, uint32_t width, uint32_t height);

/* Drawables; what is not said is zero, nothing is read, there is no clip. */
QXLDrawable qxl_host_drawable(uint8_t type, uint32_t surface_id, int left, int top, int right,
                              int bottom);
QXLPHYSICAL qxl_host_push_drawable(struct qxl_host *host, const QXLDrawable *drawable);
void qxl_host_fill(struct qxl_host *host, uint32_t surface_id, int left, int top, int right,
                   int bottom, uint32_t color);
/* A 32-bit picture of WIDTH x HEIGHT random pixels, five of a kind in a row. */
QXLPHYSICAL qxl_host_picture(struct qxl_host *host, uint32_t width, uint32_t height, GRand *rand);
QXLPHYSICAL qxl_host_bitmap(struct qxl_host *host, uint8_t format, uint32_t width, uint32_t height,
                            uint32_t stride, QXLPHYSICAL palette, const void *data);
QXLPHYSICAL qxl_host_surface_image(struct qxl_host *host, uint32_t surface_id);
void qxl_host_create_surface(struct qxl_host *host, uint32_t id, uint32_t format, uint32_t width,
                             uint32_t height, uint32_t flags);
void qxl_host_destroy_surface(struct qxl_host *host, uint32_t id);
