/*
 * Fills, pictures and surfaces.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_command.h"

#define CHUNK_BYTES (256u << 10) /* as X.Org's driver splits its images */

struct soft_target soft_screen(struct soft_frame *frame)
{
    return (struct soft_target){.frame = frame, .width = frame->width, .height = frame->height};
}

bool soft_surface_live(const struct soft_frame *frame, uint32_t surface)
{
    return surface && surface < SOFT_SURFACES &&
           frame->driver->state->surfaces[surface].life == SOFT_SURFACE_LIVE;
}

struct soft_target soft_surface_target(struct soft_frame *frame, uint32_t surface)
{
    struct soft_target target = {.frame = frame, .surface = surface};

    if (soft_surface_live(frame, surface)) {
        target.width = (int)frame->driver->state->surfaces[surface].width;
        target.height = (int)frame->driver->state->surfaces[surface].height;
    }
    return target;
}

uint64_t soft_surface_bytes(int width, int height)
{
    uint64_t bytes = (uint64_t)width * 4 * (uint64_t)height;
    return (bytes + SOFT_PAGE_SIZE - 1) / SOFT_PAGE_SIZE * SOFT_PAGE_SIZE;
}

uint32_t soft_surface_create(struct soft_frame *frame, int width, int height, uint32_t format)
{
    struct soft_driver *driver = frame->driver;
    struct soft_build build;
    uint64_t size = soft_surface_bytes(width, height);
    uint32_t id = 1;

    while (id < driver->surface_count && driver->state->surfaces[id].life != SOFT_SURFACE_FREE)
        id++;
    uint64_t offset = soft_arena_take(&frame->video, size, SOFT_PAGE_SIZE);
    if (id >= driver->surface_count || !offset ||
        !soft_build_begin_lasting(&build, frame, sizeof(QXLSurfaceCmd), 0)) {
        frame->overfull = true;
        return 0;
    }
    soft_heap_hold(&driver->video, offset, size);
    driver->state->surfaces[id] = (struct soft_surface){
        .life = SOFT_SURFACE_LIVE,
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .format = format,
        .offset = offset,
        .size = size,
    };
    QXLSurfaceCmd *command = build.body;
    command->surface_id = id;
    command->type = QXL_SURFACE_CMD_CREATE;
    command->u.surface_create = (QXLSurface){
        .format = format,
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .stride = width * 4,
        .data = driver->state->slot_address[SOFT_SLOT_VRAM] + offset,
    };
    soft_build_end(&build, QXL_CMD_SURFACE, 0);
    return id;
}

void soft_surface_destroy(struct soft_frame *frame, uint32_t surface)
{
    struct soft_build build;

    if (!soft_surface_live(frame, surface) ||
        !soft_build_begin(&build, frame, sizeof(QXLSurfaceCmd), 0))
        return;
    QXLSurfaceCmd *command = build.body;
    command->surface_id = surface;
    command->type = QXL_SURFACE_CMD_DESTROY;
    frame->driver->state->surfaces[surface].life = SOFT_SURFACE_DYING;
    soft_build_end(&build, QXL_CMD_SURFACE, surface);
}

void soft_fill_rop(const struct soft_target *target, struct soft_rect rect, uint32_t color,
                   uint16_t rop)
{
    struct soft_build build;
    uint8_t effect = rop == SPICE_ROPD_OP_PUT ? QXL_EFFECT_OPAQUE : QXL_EFFECT_BLEND;
    QXLDrawable *drawable = soft_draw_begin(&build, target, rect, QXL_DRAW_FILL, effect, 0);

    if (!drawable)
        return;
    drawable->u.fill.brush = soft_solid(color);
    drawable->u.fill.rop_descriptor = rop;
    soft_draw_end(&build);
}

void soft_fill(const struct soft_target *target, struct soft_rect rect, uint32_t color)
{
    soft_fill_rop(target, rect, color, SPICE_ROPD_OP_PUT);
}

