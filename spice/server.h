/*
 * The server object behind SpiceServer: settings, channels, clients.
 *
 * IO thread, unless a function says otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"
#include "spice/event_loop.h"

struct display_worker;

/* A session: one main connection and the channels that carry its id. Reference counted, any thread.
 */
struct client *client_ref(struct client *client);
void client_unref(struct client *client);

/* Channels offered to clients. add announces it to clients that already have the list. */
void server_add_channel(SpiceServer *server, struct channel *channel);
void server_remove_channel(SpiceServer *server, struct channel *channel);

/* The IO thread's loop; NULL before spice_server_init(). Any thread. */
struct event_loop *server_loop(SpiceServer *server);

/* Where workers tell what they do; NULL: nowhere. Outlives them. Any thread. */
struct recorder *server_recorder(SpiceServer *server);

/* Milliseconds of the monotonic clock, the base of multi-media time. Any thread. */
uint32_t server_mm_time(SpiceServer *server);

/* Are all of these SPICE_SERVER_FEATURE_* enabled? Any thread. */
bool server_has_features(SpiceServer *server, uint64_t features);

/* Settings a display client starts with. Any thread. */
SpiceImageCompression server_image_compression(SpiceServer *server);
int server_streaming_video(SpiceServer *server); /* SPICE_STREAM_VIDEO_* */
/* For clients on slow links, on all, or on none: lossy pictures; deflated dictionary pictures. */
spice_wan_compression_t server_jpeg_compression(SpiceServer *server);
spice_wan_compression_t server_zlib_glz_compression(SpiceServer *server);

/*
 * Which of the guest's devices display ID shows, for the agent: see agent_set_device_info(). IO
 * thread.
 */
void server_set_device_info(SpiceServer *server, int id, const char *address, uint32_t first,
                            uint32_t count);

/*
 * The display side, spice/worker.c; the server calls these on the IO thread.
 *
 * Creates the worker for QXL: thread, display and cursor channel (registered), qxl->st; calls
 * attached_worker and set_compression_level. False: refused, with a warning.
 */
bool display_worker_attach(SpiceServer *server, QXLInstance *qxl);
/* Joins the thread after releasing every command; st becomes NULL. */
void display_worker_detach(QXLInstance *qxl);
/* The server an attached QXL belongs to. */
SpiceServer *display_worker_server(QXLInstance *qxl);
/* spice_server_vm_start() and _vm_stop() for one instance; stop waits. */
void display_worker_start(QXLInstance *qxl);
void display_worker_stop(QXLInstance *qxl);
/* Settings have changed: image compression or streaming. */
void display_worker_settings_changed(QXLInstance *qxl);
/* In server mouse mode the pointer is drawn where the guest says (server-abi.md section 5.11). */
void display_worker_set_mouse_mode(QXLInstance *qxl, bool client_mode);
