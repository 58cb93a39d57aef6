/*
 * The top byte of xRGB pixels after blending.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/opaque_alpha.h"
#include "display/brush.h"
#include "display/raster.h"

#include <glib.h>

void opaque_alpha_clear(struct canvas *canvas, int64_t x1, int64_t y1, int64_t x2, int64_t y2)
{
    x1 = MAX(x1, 0);
    y1 = MAX(y1, 0);
    x2 = MIN(x2, canvas->width);
    y2 = MIN(y2, canvas->height);
    if (canvas->format != SPICE_SURFACE_FMT_32_xRGB || x1 >= x2 || y1 >= y2)
        return;
    if (*(const uint32_t *)canvas_pixel(canvas, x1, y1) >> 24 != 0xff)
        return;

    pixman_box32_t box = {x1, y1, x2, y2};
    paint_color(canvas, &box, 1, 0x00ffffff, RASTER_S & RASTER_D);
}
