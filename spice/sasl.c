/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/sasl.h"

#ifdef HAVE_SASL

#include <netdb.h>
#include <sasl/sasl.h>
#include <string.h>

#define SERVICE     "spice"
#define MIN_SSF     56 /* without TLS: less can be listened to */
#define MAX_SSF     100000
#define MAX_BUFFER  8192
#define ADDRESS_MAX (NI_MAXHOST + NI_MAXSERV + 1)

struct sasl_session {
    sasl_conn_t *connection;
    char *mechanisms;
    bool secured; /* by TLS */
};

struct sasl_layer {
    struct stream_layer base;
    struct sasl_session *session;

    /* Encoded and not sent; it stands for SENDING bytes that the caller still offers. */
    const char *encoded;
    unsigned encoded_size, encoded_sent;
    size_t sending;

    const char *decoded;
    unsigned decoded_size, decoded_taken;
};

void sasl_session_setup(const char *application)
{
    int error = sasl_server_init(NULL, application);

    if (error != SASL_OK) {
        g_warning("SASL cannot be used: %s", sasl_errstring(error, NULL, NULL));
    }
}

/* "address;port" as SASL wants it; false for sockets that have none. */
static bool describe(const struct sockaddr_storage *address, socklen_t size, char out[ADDRESS_MAX])
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if ((address->ss_family != AF_INET && address->ss_family != AF_INET6) ||
        getnameinfo((const struct sockaddr *)address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    g_snprintf(out, ADDRESS_MAX, "%s;%s", host, port);
    return true;
}

static struct sasl_session *fail(struct sasl_session *session, const char *what, int error)
{
    g_warning("SASL: %s failed: %s", what, sasl_errstring(error, NULL, NULL));
    sasl_session_destroy(session);
    return NULL;
}

static int set_security(sasl_conn_t *connection, int tls_strength)
{
    sasl_security_properties_t properties = {.maxbufsize = MAX_BUFFER};
    int error = SASL_OK;

    if (tls_strength > 0) {
        sasl_ssf_t strength = (sasl_ssf_t)tls_strength;

        error = sasl_setprop(connection, SASL_SSF_EXTERNAL, &strength);
    } else {
        properties.min_ssf = MIN_SSF;
        properties.max_ssf = MAX_SSF;
        properties.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_NOPLAINTEXT;
    }
    return error == SASL_OK ? sasl_setprop(connection, SASL_SEC_PROPS, &properties) : error;
}

struct sasl_session *sasl_session_create(const SpiceChannelEventInfo *info, int tls_strength)
{
    struct sasl_session *session = g_new0(struct sasl_session, 1);
    char local[ADDRESS_MAX], remote[ADDRESS_MAX];
    bool have_local = describe(&info->laddr_ext, info->llen_ext, local);
    bool have_remote = describe(&info->paddr_ext, info->plen_ext, remote);
    const char *list = NULL;
    int error;

    session->secured = tls_strength > 0;
    error =
        sasl_server_new(SERVICE, NULL, NULL, have_local ? local : NULL, have_remote ? remote : NULL,
                        NULL, SASL_SUCCESS_DATA, &session->connection);
    if (error != SASL_OK) {
        session->connection = NULL;
        return fail(session, "starting", error);
    }
    error = set_security(session->connection, tls_strength);
    if (error != SASL_OK) {
        return fail(session, "setting security properties", error);
    }
    error = sasl_listmech(session->connection, NULL, ",", ",", ",", &list, NULL, NULL);
    if (error != SASL_OK || list == NULL) {
        return fail(session, "listing mechanisms (are SASL modules installed?)", error);
    }
    session->mechanisms = g_strdup(list);
    return session;
}

void sasl_session_destroy(struct sasl_session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->connection != NULL) {
        sasl_dispose(&session->connection);
    }
    g_free(session->mechanisms);
    g_free(session);
}

const char *sasl_session_mechanisms(const struct sasl_session *session)
{
    return session->mechanisms;
}

bool sasl_session_offers(const struct sasl_session *session, const char *mechanism)
{
    char *item = g_strdup_printf(",%s,", mechanism);
    bool offered = mechanism[0] != '\0' && strchr(mechanism, ',') == NULL &&
                   strstr(session->mechanisms, item) != NULL;

    g_free(item);
    return offered;
}

static sasl_ssf_t strength(const struct sasl_session *session)
{
    const void *value = NULL;

    if (sasl_getprop(session->connection, SASL_SSF, &value) != SASL_OK || value == NULL) {
        return 0;
    }
    return *(const sasl_ssf_t *)value;
}

