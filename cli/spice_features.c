/*
 * -spice compat= and features=: what a guest may use so that it can move to an older host,
 * server-abi.md section 7.
 *
 * The server holds back what it knows of; the card is made so that the guest does not ask for it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_options.h"

#include "config.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned features;
} names[] = {
    {"protocol-major2", SPICE_FEATURE_MAJOR2},
    {"surfaces", SPICE_FEATURE_SURFACES},
    {"multimonitor", SPICE_FEATURE_MULTIMONITOR},
    {"0.4", 0},
    {"0.6", SPICE_FEATURE_MAJOR2 | SPICE_FEATURE_SURFACES},
    {"0.8", SPICE_FEATURES_ALL},
};

static bool find(const char *name, unsigned *features)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!strcmp(names[i].name, name)) {
            *features |= names[i].features;
            return true;
        }
    }
    return false;
}

bool spice_features_parse(struct spice_options *options, GError **error)
{
    options->features = options->compat == SPICE_COMPAT_0_4 ? 0 : SPICE_FEATURES_ALL;
    if (!options->feature_names)
        return true;
    if (options->compat) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: compat and features exclude each other");
        return false;
    }
    g_auto(GStrv) wanted = g_strsplit(options->feature_names, "+", -1);
    options->features = 0;
    const char *wrong = *wanted ? NULL : "";
    for (char **name = wanted; *name; name++) {
        if (!find(*name, &options->features))
            wrong = *name;
    }
    if (wrong) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: features: '%s' is not one of protocol-major2, surfaces, "
                    "multimonitor, which are joined by '+', or of the releases 0.4, 0.6, 0.8",
                    wrong);
        return false;
    }
    return true;
}

bool spice_features_apply(const struct spice_options *options, SpiceServer *server, GError **error)
{
    int failed = 0;

#ifdef HAVE_EMBEDDED_SPICE
    G_STATIC_ASSERT(SPICE_FEATURES_ALL == SPICE_SERVER_FEATURES_0_8);
    failed = options->feature_names
                 ? spice_server_enable_features(server, options->features)
                 : spice_server_set_compat_version(server, options->compat == SPICE_COMPAT_0_4
                                                               ? SPICE_COMPAT_VERSION_0_4
                                                               : SPICE_COMPAT_VERSION_CURRENT);
#else
    (void)server;
    failed = options->features != SPICE_FEATURES_ALL;
#endif
    if (failed)
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: compat, features: the server cannot hold anything back (this program "
                    "was built with the " CASSIA_SPICE_SERVER " one)");
    return !failed;
}

/* Sets *PROPERTY to what is left of it; asked for by name it must not be more. */
static bool limit(const char *name, uint32_t *property, uint32_t most, const char *feature,
                  GError **error)
{
    if (*property > most) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-device: %s=%u is not possible without %s, which -spice compat or features "
                    "switches off: at most %u",
                    name, *property, feature, most);
        return false;
    }
    *property = most;
    return true;
}

bool spice_features_limit_card(const struct spice_options *options, struct qxl_config *config,
                               GError **error)
{
    uint32_t outputs = config->max_outputs;

    /* Only revisions from 2 on have off-screen surfaces; surface 0 is the primary one. */
    if (!(options->features & SPICE_FEATURE_SURFACES) &&
        (!limit("revision", &config->revision, 1, "surfaces", error) ||
         !limit("surfaces", &config->surfaces, 1, "surfaces", error)))
        return false;
    if (!(options->features & SPICE_FEATURE_MULTIMONITOR) &&
        !limit("max_outputs", &outputs, 1, "multimonitor", error))
        return false;
    config->max_outputs = (uint16_t)outputs;
    return true;
}
