/*
 * What one display client still has to be sent: its queue and its damage.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_client.h"
#include "spice/display_lossy.h"
#include "spice/display_portable.h"
#include "spice/snapshot.h"
#include "spice/video_client.h"

#include <spice/protocol.h>

struct display *display_client_display(const struct display_client *client)
{
    return client->base.channel->opaque;
}

void display_client_init(struct display_client *client)
{
    client->queue = g_array_new(FALSE, FALSE, sizeof(struct display_item));
    client->surfaces =
        g_new0(struct client_surface *, display_client_display(client)->surfaces->count);
    g_queue_init(&client->damaged);
    display_lossy_init(client);
}

/* ---- Surfaces ---- */

static struct client_surface *get_surface(struct display_client *client, uint32_t id)
{
    struct client_surface *known = client->surfaces[id];

    if (known != NULL)
        return known;
    known = g_new0(struct client_surface, 1);
    known->id = id;
    pixman_region32_init(&known->damage);
    pixman_region32_init(&known->pass);
    display_lossy_surface_init(known);
    client->surfaces[id] = known;
    return known;
}

struct client_surface *display_client_has_surface(struct display_client *client, uint32_t id)
{
    struct client_surface *known = get_surface(client, id);

    known->sent = true;
    return known;
}

static void forget_surface(struct display_client *client, struct client_surface *known)
{
    if (known->damaged)
        g_queue_remove(&client->damaged, known);
    client->surfaces[known->id] = NULL;
    pixman_region32_fini(&known->damage);
    pixman_region32_fini(&known->pass);
    display_lossy_surface_finish(known);
    g_free(known);
}

/*
 * Who knows how to choose among video codecs (2015) but not how to compose (2012) is a page in a
 * browser, which shows pictures and hardly draws.
 */
static bool paints_only_pictures(const struct display_client *client)
{
    return channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_MULTI_CODEC) &&
           !channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_COMPOSITE);
}

/* Some clients know less formats than guests. */
bool display_client_can_have(const struct display_client *client, const struct surface *surface)
{
    if (surface->id != 0 && paints_only_pictures(client))
        return false;
    switch (surface->format) {
    case SPICE_SURFACE_FMT_1_A:
        return false;
    case SPICE_SURFACE_FMT_8_A:
        return channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_A8_SURFACE);
    default:
        return true;
    }
}

/* ---- The queue ---- */

static void item_finish(struct display_client *client, struct display_item *item)
{
    if (item->type != ITEM_DRAW)
        return;
    client->queue_drawables--;
    client->queue_bytes -= item->drawable->data_size;
    drawable_unref(item->drawable);
}

/* Does it paint its whole box, whatever was there? */
static bool is_cover(const struct draw *draw)
{
    if (draw->clip.has_rects)
        return false;
    switch (draw->type) {
    case QXL_DRAW_COPY:
        return draw->copy.rop == SPICE_ROPD_OP_PUT && draw->copy.mask.image == NULL;
    case QXL_DRAW_FILL:
        return draw->fill.rop == SPICE_ROPD_OP_PUT && draw->fill.mask.image == NULL;
    default:
        return false;
    }
}

/* Does it take what is in BOX elsewhere? */
static bool takes_from(const struct draw *draw, const draw_rect *box)
{
    int dx = draw->copy_bits.from.x - draw->box.x1, dy = draw->copy_bits.from.y - draw->box.y1;
    const draw_rect from = {draw->box.x1 + dx, draw->box.y1 + dy, draw->box.x2 + dx,
                            draw->box.y2 + dy};

    return draw->type == QXL_COPY_BITS && box_touches(&from, box);
}

/*
 * Takes out of the queue what is about to be painted over by DRAW before the client has been sent
 * it. A command that reads where it paints depends on the pixel below only, and that is painted
 * over, too; moves are where this ends.
 */
