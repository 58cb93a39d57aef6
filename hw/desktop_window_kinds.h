/*
 * Between the files that draw windows of load "desktop".
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/desktop_window.h"

#define FACE_COLOR 0xd4d0c8 /* of buttons, borders and dialogs */

/* What the frame leaves to the contents. */
struct soft_rect window_inside(const struct window *window);
/* An edge that makes RECT look raised or pressed. */
void window_bevel(const struct soft_target *target, struct soft_rect rect, bool raised);

void window_chart_draw(const struct soft_target *target, const struct window *window);
void window_chart_step(const struct soft_target *target, struct window *window);
void window_dialog_draw(const struct soft_target *target, const struct window *window);
void window_dialog_step(const struct soft_target *target, struct window *window);
