/*
 * The first message: version and capabilities.
 *
 * Facts: vfio-user.md section 2. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Checks the PAYLOAD of a VERSION request and writes the answer's payload to REPLY, at most SIZE
 * bytes (what the client has room for). Returns its length, or 0 with *PROBLEM, a phrase for a log.
 */
size_t vfio_user_negotiate(const uint8_t *payload, size_t size, uint8_t *reply,
                           const char **problem);