static void drop_hidden(struct display_client *client, const struct draw *draw)
{
    unsigned last = client->queue->len;

    if (!is_cover(draw))
        return;
    for (unsigned i = last; i > client->queue_sent && i + DISPLAY_LOOK_BACK > last; i--) {
        struct display_item *item = &g_array_index(client->queue, struct display_item, i - 1);

        if (item->type != ITEM_DRAW || item->surface_id != draw->surface_id ||
            takes_from(&item->drawable->draw, &draw->box))
            return;
        if (!box_contains(&draw->box, &item->drawable->draw.box))
            continue;
        if (item->drawable->resource.to != NULL)
            client->statistics.passed_on--;
        else
            client->statistics.pictures--;
        item_finish(client, item);
        g_array_remove_index(client->queue, i - 1);
    }
}

static void push_drawable(struct display_client *client, struct drawable *drawable,
                          const struct surface *surface)
{
    struct display_item item = {
        .type = ITEM_DRAW,
        .surface_id = surface->id,
        .serial = surface->serial,
        .drawable = drawable_ref(drawable),
    };

    if (drawable->resource.to != NULL)
        client->statistics.passed_on++;
    else
        client->statistics.pictures++;
    drop_hidden(client, &drawable->draw);
    client->queue_drawables++;
    client->queue_bytes += drawable->data_size;
    g_array_append_val(client->queue, item);
}

static void push_surface_create(struct display_client *client, const struct surface *surface)
{
    struct display_item item = {
        .type = ITEM_SURFACE_CREATE,
        .surface_id = surface->id,
        .serial = surface->serial,
        .width = surface->width,
        .height = surface->height,
        .format = surface->format,
    };

    g_array_append_val(client->queue, item);
}

static void push_surface_destroy(struct display_client *client, const struct surface *surface)
{
    struct display_item item = {
        .type = ITEM_SURFACE_DESTROY, .surface_id = surface->id, .serial = surface->serial};

    g_array_append_val(client->queue, item);
}

/* ---- Damage ---- */

static void simplify(pixman_region32_t *region)
{
    if (pixman_region32_n_rects(region) > DISPLAY_DAMAGE_MAX_RECTS) {
        pixman_box32_t box = *pixman_region32_extents(region);

        pixman_region32_reset(region, &box);
    }
}

/* REGION of SURFACE, or all of it if the client does not have it yet, is to be sent as pixels. */
void display_client_damage(struct display_client *client, const struct surface *surface,
                           const pixman_region32_t *region)
{
    struct client_surface *known;
    bool unknown;

    if (surface->front.pixels == NULL)
        return; /* off-screen: clients need not know what is there */
    known = get_surface(client, surface->id);
    unknown = !known->sent && !known->queued && !known->damaged;

    if (unknown && !surface->blank) {
        pixman_region32_union_rect(&known->damage, &known->damage, 0, 0, surface->width,
                                   surface->height);
    } else {
        pixman_region32_t added;

        /* What is left of the pass is sent as it is then, so it need not be sent again. */
        pixman_region32_init(&added);
        pixman_region32_subtract(&added, (pixman_region32_t *)region, &known->pass);
        pixman_region32_union(&known->damage, &known->damage, &added);
        pixman_region32_fini(&added);
        simplify(&known->damage);
    }
    if (!known->damaged) {
        known->damaged = true;
        g_queue_push_tail(&client->damaged, known);
    }
}

void display_client_damage_all(struct display_client *client, const struct surface *surface)
{
    pixman_region32_t all;

    pixman_region32_init_rect(&all, 0, 0, surface->width, surface->height);
    display_client_damage(client, surface, &all);
    pixman_region32_fini(&all);
}

static void fold_drawable(struct display_client *client, const struct display_item *item)
{
    const struct surface *surface =
        surfaces_find(display_client_display(client)->surfaces, item->surface_id);
    pixman_region32_t region;

    if (surface == NULL || surface->serial != item->serial)
        return; /* it is gone, and so is what was drawn there */
    canvas_draw_region(&item->drawable->draw, surface->width, surface->height, &region);
    display_client_damage(client, surface, &region);
    pixman_region32_fini(&region);
}

