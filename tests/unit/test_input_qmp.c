/*
 * Keyboard and mouse through a monitor's QMP socket.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/input_qmp.h"
#include "hw/input_queue.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The events that BYTES make, as JSON. */
static char *keys_json(const char *bytes, size_t size)
{
    struct input_queue queue;
    struct input_keys keys = {0};
    struct input_event event;

    input_queue_init(&queue);
    for (size_t i = 0; i < size; i++)
        if (input_keys_byte(&keys, bytes[i], &event))
            g_assert_true(input_queue_push(&queue, &event));
    json_t *events = input_queue_take(&queue);
    char *text = json_dumps(events, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(events);
    return text;
}

#define NUMBER(down, number)                                                                       \
    "{\"data\":{\"down\":" down ",\"key\":{\"data\":" number                                       \
    ",\"type\":\"number\"}},\"type\":\"key\"}"
#define PAUSE(down)                                                                                \
    "{\"data\":{\"down\":" down ",\"key\":{\"data\":\"pause\",\"type\":\"qcode\"}},\"type\":"      \
    "\"key\"}"

static void test_keys(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *json;
    } cases[] = {
        {"\x1e\x9e", 2, "[" NUMBER("true", "30") "," NUMBER("false", "30") "]"},
        {"\xe0\x48\xe0\xc8", 4, "[" NUMBER("true", "200") "," NUMBER("false", "200") "]"},
        {"\xe1\x1d\x45\xe1\x9d\xc5", 6, "[" PAUSE("true") "," PAUSE("false") "]"},
        /* Insert with the shifts that a keyboard adds */
        {"\xe0\x2a\xe0\x52\xe0\xd2\xe0\xaa", 8,
         "[" NUMBER("true", "210") "," NUMBER("false", "210") "]"},
        {"\x2a\xaa", 2, "[" NUMBER("true", "42") "," NUMBER("false", "42") "]"},
        {"\xe0", 1, "[]"},
        {"\x00\x80", 2, "[]"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *text = keys_json(cases[i].bytes, cases[i].size);
        g_assert_cmpstr(text, ==, cases[i].json);
        free(text);
    }
}

static void test_queue_limits(void)
{
    struct input_queue queue;
    struct input_event press = {.kind = INPUT_KEY, .down = true, .key = 30};
    struct input_event release = {.kind = INPUT_KEY, .key = 30};
    struct input_event motion = {.kind = INPUT_MOTION, .x = 30000, .y = -1};
    unsigned presses = 0, releases = 0;

    input_queue_init(&queue);
    while (input_queue_push(&queue, &press))
        presses++;
    while (input_queue_push(&queue, &release))
        releases++;
    g_assert_cmpuint(presses, ==, INPUT_QUEUE_LENGTH * 3 / 4);
    g_assert_cmpuint(presses + releases, ==, INPUT_QUEUE_LENGTH);
    g_assert_false(input_queue_push(&queue, &motion));

    input_queue_clear(&queue);
    for (unsigned i = 0; i < 1000000; i++)
        g_assert_true(input_queue_push(&queue, &motion));
    json_t *events = input_queue_take(&queue);
    char *text = json_dumps(events, JSON_COMPACT | JSON_SORT_KEYS);
    g_assert_cmpstr(text, ==,
                    "[{\"data\":{\"axis\":\"x\",\"value\":32767},\"type\":\"rel\"},"
                    "{\"data\":{\"axis\":\"y\",\"value\":-32767},\"type\":\"rel\"}]");
    free(text);
    json_decref(events);
    g_assert_true(input_queue_empty(&queue));
}

/* A QMP server of one connection, driven by hand. */
struct monitor {
    char *folder, *path;
    int listener, client;
    GString *received;
};

static void monitor_listen(struct monitor *monitor)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_strlcpy(address.sun_path, monitor->path, sizeof(address.sun_path));
    monitor->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(monitor->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(monitor->listener, 1), ==, 0);
    monitor->received = g_string_new(NULL);
}

static void monitor_accept(struct monitor *monitor)
{
    monitor->client = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    g_assert_cmpint(monitor->client, >=, 0);
}

static void monitor_send(struct monitor *monitor, const char *text)
{
    g_assert_cmpint(send(monitor->client, text, strlen(text), MSG_NOSIGNAL), ==,
                    (ssize_t)strlen(text));
}

/* Runs the main loop until a line has come, at most 5 s, and compares it. */
static void monitor_expect(struct monitor *monitor, const char *line)
{
    int64_t end = g_get_monotonic_time() + 5 * G_TIME_SPAN_SECOND;
    char *stop;

    while (!(stop = strchr(monitor->received->str, '\n'))) {
        char data[4096];
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        while (g_main_context_iteration(NULL, FALSE))
            ;
        ssize_t size = recv(monitor->client, data, sizeof(data), 0);
        if (size > 0)
            g_string_append_len(monitor->received, data, size);
        else
            g_usleep(1000);
    }
    *stop = 0;
    g_assert_cmpstr(monitor->received->str, ==, line);
    g_string_erase(monitor->received, 0, stop - monitor->received->str + 1);
}

static void run_loop(unsigned milliseconds)
{
    int64_t end = g_get_monotonic_time() + milliseconds * 1000;

    while (g_get_monotonic_time() < end)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
}

