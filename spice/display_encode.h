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
    bool lossy; /* something was lost of an image in the last drawable */
};
void display_encoder_init(struct display_encoder *encoder);
void display_encoder_finish(struct display_encoder *encoder);

/* DRAWABLE's command; refers to its pixels in place and holds it until written. */
struct message *display_encode_drawable(struct display_encoder *encoder, struct drawable *drawable,
                                        const struct image_policy *policy);

struct message *display_encode_surface_create(uint32_t id, uint32_t width, uint32_t height,
                                              uint32_t format);
/* Clients' image caches are empty from now on. */
struct message *display_encode_forget_images(void);
struct message *display_encode_surface_destroy(uint32_t id);
/* The client drops what IDS (of uint64_t) name from its image cache. */
struct message *display_encode_drop_images(const GArray *ids);
struct message *display_encode_monitors(const struct monitors_config *monitors);
