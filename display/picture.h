/*
 * Picture files: PNG and binary PPM (P6).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"

#include <glib.h>

enum picture_format { PICTURE_PNG, PICTURE_PPM };

/*
 * Writes AREA of CANVAS (NULL: all of it) to the file PATH. 16-bit surfaces are expanded to 8 bits
 * a channel, alpha is left out, other formats than 16 and 32 bit are refused. The file appears
 * whole or not at all; what is there and no regular file is left alone. Any thread; blocks.
 */
bool picture_save_as(const struct canvas *canvas, const draw_rect *area, const char *path,
                     enum picture_format format, GError **error);

/* The same; a name that ends in ".ppm" makes a PPM, every other one a PNG. */
bool picture_save(const struct canvas *canvas, const draw_rect *area, const char *path,
                  GError **error);