#define GREETING       "{\"QMP\":{\"version\":{},\"capabilities\":[]}}\r\n"
#define DONE           "{\"return\":{}}\r\n"
#define EVENTS(events) "{\"execute\":\"input-send-event\",\"arguments\":{\"events\":[" events "]}}"
#define AXIS(type, axis, value)                                                                    \
    "{\"type\":\"" type "\",\"data\":{\"axis\":\"" axis "\",\"value\":" value "}}"
#define BUTTON(name, down) "{\"type\":\"btn\",\"data\":{\"down\":" down ",\"button\":\"" name "\"}}"

static void test_conversation(void)
{
    struct monitor monitor = {.folder = g_dir_make_tmp("input-XXXXXX", NULL)};

    monitor.path = g_build_filename(monitor.folder, "qmp", NULL);
    struct input_qmp *input = input_qmp_create(monitor.path);
    input_qmp_display_size(input, 1001, 501);
    /* Nobody listens: dropped, and the next try is a second away. */
    input_qmp_buttons(input, 1);
    input_qmp_buttons(input, 0);
    monitor_listen(&monitor);
    input_qmp_motion(input, 1, 1);
    struct pollfd knock = {.fd = monitor.listener, .events = POLLIN};
    g_assert_cmpint(poll(&knock, 1, 50), ==, 0);
    run_loop(1050);

    input_qmp_motion(input, 3, 0);
    input_qmp_motion(input, 2, -4);
    monitor_accept(&monitor);
    monitor_send(&monitor, GREETING);
    monitor_expect(&monitor, "{\"execute\":\"qmp_capabilities\"}");
    monitor_send(&monitor, DONE);
    monitor_expect(&monitor, EVENTS(AXIS("rel", "x", "5") "," AXIS("rel", "y", "-4")));

    /* While the answer is out: gathered for one command, after asking about the mice. */
    input_qmp_position(input, 0, 0);
    input_qmp_position(input, 500, 500);
    input_qmp_buttons(input, 1 | 4);
    input_qmp_wheel(input, -1);
    input_qmp_buttons(input, 0);
    monitor_send(&monitor, "{\"event\":\"RTC_CHANGE\",\"data\":{}}\r\n");
    monitor_send(&monitor, DONE);
    monitor_expect(&monitor, "{\"execute\":\"query-mice\"}");
    monitor_send(&monitor, "{\"return\":[{\"current\":false,\"absolute\":false},"
                           "{\"current\":true,\"absolute\":true}]}\r\n");
    monitor_expect(
        &monitor,
        EVENTS(
            AXIS("abs", "x", "16383") "," AXIS("abs", "y", "32767") "," BUTTON("left", "true") "," BUTTON(
                "middle",
                "true") "," BUTTON("wheel-up",
                                   "true") "," BUTTON("wheel-up",
                                                      "false") "," BUTTON("left",
                                                                          "false") "," BUTTON("midd"
                                                                                              "le",
                                                                                              "fals"
                                                                                              "e")));

    /* A refusal is not the end, nor is an answer in pieces. */
    monitor_send(&monitor, "{\"error\":{\"class\":\"Gene");
    run_loop(10);
    monitor_send(&monitor, "ricError\",\"desc\":\"no\"}}\r\n");
    run_loop(10);
    input_qmp_wheel(input, 1);
    monitor_expect(&monitor,
                   EVENTS(BUTTON("wheel-down", "true") "," BUTTON("wheel-down", "false")));

    /* The monitor goes away and comes again. */
    close(monitor.client);
    run_loop(1100);
    input_qmp_key_byte(input, 0x1c);
    monitor_accept(&monitor);
    monitor_send(&monitor, "what is this?\n");
    run_loop(1100);
    close(monitor.client);
    input_qmp_key_byte(input, 0x9c);
    monitor_accept(&monitor);
    monitor_send(&monitor, GREETING);
    g_string_truncate(monitor.received, 0);
    monitor_expect(&monitor, "{\"execute\":\"qmp_capabilities\"}");

    input_qmp_destroy(input);
    input_qmp_key_byte(NULL, 0x1c);
    close(monitor.client);
    close(monitor.listener);
    g_string_free(monitor.received, TRUE);
    g_unlink(monitor.path);
    g_rmdir(monitor.folder);
    g_free(monitor.path);
    g_free(monitor.folder);
}

/* Without a tablet in the guest, positions become movements. */
static void test_positions_as_movements(void)
{
    struct input_queue queue;
    struct input_event first = {.kind = INPUT_POSITION, .x = 100, .y = 100};
    struct input_event button = {.kind = INPUT_BUTTON, .button = "left", .down = true};
    struct input_event second = {.kind = INPUT_POSITION, .x = 90, .y = 130};

    input_queue_init(&queue);
    input_queue_push(&queue, &first);
    input_queue_push(&queue, &button);
    input_queue_push(&queue, &second);
    g_assert_true(input_queue_has_position(&queue));
    json_t *events = input_queue_take(&queue);
    char *text = json_dumps(events, JSON_COMPACT);
    g_assert_cmpstr(
        text, ==,
        "[" BUTTON("left", "true") "," AXIS("rel", "x", "-10") "," AXIS("rel", "y", "30") "]");
    free(text);
    json_decref(events);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input-qmp/keys", test_keys);
    g_test_add_func("/input-qmp/queue-limits", test_queue_limits);
    g_test_add_func("/input-qmp/positions-as-movements", test_positions_as_movements);
    g_test_add_func("/input-qmp/conversation", test_conversation);
    return g_test_run();
}