/*
 * Drops what is queued except for the destruction of surfaces that the client has; surfaces that it
 * was about to get are sent when their damage is. So what stays is bounded by the number of ids.
 */
void display_client_fold(struct display_client *client)
{
    GArray *old = client->queue;
    unsigned first = client->queue_sent;
    GHashTable *unsent = g_hash_table_new(g_int64_hash, g_int64_equal);

    if (display_client_next(client) == NULL) {
        g_hash_table_destroy(unsent);
        return;
    }
    client->statistics.folded++;
    client->queue = g_array_new(FALSE, FALSE, sizeof(struct display_item));
    client->queue_sent = 0;
    for (unsigned i = first; i < old->len; i++) {
        struct display_item *item = &g_array_index(old, struct display_item, i);

        if (item->type == ITEM_SURFACE_CREATE)
            g_hash_table_add(unsent, &item->serial);
        else if (item->type == ITEM_DRAW)
            fold_drawable(client, item);
        else if (!g_hash_table_contains(unsent, &item->serial))
            g_array_append_val(client->queue, *item);
        item_finish(client, item);
    }
    for (unsigned id = 0; id < display_client_display(client)->surfaces->count; id++) {
        struct client_surface *known = client->surfaces[id];
        const struct surface *surface;

        if (known == NULL || !known->queued)
            continue;
        known->queued = false;
        surface = surfaces_find(display_client_display(client)->surfaces, id);
        if (id == 0 && surface != NULL && !known->damaged)
            display_client_damage_all(client,
                                      surface); /* the primary is wanted even when it is blank */
    }
    g_hash_table_destroy(unsent);
    g_array_free(old, TRUE);
}

void display_client_finish(struct display_client *client)
{
    video_client_finish(client);
    for (unsigned i = client->queue_sent; i < client->queue->len; i++)
        item_finish(client, &g_array_index(client->queue, struct display_item, i));
    g_array_free(client->queue, TRUE);
    for (unsigned id = 0; id < display_client_display(client)->surfaces->count; id++) {
        if (client->surfaces[id] != NULL)
            forget_surface(client, client->surfaces[id]);
    }
    g_free(client->surfaces);
    g_queue_clear(&client->damaged);
    display_lossy_finish(client);
}

/* ---- Drawing ---- */

static bool can_execute(const struct display_client *client, const struct draw *draw)
{
    return (draw->type != QXL_DRAW_COMPOSITE ||
            channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_COMPOSITE)) &&
           (draw_is_plain(draw) || !paints_only_pictures(client)) &&
           draw_is_portable(draw, display_client_display(client)->surfaces);
}

/* Makes sure that the client will have SURFACE when it is drawn on or read. False: not in time. */
static bool provide(struct display_client *client, const struct surface *surface)
{
    struct client_surface *known = get_surface(client, surface->id);

    if (known->sent || known->queued)
        return true;
    if (!surface->blank) {
        display_client_damage_all(client, surface);
        return false;
    }
    push_surface_create(client, surface);
    known->queued = true;
    return true;
}

/* Queues what the command painted, in its place, if that is not much. */
static bool push_snapshot(struct display_client *client, const struct surface *surface,
                          const draw_rect *box)
{
    struct drawable *snapshot;

    if ((int64_t)(box->x2 - box->x1) * (box->y2 - box->y1) > DISPLAY_SNAPSHOT_PIXELS ||
        !provide(client, surface))
        return false;
    snapshot = snapshot_create(&surface->front, surface->id, box);
    push_drawable(client, snapshot, surface);
    drawable_unref(snapshot);
    return true;
}

/* Sends what DRAWABLE has painted as pictures. */
static void replace_drawable(struct display_client *client, const struct drawable *drawable,
                             const struct surface *surface)
{
    pixman_region32_t region;

    canvas_draw_region(&drawable->draw, surface->width, surface->height, &region);
    if (client->arriving || !g_queue_is_empty(&client->damaged) ||
        !push_snapshot(client, surface, &region.extents))
        display_client_damage(client, surface, &region);
    pixman_region32_fini(&region);
}

