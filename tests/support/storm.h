/*
 * What a host like QEMU does to a server, one call after the other, for
 * tests/client/test_spice_stress.c: the calls that the main loop makes, those of virtual
 * processors, and a guest's drawing.
 *
 * All of it is called with the host's big lock held, but for storm_draw().
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tests/support/host_devices.h"
#include "tests/support/qxl_host.h"

#include <glib.h>
#include <pthread.h>
#include <spice.h>
#include <stdbool.h>

enum {
    STORM_WIDTH = 320,
    STORM_HEIGHT = 200,
    STORM_CLIENTS = 3,
    STORM_PROCESSORS = 2,
    STORM_SURFACE = 5,
    STORM_DEVICES = 8
};

#define STORM_GL_COOKIES (UINT64_C(1) << 63)

struct device {
    struct host_device host; /* while it is plugged */
    const char *subtype, *name;
    const struct phrase *says; /* now and then; NULL: nothing */
    bool is_opened;            /* a port, by the guest */
};

/* What a guest says through a device, so many times. */
struct phrase {
    const void *data;
    guint size;
    int most; /* times at once */
};
extern const struct phrase storm_agent_says, storm_card_says, storm_film_says;

struct sound {
    SpicePlaybackInstance playback;
    SpiceRecordInstance record;
    bool is_plugged, plays;
};

struct storm {
    SpiceCoreInterface core;
    SpiceServer *server, *target;
    char *folder; /* of what follows: key.pem, cert.pem, door */
    int fd, target_fd, door_fd;
    unsigned port, tls_port, target_port;
    guint door;
    unsigned handed_over;           /* clients from the door */
    struct qxl_host *host, *second; /* SECOND: NULL when it is not plugged */
    struct device devices[STORM_DEVICES];
    struct sound sound;
    struct host_inputs inputs;
    struct host_migration migration_events;
    bool has_tablet;
    enum { AT_HOME, CONNECTING, STARTED, GONE } migration;
    uint64_t submitted;  /* asynchronous calls, but for */
    uint64_t gl_drawn;   /* drawings of OpenGL, which have STORM_GL_COOKIES and more */
    bool runs;           /* the machine; under the big lock, as all above */
    pthread_mutex_t ram; /* guards who places things in HOST's memory; taken inside the big lock */
    uint8_t *primary;
    size_t mark; /* where HOST's memory is free after a reset */
    gint full;   /* atomic: the guest cannot go on without a reset */
    gint ends;   /* atomic */
    struct runner {
        struct storm *storm;
        guint32 seed;
        pthread_t thread;
    } guest, processors[STORM_PROCESSORS];
    struct client {
        GPid pid;
        int input;
    } clients[STORM_CLIENTS];
};

typedef void storm_call(struct storm *storm, GRand *rand);

#define STORM_PROCESSOR_CALLS 15
#define STORM_MAIN_CALLS      25
extern storm_call *const storm_processor_calls[STORM_PROCESSOR_CALLS];
extern storm_call *const storm_main_calls[STORM_MAIN_CALLS];

/* The servers, with a socket for TLS and one whose clients the host hands over. */
void storm_open_servers(struct storm *storm);
void storm_close_servers(struct storm *storm);

/* The card. After begin_reset() the server holds nothing of the guest, the rings are empty, and RAM
 * is locked until end_reset(). */
void storm_begin_reset(struct storm *storm);
void storm_end_reset(struct storm *storm);
void storm_reset_card(struct storm *storm);
/* A place for SIZE bytes with RAM locked, or no place and nothing locked. */
bool storm_begin_placing(struct storm *storm, size_t size);
/* One command more; with RAM locked. */
void storm_draw(struct qxl_host *host, GRand *rand);

/* Devices: those that are always there, and those that are plugged. */
void storm_add_inputs(struct storm *storm);
void storm_unplug_devices(struct storm *storm);
storm_call storm_ring_device, storm_open_port, storm_plug_device, storm_plug_sound,
    storm_make_sound, storm_plug_tablet, storm_light_keys;

/* Pictures of the host's. */
storm_call storm_show_gl, storm_draw_gl, storm_hide_gl;

/* The machine. */
storm_call storm_stop_or_start, storm_throw_out, storm_migrate_step;
