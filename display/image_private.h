/*
 * What the readers of the kinds of images share.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/image.h"

/*
 * What pixels become before they are put on the canvas: its own format, but an alpha byte is
 * neither thrown away nor made up, because these pixels are copied as they are.
 */
pixman_format_code_t canvas_wants(const struct canvas *canvas, bool has_alpha);

/* A private buffer for rows FIRST to END, zeroed when ZERO. Rows are aligned for pixman. */
const char *image_allocate(struct image *image, int first, int end, bool zero);

/* Lets pixman convert the private rows FIRST to END of IMAGE to FORMAT. */
const char *image_convert(struct image *image, pixman_format_code_t format, int first, int end);

/* Makes the pixman image over data that holds all rows. */
const char *image_wrap(struct image *image);

/* Decodes a QUIC image. */
const char *open_quic(struct image *opened, const struct draw_image *image, enum image_use use,
                      const struct drawing *drawing);
