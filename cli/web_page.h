/*
 * The files of a page for browsers: from an HTTP request to its answer.
 *
 * Only what lies in the page's folder is given out, never by a path that leaves it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define WEB_REQUEST_MAX 8192 /* bytes of request line and headers */

/* Where Debian's package spice-html5 has its files, and the one that a visitor gets first. */
#define WEB_FOLDER     "/usr/share/spice-html5"
#define WEB_FIRST_PAGE "spice_auto.html"

enum web_request {
    WEB_INCOMPLETE, /* the end has not come yet */
    WEB_FILE,       /* to be answered */
    WEB_SOCKET,     /* wants to become a WebSocket, from our own page or from none */
    WEB_FOREIGN,    /* the same, from the page of another site: to be refused */
    WEB_OTHER,      /* not GET or HEAD: maybe not HTTP at all */
    WEB_BAD,        /* too long, or garbled */
};

/* What the SIZE bytes that have come so far are. */
enum web_request web_request_kind(const char *request, size_t size);

/* Is there a page? FOLDER: NULL: where the package has it. */
bool web_page_exists(const char *folder);
/* The folder with the page's files. -1 and ERROR: there is none. */
int web_page_open(const char *folder, GError **error);
/* The whole answer to a request of KIND FILE, FOREIGN or BAD. New reference. */
GBytes *web_page_answer(int folder, enum web_request kind, const char *request, size_t size);
