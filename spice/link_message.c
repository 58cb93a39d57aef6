/*
 * The messages of the link stage: link, ticket, and what is answered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/link_private.h"

#include <string.h>

#define MAX_CAPS    1024 /* words of a kind */
#define COMMON_CAPS 1    /* words that we send and look at */

static bool client_has(const struct link *link, unsigned common_capability)
{
    return link->common_caps >> common_capability & 1;
}

static uint32_t common_caps(const struct link *link)
{
    return 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION | 1u << SPICE_COMMON_CAP_MINI_HEADER |
           1u << (link->ask_sasl ? SPICE_COMMON_CAP_AUTH_SASL : SPICE_COMMON_CAP_AUTH_SPICE);
}

/* The link reply; CHANNEL is NULL for refusals, and so is KEY when no ticket will be asked for. */
static void reply(struct link *link, uint32_t error, const uint8_t *key,
                  const struct channel *channel)
{
    SpiceLinkHeader header = {.magic = SPICE_MAGIC,
                              .major_version = GUINT32_TO_LE(SPICE_VERSION_MAJOR),
                              .minor_version = GUINT32_TO_LE(SPICE_VERSION_MINOR)};
    SpiceLinkReply body = {.error = GUINT32_TO_LE(error)};
    uint32_t words = 0, size = sizeof(body);

    if (channel != NULL) {
        /* Words of zeros at the end say nothing. */
        for (uint32_t i = 0; i < CHANNEL_CAP_WORDS; i++) {
            words = channel->caps[i] != 0 ? i + 1 : words;
        }
        if (key != NULL) {
            memcpy(body.pub_key, key, sizeof(body.pub_key));
        }
        body.num_common_caps = GUINT32_TO_LE(COMMON_CAPS);
        body.num_channel_caps = GUINT32_TO_LE(words);
        body.caps_offset = GUINT32_TO_LE((uint32_t)sizeof(body));
        size += (COMMON_CAPS + words) * sizeof(uint32_t);
    }
    header.size = GUINT32_TO_LE(size);
    link_answer(link, &header, sizeof(header));
    link_answer(link, &body, sizeof(body));
    if (channel != NULL) {
        link_answer_u32(link, common_caps(link));
        for (uint32_t i = 0; i < words; i++) {
            link_answer_u32(link, channel->caps[i]);
        }
    }
}

void link_refuse_message(struct link *link, uint32_t error)
{
    reply(link, error, NULL, NULL);
    link->refused = true;
}

void link_result(struct link *link, uint32_t error)
{
    link_answer_u32(link, error);
    link->refused = error != SPICE_LINK_ERR_OK;
}

bool link_handle_header(struct link *link)
{
    SpiceLinkHeader header;
    uint32_t size;

    memcpy(&header, link->in, sizeof(header));
    size = GUINT32_FROM_LE(header.size);
    if (GUINT32_FROM_LE(header.major_version) == 0) {
        return false;
    }
    if (GUINT32_FROM_LE(header.major_version) != SPICE_VERSION_MAJOR) {
        link_refuse_message(link, SPICE_LINK_ERR_VERSION_MISMATCH);
    } else if (size < sizeof(SpiceLinkMess) || size > MAX_LINK) {
        link_refuse_message(link, SPICE_LINK_ERR_INVALID_DATA);
    } else {
        link_expect(link, LINK_MESSAGE, size);
    }
    return true;
}

/* Copies up to MAX of COUNT capability words. */
static void read_caps(uint32_t *caps, uint32_t max, const uint8_t *in, uint32_t count)
{
    for (uint32_t i = 0; i < MIN(count, max); i++) {
        uint32_t word;

        memcpy(&word, in + i * sizeof(word), sizeof(word));
        caps[i] = GUINT32_FROM_LE(word);
    }
}

static bool parse_message(struct link *link)
{
    SpiceLinkMess *message = &link->message;
    uint32_t common, channel, offset;

    memcpy(message, link->in, sizeof(*message));
    message->connection_id = GUINT32_FROM_LE(message->connection_id);
    common = GUINT32_FROM_LE(message->num_common_caps);
    channel = GUINT32_FROM_LE(message->num_channel_caps);
    offset = GUINT32_FROM_LE(message->caps_offset);
    if (common > MAX_CAPS || channel > MAX_CAPS || offset < sizeof(*message) ||
        offset > link->needed || (common + channel) * sizeof(uint32_t) > link->needed - offset) {
        return false;
    }
    read_caps(&link->common_caps, COMMON_CAPS, link->in + offset, common);
    read_caps(link->caps, CHANNEL_CAP_WORDS, link->in + offset + common * sizeof(uint32_t),
              channel);
    return true;
}

