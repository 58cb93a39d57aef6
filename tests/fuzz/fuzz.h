/*
 * What the fuzz targets share. Each is one file with LLVMFuzzerTestOneInput().
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static inline GLogWriterOutput fuzz_no_log(GLogLevelFlags level, const GLogField *fields,
                                           gsize count, gpointer data)
{
    (void)fields;
    (void)count;
    (void)data;
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        g_abort(); /* our own mistake, whatever the input is */
    return G_LOG_WRITER_HANDLED;
}

/* Warnings about the input are not printed, criticals are findings. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    g_log_set_writer_func(fuzz_no_log, NULL, NULL);
    return 0;
}
