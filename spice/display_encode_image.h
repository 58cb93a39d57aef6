/*
 * Images in display messages (spice-wire.md section 4.5). For display_encode*.c only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_encode.h"

enum image_form { IMAGE_AS_IT_IS, IMAGE_MAY_BE_COMPRESSED, IMAGE_MAY_LOSE };

/* Pointers to images, met while the fixed part of a message is written, and what they point to. */
struct image_writer {
    struct display_encoder *encoder;
    struct message *message;
    struct drawable *drawable;
    const struct image_policy *policy;
    bool has_references; /* to guest memory */
    unsigned count;
    struct {
        struct draw_image *image;
        struct message_pointer pointer;
        enum image_form form;
    } images[3];
};

/* A pointer to IMAGE, or the null pointer for NULL. */
void image_writer_add_pointer(struct image_writer *writer, struct draw_image *image,
                              enum image_form form);
/* The images, behind everything else. */
void image_writer_add_images(struct image_writer *writer);

static inline void add_rect(struct message *message, const draw_rect *rect)
{
    message_add_u32(message, rect->y1);
    message_add_u32(message, rect->x1);
    message_add_u32(message, rect->y2);
    message_add_u32(message, rect->x2);
}
