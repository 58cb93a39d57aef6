/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/migrate_qmp.h"

#include "cli/machine.h"
#include "cli/migrate.h"
#include "cli/migrate_channel.h"
#include "migration/pages.h"

#include <inttypes.h>
#include <string.h>

#define ARGUMENTS_END                                                                              \
    {                                                                                              \
        NULL, JSON_NULL, false                                                                     \
    }

const struct qmp_argument migrate_arguments[] = {
    {"uri", JSON_STRING, true},  {"channels", JSON_ARRAY, true}, {"channel", JSON_OBJECT, true},
    {"detach", JSON_TRUE, true}, {"resume", JSON_TRUE, true},    ARGUMENTS_END,
};

json_t *qmp_migrate(void *opaque, json_t *arguments, GError **error)
{
    struct migration_address address;

    if (json_is_true(json_object_get(arguments, "resume"))) {
        migration_fail(error, "Parameter 'resume': there is no paused migration that can be "
                              "resumed; start again without it");
        return NULL;
    }
    return migrate_channel_parse(arguments, "migrate", &address, error) &&
                   migrate_channel_take_fd(opaque, &address, error) &&
                   migrate_start(machine_migrate(opaque), &address, error)
               ? qmp_nothing()
               : NULL;
}

const struct qmp_argument migrate_incoming_arguments[] = {
    {"uri", JSON_STRING, true},
    {"channels", JSON_ARRAY, true},
    {"channel", JSON_OBJECT, true},
    {"exit-on-error", JSON_TRUE, true},
    ARGUMENTS_END,
};

json_t *qmp_migrate_incoming(void *opaque, json_t *arguments, GError **error)
{
    struct migration_address address;
    bool exit_on_error = !json_is_false(json_object_get(arguments, "exit-on-error"));

    return migrate_channel_parse(arguments, "migrate-incoming", &address, error) &&
                   migrate_channel_take_fd(opaque, &address, error) &&
                   migrate_receive(machine_migrate(opaque), &address, exit_on_error, error)
               ? qmp_nothing()
               : NULL;
}

json_t *qmp_migrate_cancel(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    migrate_cancel(machine_migrate(opaque));
    return qmp_nothing();
}

json_t *qmp_migrate_pause(void *opaque, json_t *arguments, GError **error)
{
    (void)opaque;
    (void)arguments;
    migration_fail(error,
                   "migrate-pause is for post-copy, which there is not here: 'migrate_cancel' "
                   "ends a migration, and the guest goes on");
    return NULL;
}

const struct qmp_argument migrate_recover_arguments[] = {
    {"uri", JSON_STRING, false},
    ARGUMENTS_END,
};

json_t *qmp_migrate_recover(void *opaque, json_t *arguments, GError **error)
{
    (void)opaque;
    (void)arguments;
    migration_fail(error,
                   "migrate-recover is for post-copy, which there is not here: no guest is ever "
                   "on both sides; after a broken link start again with 'migrate'");
    return NULL;
}

const struct qmp_argument migrate_continue_arguments[] = {
    {"state", JSON_STRING, false},
    ARGUMENTS_END,
};

json_t *qmp_migrate_continue(void *opaque, json_t *arguments, GError **error)
{
    const char *state = json_string_value(json_object_get(arguments, "state"));

    if (strcmp(state, "pre-switchover") != 0) {
        migration_fail(error, "Parameter 'state' does not accept value '%s'; valid: pre-switchover",
                       state);
        return NULL;
    }
    return migrate_continue(machine_migrate(opaque), error) ? qmp_nothing() : NULL;
}

json_t *qmp_query_migrate(void *opaque, json_t *arguments, GError **error)
{
    (void)arguments;
    (void)error;
    return migrate_query(machine_migrate(opaque));
}

/* Parameters: all of them numbers. */

enum parameter_type { PARAMETER_U64, PARAMETER_UNSIGNED };

