/*
 * What a display client is sent next. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/display_client.h"
#include "spice/display_lossy.h"
#include "spice/snapshot.h"
#include "spice/video_client.h"

#include <spice/protocol.h>

/* Sent items stay at the queue's front until that many are there. */
#define QUEUE_SHIFT_ITEMS 256

/* Is what helps slow connections wanted for CLIENT's? */
static bool is_wanted(const struct display_client *client, spice_wan_compression_t setting)
{
    return setting == SPICE_WAN_COMPRESSION_ALWAYS ||
           (setting == SPICE_WAN_COMPRESSION_AUTO && client_is_slow(client->base.client));
}

bool display_client_wants_jpeg(const struct display_client *client)
{
    return is_wanted(client, server_jpeg_compression(client->base.channel->server));
}

/* A client without a dictionary knows few formats (spice-wire.md section 9). */
static struct image_policy policy_of(struct display_client *client)
{
    return (struct image_policy){
        .mode = channel_client_is_local(&client->base) ? SPICE_IMAGE_COMPRESSION_OFF
                                                       : client->compression,
        .lz4 = channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_LZ4_COMPRESSION),
        .palettes = client->dictionary_pixels > 0,
        .jpeg = display_client_wants_jpeg(client),
        .deflate_glz = is_wanted(client, server_zlib_glz_compression(client->base.channel->server)),
        .packed = client->dictionary_pixels > 0 && !channel_client_is_local(&client->base),
        .glz = client->glz,
        .cache = client->cache,
        .palette_cache = client->dictionary_pixels > 0 ? &client->palettes : NULL,
        .counts = client->statistics.codecs,
    };
}

void display_client_prepare(struct display_client *client)
{
    if (client->glz != NULL && !channel_client_is_local(&client->base) &&
        (client->compression == SPICE_IMAGE_COMPRESSION_AUTO_GLZ ||
         client->compression == SPICE_IMAGE_COMPRESSION_GLZ))
        glz_dictionary_prepare(client->glz);
}

/* What makes room in the client's caches goes before the message that needs it. */
static void send_drops(struct display_client *client)
{
    GArray *images = client->cache != NULL ? image_cache_dropped(client->cache) : NULL;
    struct palette_cache *palettes = &client->palettes;

    if (images != NULL && images->len > 0) {
        channel_client_send(&client->base, display_encode_drop_images(images));
        g_array_set_size(images, 0);
    }
    for (unsigned i = 0; i < palettes->dropped_count; i++)
        channel_client_send(&client->base, display_encode_drop_palette(palettes->dropped[i]));
    palettes->dropped_count = 0;
}

static void send_draw(struct display_client *client, struct drawable *drawable,
                      const struct draw *draw, const struct image_policy *policy)
{
    struct message *message =
        display_encode_draw(&display_client_display(client)->encoder, drawable, draw, policy);

    send_drops(client);
    channel_client_send(&client->base, message);
}

/* Gives other threads something to do of what comes next in the queue. */
static void encode_ahead(struct display_client *client, const struct image_policy *policy)
{
    struct display_encoder *encoder = &display_client_display(client)->encoder;

    while (client->looked_ahead < DISPLAY_ENCODE_AHEAD &&
           client->queue_sent + client->looked_ahead < client->queue->len &&
           display_encode_is_idle(encoder)) {
        const struct display_item *item = &g_array_index(
            client->queue, struct display_item, client->queue_sent + client->looked_ahead++);
        const struct draw *parts;
        unsigned count;

        if (item->type != ITEM_DRAW)
            continue;
        parts = display_encode_parts(encoder, item->drawable, policy, &count);
        for (unsigned i = 0; i < count; i++)
            display_encode_ahead(encoder, &parts[i], policy);
    }
}

static void send_drawable(struct display_client *client, struct drawable *drawable,
                          const struct image_policy *policy)
{
    struct display_encoder *encoder = &display_client_display(client)->encoder;
    unsigned count;
    const struct draw *parts = display_encode_parts(encoder, drawable, policy, &count);

    for (unsigned i = 1; i < count; i++)
        display_encode_ahead(encoder, &parts[i], policy);
    encode_ahead(client, policy);
    for (unsigned i = 0; i < count; i++) {
        send_draw(client, drawable, &parts[i], policy);
        if (i + 1 < count)
            channel_client_push(&client->base); /* there is time until the next one is ready */
    }
}

/* A picture of SIZE bytes has just been sent: is it others' turn? */
static void count_turn(struct display_client *client, size_t size)
{
    client->turn_bytes += size;
    if (client->turn_bytes < DISPLAY_TURN_BYTES)
        return;
    client->turn_bytes = 0;
    if (client->gives_way)
        channel_client_give_way(&client->base);
}

