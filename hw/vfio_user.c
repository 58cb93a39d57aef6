/*
 * The vfio-user engine: waits for a monitor and serves it.
 *
 * Of its two threads one serves, the other stands by; they change places as vfio_user_lane.h says.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "vfio-user"

#include "hw/vfio_user.h"

#include "hw/input_qmp.h"
#include "hw/vfio_user_device.h"
#include "hw/vfio_user_listen.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that has not said VERSION for so long gives way to another. */
#define SILENCE_LIMIT (2 * G_TIME_SPAN_SECOND)

/* Whose event it is, in the epoll set. */
enum tag { TAG_QUIT, TAG_LISTENER, TAG_CLIENT, TAG_UNMASK };

struct vfio_user {
    struct engine engine;
    enum vfio_user_mmap mmap;
    void (*connection_changed)(void *opaque, bool connected);
    void *opaque;
    void (*hold)(void *opaque, bool hold); /* NULL: the device cannot be migrated */
    struct input_qmp *input;               /* NULL: none. IO thread */
    bool input_moves;                      /* positions are of no use to it */
    bool running, held;                    /* by our machine; for migration. IO thread */

    GThread *threads[2]; /* see vfio_user_lane.h */
    int epoll;
    int quit; /* eventfd: the thread shall end */

    /* Of the thread that serves the client. */
    struct vfio_user_listener listener;
    struct vfio_user_device device;
    int64_t connected_at; /* g_get_monotonic_time() */
    bool connected;
    uint32_t watched; /* epoll events of the client's socket */
};

static struct vfio_user *from_engine(struct engine *engine)
{
    return (struct vfio_user *)engine; /* its first member */
}

static bool watch(struct vfio_user *user, int operation, int fd, enum tag tag, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = tag};

    return epoll_ctl(user->epoll, operation, fd, &event) == 0;
}

/* Shall this client map BAR memory? Says what was chosen and why. */
static bool choose_mapping(struct vfio_user *user, int fd)
{
    const char *name = user->device.name;
    int pid;
    bool kvm = vfio_user_peer_has_kvm(fd, &pid);

    switch (user->mmap) {
    case VFIO_USER_MMAP_ON:
        g_message("%s: monitor connected (process %d); BAR memory is mapped (mmap=on)", name, pid);
        return true;
    case VFIO_USER_MMAP_OFF:
        g_message("%s: monitor connected (process %d); BAR memory is not mapped (mmap=off)", name,
                  pid);
        return false;
    default:
        g_message("%s: monitor connected (process %d); BAR memory is %s (mmap=auto: it %s KVM)",
                  name, pid, kvm ? "mapped" : "not mapped", kvm ? "uses" : "is not seen to use");
        return kvm;
    }
}

static void announce(struct vfio_user *user, bool connected)
{
    if (user->connection_changed)
        user->connection_changed(user->opaque, connected);
}

static void disconnect(struct vfio_user *user)
{
    vfio_user_device_disconnect(&user->device);
    user->connected = false;
    g_message("%s: monitor disconnected; the card is reset and waits for another",
              user->device.name);
    announce(user, false);
}

/*
 * Does the present client make room for the next? It may have closed its end already (a card
 * unplugged and plugged in again), or never have said what it wants.
 */
static bool gives_way(struct vfio_user *user)
{
    struct pollfd client = {.fd = user->device.stream.fd};

    if (poll(&client, 1, 0) > 0 && client.revents & (POLLHUP | POLLERR))
        return true;
    return !user->device.negotiated && g_get_monotonic_time() - user->connected_at > SILENCE_LIMIT;
}

static void accept_client(struct vfio_user *user)
{
    int fd = accept4(user->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        /* Short of descriptors: the listener would be ready again and again. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            g_usleep(10 * G_TIME_SPAN_MILLISECOND);
        return;
    }
    if (user->connected && gives_way(user))
        disconnect(user);
    if (user->connected) {
        /* Closing is what monitors understand: their hot-plug fails with an error. */
        g_message("%s: second monitor refused: the card is in use", user->device.name);
        close(fd);
        return;
    }
    bool map_memory = choose_mapping(user, fd);
    if (!watch(user, EPOLL_CTL_ADD, fd, TAG_CLIENT, EPOLLIN)) {
        close(fd);
        return;
    }
    vfio_user_device_connect(&user->device, fd, map_memory);
    user->watched = EPOLLIN;
    user->connected = true;
    user->connected_at = g_get_monotonic_time();
    announce(user, true);
}

