/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/web.h"

#include "cli/door.h"
#include "cli/web_page.h"
#include "cli/web_tls.h"

#include <errno.h>
#include <glib-unix.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VISITORS_MAX  128
#define VISIT_SECONDS 20 /* for everything, from the first byte to the last */

struct entrance {
    struct web *web;
    bool tls;
    struct door door;
};

/* Somebody whom the server has not been given. */
struct visitor {
    struct web *web;
    int fd;
    bool tls;
    size_t seen;       /* bytes that have been looked at and did not say enough */
    SSL *ssl;          /* of one who gets a file with TLS */
    GByteArray *input; /* of the same: its request */
    GBytes *output;    /* the answer; NULL: the request has not come */
    size_t sent;
    guint source, timeout;
    GIOCondition awaited; /* of the source */
};

struct web {
    SpiceServer *server;
    int folder;
    SSL_CTX *context; /* NULL: no TLS */
    struct entrance entrances[2];
    GQueue visitors; /* of struct visitor *, who came first is first */
};

/* Leaving */

static void forget(struct visitor *visitor)
{
    g_queue_remove(&visitor->web->visitors, visitor);
    g_clear_handle_id(&visitor->source, g_source_remove);
    g_clear_handle_id(&visitor->timeout, g_source_remove);
    if (visitor->ssl)
        SSL_free(visitor->ssl);
    if (visitor->fd >= 0)
        close(visitor->fd);
    if (visitor->input)
        g_byte_array_unref(visitor->input);
    if (visitor->output)
        g_bytes_unref(visitor->output);
    g_free(visitor);
}

static gboolean out_of_time(gpointer data)
{
    struct visitor *visitor = data;

    visitor->timeout = 0;
    forget(visitor);
    return G_SOURCE_REMOVE;
}

/* One of the server's own. */
static void hand_over(struct visitor *visitor)
{
    SpiceServer *server = visitor->web->server;
    int fd = visitor->fd, one = 1, refused;
    bool tls = visitor->tls;

    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
    visitor->fd = -1;
    forget(visitor);
    refused =
        tls ? spice_server_add_ssl_client(server, fd, 0) : spice_server_add_client(server, fd, 0);
    if (refused)
        close(fd);
}

/* Waiting */

static gboolean ready(int fd, GIOCondition condition, gpointer data);

static void await(struct visitor *visitor, GIOCondition condition)
{
    if (visitor->source && visitor->awaited == condition)
        return;
    g_clear_handle_id(&visitor->source, g_source_remove);
    visitor->awaited = condition;
    visitor->source = g_unix_fd_add(visitor->fd, condition, ready, visitor);
}

/*
 * What has been looked at stays in the socket: only more than SIZE bytes are news. To be woken all
 * the same means that no more will come.
 */
static void await_more_than(struct visitor *visitor, size_t size)
{
    int least = (int)size + 1;

    if (size == visitor->seen) {
        forget(visitor);
        return;
    }
    visitor->seen = size;

    setsockopt(visitor->fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
    await(visitor, G_IO_IN);
}

/* Answering */

/* After an operation of OpenSSL that did not succeed; false: it never will. */
static bool ssl_waits(struct visitor *visitor, int result)
{
    int error = SSL_get_error(visitor->ssl, result);

    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ)
        await(visitor, G_IO_IN);
    else if (error == SSL_ERROR_WANT_WRITE)
        await(visitor, G_IO_OUT);
    else
        return false;
    return true;
}

/* How many bytes were sent; 0: later, -1: never. */
static ssize_t send_some(struct visitor *visitor, const char *data, size_t size)
{
    if (visitor->ssl) {
        int done = SSL_write(visitor->ssl, data, (int)MIN(size, G_MAXINT));
        return done > 0 ? done : ssl_waits(visitor, done) ? 0 : -1;
    }
    ssize_t done = send(visitor->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
        await(visitor, G_IO_OUT);
        return 0;
    }
    return done;
}

static void go_on_answering(struct visitor *visitor)
{
    size_t size;
    const char *data = g_bytes_get_data(visitor->output, &size);

    while (visitor->sent < size) {
        ssize_t done = send_some(visitor, data + visitor->sent, size - visitor->sent);
        if (!done)
            return;
        if (done < 0) {
            forget(visitor);
            return;
        }
        visitor->sent += (size_t)done;
    }
    if (visitor->ssl)
        SSL_shutdown(visitor->ssl);
    shutdown(visitor->fd, SHUT_WR);
    forget(visitor);
}

static void answer(struct visitor *visitor, enum web_request kind, const char *request, size_t size)
{
    visitor->output = web_page_answer(visitor->web->folder, kind, request, size);
    go_on_answering(visitor);
}

/* Looking */

/* The bytes that have come, which stay where they are; 0: later, or the visitor is gone. */
static size_t look_at(struct visitor *visitor, void *data, size_t size)
{
    ssize_t got = recv(visitor->fd, data, size, MSG_PEEK | MSG_DONTWAIT);

    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        forget(visitor);
    return 0;
}