static void send_item(struct display_client *client)
{
    struct display_item item = *display_client_next(client);
    struct client_surface *known = client->surfaces[item.surface_id];
    struct image_policy policy = policy_of(client);
    struct message *message;

    client->queue_sent++;
    client->looked_ahead -= MIN(client->looked_ahead, 1);
    if (client->queue_sent == client->queue->len) {
        g_array_set_size(client->queue, 0);
        client->queue_sent = 0;
    } else if (client->queue_sent >= QUEUE_SHIFT_ITEMS &&
               client->queue_sent > client->queue->len / 2) {
        g_array_remove_range(client->queue, 0, client->queue_sent);
        client->queue_sent = 0;
    }

    switch (item.type) {
    case ITEM_STREAM:
    case ITEM_STREAM_END:
        video_client_send(client, &item);
        return;
    case ITEM_DRAW:
        send_drawable(client, item.drawable, &policy);
        display_lossy_drawn(client, &item.drawable->draw,
                            display_client_display(client)->encoder.lossy);
        client->queue_drawables--;
        client->queue_bytes -= item.drawable->data_size;
        count_turn(client, item.drawable->data_size);
        drawable_unref(item.drawable);
        return;
    case ITEM_SURFACE_CREATE: {
        const struct surface *surface =
            surfaces_find(display_client_display(client)->surfaces, item.surface_id);

        message =
            display_encode_surface_create(item.surface_id, item.width, item.height, item.format);
        if (known != NULL && surface != NULL && surface->serial == item.serial) {
            known->queued = false;
            known->sent = true;
        }
        break;
    }
    default:
        message = display_encode_surface_destroy(item.surface_id);
        break;
    }
    channel_client_send(&client->base, message);
}

/*
 * The next rectangle of the pass over KNOWN's damage: as much as fits one message. A client's first
 * picture of a surface is one message whatever its size: spicy-screenshot takes what the first
 * shows.
 */
static draw_rect take_piece(struct client_surface *known, const struct surface *surface)
{
    draw_rect piece = *pixman_region32_rectangles(&known->pass, NULL);
    size_t row = (size_t)(piece.x2 - piece.x1) * surface->front.pixel;
    int rows = known->fresh ? INT32_MAX / 2 : (int)MAX(DISPLAY_DAMAGE_PIECE_BYTES / row, 1);
    pixman_region32_t taken;

    piece.y2 = MIN(piece.y2, piece.y1 + rows);
    pixman_region32_init_rect(&taken, piece.x1, piece.y1, piece.x2 - piece.x1, piece.y2 - piece.y1);
    pixman_region32_subtract(&known->pass, &known->pass, &taken);
    pixman_region32_fini(&taken);
    return piece;
}

/* One pass ends: is there more? The surfaces take turns. */
static void next_pass(struct display_client *client, struct client_surface *known)
{
    known->fresh = false;
    g_queue_remove(&client->damaged, known);
    known->damaged = pixman_region32_not_empty(&known->damage);
    if (known->damaged)
        g_queue_push_tail(&client->damaged, known);
}

static void send_damage(struct display_client *client)
{
    struct display *display = display_client_display(client);
    struct client_surface *known = g_queue_peek_head(&client->damaged);
    struct surface *surface = surfaces_find(display->surfaces, known->id);
    struct image_policy policy = policy_of(client);
    draw_rect piece;

    if (!known->sent) {
        known->sent = known->fresh = true;
        channel_client_send(&client->base,
                            display_encode_surface_create(surface->id, surface->width,
                                                          surface->height, surface->format));
    }
    if (!pixman_region32_not_empty(&known->pass)) {
        pixman_region32_copy(&known->pass, &known->damage);
        pixman_region32_clear(&known->damage);
    }
    if (pixman_region32_not_empty(&known->pass)) {
        struct drawable *snapshot;

        piece = take_piece(known, surface);
        snapshot = snapshot_create(&surface->front, surface->id, &piece);
        client->statistics.pictures++;
        policy.jpeg = policy.jpeg && display_lossy_allowed(known, &piece);
        if (known->fresh) /* in one message, see take_piece() */
            send_draw(client, snapshot, &snapshot->draw, &policy);
        else
            send_drawable(client, snapshot, &policy);
        display_lossy_sent_piece(client, known, &snapshot->draw, display->encoder.lossy);
        count_turn(client, snapshot->data_size);
        drawable_unref(snapshot);
    }
    if (!pixman_region32_not_empty(&known->pass))
        next_pass(client, known);
}

/* Announcements that need the primary surface at the client. */
static bool send_announcement(struct display_client *client)
{
    const struct client_surface *primary = client->surfaces[0];
    const struct monitors_config *monitors = &display_client_display(client)->monitors;

    if (primary == NULL || !primary->sent || primary->fresh)
        return false;
    if (client->monitors_pending) {
        client->monitors_pending = false;
        if (monitors->count > 0 &&
            channel_client_has_cap(&client->base, SPICE_DISPLAY_CAP_MONITORS_CONFIG)) {
            channel_client_send(&client->base, display_encode_monitors(monitors));
            return true;
        }
    }
    if (!client->mark_pending)
        return false;
    client->mark_pending = false;
    channel_client_send(&client->base, message_create(SPICE_MSG_DISPLAY_MARK));
    return true;
}

bool display_client_produce(struct channel_client *cc)
{
    struct display_client *client = (struct display_client *)cc;
    struct display *display = display_client_display(client);

    if (!client->ready)
        return false;
    if (client->palettes_pending) {
        client->palettes_pending = false;
        channel_client_send(cc, message_create(SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES));
        return true;
    }
    if (client->caches_pending) {
        client->caches_pending = false;
        channel_client_send(cc, display_encode_forget_images());
        return true;
    }
    if (display_gl_client_produce(&display->gl, client))
        return true;
    if ((client->monitors_pending || client->mark_pending) && send_announcement(client))
        return true;
    if (display_client_next(client) != NULL) {
        send_item(client);
        if (display_client_has_room(client))
            display->has_room(display->opaque);
    } else if (!g_queue_is_empty(&client->damaged)) {
        send_damage(client);
    } else {
        return false;
    }
    return true;
}
