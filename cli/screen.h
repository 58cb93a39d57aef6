/*
 * -display sdl: a card's picture in a window of our own, and the user's keyboard and mouse.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/inputs.h"
#include "qxl/card.h"

#include <glib.h>

struct screen;

/* What the user does at a screen. */
struct screen_user {
    struct inputs *inputs; /* NULL: keys and mouse are for nobody */
    void (*closed)(void *opaque);
    void *opaque;
};

/* Opens a window named NAME for CARD, which has not been started. USER is copied. */
struct screen *screen_create(struct qxl_card *card, const char *name,
                             const struct screen_user *user, GError **error);
/* Ends what calls the card and USER. Before the card is destroyed. NULL is allowed. */
void screen_stop(struct screen *screen);
/* After the card was destroyed. NULL is allowed. */
void screen_destroy(struct screen *screen);

/* The run state, for the title. */
void screen_set_state(struct screen *screen, const char *state);
