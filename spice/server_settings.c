/*
 * Settings of the server, server-abi.md sections 1.7.1 to 1.7.3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/client.h"
#include "spice/link.h"
#include "spice/mouse_mode.h"
#include "spice/playback_channel.h"
#include "spice/server_state.h"

#include <inttypes.h>
#include <string.h>

static const char *const channel_names[CHANNEL_TYPES] = {
    [SPICE_CHANNEL_MAIN] = "main",         [SPICE_CHANNEL_DISPLAY] = "display",
    [SPICE_CHANNEL_INPUTS] = "inputs",     [SPICE_CHANNEL_CURSOR] = "cursor",
    [SPICE_CHANNEL_PLAYBACK] = "playback", [SPICE_CHANNEL_RECORD] = "record",
    [SPICE_CHANNEL_TUNNEL] = "tunnel",     [SPICE_CHANNEL_SMARTCARD] = "smartcard",
    [SPICE_CHANNEL_USBREDIR] = "usbredir", [SPICE_CHANNEL_PORT] = "port",
    [SPICE_CHANNEL_WEBDAV] = "webdav",
};

void server_settings_init(SpiceServer *server)
{
    server->adopted_fd = -1;
    server->policy = (struct server_policy){
        .image_compression = SPICE_IMAGE_COMPRESSION_AUTO_GLZ,
        .jpeg = SPICE_WAN_COMPRESSION_AUTO,
        .zlib_glz = SPICE_WAN_COMPRESSION_AUTO,
        .streaming_video = SPICE_STREAM_VIDEO_FILTER,
        .features = spice_server_get_supported_features(),
        .playback_compression = true,
        .agent_mouse = true,
        .agent_copypaste = true,
        .agent_file_xfer = true,
        .default_security = SPICE_CHANNEL_SECURITY_NONE | SPICE_CHANNEL_SECURITY_SSL,
    };
}

void server_settings_finish(SpiceServer *server)
{
    g_free(server->policy.name);
    g_free(server->policy.video_codecs);
    g_free(server->sasl_appname);
    tls_settings_finish(&server->tls_settings);
}

/* Network. */

int spice_server_set_port(SpiceServer *s, int port)
{
    if (port < 0 || port > UINT16_MAX) {
        return -1;
    }
    s->address.port = port;
    return 0;
}

void spice_server_set_addr(SpiceServer *s, const char *addr, int flags)
{
    g_free(s->address.address);
    s->address.address = g_strdup(addr);
    s->address.family = flags;
    if (flags != 0 && flags != SPICE_ADDR_FLAG_IPV4_ONLY && flags != SPICE_ADDR_FLAG_IPV6_ONLY &&
        flags != SPICE_ADDR_FLAG_UNIX_ONLY) {
        g_warning("address flags 0x%x name more than one family: any will do", flags);
        s->address.family = 0;
    }
}

int spice_server_set_listen_socket_fd(SpiceServer *s, int listen_fd)
{
    s->adopted_fd = listen_fd;
    return 0;
}

int spice_server_set_exit_on_disconnect(SpiceServer *s, int flag)
{
    s->policy.exit_on_disconnect = flag != 0;
    return 0;
}

int spice_server_set_tls(SpiceServer *s, int port, const char *ca_cert_file, const char *certs_file,
                         const char *private_key_file, const char *key_passwd,
                         const char *dh_key_file, const char *ciphersuite)
{
    if (port <= 0 || port > UINT16_MAX || ca_cert_file == NULL || certs_file == NULL ||
        private_key_file == NULL) {
        return -1;
    }
    tls_settings_finish(&s->tls_settings);
    s->tls_port = port;
    s->tls_settings = (struct tls_settings){.ca = g_strdup(ca_cert_file),
                                            .certificates = g_strdup(certs_file),
                                            .key = g_strdup(private_key_file),
                                            .key_password = g_strdup(key_passwd),
                                            .dh = g_strdup(dh_key_file),
                                            .ciphers = g_strdup(ciphersuite)};
    return 0;
}

int spice_server_add_client(SpiceServer *s, int socket, int skip_auth)
{
    char *reason = NULL;

    if (s->loop == NULL) {
        g_warning("a client cannot be added before the server is initialised");
        return -1;
    }
    if (!link_start(s, socket, skip_auth ? LINK_SKIP_AUTH : 0, &reason)) {
        g_warning("file descriptor %d is no client's socket: %s", socket, reason);
        g_free(reason);
        return -1;
    }
    return 0;
}

