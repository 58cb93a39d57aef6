/*
 * Drawing commands as a guest writes them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"
#include "tests/support/qxl_host.h"

/*
 * Places the command and everything that it refers to in HOST's guest memory; where it is. A source
 * that is the destination itself becomes a self bitmap.
 */
QXLPHYSICAL qxl_encode(const struct draw *draw, struct qxl_host *host);
