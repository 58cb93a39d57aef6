/*
 * What a client has been sent with losses, and its replacement by exact pixels as soon as nothing
 * more of that kind comes for a while. For display_*.c only.
 *
 * The worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_client.h"

void display_lossy_init(struct display_client *client);
void display_lossy_finish(struct display_client *client);
void display_lossy_surface_init(struct client_surface *known);
void display_lossy_surface_finish(struct client_surface *known);

/* May AREA of KNOWN be sent with losses? Not while they are being made up for. */
bool display_lossy_allowed(struct client_surface *known, const draw_rect *area);
/* DRAW has been sent to CLIENT, LOSSY if something was lost of its images. */
void display_lossy_drawn(struct display_client *client, const struct draw *draw, bool lossy);
/* The same, of a snapshot of damage. */
void display_lossy_sent_piece(struct display_client *client, struct client_surface *known,
                              const struct draw *draw, bool lossy);
/* The same, of a film: REGION of surface 0 is not what the client shows. */
void display_lossy_add(struct display_client *client, const pixman_region32_t *region);
/* All that can be made up for is queued now. */
void display_lossy_make_up(struct display_client *client);
/* What was kept back for a film need not be any more. */
void display_lossy_make_up_soon(struct display_client *client);