static const struct parameter {
    const char *name;
    enum parameter_type type;
    size_t offset;
    int64_t min, max;
} parameters[] = {
    {"max-bandwidth", PARAMETER_U64, offsetof(struct migration_parameters, max_bandwidth), 0,
     INT64_MAX},
    {"downtime-limit", PARAMETER_U64, offsetof(struct migration_parameters, downtime_limit), 0,
     2000000},
    {"cpu-throttle-initial", PARAMETER_UNSIGNED,
     offsetof(struct migration_parameters, throttle_initial), 1, 99},
    {"cpu-throttle-increment", PARAMETER_UNSIGNED,
     offsetof(struct migration_parameters, throttle_increment), 1, 99},
    {"max-cpu-throttle", PARAMETER_UNSIGNED, offsetof(struct migration_parameters, throttle_max), 1,
     99},
    {"throttle-trigger-threshold", PARAMETER_UNSIGNED,
     offsetof(struct migration_parameters, throttle_trigger), 1, 100},
    {"avail-switchover-bandwidth", PARAMETER_U64,
     offsetof(struct migration_parameters, switch_bandwidth), 0, INT64_MAX},
};

/* The one that is a word. */
#define ZERO_PAGES "zero-page-detection"
static const char *const zero_page_words[] = {"legacy", "none"}; /* send_zero_pages 0, 1 */

const struct qmp_argument migrate_set_parameters_arguments[] = {
    {"max-bandwidth", JSON_INTEGER, true},
    {"downtime-limit", JSON_INTEGER, true},
    {"cpu-throttle-initial", JSON_INTEGER, true},
    {"cpu-throttle-increment", JSON_INTEGER, true},
    {"max-cpu-throttle", JSON_INTEGER, true},
    {"throttle-trigger-threshold", JSON_INTEGER, true},
    {"avail-switchover-bandwidth", JSON_INTEGER, true},
    {ZERO_PAGES, JSON_STRING, true},
    {"tls-creds", JSON_STRING, true},
    {"tls-hostname", JSON_STRING, true},
    ARGUMENTS_END,
};

static const char *const text_names[MIGRATE_TEXTS] = {
    [MIGRATE_TLS_CREDS] = "tls-creds",
    [MIGRATE_TLS_HOSTNAME] = "tls-hostname",
};

static void *parameter_place(const struct parameter *parameter, struct migration_parameters *values)
{
    return (uint8_t *)values + parameter->offset;
}

static bool set_zero_pages(json_t *arguments, struct migration_parameters *changed, GError **error)
{
    const char *word = json_string_value(json_object_get(arguments, ZERO_PAGES));

    for (unsigned i = 0; word && i < G_N_ELEMENTS(zero_page_words); i++) {
        if (!strcmp(word, zero_page_words[i])) {
            changed->send_zero_pages = i;
            return true;
        }
    }
    return !word || migration_fail(error,
                                   "Parameter '" ZERO_PAGES "' does not accept value '%s'; "
                                   "valid: legacy, none",
                                   word);
}

json_t *qmp_migrate_set_parameters(void *opaque, json_t *arguments, GError **error)
{
    struct migrate *migrate = machine_migrate(opaque);
    struct migration_parameters changed = *migrate_parameters(migrate);

    for (unsigned i = 0; i < G_N_ELEMENTS(parameters); i++) {
        const struct parameter *parameter = &parameters[i];
        json_t *value = json_object_get(arguments, parameter->name);
        int64_t number = json_integer_value(value);
        if (!value)
            continue;
        if (number < parameter->min || number > parameter->max) {
            migration_fail(
                error, "Parameter '%s' expects an integer in the range of %" PRId64 " to %" PRId64,
                parameter->name, parameter->min, parameter->max);
            return NULL;
        }
        if (parameter->type == PARAMETER_U64)
            *(uint64_t *)parameter_place(parameter, &changed) = (uint64_t)number;
        else
            *(unsigned *)parameter_place(parameter, &changed) = (unsigned)number;
    }
    if (!set_zero_pages(arguments, &changed, error))
        return NULL;
    for (unsigned i = 0; i < MIGRATE_TEXTS; i++) {
        const char *text = json_string_value(json_object_get(arguments, text_names[i]));
        if (text)
            migrate_set_text(migrate, i, text);
    }
    *migrate_parameters(migrate) = changed;
    migrate_parameters_changed(migrate);
    return qmp_nothing();
}

