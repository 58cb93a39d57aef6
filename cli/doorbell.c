/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/doorbell.h"

struct doorbell {
    GSource source; /* first */
    void (*func)(void *opaque);
    void *opaque;
};

static gboolean dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    struct doorbell *bell = (struct doorbell *)source;

    (void)func;
    (void)data;
    /* First: what comes while FUNC runs rings again. */
    g_source_set_ready_time(source, -1);
    bell->func(bell->opaque);
    return G_SOURCE_CONTINUE;
}

struct doorbell *doorbell_create(void (*func)(void *opaque), void *opaque)
{
    static GSourceFuncs functions = {.dispatch = dispatch};
    struct doorbell *bell = (struct doorbell *)g_source_new(&functions, sizeof(*bell));

    bell->func = func;
    bell->opaque = opaque;
    g_source_attach(&bell->source, NULL);
    return bell;
}

void doorbell_silence(struct doorbell *bell)
{
    if (bell)
        g_source_destroy(&bell->source);
}

void doorbell_destroy(struct doorbell *bell)
{
    if (!bell)
        return;
    g_source_destroy(&bell->source);
    g_source_unref(&bell->source);
}

void doorbell_ring(struct doorbell *bell, gint64 time)
{
    g_source_set_ready_time(&bell->source, time);
}
