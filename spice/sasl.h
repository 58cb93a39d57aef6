/*
 * SASL: a client proves who it is, and the stream may get a layer that protects it.
 *
 * Facts: spice-wire.md section 1.5. Without HAVE_SASL there are no sessions.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/stream.h"

#define SASL_MAX_MECHANISM 100           /* bytes of a mechanism's name */
#define SASL_MAX_DATA      (1024 * 1024) /* bytes of a step's data */

#ifdef HAVE_SASL
/* For the process; configuration is read from APPLICATION.conf. Warns when that is not possible. */
void sasl_session_setup(const char *application);

struct sasl_session;

/* NULL, with a warning. TLS_STRENGTH in bits protects the stream already; 0: nothing does. */
struct sasl_session *sasl_session_create(const SpiceChannelEventInfo *info, int tls_strength);
void sasl_session_destroy(struct sasl_session *session); /* NULL is allowed */

/* The mechanisms, each between two commas. */
const char *sasl_session_mechanisms(const struct sasl_session *session);

/* Is MECHANISM one of them? */
bool sasl_session_offers(const struct sasl_session *session, const char *mechanism);

enum sasl_progress {
    SASL_GOES_ON,
    SASL_PASSED,
    SASL_WEAK,   /* passed, but the stream would not be protected well enough */
    SASL_FAILED, /* the mechanism does not go on */
};

/*
 * The client's next data, or NULL. MECHANISM with the first, then NULL. *OUT is what the client
 * must be told, NULL for nothing; it stays the session's until the next step.
 */
enum sasl_progress sasl_session_step(struct sasl_session *session, const char *mechanism,
                                     const char *data, unsigned size, const char **out,
                                     unsigned *out_size);

/* After SASL_PASSED: puts the layer on top if one was negotiated; SESSION is taken over. */
void sasl_session_protect(struct sasl_session *session, struct stream *stream);
#endif