enum sasl_progress sasl_session_step(struct sasl_session *session, const char *mechanism,
                                     const char *data, unsigned size, const char **out,
                                     unsigned *out_size)
{
    int error;

    *out = NULL;
    *out_size = 0;
    if (mechanism == NULL) {
        error = sasl_server_step(session->connection, data, size, out, out_size);
    } else {
        error = sasl_server_start(session->connection, mechanism, data, size, out, out_size);
    }
    if ((error == SASL_OK || error == SASL_CONTINUE) && *out_size > SASL_MAX_DATA) {
        g_info("SASL: an answer of %u bytes, more than %u", *out_size, SASL_MAX_DATA);
        return SASL_FAILED;
    }
    if (error == SASL_CONTINUE) {
        return SASL_GOES_ON;
    }
    if (error != SASL_OK) {
        g_info("SASL: %s", sasl_errdetail(session->connection));
        return SASL_FAILED;
    }
    if (!session->secured && strength(session) < MIN_SSF) {
        g_info("SASL: the layer has %u bits, without TLS at least %u are needed", strength(session),
               MIN_SSF);
        return SASL_WEAK;
    }
    return SASL_PASSED;
}

/* The layer. */

static ssize_t layer_read(struct stream_layer *base, void *data, size_t size)
{
    struct sasl_layer *layer = (struct sasl_layer *)base;
    size_t part;

    while (layer->decoded_taken == layer->decoded_size) {
        char encoded[MAX_BUFFER];
        ssize_t n = stream_layer_read(base, encoded, sizeof(encoded));

        if (n <= 0) {
            return n;
        }
        layer->decoded_taken = layer->decoded_size = 0;
        if (sasl_decode(layer->session->connection, encoded, (unsigned)n, &layer->decoded,
                        &layer->decoded_size) != SASL_OK) {
            layer->decoded_size = 0;
            errno = EPROTO;
            return -1;
        }
    }
    part = MIN(size, layer->decoded_size - layer->decoded_taken);
    memcpy(data, layer->decoded + layer->decoded_taken, part);
    layer->decoded_taken += (unsigned)part;
    return (ssize_t)part;
}

/* Sends what is encoded; false: errno says why not all. */
static bool send_encoded(struct sasl_layer *layer)
{
    while (layer->encoded_sent < layer->encoded_size) {
        struct iovec piece = {(char *)layer->encoded + layer->encoded_sent,
                              layer->encoded_size - layer->encoded_sent};
        ssize_t n = stream_layer_writev(&layer->base, &piece, 1);

        if (n < 0) {
            return false;
        }
        layer->encoded_sent += (unsigned)n;
    }
    return true;
}

/* As much of the pieces as fits into one packet. */
static unsigned collect(char *plain, unsigned limit, const struct iovec *pieces, int count)
{
    size_t size = 0;

    for (int i = 0; i < count && size < limit; i++) {
        size_t part = MIN(pieces[i].iov_len, limit - size);

        memcpy(plain + size, pieces[i].iov_base, part);
        size += part;
    }
    return (unsigned)size;
}

/* How many bytes the peer takes in one packet. */
static unsigned packet_limit(const struct sasl_session *session)
{
    const void *value = NULL;

    if (sasl_getprop(session->connection, SASL_MAXOUTBUF, &value) != SASL_OK || value == NULL) {
        return MAX_BUFFER / 2;
    }
    return CLAMP(*(const unsigned *)value, 1, MAX_BUFFER);
}

/* What has been taken counts as written when it has left, so nobody has to wake us up for a rest.
 */
static ssize_t layer_writev(struct stream_layer *base, const struct iovec *pieces, int count)
{
    struct sasl_layer *layer = (struct sasl_layer *)base;
    size_t sent;

    if (layer->sending == 0) {
        char plain[MAX_BUFFER];
        unsigned size = collect(plain, packet_limit(layer->session), pieces, count);

        if (sasl_encode(layer->session->connection, plain, size, &layer->encoded,
                        &layer->encoded_size) != SASL_OK) {
            errno = EPROTO;
            return -1;
        }
        layer->encoded_sent = 0;
        layer->sending = size;
    }
    if (!send_encoded(layer)) {
        return -1;
    }
    sent = layer->sending;
    layer->sending = 0;
    return (ssize_t)sent;
}

static bool layer_pending(const struct stream_layer *base)
{
    const struct sasl_layer *layer = (const struct sasl_layer *)base;

    return layer->decoded_taken < layer->decoded_size;
}

static void layer_destroy(struct stream_layer *base)
{
    struct sasl_layer *layer = (struct sasl_layer *)base;

    sasl_session_destroy(layer->session);
    g_free(layer);
}

static const struct stream_layer_ops layer_ops = {
    .read = layer_read,
    .writev = layer_writev,
    .pending = layer_pending,
    .destroy = layer_destroy,
};

void sasl_session_protect(struct sasl_session *session, struct stream *stream)
{
    struct sasl_layer *layer;

    if (strength(session) == 0 || session->secured) {
        sasl_session_destroy(session);
        return;
    }
    layer = g_new0(struct sasl_layer, 1);
    layer->base.ops = &layer_ops;
    layer->session = session;
    stream_push(stream, &layer->base);
}

#endif
