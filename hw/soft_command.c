/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_command.h"

#define PART_ALIGN 16u

size_t soft_part_size(size_t size)
{
    return size + PART_ALIGN - 1;
}

/* The card's address of an offset in the RAM BAR. */
static QXLPHYSICAL address_of(const struct soft_frame *frame, uint64_t offset)
{
    return frame->driver->state->slot_address[SOFT_SLOT_RAM] + offset;
}

/* Bytes of a command at most. */
static size_t command_bytes(size_t body, size_t extra)
{
    return sizeof(struct soft_command) + soft_part_size(body) + extra;
}

static bool begin_in(struct soft_build *build, struct soft_frame *frame, struct soft_arena *arena,
                     size_t body, size_t extra)
{
    uint64_t before = arena->next;
    uint64_t start = soft_arena_take(arena, command_bytes(body, extra), PART_ALIGN);

    if (!start) {
        frame->overfull = true;
        arena->next = before;
        return false;
    }
    /* It fits; now its parts take what they really need. */
    arena->next = start + sizeof(struct soft_command);
    build->frame = frame;
    build->arena = arena;
    build->start = start;
    build->offset = arena->next;
    build->x = build->y = 0;
    build->body = soft_build_part(build, body, NULL);
    memset(build->body, 0, body);
    return true;
}

bool soft_build_begin(struct soft_build *build, struct soft_frame *frame, size_t body, size_t extra)
{
    return begin_in(build, frame, &frame->memory, body, extra);
}

bool soft_build_begin_lasting(struct soft_build *build, struct soft_frame *frame, size_t body,
                              size_t extra)
{
    struct soft_arena *lasting = &build->lasting;

    /* The frame's run is free as well until something in it is held. */
    if (!soft_heap_reserve_last(&frame->driver->memory, command_bytes(body, extra) + PART_ALIGN,
                                lasting) ||
        (lasting->start < frame->memory.end && lasting->end > frame->memory.start))
        return soft_build_begin(build, frame, body, extra);
    return begin_in(build, frame, lasting, body, extra);
}

void *soft_build_part(struct soft_build *build, size_t size, QXLPHYSICAL *address)
{
    uint64_t offset = soft_arena_take(build->arena, size, PART_ALIGN);

    g_assert(offset); /* the caller's EXTRA was too small */
    if (address)
        *address = address_of(build->frame, offset);
    return build->frame->driver->ram + offset;
}

void soft_build_end(struct soft_build *build, uint32_t type, uint32_t destroyed_surface)
{
    struct soft_frame *frame = build->frame;
    struct soft_driver *driver = frame->driver;
    struct soft_command command = {
        .size = (uint32_t)(build->arena->next - build->start),
        .surface = destroyed_surface,
    };
    QXLReleaseInfo *release = build->body;

    memcpy(driver->ram + build->start, &command, sizeof(command));
    release->id = build->offset;
    if (!soft_driver_queue(driver, build->offset, type)) {
        frame->overfull = true;
        build->arena->next = build->start;
        return;
    }
    soft_heap_hold(&driver->memory, build->start, command.size);
}

uint8_t *soft_build_chunk(struct soft_build *build, size_t size, QXLPHYSICAL *address)
{
    QXLDataChunk *chunk = soft_build_part(build, sizeof(*chunk) + size, address);

    *chunk = (QXLDataChunk){.data_size = (uint32_t)size};
    return chunk->data;
}

QXLDrawable *soft_draw_begin(struct soft_build *build, const struct soft_target *target,
                             struct soft_rect rect, uint8_t type, uint8_t effect, size_t extra)
{
    pixman_region32_t region;
    QXLDrawable *drawable = NULL;
    int count;

    if (rect.width <= 0 || rect.height <= 0)
        return NULL;
    pixman_region32_init_rect(&region, rect.x, rect.y, (unsigned)rect.width, (unsigned)rect.height);
    pixman_region32_intersect_rect(&region, &region, 0, 0, (unsigned)target->width,
                                   (unsigned)target->height);
    if (target->clip)
        pixman_region32_intersect(&region, &region, (pixman_region32_t *)target->clip);
    const pixman_box32_t *boxes = pixman_region32_rectangles(&region, &count);
    pixman_box32_t box = *pixman_region32_extents(&region);
    size_t list = count > 1 ? sizeof(QXLClipRects) + (size_t)count * sizeof(QXLRect) : 0;

