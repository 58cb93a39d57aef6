/*
 * Version negotiation.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_version.h"

#include "hw/vfio_user_protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#define JSON_LIMIT       4096 /* bytes */
#define JSON_DEPTH_LIMIT 8
#define MINOR_VERSION    1 /* highest that we know */

/* Longest first: the first that fits the client's room is sent, or none. */
static const char *const with_write_multiple[] = {
    "{\"capabilities\":{\"max_msg_fds\":8,\"write_multiple\":true}}",
    "{\"capabilities\":{}}",
};
static const char *const without_write_multiple[] = {
    "{\"capabilities\":{\"max_msg_fds\":8}}",
    "{\"capabilities\":{}}",
};

/* jansson has a depth limit of its own, a much larger one. */
static bool too_deep(const char *text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (; *text; text++) {
        if (in_string && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            in_string = !in_string;
        else if (!in_string && (*text == '{' || *text == '['))
            depth++;
        else if (!in_string && (*text == '}' || *text == ']') && depth)
            depth--;
        if (depth > JSON_DEPTH_LIMIT)
            return true;
    }
    return false;
}

/* A capability that limits what we may send: absent, or a sensible number. */
static bool number_ok(const json_t *capabilities, const char *name)
{
    const json_t *value = json_object_get(capabilities, name);

    return !value || (json_is_integer(value) && json_integer_value(value) > 0 &&
                      json_integer_value(value) <= (json_int_t)1 << 31);
}

/* NULL, or what is wrong with the client's JSON. We send no DMA, so its limits bind us nowhere. */
static const char *read_capabilities(const char *text, size_t size, bool *write_multiple)
{
    if (size > JSON_LIMIT)
        return "the JSON text is longer than 4096 bytes";
    if (text[size - 1] != 0 || strlen(text) != size - 1)
        return "the JSON text does not end in its only NUL";
    if (too_deep(text))
        return "the JSON text is nested deeper than 8";

    const char *problem = NULL;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *capabilities = json_object_get(root, "capabilities");
    const json_t *multiple = json_object_get(capabilities, "write_multiple");
    if (!json_is_object(root))
        problem = "the capabilities are not a JSON object";
    else if (capabilities && !json_is_object(capabilities))
        problem = "\"capabilities\" is not an object";
    else if (!number_ok(capabilities, "max_msg_fds"))
        problem = "\"max_msg_fds\" is not a number from 1 to 2^31";
    else if (!number_ok(capabilities, "max_data_xfer_size"))
        problem = "\"max_data_xfer_size\" is not a number from 1 to 2^31";
    else if (multiple && !json_is_boolean(multiple))
        problem = "\"write_multiple\" is not true or false";
    *write_multiple = json_is_true(multiple);
    json_decref(root);
    return problem;
}

size_t vfio_user_negotiate(const uint8_t *payload, size_t size, uint8_t *reply,
                           const char **problem)
{
    struct vfio_user_version version;
    bool write_multiple = false;

    if (size < sizeof(version)) {
        *problem = "the message is too short";
        return 0;
    }
    memcpy(&version, payload, sizeof(version));
    if (version.major != 0) {
        *problem = "the major version is not 0";
        return 0;
    }
    size_t json_size = size - sizeof(version);
    if (json_size) {
        *problem =
            read_capabilities((const char *)payload + sizeof(version), json_size, &write_multiple);
        if (*problem)
            return 0;
    }

    if (version.minor > MINOR_VERSION)
        version.minor = MINOR_VERSION;
    memcpy(reply, &version, sizeof(version));
    const char *const *forms = write_multiple ? with_write_multiple : without_write_multiple;
    for (unsigned i = 0; i < 2; i++) {
        size_t length = strlen(forms[i]) + 1;
        if (length <= json_size) {
            memcpy(reply + sizeof(version), forms[i], length);
            return sizeof(version) + length;
        }
    }
    return sizeof(version);
}