/* Acts on how serving the client went. False: another thread serves it now. */
static bool after_serving(struct vfio_user *user, enum vfio_user_served served)
{
    struct vfio_user_stream *stream = &user->device.stream;

    if (served == VFIO_USER_SERVED_BY_OTHER)
        return false;
    if (served == VFIO_USER_GONE) {
        disconnect(user);
        return true;
    }
    uint32_t wanted = vfio_user_stream_blocked(stream) ? EPOLLOUT : EPOLLIN;
    if (wanted != user->watched && watch(user, EPOLL_CTL_MOD, stream->fd, TAG_CLIENT, wanted))
        user->watched = wanted;
    return true;
}

/* The first thread's place. False: the engine ends; true: another thread is in this place now. */
static bool serve(struct vfio_user *user)
{
    struct epoll_event event;

    for (;;) {
        int timeout = vfio_user_irq_recheck(&user->device.irq, false);
        if (epoll_wait(user->epoll, &event, 1, timeout) != 1)
            continue;
        switch ((enum tag)event.data.u32) {
        case TAG_QUIT:
            return false;
        case TAG_LISTENER:
            accept_client(user);
            break;
        case TAG_CLIENT:
            if (user->connected && !after_serving(user, vfio_user_device_serve(&user->device)))
                return true;
            break;
        case TAG_UNMASK:
            vfio_user_irq_unmasked(&user->device.irq);
            break;
        }
    }
}

static gpointer serving_thread(gpointer opaque)
{
    struct vfio_user *user = opaque;
    struct vfio_user_lane *lane = &user->device.lane;

    while (serve(user)) {
        do {
            if (vfio_user_lane_work(lane) == VFIO_USER_LANE_QUIT)
                return NULL;
        } while (!after_serving(user, vfio_user_device_take_over(&user->device)));
    }
    vfio_user_lane_quit(lane);
    return NULL;
}

static gpointer standby_thread(gpointer opaque)
{
    struct vfio_user *user = opaque;

    do {
        if (vfio_user_lane_work(&user->device.lane) == VFIO_USER_LANE_QUIT)
            return NULL;
    } while (!after_serving(user, vfio_user_device_take_over(&user->device)));
    return serving_thread(user);
}

static void vfio_user_destroy(struct engine *engine)
{
    struct vfio_user *user = from_engine(engine);

    vfio_user_migration_close(&user->device.migration);
    eventfd_write(user->quit, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(user->threads); i++)
        g_thread_join(user->threads[i]);
    vfio_user_device_finish(&user->device);
    vfio_user_listener_close(&user->listener);
    input_qmp_destroy(user->input);
    close(user->quit);
    close(user->epoll);
    g_free(user);
}

/*
 * The guest's processors belong to the other monitor. Stopping here means that nothing acts on what
 * they do: ports are held back, no interrupt is raised; memory and configuration space stay
 * reachable, or that monitor would take the card for dead.
 */
static void run_or_rest(struct vfio_user *user)
{
    if (user->running && !user->held) {
        vfio_user_lane_resume(&user->device.lane);
        vfio_user_irq_freeze(&user->device.irq, false);
    } else {
        vfio_user_irq_freeze(&user->device.irq, true);
        vfio_user_lane_pause(&user->device.lane);
    }
}

static void vfio_user_start(struct engine *engine)
{
    struct vfio_user *user = from_engine(engine);

    user->running = true;
    run_or_rest(user);
}

static void vfio_user_stop(struct engine *engine)
{
    struct vfio_user *user = from_engine(engine);

    user->running = false;
    run_or_rest(user);
}

static int drain(void *opaque)
{
    struct vfio_user *user = opaque;
    return vfio_user_lane_drain(&user->device.lane) ? 0 : EBUSY;
}

static void hold(void *opaque, bool held)
{
    struct vfio_user *user = opaque;

    user->held = held;
    if (held)
        run_or_rest(user);
    user->hold(user->opaque, held);
    if (!held)
        run_or_rest(user);
}

