/*
 * What of the guest's drawing clients are sent, and as what.
 *
 * Large plain commands are passed on, of pictures only what is new. What many small ones paint, and
 * what clients could paint only with surfaces that they have not got, is gathered: its place is
 * noted, and before clients are sent anything, what looks different there goes out as pictures. So
 * whatever is painted over in the meantime, or was there before, costs nothing.
 *
 * What is passed on goes before what is gathered. That is the same as the guest's order for
 * commands that cover their place, since pictures show the outcome; in front of others, gathering
 * ends.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_channel.h"
#include "spice/moves.h"
#include "spice/server.h"
#include "spice/snapshot.h"

#include <spice/macros.h>
#include <spice/protocol.h>

/* What a command that covers its place must paint at least to be passed on. */
#define MIN_COVER_PIXELS 1024
#define MIN_MOVE_PIXELS  256
/* What a picture must paint to be passed on, and how much of it must be news. */
#define MIN_PICTURE_PIXELS     4096
#define PICTURE_NEWS_NUMERATOR 3 / 4
/* What a command that reads what it paints on must paint at least to be passed on. */
#define MIN_CHANGE_PIXELS 8192
/* When nothing has moved in so many pictures, moves are looked for in some of them only. */
#define MANY_UNMOVED 12
#define LOOK_EVERY   4

/* How a command reaches clients. */
enum path {
    PATH_GATHERED,
    PATH_COVER,   /* passed on: paints its whole region, whatever was there */
    PATH_PICTURE, /* the same, of a bitmap that may be worth cutting down */
    PATH_MOVE,    /* passed on: COPY_BITS */
    PATH_CHANGE,  /* passed on: reads what it paints on */
};

static bool reads_destination(uint16_t rop)
{
    return !(rop & SPICE_ROPD_OP_PUT) &&
           !(rop & (SPICE_ROPD_OP_BLACKNESS | SPICE_ROPD_OP_WHITENESS));
}

static enum path path_of_fill(const struct draw *draw, int64_t size)
{
    if (draw->fill.brush.type != SPICE_BRUSH_TYPE_SOLID || draw->fill.mask.image != NULL)
        return size < MIN_CHANGE_PIXELS ? PATH_GATHERED : PATH_CHANGE;
    if (reads_destination(draw->fill.rop))
        return PATH_CHANGE;
    return size < MIN_COVER_PIXELS ? PATH_GATHERED : PATH_COVER;
}

static int64_t pixels_of(const struct draw_image *image)
{
    return (int64_t)image->width * image->height;
}

static enum path path_of_copy(const struct draw *draw, int64_t size)
{
    const struct draw_image *image = draw->copy.image;
    bool covers = draw->copy.mask.image == NULL && draw->copy.rop == SPICE_ROPD_OP_PUT;

    /* Of a larger image only a part is seen. */
    if (size < MIN_PICTURE_PIXELS || pixels_of(image) > size + size / 4)
        return PATH_GATHERED;
    return covers ? PATH_PICTURE : PATH_CHANGE;
}

static enum path path_of(const struct drawable *drawable)
{
    const struct draw *draw = &drawable->draw;
    int64_t size = box_size(&draw->box);

    if (draw->sources[0] != -1)
        return PATH_GATHERED;
    switch (draw->type) {
    case QXL_COPY_BITS:
        return size < MIN_MOVE_PIXELS || draw->clip.has_rects ? PATH_GATHERED : PATH_MOVE;
    case QXL_DRAW_FILL:
        return path_of_fill(draw, size);
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
        if (draw->whole.mask.image != NULL)
            break;
        return size < MIN_COVER_PIXELS ? PATH_GATHERED : PATH_COVER;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        return path_of_copy(draw, size);
    default:
        break;
    }
    return size < MIN_CHANGE_PIXELS || drawable->data_size > (size_t)size ? PATH_GATHERED
                                                                          : PATH_CHANGE;
}

/*
 * What has not moved for a while, as in a film, will hardly now; and what begins to goes on, so
 * that not much is lost where the beginning is not seen.
 */
static bool is_worth_a_look(struct display *display)
{
    if (display->unmoved < MANY_UNMOVED || display->unmoved % LOOK_EVERY == 0)
        return true;
    display->unmoved++;
    return false;
}

/*
 * Clients are told to move what has moved within BOX; REST, which it initialises, is what has not
 * come to be as it is in VIEW by that. False: nothing has moved.
 */
