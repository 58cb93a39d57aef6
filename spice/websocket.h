/*
 * WebSocket: the opening handshake and the layer.
 *
 * Facts: spice-wire.md section 1.7, RFC 6455. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/stream.h"

/* The longest request that is read before it is refused. */
#define WEBSOCKET_MAX_REQUEST 8192

/* Length of the request at the start of DATA, up to and with its empty line; 0: not complete yet.
 */
size_t websocket_request_size(const char *data, size_t size);
/* The answer (g_free) to a complete request; NULL: it asks for nothing that we have. */
char *websocket_answer(const char *request, size_t size);

/* For a stream on which the answer has been sent. EARLY: bytes read behind the request; copied. */
struct stream_layer *websocket_layer_create(const void *early, size_t size);
