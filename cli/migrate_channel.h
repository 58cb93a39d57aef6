/*
 * Addresses of migrations as monitors give them. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "migration/address.h"

#include <jansson.h>

struct machine;

/*
 * Takes the address from a command's ARGUMENTS: exactly one of "uri", "channels" (QEMU's list) and
 * "channel" (the single one of the original proposal). COMMAND is named in ERROR. A descriptor that
 * the monitor's client has named is taken from it.
 */
bool migrate_channel_parse(struct machine *machine, json_t *arguments, const char *command,
                           struct migration_address *address, GError **error);