json_t *qmp_query_migrate_parameters(void *opaque, json_t *arguments, GError **error)
{
    struct migration_parameters *values = migrate_parameters(machine_migrate(opaque));
    json_t *result = json_object();

    (void)arguments;
    (void)error;
    for (unsigned i = 0; i < G_N_ELEMENTS(parameters); i++) {
        const void *place = parameter_place(&parameters[i], values);
        uint64_t number = parameters[i].type == PARAMETER_U64 ? *(const uint64_t *)place
                                                              : *(const unsigned *)place;
        json_object_set_new(result, parameters[i].name, json_integer((json_int_t)number));
    }
    for (unsigned i = 0; i < MIGRATE_TEXTS; i++)
        json_object_set_new(result, text_names[i],
                            json_string(migrate_text(machine_migrate(opaque), i)));
    json_object_set_new(result, ZERO_PAGES, json_string(zero_page_words[values->send_zero_pages]));
    return result;
}

/* Capabilities: all of them switches. */

struct capability {
    const char *name;
    bool *value;
    bool inverted; /* what *VALUE says is the opposite */
};

#define CAPABILITIES 5

static void list_capabilities(struct migrate *migrate, struct capability list[CAPABILITIES])
{
    struct migration_parameters *values = migrate_parameters(migrate);

    list[0] = (struct capability){"events", migrate_events(migrate), false};
    list[1] = (struct capability){"auto-converge", &values->auto_converge, false};
    list[2] =
        (struct capability){"pause-before-switchover", &values->pause_before_switchover, false};
    list[3] = (struct capability){"return-path", &values->one_way, true};
    list[4] = (struct capability){"compress", &values->compress, false};
}

const struct qmp_argument migrate_set_capabilities_arguments[] = {
    {"capabilities", JSON_ARRAY, false},
    ARGUMENTS_END,
};

static struct capability *find_capability(struct capability list[CAPABILITIES], const char *name)
{
    for (unsigned i = 0; name && i < CAPABILITIES; i++) {
        if (!strcmp(list[i].name, name))
            return &list[i];
    }
    return NULL;
}

static bool check_capability(struct capability list[CAPABILITIES], json_t *item, GError **error)
{
    const char *name = json_string_value(json_object_get(item, "capability"));

    if (!name || !json_is_boolean(json_object_get(item, "state")))
        return migration_fail(error, "Parameter 'capabilities' must be a list of objects with "
                                     "'capability', a string, and 'state', a boolean");
    if (!strcmp(name, "compress") && json_is_true(json_object_get(item, "state")) &&
        !pages_can_lz4())
        return migration_fail(error, "Capability 'compress' is not available: this build has no "
                                     "LZ4 (liblz4-dev)");
    /* What is off anyway may be switched off. */
    return find_capability(list, name) || json_is_false(json_object_get(item, "state")) ||
           migration_fail(error,
                          "Capability '%s' is not available; there are: events, "
                          "auto-converge, pause-before-switchover, return-path, compress",
                          name);
}

json_t *qmp_migrate_set_capabilities(void *opaque, json_t *arguments, GError **error)
{
    struct migrate *migrate = machine_migrate(opaque);
    json_t *items = json_object_get(arguments, "capabilities"), *item;
    struct capability list[CAPABILITIES];
    size_t index;

    list_capabilities(migrate, list);
    json_array_foreach(items, index, item)
    {
        if (!check_capability(list, item, error))
            return NULL;
    }
    json_array_foreach(items, index, item)
    {
        struct capability *capability =
            find_capability(list, json_string_value(json_object_get(item, "capability")));
        if (capability)
            *capability->value =
                json_is_true(json_object_get(item, "state")) != capability->inverted;
    }
    migrate_parameters_changed(migrate);
    return qmp_nothing();
}

json_t *qmp_query_migrate_capabilities(void *opaque, json_t *arguments, GError **error)
{
    struct capability list[CAPABILITIES];
    json_t *result = json_array();

    (void)arguments;
    (void)error;
    list_capabilities(machine_migrate(opaque), list);
    for (unsigned i = 0; i < CAPABILITIES; i++)
        json_array_append_new(result, json_pack("{s:s,s:b}", "capability", list[i].name, "state",
                                                *list[i].value != list[i].inverted));
    return result;
}