static bool send_moves(struct display *display, struct surface *surface,
                       const struct pixel_view *view, const draw_rect *box, pixman_region32_t *rest)
{
    struct move moves[MOVES_MAX];
    unsigned count;

    pixman_region32_init_rects(rest, box, 1);
    if ((display->switches & DISPLAY_NO_MOVES) || !is_worth_a_look(display))
        return false;
    count = moves_find(&surface->front, view, box, moves);
    display->unmoved = count > 0 ? 0 : display->unmoved + 1;
    for (unsigned i = 0; i < count; i++) {
        struct drawable *command = snapshot_move(surface->id, &moves[i].box, moves[i].from);
        pixman_region32_t moved;

        front_move(&surface->front, &moves[i].box, moves[i].from);
        display_queue(display, command, surface);
        drawable_unref(command);
        pixman_region32_init_rects(&moved, &moves[i].box, 1);
        pixman_region32_subtract(rest, rest, &moved);
        pixman_region32_fini(&moved);
    }
    return count > 0;
}

/*
 * What looks different in BOX of VIEW, and has not just moved there, is added to display->changes.
 */
static void find_changes(struct display *display, struct surface *surface,
                         const struct pixel_view *view, const draw_rect *box)
{
    GArray *changes = display->changes;
    unsigned first = changes->len;
    int64_t news = 0;
    pixman_region32_t rest;
    draw_rect around;

    if (display->switches & DISPLAY_NO_REFINEMENT) {
        g_array_append_val(changes, *box);
        return;
    }
    front_compare(&surface->front, view, box, changes);
    for (unsigned i = first; i < changes->len; i++) {
        const draw_rect *change = &g_array_index(changes, draw_rect, i);

        around = i == first ? *change : box_around(&around, change);
        news += box_size(change);
    }
    /* What scrolls changes most of where it is. */
    if (news == 0 || news < box_size(&around) / 2)
        return;
    if (send_moves(display, surface, view, &around, &rest)) {
        int count;
        const pixman_box32_t *rects = pixman_region32_rectangles(&rest, &count);

        g_array_set_size(changes, first);
        for (int i = 0; i < count; i++)
            front_compare(&surface->front, view, &rects[i], changes);
    }
    pixman_region32_fini(&rest);
}

/* Sends what is in BOX of VIEW. */
static void send_box(struct display *display, struct surface *surface,
                     const struct pixel_view *view, const draw_rect *box)
{
    struct drawable *snapshot;

    front_take(&surface->front, view, box);
    snapshot = snapshot_create(&surface->front, surface->id, box);
    display_queue(display, snapshot, surface);
    drawable_unref(snapshot);
}

/* Sends what looks different in BOX. */
static void send_changes(struct display *display, struct surface *surface, const draw_rect *box)
{
    struct pixel_view view = canvas_view(surface->canvas);
    GArray *changes = display->changes;

    surface_settle(surface, box);
    g_array_set_size(changes, 0);
    find_changes(display, surface, &view, box);
    for (unsigned i = 0; i < changes->len; i++)
        send_box(display, surface, &view, &g_array_index(changes, draw_rect, i));
}

static void flush_surface(struct display *display, struct surface *surface)
{
    struct boxes *gathered = &surface->gathered;

    for (unsigned i = 0; i < gathered->count; i++)
        send_changes(display, surface, &gathered->boxes[i]);
    gathered->count = 0;
}

bool display_has_gathered(const struct display *display)
{
    const struct surface *primary = surfaces_find(display->surfaces, 0);

    return primary != NULL && primary->gathered.count > 0;
}

void display_flush(struct display *display)
{
    if (!display_has_gathered(display))
        return;
    flush_surface(display, surfaces_find(display->surfaces, 0));
    display->pictured_at = g_get_monotonic_time();
}

void display_prepare(struct display *display, const struct drawable *drawable,
                     struct surface *surface)
{
    if (surface->gathered.count > 0 && path_of(drawable) == PATH_CHANGE)
        flush_surface(display, surface);
}

static void gather(struct surface *surface, const pixman_region32_t *region)
{
    int count;
    const pixman_box32_t *rects = pixman_region32_rectangles((pixman_region32_t *)region, &count);

    for (int i = 0; i < count; i++)
        boxes_add(&surface->gathered, &rects[i]);
}

static bool is_news(const struct display *display, const struct surface *surface,
                    const struct pixel_view *view, const pixman_region32_t *region)
{
    int count;
    const pixman_box32_t *rects = pixman_region32_rectangles((pixman_region32_t *)region, &count);

    if (display->switches & DISPLAY_NO_REFINEMENT)
        return true;
    for (int i = 0; i < count; i++) {
        if (front_differs(&surface->front, view, &rects[i]))
            return true;
    }
    return false;
}

