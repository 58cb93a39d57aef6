/*
 * Commands that the server makes: what it paints with them is in them, so nothing of the guest is
 * held for them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/drawable.h"
#include "spice/front.h"

/* Paints what FRONT shows in BOX, which is inside and not empty, on a surface like that. */
struct drawable *snapshot_create(const struct front *front, uint32_t surface_id,
                                 const draw_rect *box);
/* Moves what is at FROM on the surface to BOX. */
struct drawable *snapshot_move(uint32_t surface_id, const draw_rect *box, struct draw_point from);
