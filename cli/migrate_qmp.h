/*
 * The monitor's commands for migration. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "cli/qmp.h"

/* Each as qmp_command.run; the tables are their arguments. */
extern const struct qmp_argument migrate_arguments[], migrate_incoming_arguments[],
    migrate_continue_arguments[], migrate_set_parameters_arguments[],
    migrate_set_capabilities_arguments[];
json_t *qmp_migrate(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_incoming(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_cancel(void *opaque, json_t *arguments, GError **error);
/* What QEMU has for post-copy: refused, saying what to do instead. */
extern const struct qmp_argument migrate_recover_arguments[];
json_t *qmp_migrate_pause(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_recover(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_continue(void *opaque, json_t *arguments, GError **error);
json_t *qmp_query_migrate(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_set_parameters(void *opaque, json_t *arguments, GError **error);
json_t *qmp_query_migrate_parameters(void *opaque, json_t *arguments, GError **error);
json_t *qmp_migrate_set_capabilities(void *opaque, json_t *arguments, GError **error);
json_t *qmp_query_migrate_capabilities(void *opaque, json_t *arguments, GError **error);
