/*
 * The page for browsers: what is taken for a request, which files are given out, whose TLS it is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/web_page.h"
#include "cli/web_tls.h"

#include <glib/gstdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void test_requests(void)
{
    static const struct {
        const char *text;
        enum web_request kind;
    } rows[] = {
        {"R", WEB_OTHER},
        {"REDQ", WEB_OTHER},
        {"G", WEB_INCOMPLETE},
        {"GET", WEB_INCOMPLETE},
        {"GETA", WEB_OTHER},
        {"POST / HTTP/1.1\r\n\r\n", WEB_OTHER},
        {"GET / HTTP/1.1\r\nHost: a\r\n", WEB_INCOMPLETE},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", WEB_FILE},
        {"HEAD / HTTP/1.1\r\n\r\n", WEB_FILE},
        {"GET / HTTP/1.1\r\nHost: a\r\n" KEY "\r\n", WEB_SOCKET},
        {"GET / HTTP/1.1\r\nhost: a:1\r\nORIGIN: http://A:1\r\n" KEY "\r\n", WEB_SOCKET},
        {"GET / HTTP/1.1\r\nHost: a:1\r\nOrigin: http://b:1\r\n" KEY "\r\n", WEB_FOREIGN},
        {"GET / HTTP/1.1\r\nHost: a:1\r\nOrigin: http://a:2\r\n" KEY "\r\n", WEB_FOREIGN},
        {"GET / HTTP/1.1\r\nHost: a:1\r\nOrigin: null\r\n" KEY "\r\n", WEB_FOREIGN},
        {"GET / HTTP/1.1\r\nOrigin: http://a:1\r\n" KEY "\r\n", WEB_FOREIGN},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].text);
        g_assert_cmpint(web_request_kind(rows[i].text, strlen(rows[i].text)), ==, rows[i].kind);
    }
    g_assert_cmpint(web_request_kind("GET /\0 HTTP/1.1\r\n\r\n", 19), ==, WEB_BAD);

    g_autofree char *endless = g_strnfill(WEB_REQUEST_MAX, 'x');
    memcpy(endless, "GET /", 5);
    g_assert_cmpint(web_request_kind(endless, WEB_REQUEST_MAX - 1), ==, WEB_INCOMPLETE);
    g_assert_cmpint(web_request_kind(endless, WEB_REQUEST_MAX), ==, WEB_BAD);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GError *error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

static void expect(int folder, const char *line, const char *status, const char *body)
{
    g_autofree char *request = g_strdup_printf("%s\r\nHost: a\r\n\r\n", line);
    g_autoptr(GBytes) answer = web_page_answer(folder, WEB_FILE, request, strlen(request));
    size_t size;
    const char *data = g_bytes_get_data(answer, &size);
    g_autofree char *text = g_strndup(data, size);

    g_test_message("%s", line);
    g_assert_true(g_str_has_prefix(text, "HTTP/1.1 "));
    g_assert_true(g_str_has_prefix(text + 9, status));
    const char *found = strstr(text, "\r\n\r\n");
    g_assert_nonnull(found);
    if (body)
        g_assert_cmpstr(found + 4, ==, body);
}

static void test_files(void)
{
    g_autofree char *parent = g_dir_make_tmp("cassia-web-XXXXXX", NULL);
    g_autofree char *folder = g_build_filename(parent, "page", NULL);
    g_autofree char *deep = g_build_filename(folder, "deep", NULL);
    g_autofree char *link = g_build_filename(folder, "link.js", NULL);
    g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
    GError *error = NULL;

    g_mkdir_with_parents(deep, 0700);
    g_assert_cmpint(web_page_open(folder, &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "install the package spice-html5"));
    g_clear_error(&error);
    write_file(parent, "secret", "secret");
    write_file(folder, WEB_FIRST_PAGE, "first");
    write_file(deep, "a b.js", "deep");
    g_assert_cmpint(symlink("../secret", link), ==, 0);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);

    int page = web_page_open(folder, &error);
    g_assert_no_error(error);
    expect(page, "GET / HTTP/1.1", "200 ", "first");
    expect(page, "GET /?host=a HTTP/1.1", "200 ", "first");
    expect(page, "HEAD / HTTP/1.1", "200 ", "");
    expect(page, "GET /deep/a%20b.js HTTP/1.1", "200 ", "deep");
    expect(page, "GET /deep/../" WEB_FIRST_PAGE " HTTP/1.1", "200 ", "first");
    static const char *const paths[] = {"/../secret",   "/%2e%2e/secret", "/deep/../../secret",
                                        "//etc/passwd", "/link.js",       "/deep",
                                        "/fifo",        "/nothing",       "/secret%00.js"};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *line = g_strdup_printf("GET %s HTTP/1.1", paths[i]);
        expect(page, line, "40", NULL);
    }
    expect(page, "GET secret HTTP/1.1", "400 ", NULL);
    expect(page, "GET /", "400 ", NULL);
    expect(page, "GET / a HTTP/1.1", "400 ", NULL);
    close(page);

    g_assert_cmpint(g_unlink(link) | g_unlink(fifo), ==, 0);
    g_autofree char *command = g_strdup_printf("rm -r '%s'", parent);
    g_assert_cmpint(system(command), ==, 0);
}

/* What OpenSSL says first; PROTOCOLS: with ALPN, or NULL. */
static size_t hello_of(const char *protocols, uint8_t *data, size_t size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    if (protocols)
        SSL_set_alpn_protos(ssl, (const uint8_t *)protocols, (unsigned)strlen(protocols));
    SSL_set_tlsext_host_name(ssl, "server.example");
    SSL_set_bio(ssl, in, out);
    g_assert_cmpint(SSL_connect(ssl), ==, -1);
    int length = BIO_read(out, data, (int)size);
    g_assert_cmpint(length, >, 100);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return (size_t)length;
}

