/*
 * Requests of QMP clients.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_request.h"

#include <string.h>

bool qmp_request_read(json_t *request, const char **name, json_t **arguments, GError **error)
{
    const char *member;
    json_t *value;

    if (!json_is_object(request)) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "QMP input must be a JSON object");
        return false;
    }
    *name = NULL;
    *arguments = NULL;
    json_object_foreach(request, member, value)
    {
        if (!strcmp(member, "execute")) {
            *name = json_string_value(value);
            if (!*name) {
                g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
                            "QMP input member 'execute' must be a string");
                return false;
            }
        } else if (!strcmp(member, "arguments")) {
            *arguments = value;
            if (!json_is_object(value)) {
                g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
                            "QMP input member 'arguments' must be an object");
                return false;
            }
        } else if (strcmp(member, "id")) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "QMP input member '%s' is unexpected",
                        member);
            return false;
        }
    }
    if (!*name)
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "QMP input lacks member 'execute'");
    return *name;
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_ARRAY:
        return "array";
    case JSON_OBJECT:
        return "object";
    default:
        return "boolean";
    }
}

static const struct qmp_argument *find_argument(const struct qmp_argument *arguments,
                                                const char *name)
{
    for (; arguments && arguments->name; arguments++) {
        if (!strcmp(arguments->name, name))
            return arguments;
    }
    return NULL;
}

bool qmp_arguments_check(const struct qmp_argument *expected, json_t *arguments, GError **error)
{
    const char *name;
    json_t *value;

    json_object_foreach(arguments, name, value)
    {
        const struct qmp_argument *argument = find_argument(expected, name);
        if (!argument) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "Parameter '%s' is unexpected", name);
            return false;
        }
        json_type type = json_is_boolean(value) ? JSON_TRUE : json_typeof(value);
        if (type != argument->type) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC,
                        "Invalid parameter type for '%s', expected: %s", name,
                        type_name(argument->type));
            return false;
        }
    }
    for (; expected && expected->name; expected++) {
        if (!expected->optional && !json_object_get(arguments, expected->name)) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "Parameter '%s' is missing",
                        expected->name);
            return false;
        }
    }
    return true;
}
