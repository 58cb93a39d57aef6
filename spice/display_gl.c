/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_gl.h"

#include "spice/display_client.h"

#include <fcntl.h>
#include <spice/protocol.h>
#include <unistd.h>

#define DRAW_MS 1000

struct drawing {
    struct gl_area area;
    uint64_t cookie;
};

static bool can_show(const struct display_client *client)
{
    return client->ready && channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_GL_SCANOUT) &&
           channel_client_can_have_fds(&client->base) && !channel_client_is_closed(&client->base);
}

/* The smallest that contains both. */
static struct gl_area unite(const struct gl_area *a, const struct gl_area *b)
{
    uint64_t right = MAX((uint64_t)a->x + a->width, (uint64_t)b->x + b->width);
    uint64_t bottom = MAX((uint64_t)a->y + a->height, (uint64_t)b->y + b->height);
    struct gl_area both = {MIN(a->x, b->x), MIN(a->y, b->y), 0, 0};

    both.width = (uint32_t)MIN(right - both.x, UINT32_MAX);
    both.height = (uint32_t)MIN(bottom - both.y, UINT32_MAX);
    return both;
}

static void add_area(struct gl_client *client, const struct gl_area *area)
{
    client->area = client->draw_pending ? unite(&client->area, area) : *area;
    client->draw_pending = true;
}

static bool anybody_awaited(const struct display_gl *gl)
{
    for (GList *l = gl->display->channel.clients; l != NULL; l = l->next) {
        if (((struct display_client *)l->data)->gl.awaited) {
            return true;
        }
    }
    return false;
}

/* Shows the first drawing; true: somebody has to be waited for. */
static bool begin(struct display_gl *gl)
{
    const struct drawing *drawing = g_queue_peek_head(&gl->drawings);

    for (GList *l = gl->display->channel.clients; l != NULL && gl->picture.fd >= 0; l = l->next) {
        struct display_client *client = l->data;

        if (can_show(client)) {
            add_area(&client->gl, &drawing->area);
            client->gl.awaited = true;
        }
    }
    if (!anybody_awaited(gl)) {
        return false;
    }
    loop_timer_start(gl->timer, DRAW_MS);
    display_wake(gl->display);
    return true;
}

static void end(struct display_gl *gl)
{
    struct drawing *drawing = g_queue_pop_head(&gl->drawings);

    loop_timer_cancel(gl->timer);
    gl->done(gl->opaque, drawing->cookie);
    g_free(drawing);
}

/* What nobody is waited for is done, and the next one begins. */
static void go_on(struct display_gl *gl)
{
    while (!g_queue_is_empty(&gl->drawings) && !anybody_awaited(gl)) {
        end(gl);
        if (g_queue_is_empty(&gl->drawings) || begin(gl)) {
            break;
        }
    }
}

static void forget_awaited(struct display_gl *gl)
{
    for (GList *l = gl->display->channel.clients; l != NULL; l = l->next) {
        ((struct display_client *)l->data)->gl.awaited = false;
    }
}

static void on_timer(void *opaque)
{
    struct display_gl *gl = opaque;

    forget_awaited(gl);
    go_on(gl);
}

void display_gl_init(struct display_gl *gl, struct display *display,
                     void (*done)(void *opaque, uint64_t cookie), void *opaque)
{
    *gl = (struct display_gl){.display = display, .picture.fd = -1, .done = done, .opaque = opaque};
    g_queue_init(&gl->drawings);
    gl->timer = loop_timer_create(display->channel.loop, on_timer, gl);
}

void display_gl_finish(struct display_gl *gl)
{
    while (!g_queue_is_empty(&gl->drawings)) {
        end(gl);
    }
    if (gl->picture.fd >= 0) {
        close(gl->picture.fd);
    }
    loop_timer_destroy(gl->timer);
}

void display_gl_set_picture(struct display_gl *gl, const struct gl_picture *picture)
{
    if (gl->picture.fd >= 0) {
        close(gl->picture.fd);
    }
    gl->picture = *picture;
    for (GList *l = gl->display->channel.clients; l != NULL; l = l->next) {
        struct display_client *client = l->data;

        client->gl.picture_pending = picture->fd >= 0 && can_show(client);
        if (picture->fd < 0) {
            client->gl.draw_pending = client->gl.awaited = false;
        }
    }
    go_on(gl);
    display_wake(gl->display);
}

void display_gl_draw(struct display_gl *gl, const struct gl_area *area, uint64_t cookie)
{
    struct drawing *drawing = g_new(struct drawing, 1);

    *drawing = (struct drawing){*area, cookie};
    g_queue_push_tail(&gl->drawings, drawing);
    if (gl->drawings.length == 1 && !begin(gl)) {
        end(gl);
    }
}

void display_gl_client_start(struct display_gl *gl, struct display_client *client)
{
    const struct gl_area all = {0, 0, gl->picture.width, gl->picture.height};

    if (gl->picture.fd >= 0 && can_show(client)) {
        client->gl.picture_pending = true;
        add_area(&client->gl, &all);
    }
}

void display_gl_client_left(struct display_gl *gl, struct display_client *client)
{
    client->gl = (struct gl_client){.busy = false};
    go_on(gl);
}

static void send_picture(struct display_gl *gl, struct display_client *client)
{
    const struct gl_picture *picture = &gl->picture;
    struct message *message = message_create(SPICE_MSG_DISPLAY_GL_SCANOUT_UNIX);

    message_add_u32(message, picture->width);
    message_add_u32(message, picture->height);
    message_add_u32(message, picture->stride);
    message_add_u32(message, picture->format);
    message_add_u32(message, picture->flags);
    message_set_fd(message, fcntl(picture->fd, F_DUPFD_CLOEXEC, 0));
    if (message_fd(message) < 0) {
        message_destroy(message);
        channel_client_close(&client->base, "no descriptor is left for its picture");
        return;
    }
    channel_client_send(&client->base, message);
}

static void send_draw(struct display_client *client)
{
    struct message *message = message_create(SPICE_MSG_DISPLAY_GL_DRAW);

    message_add_u32(message, client->gl.area.x);
    message_add_u32(message, client->gl.area.y);
    message_add_u32(message, client->gl.area.width);
    message_add_u32(message, client->gl.area.height);
    channel_client_send(&client->base, message);
}

bool display_gl_client_produce(struct display_gl *gl, struct display_client *client)
{
    if (client->gl.picture_pending) {
        client->gl.picture_pending = false;
        send_picture(gl, client);
        return true;
    }
    if (client->gl.draw_pending && !client->gl.busy) {
        client->gl.draw_pending = false;
        client->gl.busy = true;
        send_draw(client);
        return true;
    }
    return false;
}

bool display_gl_client_done(struct display_gl *gl, struct display_client *client)
{
    if (!client->gl.busy) {
        return false;
    }
    client->gl.busy = false;
    if (!client->gl.draw_pending) {
        client->gl.awaited = false;
        go_on(gl);
    }
    channel_client_wake(&client->base);
    return true;
}
