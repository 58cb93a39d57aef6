/*
 * A connection in the link stage from the inside, for link*.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/link.h"
#include "spice/sasl.h"
#include "spice/server_state.h"

#define MAX_LINK 4096 /* bytes of a link message behind the header */

enum link_state {
    LINK_HANDSHAKE, /* TLS */
    LINK_HEADER,
    LINK_REQUEST, /* not a SPICE header but HTTP's */
    LINK_MESSAGE,
    LINK_MECHANISM,
    LINK_TICKET,
    LINK_SASL_NAME_SIZE,
    LINK_SASL_NAME,
    LINK_SASL_DATA_SIZE,
    LINK_SASL_DATA,
    LINK_SASL_PASSED, /* that is being written */
    LINK_DONE,        /* the result is being written */
    LINK_DRAIN,       /* refused: the answer is written, what still comes is thrown away */
};

struct link {
    SpiceServer *server;
    struct stream *stream;
    struct stream_layer *tls; /* or NULL */
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool skip_auth, websocket;
    enum link_state state;

    /* What the state needs. */
    uint8_t *in;
    uint32_t in_size, in_capacity, needed;

    GByteArray *out;
    uint32_t written;
    bool refused; /* what is in OUT ends the link */

    SpiceLinkMess message;
    uint32_t common_caps;
    uint32_t caps[CHANNEL_CAP_WORDS];

    bool ask_sasl; /* the reply has offered SASL, and nothing else */
    struct sasl_session *sasl;
    char *sasl_mechanism;
};

/* NEEDED bytes must have been read before STATE is handled. */
void link_expect(struct link *link, enum link_state state, uint32_t needed);
/* What the peer is told next. */
void link_answer(struct link *link, const void *data, size_t size);
void link_answer_u32(struct link *link, uint32_t value);
/* Ends the link with a link reply or, after that, a link result of ERROR. */
void link_refuse_message(struct link *link, uint32_t error);
void link_result(struct link *link, uint32_t error);

/* link_message.c. False: the link is closed without an answer. */
bool link_handle_header(struct link *link);
bool link_handle_message(struct link *link);
bool link_handle_mechanism(struct link *link);
bool link_handle_ticket(struct link *link);
/* The peer has passed: is what it asks for there? */
void link_authenticated(struct link *link);

#ifdef HAVE_SASL
/* link_sasl.c */
bool link_sasl_start(struct link *link);
bool link_sasl_handle(struct link *link);
void link_sasl_finish(struct link *link);
#endif
