/*
 * Addresses of migrations as monitors give them. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"

#include <jansson.h>

struct machine;

/*
 * Takes the address from a command's ARGUMENTS: exactly one of "uri", "channels" (QEMU's list) and
 * "channel" (the single one of the original proposal). COMMAND is named in ERROR.
 */
bool migrate_channel_parse(json_t *arguments, const char *command,
                           struct migration_address *address, GError **error);
/*
 * Takes the descriptor that ADDRESS names, if it names one, from the client of the monitor. On
 * failure ADDRESS is finished.
 */
bool migrate_channel_take_fd(struct machine *machine, struct migration_address *address,
                             GError **error);
