/*
 * Keyboard and mouse through another monitor's QMP socket.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "input"

#include "hw/input_qmp.h"

#include "hw/input_queue.h"

#include <errno.h>
#include <glib-unix.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_LIMIT   (64 * 1024) /* bytes of one answer */
#define RETRY_AFTER  G_TIME_SPAN_SECOND
#define MICE_REFRESH (2 * G_TIME_SPAN_SECOND)

enum state {
    DISCONNECTED,
    GREETING,     /* waiting for it */
    CAPABILITIES, /* waiting for the answer to qmp_capabilities */
    IDLE,
    MICE,   /* waiting for the answer to query-mice */
    EVENTS, /* waiting for the answer to input-send-event */
};

struct input_qmp {
    char *path;
    struct input_queue queue;
    struct input_keys keys;
    uint32_t buttons;

    enum state state;
    int fd;
    guint watch;
    GIOCondition watched;
    GString *received; /* the beginning of a line */
    GString *to_send;
    int64_t retry_at; /* g_get_monotonic_time() */
    int64_t mice_asked_at;
    bool failure_told; /* a failed connection is reported once until one succeeds */
};

static gboolean on_socket(gint fd, GIOCondition condition, gpointer opaque);

static void disconnect(struct input_qmp *input, const char *reason)
{
    if (reason && !input->failure_told) {
        g_message("%s: keyboard and mouse do not reach the monitor: %s", input->path, reason);
        input->failure_told = true;
    }
    if (input->watch)
        g_source_remove(input->watch);
    if (input->fd >= 0)
        close(input->fd);
    input->watch = 0;
    input->fd = -1;
    input->state = DISCONNECTED;
    input->retry_at = g_get_monotonic_time() + RETRY_AFTER;
    g_string_truncate(input->received, 0);
    g_string_truncate(input->to_send, 0);
    input_queue_clear(&input->queue);
}

static void watch(struct input_qmp *input)
{
    GIOCondition condition = input->to_send->len ? G_IO_IN | G_IO_OUT : G_IO_IN;

    if (input->watch && input->watched == condition)
        return;
    if (input->watch)
        g_source_remove(input->watch);
    input->watched = condition;
    input->watch = g_unix_fd_add(input->fd, condition, on_socket, input);
}

static void connect_monitor(struct input_qmp *input)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (g_get_monotonic_time() < input->retry_at) {
        input_queue_clear(&input->queue);
        return;
    }
    if (strlen(input->path) >= sizeof(address.sun_path)) {
        disconnect(input, "the path of the socket is too long");
        return;
    }
    memcpy(address.sun_path, input->path, strlen(input->path));
    input->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (input->fd < 0 || connect(input->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        disconnect(input, g_strerror(errno));
        return;
    }
    input->state = GREETING;
    watch(input);
}

/* False when the connection is lost. */
static bool flush(struct input_qmp *input)
{
    ssize_t sent = send(input->fd, input->to_send->str, input->to_send->len, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(input, g_strerror(errno));
        return false;
    }
    if (sent > 0)
        g_string_erase(input->to_send, 0, sent);
    watch(input);
    return true;
}

static void send_command(struct input_qmp *input, const char *name, json_t *arguments,
                         enum state state)
{
    json_t *command = arguments ? json_pack("{s:s, s:o}", "execute", name, "arguments", arguments)
                                : json_pack("{s:s}", "execute", name);
    char *text = json_dumps(command, JSON_COMPACT);

    json_decref(command);
    g_string_append(input->to_send, text);
    g_string_append_c(input->to_send, '\n');
    free(text);
    input->state = state;
    flush(input);
}

/* There may be something to send. */
static void advance(struct input_qmp *input)
{
    if (input_queue_empty(&input->queue))
        return;
    if (input->state == DISCONNECTED) {
        connect_monitor(input);
    } else if (input->state == IDLE) {
        /* The guest's driver decides which pointing device is in use, at any time. */
        int64_t now = g_get_monotonic_time();
        if (input_queue_has_position(&input->queue) &&
            (!input->mice_asked_at || now - input->mice_asked_at > MICE_REFRESH)) {
            input->mice_asked_at = now;
            send_command(input, "query-mice", NULL, MICE);
            return;
        }
        json_t *events = input_queue_take(&input->queue);
        send_command(input, "input-send-event", json_pack("{s:o}", "events", events), EVENTS);
    }
}

static bool is_absolute(const json_t *mice)
{
    size_t i;
    json_t *mouse;

    json_array_foreach(mice, i, mouse)
    {
        if (json_is_true(json_object_get(mouse, "current")))
            return json_is_true(json_object_get(mouse, "absolute"));
    }
    return false;
}

