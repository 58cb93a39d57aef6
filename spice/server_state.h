/*
 * The server object from the inside, for the files that make it up: server*.c, listener.c, link.c,
 * client.c, mouse_mode.c, main_channel.c, inputs_channel.c, pointer.c. IO thread, except where
 * marked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/agent.h"
#include "spice/inputs_channel.h"
#include "spice/listener.h"
#include "spice/main_channel.h"
#include "spice/server.h"
#include "spice/ticket.h"
#include "spice/tls.h"

#include <spice/protocol.h>

/* Channel types are small numbers; webdav is the highest. */
#define CHANNEL_TYPES (SPICE_CHANNEL_WEBDAV + 1)

/* What spice_server_set_video_codecs() takes "auto" for. */
#define VIDEO_CODECS_AUTO "spice:mjpeg;gstreamer:mjpeg;gstreamer:h264;gstreamer:vp8;gstreamer:vp9"

/* Policy that the host sets and other parts ask for; defaults in server-abi.md section 3.1. */
struct server_policy {
    gint image_compression; /* SpiceImageCompression; atomic, read by workers */
    gint jpeg, zlib_glz;    /* spice_wan_compression_t; so are these */
    gint streaming_video;   /* SPICE_STREAM_VIDEO_*; and this */
    bool renderer_added;
    uint64_t features; /* SPICE_SERVER_FEATURE_*; constant from init on */
    bool playback_compression;
    bool agent_mouse, agent_copypaste, agent_file_xfer;
    bool exit_on_disconnect;
    bool seamless;      /* clients take their channels' states along when they move */
    char *video_codecs; /* "encoder:codec;...", or NULL */
    guint video_order;  /* the same for workers, video_codecs.c; atomic */
    char *name;
    bool has_uuid;
    uint8_t uuid[16];
    int security[CHANNEL_TYPES]; /* SPICE_CHANNEL_SECURITY_*, 0: the default */
    int default_security;
};

/* One display as its worker reports it. */
struct server_display {
    int id;
    int width, height;
    bool client_mouse;
};

struct RedsState {
    const SpiceCoreInterface *core; /* NULL before init */
    struct event_loop *loop;        /* NULL before init */
    struct server_policy policy;
    struct ticket ticket;
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct listen_address address;
    int adopted_fd;            /* the host's listening socket, used instead of ADDRESS; or -1 */
    struct listener *listener; /* the address' */
    struct tls_settings tls_settings;
    int tls_port; /* 0: none */
    struct listener *tls_listener;
    struct tls_context *tls; /* or NULL */
    bool sasl;               /* clients must prove who they are with it */
    char *sasl_appname;
    struct listener *adopted_listener; /* the host's socket */
    bool multi_client;
    bool destroying;

    GQueue links;     /* of struct link, oldest first */
    GList *clients;   /* of struct client, oldest first */
    GList *channels;  /* of struct channel */
    GList *qxls;      /* of QXLInstance */
    GArray *displays; /* of struct server_display */

    struct main_channel *main; /* it, INPUTS and AGENT: NULL before init */
    struct inputs *inputs;
    struct agent *agent;
    GList *char_devices;           /* of SpiceCharDeviceState */
    bool running;                  /* the machine; only a stop makes it stand still */
    struct smartcards *smartcards; /* or NULL */
    struct playback *playback;     /* the sound devices, or NULL */
    struct record *record;
    struct migrate *migrate; /* NULL before init */
    int mouse_mode;          /* SPICE_MOUSE_MODE_* */
    int mouse_modes;         /* mask of those allowed */
};

struct channel *server_find_channel(SpiceServer *server, uint8_t type, uint8_t id);
unsigned server_count_channels(SpiceServer *server, uint8_t type);

/* SPICE_CHANNEL_SECURITY_* for a channel type. */
int server_channel_security(SpiceServer *server, uint8_t type);
void server_settings_init(SpiceServer *server);
void server_settings_finish(SpiceServer *server);

/* Tells the host, if it wants to know. */
void server_channel_event(SpiceServer *server, int event, struct stream *stream);
/* Any thread: tells the host that the connection has ended, and closes it. */
void server_release_stream(SpiceServer *server, struct stream *stream);

/*
 * A new session, owned by the server; without multi-client mode all others end. ID: of its session
 * at another server, from which it comes later; or 0.
 */
struct client *server_new_client(SpiceServer *server, uint32_t id);
/* LINK becomes a connection to CHANNEL. */
void server_attach(struct channel *channel, const struct channel_link *link);
struct client *server_find_client(SpiceServer *server, uint32_t id);
/* Ends a session: all its connections are closed, soon. */
void server_disconnect_client(SpiceServer *server, struct client *client);
void server_disconnect_all(SpiceServer *server);
