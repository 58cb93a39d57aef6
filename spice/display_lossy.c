/*
 * Losses of clients. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_lossy.h"

#include "display/canvas.h"
#include "spice/video_client.h"

#include <spice/enums.h>

/* So long nothing with losses has been sent before they are made up for. */
#define STILL_MS 500

/* KNOWN's losses, except for those that go on. */
static void make_up_surface(struct display_client *client, struct client_surface *known,
                            const struct surface *surface)
{
    pixman_region32_t region;

    pixman_region32_init(&region);
    pixman_region32_copy(&region, &known->lossy);
    if (surface->id == 0)
        video_client_leave_out(client, &region);
    pixman_region32_subtract(&known->lossy, &known->lossy, &region);
    if (pixman_region32_not_empty(&region)) {
        pixman_region32_union(&known->exact, &known->exact, &region);
        display_client_damage(client, surface, &region);
    }
    client->has_losses = client->has_losses || pixman_region32_not_empty(&known->lossy);
    pixman_region32_fini(&region);
}

void display_lossy_make_up(struct display_client *client)
{
    struct display *display = display_client_display(client);

    client->has_losses = false;
    for (unsigned id = 0; id < display->surfaces->count; id++) {
        struct client_surface *known = client->surfaces[id];
        const struct surface *surface = surfaces_find(display->surfaces, id);

        if (known != NULL && surface != NULL && pixman_region32_not_empty(&known->lossy))
            make_up_surface(client, known, surface);
    }
}

static void still_timer_fired(void *opaque)
{
    struct display_client *client = opaque;
    int64_t still = (g_get_monotonic_time() - client->lossy_at) / 1000;

    client->still_timer_runs = still < STILL_MS;
    if (client->still_timer_runs) {
        loop_timer_start(client->still_timer, (unsigned)(STILL_MS - still));
        return;
    }
    display_lossy_make_up(client);
    channel_client_wake(&client->base);
}

void display_lossy_init(struct display_client *client)
{
    client->still_timer = loop_timer_create(client->base.channel->loop, still_timer_fired, client);
}

void display_lossy_finish(struct display_client *client)
{
    loop_timer_destroy(client->still_timer);
}

void display_lossy_surface_init(struct client_surface *known)
{
    pixman_region32_init(&known->lossy);
    pixman_region32_init(&known->exact);
}

void display_lossy_surface_finish(struct client_surface *known)
{
    pixman_region32_fini(&known->lossy);
    pixman_region32_fini(&known->exact);
}

bool display_lossy_allowed(struct client_surface *known, const draw_rect *area)
{
    pixman_box32_t box = {area->x1, area->y1, area->x2, area->y2};

    return !pixman_region32_not_empty(&known->exact) ||
           pixman_region32_contains_rectangle(&known->exact, &box) == PIXMAN_REGION_OUT;
}

static bool is_lossy(struct display_client *client, uint32_t id, const draw_rect *area)
{
    struct client_surface *known = client->surfaces[id];
    pixman_box32_t box;

    if (known == NULL || !pixman_region32_not_empty(&known->lossy))
        return false;
    if (area == NULL)
        return true;
    box = (pixman_box32_t){area->x1, area->y1, area->x2, area->y2};
    return pixman_region32_contains_rectangle(&known->lossy, &box) != PIXMAN_REGION_OUT;
}

/* Does DRAW take what is not exact to other places? */
static bool reads_losses(struct display_client *client, const struct draw *draw)
{
    if (draw->type == QXL_COPY_BITS) {
        draw_rect from = {
            .x1 = draw->copy_bits.from.x,
            .y1 = draw->copy_bits.from.y,
            .x2 = draw->copy_bits.from.x + (draw->box.x2 - draw->box.x1),
            .y2 = draw->copy_bits.from.y + (draw->box.y2 - draw->box.y1),
        };

        return is_lossy(client, draw->surface_id, &from);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (draw->sources[i] != -1 && is_lossy(client, (uint32_t)draw->sources[i], NULL))
            return true;
    }
    return false;
}

/* Does nothing remain of what was there? */
static bool covers(const struct draw *draw)
{
    switch (draw->type) {
    case QXL_DRAW_COPY:
        return draw->copy.rop == SPICE_ROPD_OP_PUT && draw->copy.mask.image == NULL;
    case QXL_DRAW_FILL:
        return draw->fill.rop == SPICE_ROPD_OP_PUT && draw->fill.mask.image == NULL;
    case QXL_COPY_BITS:
        return true;
    default:
        return false;
    }
}

static void add(struct display_client *client, struct client_surface *known,
                const pixman_region32_t *region)
{
    pixman_region32_union(&known->lossy, &known->lossy, (pixman_region32_t *)region);
    client->has_losses = true;
    client->lossy_at = g_get_monotonic_time();
    if (!client->still_timer_runs) {
        client->still_timer_runs = true;
        loop_timer_start(client->still_timer, STILL_MS);
    }
}

void display_lossy_add(struct display_client *client, const pixman_region32_t *region)
{
    if (client->surfaces[0] != NULL)
        add(client, client->surfaces[0], region);
}

void display_lossy_make_up_soon(struct display_client *client)
{
    if (client->has_losses && !client->still_timer_runs) {
        client->still_timer_runs = true;
        loop_timer_start(client->still_timer, 0);
    }
}

void display_lossy_drawn(struct display_client *client, const struct draw *draw, bool lossy)
{
    struct client_surface *known = client->surfaces[draw->surface_id];
    const struct surface *surface =
        surfaces_find(display_client_display(client)->surfaces, draw->surface_id);
    pixman_region32_t region;

    if ((!lossy && !client->has_losses) || known == NULL || surface == NULL)
        return;
    lossy = lossy || reads_losses(client, draw);
    if (!lossy && !covers(draw))
        return;
    canvas_draw_region(draw, surface->width, surface->height, &region);
    if (lossy)
        add(client, known, &region);
    else
        pixman_region32_subtract(&known->lossy, &known->lossy, &region);
    pixman_region32_fini(&region);
}

void display_lossy_sent_piece(struct display_client *client, struct client_surface *known,
                              const struct draw *draw, bool lossy)
{
    if (!lossy && pixman_region32_not_empty(&known->exact)) {
        pixman_region32_t piece;

        pixman_region32_init_rect(&piece, draw->box.x1, draw->box.y1, draw->box.x2 - draw->box.x1,
                                  draw->box.y2 - draw->box.y1);
        pixman_region32_subtract(&known->exact, &known->exact, &piece);
        pixman_region32_fini(&piece);
    }
    display_lossy_drawn(client, draw, lossy);
}
