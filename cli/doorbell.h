/*
 * How other threads call the main loop: a source that is there all the time, sleeps, and does its
 * function once after it was rung.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

struct doorbell;

/* FUNC runs on the main loop, in GLib's default context. IO thread. */
struct doorbell *doorbell_create(void (*func)(void *opaque), void *opaque);
/* FUNC is not called any more. NULL is allowed. IO thread. */
void doorbell_silence(struct doorbell *bell);
/* When nobody can ring it any more. NULL is allowed. */
void doorbell_destroy(struct doorbell *bell);

/* FUNC shall run at TIME (us of the monotonic clock), or at once if that has passed. Any thread. */
void doorbell_ring(struct doorbell *bell, gint64 time);
