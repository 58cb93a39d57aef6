/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_auth.h"

#include "cli/options.h"

#include <string.h>

#define NEVER        G_MAXINT64
#define PASSWORD_MAX 59 /* server-abi.md section 1.7.2 */

static void forget_password(struct spice_auth *auth)
{
    if (auth->password)
        explicit_bzero(auth->password, strlen(auth->password));
    g_clear_pointer(&auth->password, g_free);
}

/* Lets the server know; false: clients are connected and CONNECTED is FAIL. */
static bool apply(struct spice_auth *auth, enum spice_auth_connected connected)
{
    gint64 left = auth->expires == NEVER ? 0 : auth->expires - g_get_real_time() / G_USEC_PER_SEC;
    bool expired = auth->expires != NEVER && left <= 0;

    if (!auth->required)
        return !spice_server_set_noauth(auth->server);
    return !spice_server_set_ticket(
        auth->server, expired ? NULL : auth->password, expired ? 0 : (int)MIN(left, G_MAXINT),
        connected == SPICE_AUTH_FAIL, connected == SPICE_AUTH_DISCONNECT);
}

void spice_auth_init(struct spice_auth *auth, SpiceServer *server, bool required, bool sasl,
                     const char *password)
{
    *auth = (struct spice_auth){.server = server,
                                .required = required,
                                .sasl = sasl,
                                .password = g_strdup(password),
                                .expires = NEVER};
    apply(auth, SPICE_AUTH_KEEP);
}

void spice_auth_finish(struct spice_auth *auth)
{
    forget_password(auth);
}

/* With SASL a server asks for nothing else; a password would be set for nobody. */
static bool check_passwords(const struct spice_auth *auth, GError **error)
{
    if (auth->sasl)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "Could not set password: clients authenticate by SASL, whose users are set "
                    "with saslpasswd2");
    return !auth->sasl;
}

bool spice_auth_set_password(struct spice_auth *auth, const char *password,
                             enum spice_auth_connected connected, GError **error)
{
    struct spice_auth changed = *auth;

    if (!check_passwords(auth, error))
        return false;
    if (strlen(password) > PASSWORD_MAX) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "Could not set password: it has %zu bytes, at most %d are possible",
                    strlen(password), PASSWORD_MAX);
        return false;
    }
    changed.required = true;
    changed.password = (char *)password;
    if (!apply(&changed, connected)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "Could not set password: clients are connected");
        return false;
    }
    forget_password(auth);
    auth->required = true;
    auth->password = g_strdup(password);
    return true;
}

bool spice_auth_expire(struct spice_auth *auth, const char *time, GError **error)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC, seconds;
    bool relative = *time == '+';

    if (!check_passwords(auth, error))
        return false;
    if (!strcmp(time, "now")) {
        auth->expires = 0;
    } else if (!strcmp(time, "never")) {
        auth->expires = NEVER;
    } else {
        if (!option_number_parse("time", NULL, time + relative, 0, G_MAXINT, &seconds, error))
            return false;
        auth->expires = relative ? now + seconds : seconds;
    }
    apply(auth, SPICE_AUTH_KEEP);
    return true;
}

const char *spice_auth_name(const struct spice_auth *auth)
{
    return auth->sasl ? "sasl" : auth->required ? "spice" : "none";
}
