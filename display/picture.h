/*
 * Picture files: PNG and binary PPM (P6).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/canvas.h"

#include <glib.h>

/*
 * Writes AREA of CANVAS (NULL: all of it) to the file PATH; a name that ends in ".ppm" makes a PPM,
 * every other one a PNG. 16-bit surfaces are expanded to 8 bits a channel, alpha is left out, other
 * formats than 16 and 32 bit are refused. The file appears whole or not at all. Any thread; blocks.
 */
bool picture_save(const struct canvas *canvas, const draw_rect *area, const char *path,
                  GError **error);