static void look_at_plain(struct visitor *visitor)
{
    char request[WEB_REQUEST_MAX + 1];
    size_t size = look_at(visitor, request, WEB_REQUEST_MAX);

    if (!size)
        return;
    request[size] = '\0';
    enum web_request kind = web_request_kind(request, size);
    switch (kind) {
    case WEB_INCOMPLETE:
        await_more_than(visitor, size);
        break;
    case WEB_SOCKET:
    case WEB_OTHER:
        hand_over(visitor);
        break;
    default:
        /* Unread bytes would make the answer's end a reset. */
        if (recv(visitor->fd, request, size, MSG_DONTWAIT) > 0)
            answer(visitor, kind, request, size);
        else
            forget(visitor);
        break;
    }
}

static void look_at_hello(struct visitor *visitor)
{
    uint8_t hello[WEB_HELLO_MAX];
    size_t size = look_at(visitor, hello, sizeof(hello));
    int one = 1;

    if (!size)
        return;
    switch (web_hello_kind(hello, size)) {
    case WEB_HELLO_INCOMPLETE:
        await_more_than(visitor, size);
        break;
    case WEB_HELLO_OTHER:
        hand_over(visitor);
        break;
    case WEB_HELLO_PAGE:
        setsockopt(visitor->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
        visitor->ssl = SSL_new(visitor->web->context);
        SSL_set_fd(visitor->ssl, visitor->fd);
        SSL_set_accept_state(visitor->ssl);
        visitor->input = g_byte_array_new();
        break;
    }
}

/* The request of one who gets a file with TLS. */
static void read_secure(struct visitor *visitor)
{
    enum web_request kind = WEB_INCOMPLETE;

    while (kind == WEB_INCOMPLETE) {
        char part[2048];
        int got = SSL_read(visitor->ssl, part, sizeof(part));
        if (got <= 0) {
            if (!ssl_waits(visitor, got))
                forget(visitor);
            return;
        }
        g_byte_array_append(visitor->input, (guint8 *)part, (guint)got);
        kind = web_request_kind((const char *)visitor->input->data, visitor->input->len);
    }
    g_byte_array_append(visitor->input, (const guint8 *)"", 1);
    answer(visitor, kind == WEB_FILE ? kind : WEB_BAD, (const char *)visitor->input->data,
           visitor->input->len - 1);
}

static gboolean ready(int fd, GIOCondition condition, gpointer data)
{
    struct visitor *visitor = data;

    (void)fd;
    (void)condition;
    if (visitor->output)
        go_on_answering(visitor);
    else if (visitor->ssl)
        read_secure(visitor);
    else if (visitor->tls)
        look_at_hello(visitor);
    else
        look_at_plain(visitor);
    /* Whoever went has removed the source. */
    return G_SOURCE_CONTINUE;
}

/* Coming */

static void welcome(void *opaque, int fd)
{
    struct entrance *entrance = opaque;
    struct web *web = entrance->web;
    struct visitor *visitor = g_new0(struct visitor, 1);

    /* Who has waited for the longest without saying what for gives way. */
    if (web->visitors.length == VISITORS_MAX)
        forget(g_queue_peek_head(&web->visitors));
    visitor->web = web;
    visitor->fd = fd;
    visitor->tls = entrance->tls;
    visitor->timeout = g_timeout_add_seconds(VISIT_SECONDS, out_of_time, visitor);
    g_queue_push_tail(&web->visitors, visitor);
    await(visitor, G_IO_IN);
}

static void open_entrance(struct web *web, struct entrance *entrance,
                          const struct listener *listener, bool tls)
{
    if (listener->fd < 0)
        return;
    *entrance = (struct entrance){
        .web = web,
        .tls = tls,
        .door = {.listen_fd = listener->fd,
                 .name = "-spice",
                 .welcome = welcome,
                 .opaque = entrance},
    };
    door_open(&entrance->door);
}

struct web *web_create(const struct spice_options *options, const struct listener *listener,
                       const struct listener *tls_listener, SpiceServer *server, GError **error)
{
    struct web *web = g_new0(struct web, 1);

    web->server = server;
    web->folder = web_page_open(options->web_dir, error);
    if (web->folder >= 0 && tls_listener->fd >= 0) {
        g_autofree char *certificate = spice_options_certificate(options);
        g_autofree char *key = spice_options_key(options);
        web->context = web_tls_create(certificate, key, options->x509_key_password,
                                      options->tls_ciphers, error);
    }
    if (web->folder < 0 || (tls_listener->fd >= 0 && !web->context)) {
        web_destroy(web);
        return NULL;
    }
    open_entrance(web, &web->entrances[0], listener, false);
    open_entrance(web, &web->entrances[1], tls_listener, true);
    return web;
}

void web_destroy(struct web *web)
{
    if (!web)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(web->entrances); i++)
        door_close(&web->entrances[i].door);
    while (web->visitors.head)
        forget(web->visitors.head->data);
    if (web->context)
        SSL_CTX_free(web->context);
    if (web->folder >= 0)
        close(web->folder);
    g_free(web);
}