static void on_answer(struct input_qmp *input, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char *text = json_string_value(json_object_get(error, "desc"));

    if (input->state == GREETING) {
        if (json_object_get(answer, "QMP"))
            send_command(input, "qmp_capabilities", NULL, CAPABILITIES);
        return;
    }
    if (!error && !json_object_get(answer, "return"))
        return; /* an event */
    if (error && !input->failure_told) {
        g_message("%s: the monitor refuses input: %s", input->path, text ? text : "no reason");
        input->failure_told = true;
    }
    if (!error)
        input->failure_told = false;
    if (input->state == MICE)
        input->queue.absolute = is_absolute(json_object_get(answer, "return"));
    if (input->state != IDLE)
        input->state = IDLE;
    advance(input);
}

/* Takes whole lines out of what was received. */
static void read_lines(struct input_qmp *input)
{
    char *end;

    while (input->state != DISCONNECTED &&
           (end = memchr(input->received->str, '\n', input->received->len))) {
        size_t length = end - input->received->str + 1;
        json_t *answer = json_loadb(input->received->str, length, 0, NULL);
        g_string_erase(input->received, 0, length);
        if (json_is_object(answer))
            on_answer(input, answer);
        else
            disconnect(input, "it does not speak QMP");
        json_decref(answer);
    }
    if (input->received->len > LINE_LIMIT)
        disconnect(input, "an answer is longer than 64 KiB");
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer opaque)
{
    struct input_qmp *input = opaque;
    char data[4096];

    if (condition & G_IO_OUT && !flush(input))
        return G_SOURCE_REMOVE;
    if (!(condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)))
        return G_SOURCE_CONTINUE;
    ssize_t size = recv(fd, data, sizeof(data), 0);
    if (size > 0) {
        g_string_append_len(input->received, data, size);
        read_lines(input);
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        disconnect(input, size == 0 ? "the monitor closed the connection" : g_strerror(errno));
    }
    return G_SOURCE_CONTINUE;
}

struct input_qmp *input_qmp_create(const char *path)
{
    struct input_qmp *input = g_new0(struct input_qmp, 1);

    input->path = g_strdup(path);
    input->fd = -1;
    input->received = g_string_new(NULL);
    input->to_send = g_string_new(NULL);
    input_queue_init(&input->queue);
    return input;
}

void input_qmp_destroy(struct input_qmp *input)
{
    if (!input)
        return;
    disconnect(input, NULL);
    g_string_free(input->received, TRUE);
    g_string_free(input->to_send, TRUE);
    g_free(input->path);
    g_free(input);
}

void input_qmp_key_byte(struct input_qmp *input, uint8_t byte)
{
    struct input_event event;

    if (!input || !input_keys_byte(&input->keys, byte, &event))
        return;
    input_queue_push(&input->queue, &event);
    advance(input);
}

void input_qmp_motion(struct input_qmp *input, int dx, int dy)
{
    struct input_event event = {.kind = INPUT_MOTION, .x = dx, .y = dy};

    if (!input || (dx == 0 && dy == 0))
        return;
    input_queue_push(&input->queue, &event);
    advance(input);
}

void input_qmp_position(struct input_qmp *input, int x, int y)
{
    struct input_event event = {.kind = INPUT_POSITION, .x = x, .y = y};

    if (!input)
        return;
    input_queue_push(&input->queue, &event);
    advance(input);
}

void input_qmp_wheel(struct input_qmp *input, int dz)
{
    static const int most = 16; /* of one call; a client can send any number */
    struct input_event event = {
        .kind = INPUT_BUTTON,
        .button = dz < 0 ? "wheel-up" : "wheel-down",
    };
    unsigned notches = dz < -most || dz > most ? most : dz < 0 ? -dz : dz;

    if (!input)
        return;
    for (unsigned i = 0; i < notches; i++) {
        event.down = true;
        if (!input_queue_push(&input->queue, &event))
            break;
        event.down = false;
        input_queue_push(&input->queue, &event);
    }
    advance(input);
}

void input_qmp_buttons(struct input_qmp *input, uint32_t buttons)
{
    static const char *const names[] = {"left", "right", "middle"};

    if (!input)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        struct input_event event = {
            .kind = INPUT_BUTTON,
            .button = names[i],
            .down = buttons >> i & 1,
        };
        if (((input->buttons ^ buttons) >> i & 1) && input_queue_push(&input->queue, &event))
            input->buttons ^= 1u << i;
    }
    advance(input);
}

void input_qmp_display_size(struct input_qmp *input, int width, int height)
{
    if (!input)
        return;
    input->queue.width = width;
    input->queue.height = height;
}
