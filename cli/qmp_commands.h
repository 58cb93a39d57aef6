/*
 * What a monitor can ask of a machine.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp.h"

/* Their opaque is a struct machine. */
extern const struct qmp_command qmp_commands[];