void soft_fill_pattern(const struct soft_target *target, struct soft_rect rect,
                       const uint8_t rows[8], uint32_t foreground, uint32_t background)
{
    const struct soft_bitmap bitmap = {.width = 8, .height = 8, .bits = rows};
    const uint32_t colors[2] = {background, foreground};
    struct soft_build build;
    QXLDrawable *drawable = soft_draw_begin(&build, target, rect, QXL_DRAW_FILL, QXL_EFFECT_OPAQUE,
                                            soft_bitmap_size(&bitmap));

    if (!drawable)
        return;
    drawable->u.fill.brush.type = SPICE_BRUSH_TYPE_PATTERN;
    drawable->u.fill.brush.u.pattern.pat = soft_build_bitmap(&build, &bitmap, colors);
    drawable->u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    soft_draw_end(&build);
}

void soft_fill_plain(const struct soft_target *target, struct soft_rect rect, uint8_t type)
{
    struct soft_build build;
    uint8_t effect = type == QXL_DRAW_INVERS ? QXL_EFFECT_REVERT_ON_DUP : QXL_EFFECT_OPAQUE;

    if (soft_draw_begin(&build, target, rect, type, effect, 0))
        soft_draw_end(&build); /* no mask: all of the union is zero */
}

void soft_copy_bits(const struct soft_target *target, struct soft_rect rect, int from_x, int from_y)
{
    struct soft_build build;
    QXLDrawable *drawable =
        soft_draw_begin(&build, target, rect, QXL_COPY_BITS, QXL_EFFECT_OPAQUE, 0);

    if (!drawable)
        return;
    drawable->u.copy_bits.src_pos = (QXLPoint){.x = from_x + build.x, .y = from_y + build.y};
    soft_draw_end(&build);
}

/* --- images --- */

static int rows_per_chunk(const struct soft_picture *picture)
{
    return MAX(1, (int)(CHUNK_BYTES / ((unsigned)picture->width * 4)));
}

static size_t picture_size(const struct soft_picture *picture)
{
    int rows = rows_per_chunk(picture);
    size_t chunks = (size_t)((picture->height + rows - 1) / rows);

    return soft_part_size(sizeof(QXLImage)) + chunks * soft_part_size(sizeof(QXLDataChunk)) +
           (size_t)picture->width * 4 * (size_t)picture->height;
}

/* Writes the picture as an image with a chain of chunks of whole rows. */
static QXLPHYSICAL build_picture(struct soft_build *build, const struct soft_picture *picture)
{
    QXLPHYSICAL address, chunk_address, previous_address = 0;
    QXLImage *image = soft_build_part(build, sizeof(*image), &address);
    QXLDataChunk *previous = NULL;
    size_t stride = (size_t)picture->width * 4;
    int step = rows_per_chunk(picture);

    memset(image, 0, sizeof(*image));
    if (picture->unique) {
        QXL_SET_IMAGE_ID(image, QXL_IMAGE_GROUP_DRIVER, picture->unique);
        image->descriptor.flags = QXL_IMAGE_CACHE;
    }
    image->descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    image->descriptor.width = (uint32_t)picture->width;
    image->descriptor.height = (uint32_t)picture->height;
    image->bitmap.format = picture->alpha ? SPICE_BITMAP_FMT_RGBA : SPICE_BITMAP_FMT_32BIT;
    image->bitmap.flags = QXL_BITMAP_TOP_DOWN;
    image->bitmap.x = (uint32_t)picture->width;
    image->bitmap.y = (uint32_t)picture->height;
    image->bitmap.stride = (uint32_t)stride;
    for (int y = 0; y < picture->height; y += step) {
        int rows = MIN(step, picture->height - y);
        /* The payload, not the chunk's header, is what the rows want aligned. */
        uint8_t *part = soft_build_chunk(build, stride * (size_t)rows, &chunk_address);
        QXLDataChunk *chunk = (QXLDataChunk *)(part - sizeof(*chunk));
        picture->fill(picture->opaque, (uint32_t *)part, picture->width, y, rows);
        chunk->prev_chunk = previous_address;
        if (previous)
            previous->next_chunk = chunk_address;
        else
            image->bitmap.data = chunk_address;
        previous = chunk;
        previous_address = chunk_address;
    }
    return address;
}