static void cover_films(struct display_client *client, const struct drawable *drawable,
                        const struct surface *surface)
{
    pixman_region32_t region;

    canvas_draw_region(&drawable->draw, surface->width, surface->height, &region);
    video_client_cover(client, &region);
    pixman_region32_fini(&region);
}

void display_client_draw(struct display_client *client, struct drawable *drawable,
                         const struct surface *surface)
{
    if (!(client->ready || client->arriving) || !display_client_can_have(client, surface))
        return;
    if (client->film_count > 0 && surface->id == 0)
        cover_films(client, drawable, surface);
    if (client->queue_drawables >= DISPLAY_QUEUE_MAX_ITEMS ||
        client->queue_bytes >= DISPLAY_QUEUE_MAX_BYTES)
        display_client_fold(client);
    if (client->ready && g_queue_is_empty(&client->damaged) &&
        can_execute(client, &drawable->draw) && provide(client, surface))
        push_drawable(client, drawable, surface);
    else
        replace_drawable(client, drawable, surface);
}

static bool fuller_than(const struct display_client *client, unsigned items, size_t bytes)
{
    return client->queue_drawables >= items || client->queue_bytes >= bytes;
}

int64_t display_client_wait(struct display_client *client)
{
    int64_t now, waited;

    if (client->waited_since == 0 && !fuller_than(client, DISPLAY_FULL_ITEMS, DISPLAY_FULL_BYTES))
        return 0;
    now = g_get_monotonic_time();
    if (now < client->slow_until)
        return 0;
    if (client->waited_since == 0)
        client->waited_since = now;
    waited = now - client->waited_since;
    if (waited < DISPLAY_PATIENCE_MS * 1000)
        return DISPLAY_PATIENCE_MS * 1000 - waited;
    client->waited_since = 0;
    client->slow_until = now + DISPLAY_SLOW_MS * 1000;
    display_client_fold(client);
    return 0;
}

bool display_client_is_slow(const struct display_client *client)
{
    return client->damaged.length > 0 || g_get_monotonic_time() < client->slow_until;
}

bool display_client_has_room(struct display_client *client)
{
    if (client->waited_since == 0 ||
        fuller_than(client, DISPLAY_FULL_ITEMS / 2, DISPLAY_FULL_BYTES / 2))
        return false;
    client->waited_since = 0;
    return true;
}

void display_client_surface_created(struct display_client *client, const struct surface *surface)
{
    if (!client->ready || surface->id != 0)
        return; /* off-screen surfaces are sent when they are drawn on or read */
    if (surface->blank && g_queue_is_empty(&client->damaged))
        provide(client, surface);
    else
        display_client_damage_all(client, surface);
    client->monitors_pending = client->mark_pending = true;
}

void display_client_surface_destroyed(struct display_client *client, const struct surface *surface)
{
    struct client_surface *known = client->surfaces[surface->id];

    if (known == NULL)
        return;
    if (known->sent || known->queued)
        push_surface_destroy(client, surface);
    forget_surface(client, known);
    if (surface->id == 0)
        client->monitors_pending = client->mark_pending = false;
}

void display_client_start(struct display_client *client)
{
    struct surface *primary = surfaces_find(display_client_display(client)->surfaces, 0);

    client->palettes_pending = true;
    if (primary != NULL) {
        surface_open_front(primary);
        display_client_damage_all(client, primary);
        client->monitors_pending = client->mark_pending = true;
    }
}

bool display_client_prefer_compression(struct display_client *client, uint8_t wanted)
{
    if (wanted <= SPICE_IMAGE_COMPRESSION_INVALID || wanted >= SPICE_IMAGE_COMPRESSION_ENUM_END)
        return false;
    client->compression = wanted;
    client->prefers_compression = true;
    return true;
}
