/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/web_page.h"

#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX (8 * 1024 * 1024)

/* Requests */

/* The value of a header, without spaces around it; NULL: there is none. g_free. */
static char *find_header(char **lines, const char *name)
{
    size_t length = strlen(name);

    for (; *lines; lines++) {
        if (!g_ascii_strncasecmp(*lines, name, length) && (*lines)[length] == ':')
            return g_strstrip(g_strdup(*lines + length + 1));
    }
    return NULL;
}

/* Does a page of this very server ask, or no page at all? Origin is what a browser swears to. */
static bool is_own_page(char **lines)
{
    g_autofree char *origin = find_header(lines, "Origin");
    g_autofree char *host = find_header(lines, "Host");
    const char *site = origin ? strstr(origin, "://") : NULL;

    return !origin || (site && host && !g_ascii_strcasecmp(site + 3, host));
}

static bool begins_like(const char *request, size_t size, const char *method)
{
    return !memcmp(request, method, MIN(size, strlen(method)));
}

enum web_request web_request_kind(const char *request, size_t size)
{
    const char *end = memmem(request, size, "\r\n\r\n", 4);

    if (!begins_like(request, size, "GET ") && !begins_like(request, size, "HEAD "))
        return WEB_OTHER;
    if (!end)
        return size < WEB_REQUEST_MAX ? WEB_INCOMPLETE : WEB_BAD;
    if (memchr(request, '\0', size))
        return WEB_BAD;
    g_autofree char *text = g_strndup(request, (gsize)(end - request));
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    g_autofree char *key = find_header(lines, "Sec-WebSocket-Key");
    if (!key)
        return WEB_FILE;
    return is_own_page(lines) ? WEB_SOCKET : WEB_FOREIGN;
}

/* Answers */

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".map", "application/json"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".ico", "image/x-icon"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_suffix(name, types[i][0]))
            return types[i][1];
    }
    return "text/plain; charset=utf-8";
}

static GBytes *answer(const char *status, const char *type, const void *data, size_t size,
                      bool with_body)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text,
                           "HTTP/1.1 %s\r\n"
                           "Content-Type: %s\r\n"
                           "Content-Length: %zu\r\n"
                           "X-Content-Type-Options: nosniff\r\n"
                           "Referrer-Policy: no-referrer\r\n"
                           "Cache-Control: no-cache\r\n"
                           "Connection: close\r\n"
                           "\r\n",
                           status, type, size);
    if (with_body)
        g_string_append_len(text, data, (gssize)size);
    return g_string_free_to_bytes(text);
}

static GBytes *refusal(const char *status, const char *why)
{
    g_autofree char *text = g_strdup_printf("%s: %s\n", status, why);

    return answer(status, "text/plain; charset=utf-8", text, strlen(text), true);
}

/* -1 and errno. The kernel sees to it that no path and no link leads out of FOLDER. */
static int open_inside(int folder, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

    return (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
}

static char *read_file(int file, size_t *size)
{
    struct stat status;

    if (fstat(file, &status) || !S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        return NULL;
    char *data = g_malloc((gsize)status.st_size + 1);
    for (*size = 0; *size < (size_t)status.st_size;) {
        ssize_t got = read(file, data + *size, (size_t)status.st_size - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break; /* it became shorter meanwhile */
        *size += (size_t)got;
    }
    return data;
}

static GBytes *file_answer(int folder, const char *name, bool with_body)
{
    int file = open_inside(folder, *name ? name : WEB_FIRST_PAGE);
    size_t size = 0;

    if (file < 0)
        return refusal("404 Not Found", "the page has no such file");
    g_autofree char *data = read_file(file, &size);
    close(file);
    if (!data)
        return refusal("404 Not Found", "the page has no such file");
    return answer("200 OK", type_of(*name ? name : WEB_FIRST_PAGE), data, size, with_body);
}

GBytes *web_page_answer(int folder, enum web_request kind, const char *request, size_t size)
{
    if (kind == WEB_FOREIGN)
        return refusal("403 Forbidden", "the page of another site must not connect to this server");
    if (kind != WEB_FILE)
        return refusal("400 Bad Request", "this is no request that is understood here");

    /* METHOD /path?query HTTP/1.1 */
    g_autofree char *line = g_strndup(request, MIN(size, strcspn(request, "\r\n")));
    g_auto(GStrv) words = g_strsplit(line, " ", 4);
    if (g_strv_length(words) != 3 || words[1][0] != '/' || !g_str_has_prefix(words[2], "HTTP/1."))
        return refusal("400 Bad Request", "the request line is not METHOD /PATH HTTP/1.1");
    words[1][strcspn(words[1], "?#")] = '\0';
    g_autofree char *path = g_uri_unescape_string(words[1], NULL);
    if (!path)
        return refusal("400 Bad Request", "the path is not encoded as paths are");
    return file_answer(folder, path + 1, !strcmp(words[0], "GET"));
}

bool web_page_exists(const char *folder)
{
    g_autofree char *path = g_build_filename(folder ? folder : WEB_FOLDER, WEB_FIRST_PAGE, NULL);

    return !access(path, R_OK);
}

int web_page_open(const char *name, GError **error)
{
    int folder = open(name ? name : WEB_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int page = folder < 0 ? -1 : open_inside(folder, WEB_FIRST_PAGE);

    if (page < 0) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-spice: web=on: cannot read %s/" WEB_FIRST_PAGE
                    ": %s; install the package spice-html5, or name its folder by web-dir=",
                    name ? name : WEB_FOLDER, g_strerror(errno));
        if (folder >= 0)
            close(folder);
        return -1;
    }
    close(page);
    return folder;
}
