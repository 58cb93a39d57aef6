/*
 * What every interface begins with, and the event loop that the host lends to the server.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_CORE_H_
#define SPICE_CORE_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

/*
 * An interface is a table of functions of the host; an instance is one device that has them. The
 * server copies neither: both must stay until the instance is removed. A minor version lower than
 * the server's means that the table may end early.
 */
typedef struct SpiceBaseInterface {
    const char *type; /* SPICE_INTERFACE_*; may be NULL for the core interface */
    const char *description;
    uint32_t major_version;
    uint32_t minor_version;
} SpiceBaseInterface;

typedef struct SpiceBaseInstance {
    const SpiceBaseInterface *sif;
} SpiceBaseInstance;

#define SPICE_INTERFACE_CORE       "core"
#define SPICE_INTERFACE_CORE_MAJOR 1
#define SPICE_INTERFACE_CORE_MINOR 3

/* A bit mask. */
#define SPICE_WATCH_EVENT_READ  (1 << 0)
#define SPICE_WATCH_EVENT_WRITE (1 << 1)

/* The host's own; the server only passes pointers around. */
typedef struct SpiceTimer SpiceTimer;
typedef struct SpiceWatch SpiceWatch;

typedef void (*SpiceTimerFunc)(void *opaque);
typedef void (*SpiceWatchFunc)(int fd, int event, void *opaque);

/*
 * A connection's life: CONNECTED when it was accepted, INITIALIZED when it was authenticated,
 * DISCONNECTED at the end. The second may be missing. All three come with the same pointer.
 */
#define SPICE_CHANNEL_EVENT_CONNECTED    1
#define SPICE_CHANNEL_EVENT_INITIALIZED  2
#define SPICE_CHANNEL_EVENT_DISCONNECTED 3

#define SPICE_CHANNEL_EVENT_FLAG_TLS      (1 << 0) /* the connection is encrypted */
#define SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT (1 << 1) /* the fields named _ext are filled in */

typedef struct SpiceChannelEventInfo {
    int connection_id; /* session; it, type and id are 0 in CONNECTED */
    int type;          /* SPICE_CHANNEL_* */
    int id;
    int flags; /* SPICE_CHANNEL_EVENT_FLAG_* */
    /* For old hosts: the first 16 bytes, too short for IPv6 and unix addresses. */
    struct sockaddr laddr;
    struct sockaddr paddr;
    socklen_t llen;
    socklen_t plen;
    /* Our end of the connection and the peer's. */
    struct sockaddr_storage laddr_ext;
    struct sockaddr_storage paddr_ext;
    socklen_t llen_ext;
    socklen_t plen_ext;
} SpiceChannelEventInfo;

typedef struct SpiceCoreInterface {
    SpiceBaseInterface base;

    /* One-shot timers, created stopped; start on a running one moves its deadline. */
    SpiceTimer *(*timer_add)(SpiceTimerFunc func, void *opaque);
    void (*timer_start)(SpiceTimer *timer, uint32_t ms);
    void (*timer_cancel)(SpiceTimer *timer);
    void (*timer_remove)(SpiceTimer *timer); /* also from inside its function */

    /* Level triggered; one watch at a time for a file descriptor. */
    SpiceWatch *(*watch_add)(int fd, int event_mask, SpiceWatchFunc func, void *opaque);
    void (*watch_update_mask)(SpiceWatch *watch, int event_mask);
    void (*watch_remove)(SpiceWatch *watch); /* also from inside its function */

    /* May be NULL. Minor version 3. */
    void (*channel_event)(int event, SpiceChannelEventInfo *info);
} SpiceCoreInterface;

#endif