int spice_server_add_ssl_client(SpiceServer *s, int socket, int skip_auth)
{
    unsigned flags = LINK_TLS | (skip_auth ? LINK_SKIP_AUTH : 0);
    char *reason = NULL;

    if (s->tls == NULL) {
        g_warning("a TLS client cannot be added: there are no TLS settings, or they came after "
                  "the server was initialised");
        return -1;
    }
    if (!link_start(s, socket, flags, &reason)) {
        g_warning("%s", reason);
        g_warning("SSL_accept failed for file descriptor %d", socket);
        g_free(reason);
        return -1;
    }
    return 0;
}

/* Who may connect. */

#ifdef HAVE_SASL
int spice_server_set_sasl(SpiceServer *s, int enabled)
{
    s->sasl = enabled != 0;
    return 0;
}

int spice_server_set_sasl_appname(SpiceServer *s, const char *appname)
{
    g_free(s->sasl_appname);
    s->sasl_appname = g_strdup(appname);
    return 0;
}
#else
int spice_server_set_sasl(SpiceServer *s G_GNUC_UNUSED, int enabled)
{
    if (enabled) {
        g_warning("this server was built without SASL");
    }
    return -1;
}

int spice_server_set_sasl_appname(SpiceServer *s G_GNUC_UNUSED, const char *appname G_GNUC_UNUSED)
{
    return -1;
}
#endif

int spice_server_set_noauth(SpiceServer *s)
{
    ticket_disable(&s->ticket);
    return 0;
}

int spice_server_set_ticket(SpiceServer *s, const char *passwd, int lifetime, int fail_if_connected,
                            int disconnect_if_connected)
{
    bool was_required = s->ticket.required;

    if (s->clients != NULL && fail_if_connected) {
        return -1;
    }
    if (!ticket_set(&s->ticket, passwd, lifetime)) {
        g_warning("the password is longer than %d bytes: it is not changed",
                  SPICE_MAX_PASSWORD_LENGTH);
        return -1;
    }
    if (disconnect_if_connected || !was_required) {
        server_disconnect_all(s);
    }
    return 0;
}

int spice_server_set_channel_security(SpiceServer *s, const char *channel, int security)
{
    if (channel == NULL) {
        s->policy.default_security = security;
        return 0;
    }
    for (int type = 0; type < CHANNEL_TYPES; type++) {
        if (channel_names[type] != NULL && strcmp(channel_names[type], channel) == 0) {
            s->policy.security[type] = security;
            return 0;
        }
    }
    return -1;
}

int server_channel_security(SpiceServer *server, uint8_t type)
{
    int security = type < CHANNEL_TYPES ? server->policy.security[type] : 0;

    return security != 0 ? security : server->policy.default_security;
}

/* Who is connected. */

int spice_server_get_num_clients(SpiceServer *s)
{
    return s != NULL ? (int)g_list_length(s->clients) : 0;
}

/* The first client's main connection, or NULL. */
static const SpiceChannelEventInfo *first_client_info(SpiceServer *s)
{
    struct client *client = s->clients != NULL ? s->clients->data : NULL;

    return client != NULL && client->main != NULL ? channel_client_info(client->main) : NULL;
}

static int copy_address(const struct sockaddr_storage *from, socklen_t size, struct sockaddr *to,
                        socklen_t *to_size)
{
    memcpy(to, from, MIN(size, *to_size));
    *to_size = size;
    return 0;
}

int spice_server_get_sock_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen)
{
    const SpiceChannelEventInfo *info = first_client_info(s);

    return info != NULL ? copy_address(&info->laddr_ext, info->llen_ext, sa, salen) : -1;
}

int spice_server_get_peer_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen)
{
    const SpiceChannelEventInfo *info = first_client_info(s);

    return info != NULL ? copy_address(&info->paddr_ext, info->plen_ext, sa, salen) : -1;
}

/* What clients are told. */

void spice_server_set_name(SpiceServer *s, const char *name)
{
    g_free(s->policy.name);
    s->policy.name = g_strdup(name);
}

void spice_server_set_uuid(SpiceServer *s, const uint8_t uuid[16])
{
    memcpy(s->policy.uuid, uuid, sizeof(s->policy.uuid));
    s->policy.has_uuid = true;
}

/* Display policy. */

static void display_settings_changed(SpiceServer *s)
{
    for (GList *l = s->qxls; l != NULL; l = l->next) {
        display_worker_settings_changed(l->data);
    }
}