/* What stands against the link before anybody is authenticated. */
static uint32_t check_channel(const struct link *link, const struct channel *channel)
{
    int security;

    if (channel == NULL) {
        return SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE;
    }
    security = server_channel_security(link->server, channel->type);
    if (stream_is_secure(link->stream)) {
        return security & SPICE_CHANNEL_SECURITY_SSL ? SPICE_LINK_ERR_OK
                                                     : SPICE_LINK_ERR_NEED_UNSECURED;
    }
    return security & SPICE_CHANNEL_SECURITY_NONE ? SPICE_LINK_ERR_OK : SPICE_LINK_ERR_NEED_SECURED;
}

bool link_handle_message(struct link *link)
{
    bool can_select;
    const uint8_t *key = NULL;
    struct channel *channel;
    uint32_t error;

    if (!parse_message(link)) {
        link_refuse_message(link, SPICE_LINK_ERR_INVALID_DATA);
        return true;
    }
    link->ask_sasl = link->server->sasl && !link->skip_auth;
    can_select = client_has(link, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
    channel =
        server_find_channel(link->server, link->message.channel_type, link->message.channel_id);
    error = check_channel(link, channel);
    if (error == SPICE_LINK_ERR_OK && link->ask_sasl && !can_select) {
        error = SPICE_LINK_ERR_VERSION_MISMATCH;
    }
    if (error == SPICE_LINK_ERR_OK && !link->ask_sasl) {
        key = ticket_public_key(&link->server->ticket);
        error = key != NULL ? SPICE_LINK_ERR_OK : SPICE_LINK_ERR_ERROR;
    }
    if (error != SPICE_LINK_ERR_OK) {
        link_refuse_message(link, error);
        return true;
    }
    reply(link, SPICE_LINK_ERR_OK, key, channel);
    if (can_select) {
        link_expect(link, LINK_MECHANISM, sizeof(SpiceLinkAuthMechanism));
    } else {
        link_expect(link, LINK_TICKET, TICKET_BYTES);
    }
    return true;
}

/* Only what the reply has offered is possible. */
bool link_handle_mechanism(struct link *link)
{
    SpiceLinkAuthMechanism chosen;

    memcpy(&chosen, link->in, sizeof(chosen));
    chosen.auth_mechanism = GUINT32_FROM_LE(chosen.auth_mechanism);
    if (!link->ask_sasl && chosen.auth_mechanism == SPICE_COMMON_CAP_AUTH_SPICE) {
        link_expect(link, LINK_TICKET, TICKET_BYTES);
        return true;
    }
#ifdef HAVE_SASL
    if (link->ask_sasl && chosen.auth_mechanism == SPICE_COMMON_CAP_AUTH_SASL) {
        return link_sasl_start(link);
    }
#endif
    /* What every client understands, spice-wire.md section 1.4. */
    link_result(link, SPICE_LINK_ERR_PERMISSION_DENIED);
    return true;
}

bool link_handle_ticket(struct link *link)
{
    if (ticket_check(&link->server->ticket, link->in, link->skip_auth)) {
        link_authenticated(link);
    } else {
        link_result(link, SPICE_LINK_ERR_PERMISSION_DENIED);
    }
    return true;
}

void link_authenticated(struct link *link)
{
    const SpiceLinkMess *message = &link->message;
    SpiceServer *server = link->server;
    uint32_t error = SPICE_LINK_ERR_OK;

    if (server_find_channel(server, message->channel_type, message->channel_id) == NULL) {
        error = SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE;
    } else if (message->channel_type != SPICE_CHANNEL_MAIN &&
               server_find_client(server, message->connection_id) == NULL) {
        error = SPICE_LINK_ERR_BAD_CONNECTION_ID;
    }
    link_result(link, error);
    link_expect(link, LINK_DONE, 0);
}