static void take(struct surface *surface, const struct pixel_view *view,
                 const pixman_region32_t *region)
{
    int count;
    const pixman_box32_t *rects = pixman_region32_rectangles((pixman_region32_t *)region, &count);

    for (int i = 0; i < count; i++) {
        front_take(&surface->front, view, &rects[i]);
        boxes_remove_covered(&surface->gathered, &rects[i]);
    }
}

static void pass_on(struct display *display, struct drawable *drawable, struct surface *surface,
                    const struct pixel_view *view, const pixman_region32_t *region)
{
    take(surface, view, region);
    display->passed_on = true;
    display_queue(display, drawable, surface);
}

/* Clients move what they have, which need not be what there is now. */
static void pass_on_move(struct display *display, struct drawable *drawable,
                         struct surface *surface, const pixman_region32_t *region)
{
    const draw_rect *to = &region->extents;
    const struct draw *draw = &drawable->draw;
    int dx = draw->copy_bits.from.x - draw->box.x1, dy = draw->copy_bits.from.y - draw->box.y1;
    draw_rect from = {to->x1 + dx, to->y1 + dy, to->x2 + dx, to->y2 + dy};
    const draw_rect all = {0, 0, surface->width, surface->height};

    if (!box_contains(&all, &from)) {
        gather(surface, region);
        return;
    }
    front_move(&surface->front, to, (struct draw_point){from.x1, from.y1});
    boxes_move(&surface->gathered, to, (struct draw_point){from.x1, from.y1});
    display->passed_on = true;
    display_queue(display, drawable, surface);
}

/* Of a picture for a surface where nobody sees it. */
static void forget_alpha(struct draw_image *image)
{
    struct guest_image *guest = SPICE_CONTAINEROF(image, struct guest_image, image);

    if (image->bitmap.format == SPICE_BITMAP_FMT_RGBA)
        image->bitmap.format = SPICE_BITMAP_FMT_32BIT;
    guest->no_alpha = image->bitmap.format == SPICE_BITMAP_FMT_32BIT;
}

static void pass_on_picture(struct display *display, struct drawable *drawable,
                            struct surface *surface, const struct pixel_view *view,
                            const pixman_region32_t *region)
{
    GArray *changes = display->changes;
    struct draw_image *image = drawable->draw.copy.image;
    int64_t news = 0;
    int count;
    const pixman_box32_t *rects = pixman_region32_rectangles((pixman_region32_t *)region, &count);

    g_array_set_size(changes, 0);
    for (int i = 0; i < count; i++)
        find_changes(display, surface, view, &rects[i]);
    for (unsigned i = 0; i < changes->len; i++)
        news += box_size(&g_array_index(changes, draw_rect, i));
    if (surface->format == SPICE_SURFACE_FMT_32_xRGB && image->type == SPICE_IMAGE_TYPE_BITMAP &&
        drawable->draw.type == QXL_DRAW_COPY)
        forget_alpha(image);
    if (news >= box_size(&drawable->draw.box) * PICTURE_NEWS_NUMERATOR) {
        pass_on(display, drawable, surface, view, region);
        return;
    }
    for (unsigned i = 0; i < changes->len; i++)
        send_box(display, surface, view, &g_array_index(changes, draw_rect, i));
    for (int i = 0; i < count; i++)
        boxes_remove_covered(&surface->gathered, &rects[i]);
    display->passed_on = display->passed_on || changes->len > 0;
}

void display_draw(struct display *display, struct drawable *drawable, struct surface *surface,
                  const pixman_region32_t *region, const struct pixel_view *view)
{
    enum path path = path_of(drawable);
    bool may_be_film = drawable->draw.type == QXL_DRAW_COPY &&
                       server_streaming_video(display->channel.server) != SPICE_STREAM_VIDEO_OFF;
    struct video_stream *film;

    if (surface->front.pixels == NULL)
        return; /* nobody looks */
    /* What is gathered is compared later, and pictures when they are cut down. */
    if ((may_be_film || (path != PATH_GATHERED && path != PATH_PICTURE)) &&
        !is_news(display, surface, view, region))
        return;
    film = may_be_film ? video_find(display, drawable, surface, region) : NULL;
    if (film != NULL) {
        take(surface, view, region);
        video_show(display, film, drawable, surface, region);
        return;
    }
    switch (path) {
    case PATH_GATHERED:
        gather(surface, region);
        break;
    case PATH_MOVE:
        pass_on_move(display, drawable, surface, region);
        break;
    case PATH_PICTURE:
        pass_on_picture(display, drawable, surface, view, region);
        break;
    default:
        pass_on(display, drawable, surface, view, region);
        break;
    }
}