int spice_server_set_image_compression(SpiceServer *s, SpiceImageCompression comp)
{
    if (comp <= SPICE_IMAGE_COMPRESSION_INVALID || comp >= SPICE_IMAGE_COMPRESSION_ENUM_END) {
        g_warning("unknown image compression %d: it is not changed", (int)comp);
        return 0;
    }
#ifndef HAVE_LZ4
    if (comp == SPICE_IMAGE_COMPRESSION_LZ4) {
        g_warning("built without LZ4: images are compressed as auto_glz says");
        g_atomic_int_set(&s->policy.image_compression, SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
        display_settings_changed(s);
        return -1;
    }
#endif
    g_atomic_int_set(&s->policy.image_compression, comp);
    display_settings_changed(s);
    return 0;
}

SpiceImageCompression spice_server_get_image_compression(SpiceServer *s)
{
    return server_image_compression(s);
}

SpiceImageCompression server_image_compression(SpiceServer *server)
{
    return (SpiceImageCompression)g_atomic_int_get(&server->policy.image_compression);
}

int server_streaming_video(SpiceServer *server)
{
    return g_atomic_int_get(&server->policy.streaming_video);
}

spice_wan_compression_t server_jpeg_compression(SpiceServer *server)
{
    return (spice_wan_compression_t)g_atomic_int_get(&server->policy.jpeg);
}

spice_wan_compression_t server_zlib_glz_compression(SpiceServer *server)
{
    return (spice_wan_compression_t)g_atomic_int_get(&server->policy.zlib_glz);
}

static int set_wan_compression(gint *setting, spice_wan_compression_t value)
{
    if (value < SPICE_WAN_COMPRESSION_AUTO || value > SPICE_WAN_COMPRESSION_NEVER) {
        g_warning("unknown compression mode %d: it is not changed", (int)value);
        return -1;
    }
    g_atomic_int_set(setting, value);
    return 0;
}

int spice_server_set_jpeg_compression(SpiceServer *s, spice_wan_compression_t comp)
{
    return set_wan_compression(&s->policy.jpeg, comp);
}

int spice_server_set_zlib_glz_compression(SpiceServer *s, spice_wan_compression_t comp)
{
    return set_wan_compression(&s->policy.zlib_glz, comp);
}

int spice_server_set_streaming_video(SpiceServer *s, int value)
{
    if (value < SPICE_STREAM_VIDEO_OFF || value > SPICE_STREAM_VIDEO_FILTER) {
        return -1;
    }
    g_atomic_int_set(&s->policy.streaming_video, value);
    display_settings_changed(s);
    return 0;
}

int spice_server_add_renderer(SpiceServer *s, const char *name)
{
    if (s->policy.renderer_added || strcmp(name, "sw") != 0) {
        return -1;
    }
    s->policy.renderer_added = true;
    return 0;
}

int spice_server_set_playback_compression(SpiceServer *s, int enable)
{
    s->policy.playback_compression = enable != 0;
    playback_update_compression(s->playback);
    return 0;
}

int spice_server_set_agent_mouse(SpiceServer *s, int enable)
{
    s->policy.agent_mouse = enable != 0;
    server_update_mouse_mode(s);
    return 0;
}

int spice_server_set_agent_copypaste(SpiceServer *s, int enable)
{
    s->policy.agent_copypaste = enable != 0;
    return 0;
}

int spice_server_set_agent_file_xfer(SpiceServer *s, int enable)
{
    s->policy.agent_file_xfer = enable != 0;
    return 0;
}

/* What guests may use, server-abi.md section 7. */

uint64_t spice_server_get_supported_features(void)
{
    return SPICE_SERVER_FEATURES_0_8;
}

int spice_server_enable_features(SpiceServer *s, uint64_t features)
{
    uint64_t unknown = features & ~spice_server_get_supported_features();

    if (unknown != 0) {
        g_warning("unknown features 0x%" PRIx64 ": they are not changed", unknown);
        return -1;
    }
    if (s->loop != NULL) {
        g_warning("features cannot be changed when the server is initialised");
        return -1;
    }
    s->policy.features = features;
    return 0;
}

bool server_has_features(SpiceServer *server, uint64_t features)
{
    return (server->policy.features & features) == features;
}

spice_compat_version_t spice_get_current_compat_version(void)
{
    return SPICE_COMPAT_VERSION_CURRENT;
}

int spice_server_set_compat_version(SpiceServer *s, spice_compat_version_t version)
{
    switch (version) {
    case SPICE_COMPAT_VERSION_0_4:
        return spice_server_enable_features(s, SPICE_SERVER_FEATURES_0_4);
    case SPICE_COMPAT_VERSION_CURRENT:
        return spice_server_enable_features(s, spice_server_get_supported_features());
    default:
        g_warning("unknown compatibility version %d: it is not changed", (int)version);
        return -1;
    }
}