    if (count && soft_build_begin(build, target->frame, sizeof(*drawable),
                                  extra + (list ? soft_part_size(list) : 0))) {
        drawable = build->body;
        build->x = box.x1 - rect.x;
        build->y = box.y1 - rect.y;
        drawable->surface_id = target->surface;
        drawable->type = type;
        drawable->effect = effect;
        drawable->bbox =
            (QXLRect){.left = box.x1, .top = box.y1, .right = box.x2, .bottom = box.y2};
        drawable->mm_time = target->frame->driver->rom->mm_clock;
        for (unsigned i = 0; i < G_N_ELEMENTS(drawable->surfaces_dest); i++)
            drawable->surfaces_dest[i] = -1;
        drawable->clip.type = SPICE_CLIP_TYPE_NONE;
    }
    if (drawable && list) {
        QXLPHYSICAL address;
        QXLClipRects *clip = soft_build_part(build, list, &address);
        QXLRect *rects = (QXLRect *)clip->chunk.data;

        *clip = (QXLClipRects){.num_rects = (uint32_t)count};
        clip->chunk.data_size = (uint32_t)((size_t)count * sizeof(QXLRect));
        for (int i = 0; i < count; i++)
            rects[i] = (QXLRect){.left = boxes[i].x1,
                                 .top = boxes[i].y1,
                                 .right = boxes[i].x2,
                                 .bottom = boxes[i].y2};
        drawable->clip.type = SPICE_CLIP_TYPE_RECTS;
        drawable->clip.data = address;
    }
    pixman_region32_fini(&region);
    return drawable;
}

void soft_draw_end(struct soft_build *build)
{
    soft_build_end(build, QXL_CMD_DRAW, 0);
}

QXLBrush soft_solid(uint32_t color)
{
    return (QXLBrush){.type = SPICE_BRUSH_TYPE_SOLID, .u.color = color};
}

static size_t bitmap_stride(const struct soft_bitmap *bitmap)
{
    return ((size_t)bitmap->width + 7) / 8;
}

size_t soft_bitmap_size(const struct soft_bitmap *bitmap)
{
    return soft_part_size(sizeof(QXLImage)) +
           soft_part_size(sizeof(QXLPalette) + 2 * sizeof(uint32_t)) +
           soft_part_size(sizeof(QXLDataChunk) + bitmap_stride(bitmap) * (size_t)bitmap->height);
}

QXLPHYSICAL soft_build_bitmap(struct soft_build *build, const struct soft_bitmap *bitmap,
                              const uint32_t colors[2])
{
    size_t stride = bitmap_stride(bitmap), size = stride * (size_t)bitmap->height;
    QXLPHYSICAL address, data, palette_address = 0;
    QXLImage *image = soft_build_part(build, sizeof(*image), &address);

    if (colors) {
        QXLPalette *palette =
            soft_build_part(build, sizeof(*palette) + 2 * sizeof(uint32_t), &palette_address);
        palette->unique = 0;
        palette->num_ents = 2;
        memcpy(palette->ents, colors, 2 * sizeof(uint32_t));
    }
    memcpy(soft_build_chunk(build, size, &data), bitmap->bits, size);
    memset(image, 0, sizeof(*image));
    image->descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    image->descriptor.width = (uint32_t)bitmap->width;
    image->descriptor.height = (uint32_t)bitmap->height;
    image->bitmap.format = SPICE_BITMAP_FMT_1BIT_BE;
    image->bitmap.flags = QXL_BITMAP_TOP_DOWN;
    image->bitmap.x = (uint32_t)bitmap->width;
    image->bitmap.y = (uint32_t)bitmap->height;
    image->bitmap.stride = (uint32_t)stride;
    image->bitmap.palette = palette_address;
    image->bitmap.data = data;
    return address;
}