static QXLRect source_area(const struct soft_build *build, int x, int y)
{
    const QXLDrawable *drawable = build->body;
    QXLRect area = {.left = x + build->x, .top = y + build->y};

    area.right = area.left + drawable->bbox.right - drawable->bbox.left;
    area.bottom = area.top + drawable->bbox.bottom - drawable->bbox.top;
    return area;
}

static QXLDrawable *picture_begin(struct soft_build *build, const struct soft_target *target, int x,
                                  int y, const struct soft_picture *picture, uint8_t type,
                                  uint8_t effect, size_t extra)
{
    struct soft_rect rect = {x, y, picture->width, picture->height};
    return soft_draw_begin(build, target, rect, type, effect, extra + picture_size(picture));
}

void soft_copy_picture(const struct soft_target *target, int x, int y,
                       const struct soft_picture *picture, const struct soft_bitmap *mask)
{
    struct soft_build build;
    QXLDrawable *drawable = picture_begin(&build, target, x, y, picture, QXL_DRAW_COPY,
                                          mask ? QXL_EFFECT_BLEND : QXL_EFFECT_OPAQUE,
                                          mask ? soft_bitmap_size(mask) : 0);

    if (!drawable)
        return;
    drawable->u.copy.src_bitmap = build_picture(&build, picture);
    drawable->u.copy.src_area = source_area(&build, 0, 0);
    drawable->u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    if (mask) {
        drawable->u.copy.mask.pos = (QXLPoint){.x = build.x, .y = build.y};
        drawable->u.copy.mask.bitmap = soft_build_bitmap(&build, mask, NULL);
    }
    soft_draw_end(&build);
}

void soft_blend_picture(const struct soft_target *target, int x, int y,
                        const struct soft_picture *picture, uint8_t alpha)
{
    struct soft_build build;
    QXLDrawable *drawable =
        picture_begin(&build, target, x, y, picture, QXL_DRAW_ALPHA_BLEND, QXL_EFFECT_BLEND, 0);

    if (!drawable)
        return;
    drawable->u.alpha_blend.alpha = alpha;
    drawable->u.alpha_blend.src_bitmap = build_picture(&build, picture);
    drawable->u.alpha_blend.src_area = source_area(&build, 0, 0);
    soft_draw_end(&build);
}

void soft_copy_picture_keyed(const struct soft_target *target, int x, int y,
                             const struct soft_picture *picture, uint32_t key)
{
    struct soft_build build;
    QXLDrawable *drawable =
        picture_begin(&build, target, x, y, picture, QXL_DRAW_TRANSPARENT, QXL_EFFECT_BLEND, 0);

    if (!drawable)
        return;
    drawable->u.transparent.src_bitmap = build_picture(&build, picture);
    drawable->u.transparent.src_area = source_area(&build, 0, 0);
    drawable->u.transparent.src_color = key;
    drawable->u.transparent.true_color = key;
    soft_draw_end(&build);
}

void soft_rop3_picture(const struct soft_target *target, int x, int y,
                       const struct soft_picture *picture, uint32_t color, uint8_t rop3)
{
    struct soft_build build;
    QXLDrawable *drawable =
        picture_begin(&build, target, x, y, picture, QXL_DRAW_ROP3, QXL_EFFECT_BLEND, 0);

    if (!drawable)
        return;
    drawable->u.rop3.src_bitmap = build_picture(&build, picture);
    drawable->u.rop3.src_area = source_area(&build, 0, 0);
    drawable->u.rop3.brush = soft_solid(color);
    drawable->u.rop3.rop3 = rop3;
    soft_draw_end(&build);
}

void soft_opaque_picture(const struct soft_target *target, int x, int y,
                         const struct soft_picture *picture, uint32_t color, uint16_t rop)
{
    struct soft_build build;
    QXLDrawable *drawable =
        picture_begin(&build, target, x, y, picture, QXL_DRAW_OPAQUE, QXL_EFFECT_OPAQUE, 0);

    if (!drawable)
        return;
    drawable->u.opaque.src_bitmap = build_picture(&build, picture);
    drawable->u.opaque.src_area = source_area(&build, 0, 0);
    drawable->u.opaque.brush = soft_solid(color);
    drawable->u.opaque.rop_descriptor = rop;
    soft_draw_end(&build);
}

