/*
 * Scaling images onto canvases.
 *
 * Clients run the same commands with pixman and must get the same pixels, so the transform and the
 * filters here are those that they use.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/scale.h"

#include <glib.h>

const char *scale_prepare(struct image *image, const draw_rect *area, const draw_rect *box,
                          uint8_t scale_mode)
{
    int64_t width = (int64_t)box->x2 - box->x1, height = (int64_t)box->y2 - box->y1;
    pixman_transform_t transform;

    if (scale_mode != SPICE_IMAGE_SCALE_MODE_INTERPOLATE &&
        scale_mode != SPICE_IMAGE_SCALE_MODE_NEAREST)
        return "unknown scale mode";
    if (area->x2 > INT16_MAX || area->y2 > INT16_MAX || width > INT16_MAX || height > INT16_MAX)
        return "the image is too large to be scaled";
    pixman_transform_init_scale(&transform, ((int64_t)(area->x2 - area->x1) << 16) / width,
                                ((int64_t)(area->y2 - area->y1) << 16) / height);
    pixman_transform_translate(&transform, NULL, pixman_int_to_fixed(area->x1),
                               pixman_int_to_fixed(area->y1));
    pixman_image_set_transform(image->image, &transform);
    pixman_image_set_repeat(image->image, PIXMAN_REPEAT_NONE);
    pixman_image_set_filter(image->image,
                            scale_mode == SPICE_IMAGE_SCALE_MODE_NEAREST ? PIXMAN_FILTER_NEAREST
                                                                         : PIXMAN_FILTER_GOOD,
                            NULL, 0);
    return NULL;
}

const char *scale_onto(struct drawing *drawing, struct image *source, const draw_rect *area,
                       uint8_t scale_mode)
{
    const draw_rect *box = &drawing->draw->box;
    pixman_image_t *to = drawing->canvas->image;
    const char *reason = scale_prepare(source, area, box, scale_mode);

    if (reason)
        return reason;
    pixman_image_set_clip_region32(to, &drawing->region);
    pixman_image_composite32(PIXMAN_OP_SRC, source->image, NULL, to, 0, 0, 0, 0, box->x1, box->y1,
                             box->x2 - box->x1, box->y2 - box->y1);
    pixman_image_set_clip_region32(to, NULL);
    return NULL;
}

const char *scale_region(struct image *result, struct drawing *drawing, struct image *source,
                         const draw_rect *area, uint8_t scale_mode)
{
    const draw_rect *box = &drawing->draw->box;
    const pixman_box32_t *extents = pixman_region32_extents(&drawing->region);
    const char *reason = scale_prepare(source, area, box, scale_mode);

    if (reason)
        return reason;
    *result = (struct image){
        .width = extents->x2 - extents->x1,
        .height = extents->y2 - extents->y1,
        .bits = PIXMAN_FORMAT_BPP(source->format),
        .format = source->format,
    };
    result->image =
        pixman_image_create_bits(result->format, result->width, result->height, NULL, 0);
    if (!result->image)
        return "out of memory for a scaled image";
    result->data = (const uint8_t *)pixman_image_get_data(result->image);
    result->stride = pixman_image_get_stride(result->image);
    pixman_image_composite32(PIXMAN_OP_SRC, source->image, NULL, result->image,
                             extents->x1 - box->x1, extents->y1 - box->y1, 0, 0, 0, 0,
                             result->width, result->height);
    return NULL;
}
