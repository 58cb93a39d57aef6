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
    struct encode_pool *pool; /* NULL: none */
    bool lossy;               /* something was lost of an image in the last drawable */
};
/* PROCESSORS: how many may be kept busy. */
void display_encoder_init(struct display_encoder *encoder, unsigned processors);
void display_encoder_finish(struct display_encoder *encoder);

/* A command of DRAWABLE; refers to its pixels in place and holds it until written. */
struct message *display_encode_draw(struct display_encoder *encoder, struct drawable *drawable,
                                    const struct draw *draw, const struct image_policy *policy);
static inline struct message *display_encode_drawable(struct display_encoder *encoder,
                                                      struct drawable *drawable,
                                                      const struct image_policy *policy)
{
    return display_encode_draw(encoder, drawable, &drawable->draw, policy);
}

/* display_encode_ahead.c */
/*
 * The commands, *COUNT of them, that DRAWABLE is sent as: itself, or parts of it that several
 * threads can encode.
 */
const struct draw *display_encode_parts(struct display_encoder *encoder, struct drawable *drawable,
                                        const struct image_policy *policy, unsigned *count);
/* Soon DRAW, of DRAWABLE, will be encoded: other threads may begin. */
void display_encode_ahead(struct display_encoder *encoder, const struct draw *draw,
                          const struct image_policy *policy);
/* Have other threads less to do than they could? */
bool display_encode_is_idle(const struct display_encoder *encoder);

struct message *display_encode_surface_create(uint32_t id, uint32_t width, uint32_t height,
                                              uint32_t format);
/* Clients' image caches are empty from now on. */
struct message *display_encode_forget_images(void);
struct message *display_encode_surface_destroy(uint32_t id);
/* The client drops what IDS (of uint64_t) name from its image cache. */
struct message *display_encode_drop_images(const GArray *ids);
struct message *display_encode_drop_palette(uint64_t id);
struct message *display_encode_monitors(const struct monitors_config *monitors);