void soft_copy_bitmap(const struct soft_target *target, int x, int y,
                      const struct soft_bitmap *bitmap, uint32_t foreground, uint32_t background)
{
    const uint32_t colors[2] = {background, foreground};
    struct soft_rect rect = {x, y, bitmap->width, bitmap->height};
    struct soft_build build;
    QXLDrawable *drawable = soft_draw_begin(&build, target, rect, QXL_DRAW_COPY, QXL_EFFECT_OPAQUE,
                                            soft_bitmap_size(bitmap));

    if (!drawable)
        return;
    drawable->u.copy.src_bitmap = soft_build_bitmap(&build, bitmap, colors);
    drawable->u.copy.src_area = source_area(&build, 0, 0);
    drawable->u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    soft_draw_end(&build);
}

/* --- surfaces as sources --- */

/* Begins a drawable that reads SOURCE; *AREA is what it reads, *IMAGE names the surface. */
static QXLDrawable *surface_begin(struct soft_build *build, const struct soft_target *target,
                                  struct soft_rect rect, struct soft_source source, uint8_t type,
                                  uint8_t effect, QXLRect *area, QXLPHYSICAL *address)
{
    if (!soft_surface_live(target->frame, source.surface))
        return NULL;
    struct soft_target from = soft_surface_target(target->frame, source.surface);
    if (source.x < 0 || source.y < 0 || rect.width > from.width - source.x ||
        rect.height > from.height - source.y)
        return NULL;

    QXLDrawable *drawable =
        soft_draw_begin(build, target, rect, type, effect, soft_part_size(sizeof(QXLImage)));
    if (!drawable)
        return NULL;
    *area = source_area(build, source.x, source.y);
    drawable->surfaces_dest[0] = (int32_t)source.surface;
    drawable->surfaces_rects[0] = *area;

    QXLImage *image = soft_build_part(build, sizeof(*image), address);
    memset(image, 0, sizeof(*image));
    image->descriptor.type = SPICE_IMAGE_TYPE_SURFACE;
    image->descriptor.width = (uint32_t)from.width;
    image->descriptor.height = (uint32_t)from.height;
    image->surface_image.surface_id = source.surface;
    return drawable;
}

void soft_copy_surface(const struct soft_target *target, struct soft_rect rect,
                       struct soft_source source)
{
    struct soft_build build;
    QXLRect area;
    QXLPHYSICAL image;
    QXLDrawable *drawable = surface_begin(&build, target, rect, source, QXL_DRAW_COPY,
                                          QXL_EFFECT_OPAQUE, &area, &image);

    if (!drawable)
        return;
    drawable->u.copy.src_bitmap = image;
    drawable->u.copy.src_area = area;
    drawable->u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    soft_draw_end(&build);
}

void soft_copy_surface_keyed(const struct soft_target *target, struct soft_rect rect,
                             struct soft_source source, uint32_t key)
{
    struct soft_build build;
    QXLRect area;
    QXLPHYSICAL image;
    QXLDrawable *drawable = surface_begin(&build, target, rect, source, QXL_DRAW_TRANSPARENT,
                                          QXL_EFFECT_BLEND, &area, &image);

    if (!drawable)
        return;
    drawable->u.transparent.src_bitmap = image;
    drawable->u.transparent.src_area = area;
    drawable->u.transparent.src_color = key;
    drawable->u.transparent.true_color = key;
    soft_draw_end(&build);
}

void soft_blend_surface(const struct soft_target *target, struct soft_rect rect,
                        struct soft_source source, uint8_t alpha)
{
    struct soft_build build;
    QXLRect area;
    QXLPHYSICAL image;
    QXLDrawable *drawable = surface_begin(&build, target, rect, source, QXL_DRAW_ALPHA_BLEND,
                                          QXL_EFFECT_BLEND, &area, &image);

    if (!drawable)
        return;
    if (target->frame->driver->state->surfaces[source.surface].format == SPICE_SURFACE_FMT_32_ARGB)
        drawable->u.alpha_blend.alpha_flags = SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA;
    drawable->u.alpha_blend.alpha = alpha;
    drawable->u.alpha_blend.src_bitmap = image;
    drawable->u.alpha_blend.src_area = area;
    soft_draw_end(&build);
}
