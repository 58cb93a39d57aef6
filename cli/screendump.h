/*
 * Pictures of cards in files, for the monitor: copied at once, encoded and written by a thread of
 * their own, so that nobody waits for a disk.
 *
 * IO thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp.h"
#include "display/picture.h"
#include "qxl/card.h"

#define SCREENDUMP_ALL_HEADS (-1)

struct screendump {
    const char *path;
    enum picture_format format;
    int64_t surface; /* 0: what heads show */
    int64_t head;    /* SCREENDUMP_ALL_HEADS: all of the surface */
};

struct screendumps;

struct screendumps *screendumps_create(void);
/* Waits until all are written. NULL: nothing. */
void screendumps_destroy(struct screendumps *dumps);

/* Takes a picture of CARD, whose guest stands still. False: there is none, or too many are taken.
 */
bool screendumps_take(struct screendumps *dumps, struct qxl_card *card,
                      const struct screendump *request, GError **error);
/* Writes the picture that was taken last, then answers LATER. */
void screendumps_answer(struct screendumps *dumps, struct qmp_later *later);