static void test_hello(void)
{
    static const struct {
        const char *protocols;
        enum web_hello kind;
    } rows[] = {
        {NULL, WEB_HELLO_OTHER},
        {"\x08http/1.1", WEB_HELLO_OTHER},
        {"\x02h2\x08http/1.1", WEB_HELLO_PAGE},
        {"\x08http/1.1\x02h2", WEB_HELLO_PAGE},
        {"\x02h3", WEB_HELLO_OTHER},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t hello[4096];
        size_t size = hello_of(rows[i].protocols, hello, sizeof(hello));

        for (size_t part = 0; part < size; part++) {
            /* From memory of just that size, so that ASan sees a step too far. */
            g_autofree uint8_t *begin = g_memdup2(hello, part);
            g_assert_cmpint(web_hello_kind(begin, part), ==, WEB_HELLO_INCOMPLETE);
        }
        g_assert_cmpint(web_hello_kind(hello, size), ==, rows[i].kind);
        /* Damaged: anything but a crash or waiting for more than there can be. */
        for (size_t at = 0; at < size; at++) {
            g_autofree uint8_t *damaged = g_memdup2(hello, size);
            for (unsigned value = 0; value < 256; value += 85) {
                damaged[at] = (uint8_t)value;
                web_hello_kind(damaged, size);
            }
        }
    }
    g_assert_cmpint(web_hello_kind((const uint8_t *)"REDQ", 4), ==, WEB_HELLO_OTHER);
    g_assert_cmpint(web_hello_kind((const uint8_t *)"\x16\x03\x01\xff\xff", 5), ==,
                    WEB_HELLO_INCOMPLETE);
    g_autofree uint8_t *endless = g_malloc0(WEB_HELLO_MAX);
    memcpy(endless, "\x16\x03\x01\xff\xff", 5);
    g_assert_cmpint(web_hello_kind(endless, WEB_HELLO_MAX), ==, WEB_HELLO_OTHER);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/requests", test_requests);
    g_test_add_func("/web/files", test_files);
    g_test_add_func("/web/hello", test_hello);
    return g_test_run();
}
