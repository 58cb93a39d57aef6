/*
 * The password of the SPICE server: set and expired by the monitor as QEMU does it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <spice.h>
#include <stdbool.h>

struct spice_auth {
    SpiceServer *server;
    bool required;  /* false: everybody may connect */
    bool sasl;      /* clients prove by SASL who they are; passwords are not asked for */
    char *password; /* NULL: nobody can connect while one is required */
    gint64 expires; /* seconds since 1970; G_MAXINT64: never */
};

/* What happens to clients that are connected when the password changes. */
enum spice_auth_connected { SPICE_AUTH_KEEP, SPICE_AUTH_FAIL, SPICE_AUTH_DISCONNECT };

/* Applies REQUIRED and PASSWORD to SERVER; before or after spice_server_init(). */
void spice_auth_init(struct spice_auth *auth, SpiceServer *server, bool required, bool sasl,
                     const char *password);
void spice_auth_finish(struct spice_auth *auth);

/* From now on PASSWORD is required. */
bool spice_auth_set_password(struct spice_auth *auth, const char *password,
                             enum spice_auth_connected connected, GError **error);
/* TIME: "now", "never", "+SECONDS" from now or seconds since 1970. */
bool spice_auth_expire(struct spice_auth *auth, const char *time, GError **error);
/* "none", "spice" or "sasl". */
const char *spice_auth_name(const struct spice_auth *auth);
