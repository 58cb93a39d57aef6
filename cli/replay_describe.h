/*
 * A command of a recording in words, for people who step through it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>

/* One line; g_free. COMMAND's addresses are this process's and its fields sound. */
char *replay_describe(const QXLCommandExt *command);
