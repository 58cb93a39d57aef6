/*
 * A mouse pointer's shape as guests give it, made a picture.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * WIDTH x HEIGHT pixels 0xAARRGGBB, alpha not multiplied in; g_free. TYPE is SPICE_CURSOR_TYPE_*,
 * laid out as qxl-device.md section 11.2 says; what SIZE bytes at DATA lack is zero. Where a shape
 * inverts what is under it, it is black. NULL: no such type, or more than 512 pixels either way.
 */
uint32_t *pointer_picture(uint16_t type, uint16_t width, uint16_t height, const void *data,
                          size_t size);
/* How many bytes such a shape has; 0: no such type. */
size_t pointer_size(uint16_t type, uint16_t width, uint16_t height);
