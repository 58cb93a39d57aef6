/*
 * The server object: settings, network, authentication, policy.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_SERVER_H_
#define SPICE_SERVER_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

/*
 * Functions returning int give 0, or -1 when the request was refused. Settings are for the time
 * before spice_server_init() unless they say otherwise. Strings are copied.
 */
typedef struct RedsState SpiceServer;

SpiceServer *spice_server_new(void);
/* Opens the listening sockets; CORE must outlive the server. */
int spice_server_init(SpiceServer *s, SpiceCoreInterface *core);
/* Disconnects everybody, stops and joins all threads. */
void spice_server_destroy(SpiceServer *s);

/* The virtual machine begins or ceases to run; stop returns when nothing of it is touched. */
void spice_server_vm_start(SpiceServer *s);
void spice_server_vm_stop(SpiceServer *s);

/* Attaches a device. Unknown types are accepted and ignored. */
int spice_server_add_interface(SpiceServer *s, SpiceBaseInstance *sin);
/* For tablet, playback, record, char device and qxl; afterwards the instance may be freed. */
int spice_server_remove_interface(SpiceBaseInstance *sin);

/*
 * What guests may use, so that the machine can move to a host with an older server. Bits are for
 * spice_server_enable_features(); a mask has what a release of the first server had. Clients are no
 * part of it: whatever is enabled, they connect with protocol major 2 and tell what they can do.
 */
#define SPICE_SERVER_FEATURE_PROTOCOL_MAJOR2 (UINT64_C(1) << 0)
#define SPICE_SERVER_FEATURE_SURFACES        (UINT64_C(1) << 1) /* off-screen ones */
#define SPICE_SERVER_FEATURE_MULTIMONITOR    (UINT64_C(1) << 2) /* several heads a display */
#define SPICE_SERVER_FEATURES_0_4            UINT64_C(0)
#define SPICE_SERVER_FEATURES_0_6                                                                  \
    (SPICE_SERVER_FEATURE_PROTOCOL_MAJOR2 | SPICE_SERVER_FEATURE_SURFACES)
#define SPICE_SERVER_FEATURES_0_8 (SPICE_SERVER_FEATURES_0_6 | SPICE_SERVER_FEATURE_MULTIMONITOR)

uint64_t spice_server_get_supported_features(void);
/* All are enabled in a new server. -1 and no change: unknown bits, or the server is initialised. */
int spice_server_enable_features(SpiceServer *s, uint64_t features);

/* The same by release: 0.4 enables its mask only; the current version is no restriction. */
typedef enum {
    SPICE_COMPAT_VERSION_0_4 = 0,
    SPICE_COMPAT_VERSION_0_6 = 1,
} spice_compat_version_t;
#define SPICE_COMPAT_VERSION_CURRENT SPICE_COMPAT_VERSION_0_6

spice_compat_version_t spice_get_current_compat_version(void);
int spice_server_set_compat_version(SpiceServer *s, spice_compat_version_t version);

/* Where to listen. Port 0 lets the kernel choose. Without an address: everywhere. */
int spice_server_set_port(SpiceServer *s, int port);
/* At most one of these; with UNIX_ONLY the address is a path ('@': abstract). */
#define SPICE_ADDR_FLAG_IPV4_ONLY (1 << 0)
#define SPICE_ADDR_FLAG_IPV6_ONLY (1 << 1)
#define SPICE_ADDR_FLAG_UNIX_ONLY (1 << 2)
void spice_server_set_addr(SpiceServer *s, const char *addr, int flags);
/* An open listening socket instead; it stays the caller's. */
int spice_server_set_listen_socket_fd(SpiceServer *s, int listen_fd);
int spice_server_set_tls(SpiceServer *s, int port, const char *ca_cert_file, const char *certs_file,
                         const char *private_key_file, const char *key_passwd,
                         const char *dh_key_file, const char *ciphersuite);

/* Who may connect. A new server asks for a password and has none: nobody may. At any time. */
int spice_server_set_noauth(SpiceServer *s);
/* LIFETIME in seconds, 0: for ever. PASSWD has at most 60 bytes; NULL: nobody may connect. */
int spice_server_set_ticket(SpiceServer *s, const char *passwd, int lifetime, int fail_if_connected,
                            int disconnect_if_connected);
int spice_server_set_sasl(SpiceServer *s, int enabled);
int spice_server_set_sasl_appname(SpiceServer *s, const char *appname);

