/*
 * Commands without what their clip takes away.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"

/*
 * A clip of one rectangle becomes the box of DRAW, with the same outcome, if it does something
 * simple: guests with kernel mode setting clip all they draw to what has changed.
 */
void draw_trim(struct draw *draw);
