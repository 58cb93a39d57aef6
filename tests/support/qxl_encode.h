/*
 * Drawing commands as a guest writes them, with plain pointers for addresses.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

#include <glib.h>

/* The command and everything it refers to go into MEMORY (g_free); pixels stay where they are. */
QXLDrawable *qxl_encode(const struct draw *draw, GPtrArray *memory);