#define SPICE_CHANNEL_SECURITY_NONE (1 << 0)
#define SPICE_CHANNEL_SECURITY_SSL  (1 << 1)
/* CHANNEL by its lower-case name, NULL: all that have no setting of their own. SECURITY: a mask. */
int spice_server_set_channel_security(SpiceServer *s, const char *channel, int security);

/* Takes over SOCKET, a client's connection, when it returns 0. SKIP_AUTH: any password will do. */
int spice_server_add_client(SpiceServer *s, int socket, int skip_auth);
int spice_server_add_ssl_client(SpiceServer *s, int socket, int skip_auth);

/* What clients are told about the machine. */
void spice_server_set_name(SpiceServer *s, const char *name);
void spice_server_set_uuid(SpiceServer *s, const uint8_t uuid[16]);

/* Who is connected. The addresses are those of the first client's main connection. */
int spice_server_get_num_clients(SpiceServer *s);
int spice_server_get_sock_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen);
int spice_server_get_peer_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen);
/* The process exits with status 0 when a client leaves. */
int spice_server_set_exit_on_disconnect(SpiceServer *s, int flag);

/* Image compression. At any time; for display clients that connect afterwards. */
typedef SpiceImageCompression spice_image_compression_t;
#define SPICE_IMAGE_COMPRESS_INVALID  SPICE_IMAGE_COMPRESSION_INVALID
#define SPICE_IMAGE_COMPRESS_OFF      SPICE_IMAGE_COMPRESSION_OFF
#define SPICE_IMAGE_COMPRESS_AUTO_GLZ SPICE_IMAGE_COMPRESSION_AUTO_GLZ
#define SPICE_IMAGE_COMPRESS_AUTO_LZ  SPICE_IMAGE_COMPRESSION_AUTO_LZ
#define SPICE_IMAGE_COMPRESS_QUIC     SPICE_IMAGE_COMPRESSION_QUIC
#define SPICE_IMAGE_COMPRESS_GLZ      SPICE_IMAGE_COMPRESSION_GLZ
#define SPICE_IMAGE_COMPRESS_LZ       SPICE_IMAGE_COMPRESSION_LZ
#define SPICE_IMAGE_COMPRESS_LZ4      SPICE_IMAGE_COMPRESSION_LZ4
int spice_server_set_image_compression(SpiceServer *s, SpiceImageCompression comp);
SpiceImageCompression spice_server_get_image_compression(SpiceServer *s);

typedef enum {
    SPICE_WAN_COMPRESSION_INVALID,
    SPICE_WAN_COMPRESSION_AUTO, /* for clients on slow lines */
    SPICE_WAN_COMPRESSION_ALWAYS,
    SPICE_WAN_COMPRESSION_NEVER,
} spice_wan_compression_t;
int spice_server_set_jpeg_compression(SpiceServer *s, spice_wan_compression_t comp);
int spice_server_set_zlib_glz_compression(SpiceServer *s, spice_wan_compression_t comp);

/* Which moving areas are sent as video. */
enum {
    SPICE_STREAM_VIDEO_INVALID,
    SPICE_STREAM_VIDEO_OFF,
    SPICE_STREAM_VIDEO_ALL,
    SPICE_STREAM_VIDEO_FILTER
};
int spice_server_set_streaming_video(SpiceServer *s, int value);

/* Who encodes video; no function takes these. */
enum { SPICE_STREAMING_INVALID, SPICE_STREAMING_SPICE, SPICE_STREAMING_GSTREAMER };
/* "encoder:codec;...", or "auto". Free what get returns with spice_server_free_video_codecs(). */
int spice_server_set_video_codecs(SpiceServer *s, const char *video_codecs);
const char *spice_server_get_video_codecs(SpiceServer *s);
void spice_server_free_video_codecs(SpiceServer *s, const char *video_codecs);

/* Only "sw" exists, which is the default. */
int spice_server_add_renderer(SpiceServer *s, const char *name);

int spice_server_set_playback_compression(SpiceServer *s, int enable);

/* What the guest agent may do: pointer positions, clipboard, file transfer. At any time. */
int spice_server_set_agent_mouse(SpiceServer *s, int enable);
int spice_server_set_agent_copypaste(SpiceServer *s, int enable);
int spice_server_set_agent_file_xfer(SpiceServer *s, int enable);

/* Do clients send relative pointer motion (1) or positions (0)? */
int spice_server_is_server_mouse(SpiceServer *s);

#endif
