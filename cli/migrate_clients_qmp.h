/*
 * QMP's commands about clients that follow the guest, as in QEMU where it has them.
 *
 * OPAQUE is the struct machine. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp.h"

extern const struct qmp_argument client_migrate_info_arguments[];

json_t *qmp_client_migrate_info(void *opaque, json_t *arguments, GError **error);
json_t *qmp_client_migrate_cancel(void *opaque, json_t *arguments, GError **error);
