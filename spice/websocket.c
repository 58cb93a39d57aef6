/*
 * The opening handshake.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/websocket.h"

#include <string.h>

#define KEY_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_BYTES  16
#define PROTOCOL   "binary"

size_t websocket_request_size(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);

    return end != NULL ? (size_t)(end - data) + 4 : 0;
}

/* Is TOKEN one of the comma-separated LIST, whatever its case? */
static bool has_token(const char *list, const char *token)
{
    char **items = g_strsplit(list, ",", -1);
    bool found = false;

    for (char **item = items; *item != NULL && !found; item++) {
        found = g_ascii_strcasecmp(g_strstrip(*item), token) == 0;
    }
    g_strfreev(items);
    return found;
}

struct request {
    const char *key, *protocol; /* values of headers, or NULL */
};

/* False for what is no header line. */
static bool read_header(char *line, struct request *request)
{
    char *value = strchr(line, ':');

    if (value == NULL || value == line) {
        return false;
    }
    *value++ = '\0';
    g_strstrip(value);
    if (g_ascii_strcasecmp(line, "Sec-WebSocket-Key") == 0) {
        request->key = value;
    } else if (g_ascii_strcasecmp(line, "Sec-WebSocket-Protocol") == 0) {
        request->protocol = value;
    }
    return true;
}

static bool is_good_key(const char *key)
{
    gsize size = 0;
    guchar *nonce = g_base64_decode(key, &size);

    g_free(nonce);
    return size == KEY_BYTES && strlen(key) == (KEY_BYTES + 2) / 3 * 4;
}

static char *accept_key(const char *key)
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize size = sizeof(digest);

    g_checksum_update(checksum, (const guchar *)key, -1);
    g_checksum_update(checksum, (const guchar *)KEY_SUFFIX, -1);
    g_checksum_get_digest(checksum, digest, &size);
    g_checksum_free(checksum);
    return g_base64_encode(digest, size);
}

char *websocket_answer(const char *request, size_t size)
{
    char *text = g_strndup(request, size), *answer = NULL;
    char **lines = g_strsplit(text, "\r\n", -1);
    struct request headers = {NULL, NULL};
    bool good = strlen(text) == size && g_str_has_prefix(lines[0], "GET ") &&
                g_str_has_suffix(lines[0], " HTTP/1.1");

    for (char **line = lines + 1; good && (*line)[0] != '\0'; line++) {
        good = read_header(*line, &headers);
    }
    if (good && headers.key != NULL && is_good_key(headers.key) &&
        (headers.protocol == NULL || has_token(headers.protocol, PROTOCOL))) {
        char *accepted = accept_key(headers.key);

        answer = g_strdup_printf(
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: WebSocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: %s\r\n"
            "%s\r\n",
            accepted, headers.protocol != NULL ? "Sec-WebSocket-Protocol: " PROTOCOL "\r\n" : "");
        g_free(accepted);
    }
    g_strfreev(lines);
    g_free(text);
    return answer;
}