static void power_on(void *opaque)
{
    pci_function_reset(((struct vfio_user *)opaque)->device.pci);
}

static const struct vfio_user_migration_ops migration_ops = {
    .drain = drain, .hold = hold, .power_on = power_on};

static void vfio_user_reset(struct engine *engine)
{
    vfio_user_lane_reset(&from_engine(engine)->device.lane);
}

static void vfio_user_key_byte(struct engine *engine, uint8_t byte)
{
    input_qmp_key_byte(from_engine(engine)->input, byte);
}

static void vfio_user_pointer_motion(struct engine *engine, int dx, int dy, int dz,
                                     uint32_t buttons)
{
    struct input_qmp *input = from_engine(engine)->input;

    input_qmp_motion(input, dx, dy);
    input_qmp_wheel(input, dz);
    input_qmp_buttons(input, buttons);
}

static void vfio_user_pointer_position(struct engine *engine, int x, int y, uint32_t buttons)
{
    struct input_qmp *input = from_engine(engine)->input;

    input_qmp_position(input, x, y);
    input_qmp_buttons(input, buttons);
}

static void vfio_user_pointer_wheel(struct engine *engine, int dz, uint32_t buttons)
{
    struct input_qmp *input = from_engine(engine)->input;

    input_qmp_wheel(input, dz);
    input_qmp_buttons(input, buttons);
}

static void vfio_user_display_size(struct engine *engine, int width, int height)
{
    input_qmp_display_size(from_engine(engine)->input, width, height);
}

static bool vfio_user_wants_tablet(struct engine *engine)
{
    const struct vfio_user *user = from_engine(engine);

    return user->input != NULL && !user->input_moves;
}

static const struct engine_impl vfio_user_impl = {
    .name = "vfio-user",
    .destroy = vfio_user_destroy,
    .start = vfio_user_start,
    .stop = vfio_user_stop,
    .reset = vfio_user_reset,
    .key_byte = vfio_user_key_byte,
    .pointer_motion = vfio_user_pointer_motion,
    .pointer_position = vfio_user_pointer_position,
    .pointer_wheel = vfio_user_pointer_wheel,
    .display_size = vfio_user_display_size,
    .wants_tablet = vfio_user_wants_tablet,
};

struct engine *vfio_user_create(const struct vfio_user_config *config, struct pci_function *pci,
                                GError **error)
{
    struct vfio_user *user = g_new0(struct vfio_user, 1);

    user->engine.impl = &vfio_user_impl;
    user->mmap = config->mmap;
    user->connection_changed = config->connection_changed;
    user->opaque = config->opaque;
    user->hold = config->hold;
    if (!vfio_user_listen(&user->listener, config->path, error)) {
        g_free(user);
        return NULL;
    }
    user->epoll = epoll_create1(EPOLL_CLOEXEC);
    user->quit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (user->epoll < 0 || user->quit < 0 ||
        !watch(user, EPOLL_CTL_ADD, user->quit, TAG_QUIT, EPOLLIN) ||
        !watch(user, EPOLL_CTL_ADD, user->listener.fd, TAG_LISTENER, EPOLLIN)) {
        int code = errno;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                    "vfio-user socket %s: cannot wait for events: %s", config->path,
                    g_strerror(code));
        vfio_user_listener_close(&user->listener);
        if (user->epoll >= 0)
            close(user->epoll);
        if (user->quit >= 0)
            close(user->quit);
        g_free(user);
        return NULL;
    }
    vfio_user_device_init(&user->device, pci, user->listener.path, user->epoll, TAG_UNMASK);
    vfio_user_migration_init(&user->device.migration, &migration_ops, user);
    user->device.migration.carry_memory = config->pre_copy_memory;
    if (config->add_parts)
        config->add_parts(config->opaque, &user->device.migration.set);
    user->input = config->input_qmp ? input_qmp_create(config->input_qmp) : NULL;
    user->input_moves = config->input_moves;
    vfio_user_stop(&user->engine);
    user->threads[0] = g_thread_new("vfio-user", serving_thread, user);
    user->threads[1] = g_thread_new("vfio-user", standby_thread, user);
    return &user->engine;
}
