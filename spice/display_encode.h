/*
 * Display messages: drawables, pieces of surfaces, surface life (spice-wire.md section 4).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/message.h"
#include "spice/surface.h"

struct monitors_config;

/* What encoding needs between images. One thread. */
struct display_encoder {
    struct compressor compressor;
    uint8_t *rows; /* room for a piece of a surface */
    size_t rows_size;
};
void display_encoder_init(struct display_encoder *encoder);
void display_encoder_finish(struct display_encoder *encoder);

/* DRAWABLE's command; refers to its pixels in place and holds it until written. */
struct message *display_encode_drawable(struct display_encoder *encoder, struct drawable *drawable,
                                        const struct image_policy *policy);
/* A copy of what AREA of SURFACE looks like now; AREA is inside it. */
struct message *display_encode_area(struct display_encoder *encoder, const struct surface *surface,
                                    const draw_rect *area, const struct image_policy *policy);
/* Bytes of a row of WIDTH pixels in what display_encode_area() sends. */
size_t display_area_row_size(const struct surface *surface, unsigned width);

struct message *display_encode_surface_create(uint32_t id, uint32_t width, uint32_t height,
                                              uint32_t format);
/* Clients' image caches are empty from now on. */
struct message *display_encode_forget_images(void);
struct message *display_encode_surface_destroy(uint32_t id);
struct message *display_encode_monitors(const struct monitors_config *monitors);
