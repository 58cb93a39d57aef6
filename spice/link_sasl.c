/*
 * A client proves who it is by SASL, spice-wire.md section 1.5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/link_private.h"

#ifdef HAVE_SASL

#include "spice/tls.h"

#include <string.h>

bool link_sasl_start(struct link *link)
{
    const char *mechanisms;

    link->sasl = sasl_session_create(stream_info(link->stream),
                                     link->tls != NULL ? tls_strength(link->tls) : 0);
    if (link->sasl == NULL) {
        return false;
    }
    mechanisms = sasl_session_mechanisms(link->sasl);
    link_answer_u32(link, (uint32_t)strlen(mechanisms));
    link_answer(link, mechanisms, strlen(mechanisms));
    link_expect(link, LINK_SASL_NAME_SIZE, sizeof(uint32_t));
    return true;
}

void link_sasl_finish(struct link *link)
{
    sasl_session_destroy(g_steal_pointer(&link->sasl));
    g_free(g_steal_pointer(&link->sasl_mechanism));
}

/* Only what has begun can be refused in SASL's own way; all else is answered like a bad link. */
static void refuse(struct link *link)
{
    static const char text[] = "Authentication failed";

    link_answer_u32(link, 1);
    link_answer_u32(link, sizeof(text));
    link_answer(link, text, sizeof(text));
    link->refused = true;
}

/* SIZE counts the NUL behind the data; 0: there is none. False: the connection is to be closed. */
static bool step(struct link *link, const char *data, uint32_t size)
{
    const char *out;
    unsigned out_size;
    enum sasl_progress progress =
        sasl_session_step(link->sasl, link->sasl_mechanism, size > 0 ? data : NULL,
                          size > 0 ? size - 1 : 0, &out, &out_size);

    g_free(g_steal_pointer(&link->sasl_mechanism));
    if (progress == SASL_FAILED) {
        return false;
    }
    if (out_size > 0) {
        link_answer_u32(link, out_size + 1);
        link_answer(link, out, out_size);
        link_answer(link, "", 1);
    } else {
        link_answer_u32(link, 0);
    }
    link_answer(link, progress == SASL_GOES_ON ? "\0" : "\1", 1);
    if (progress == SASL_PASSED) {
        link_answer_u32(link, 0);
        link_expect(link, LINK_SASL_PASSED, 0);
    } else if (progress == SASL_WEAK) {
        refuse(link);
    } else {
        link_expect(link, LINK_SASL_DATA_SIZE, sizeof(uint32_t));
    }
    return true;
}

/* A size of 0 has nothing to wait for. */
static bool handle_size(struct link *link, enum link_state next, uint32_t minimum, uint32_t limit)
{
    uint32_t size;

    memcpy(&size, link->in, sizeof(size));
    size = GUINT32_FROM_LE(size);
    if (size < minimum || size > limit) {
        g_info("SASL: %u bytes are announced, possible are %u to %u", size, minimum, limit);
        if (link->sasl_mechanism == NULL) {
            return false;
        }
        link_refuse_message(link, SPICE_LINK_ERR_INVALID_DATA);
        return true;
    }
    if (size == 0) {
        return step(link, NULL, 0);
    }
    link_expect(link, next, size);
    return true;
}

bool link_sasl_handle(struct link *link)
{
    switch (link->state) {
    case LINK_SASL_NAME_SIZE:
        return handle_size(link, LINK_SASL_NAME, 1, SASL_MAX_MECHANISM);
    case LINK_SASL_NAME:
        link->sasl_mechanism = g_strndup((const char *)link->in, link->in_size);
        if (!sasl_session_offers(link->sasl, link->sasl_mechanism)) {
            g_info("SASL: the client asks for a mechanism that was not offered");
            link_refuse_message(link, SPICE_LINK_ERR_INVALID_DATA);
            return true;
        }
        link_expect(link, LINK_SASL_DATA_SIZE, sizeof(uint32_t));
        return true;
    case LINK_SASL_DATA_SIZE:
        return handle_size(link, LINK_SASL_DATA, 0, SASL_MAX_DATA);
    default:
        return step(link, (const char *)link->in, link->in_size);
    }
}

#endif
