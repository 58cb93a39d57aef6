/*
 * cassia replay: a recorded command stream, played into the SPICE server.
 *
 * One thread reads and pushes commands; the server's worker takes them; the main loop serves
 * clients meanwhile.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/commands.h"
#include "cli/doorbell.h"
#include "cli/machine.h"
#include "cli/replay_describe.h"
#include "cli/replay_host.h"
#include "cli/replay_options.h"
#include "cli/replay_trace.h"
#include "cli/spice_statistics.h"
#include "display/picture.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Clients that do not take what was drawn in time are not waited for longer. */
#define STATISTICS_POLL_MS 20
#define STATISTICS_WAIT_US (10 * G_USEC_PER_SEC)

struct replay {
    struct replay_options options;
    bool has_begun;

    struct machine *machine;
    struct trace *trace;
    struct replay_host *host;
    SpiceReplay *player;
    GThread *thread;
    GThread *reader;      /* atomic; who reads the trace and hears the library complain */
    struct doorbell *end; /* the thread has */
    bool stop;            /* atomic; the thread shall, */
    int stop_fd;          /* and can be read then */

    /* The thread's, and the main loop's after its end. */
    uint64_t commands;
    struct trace_position position;
    guint next_picture;
    gint64 ended;         /* us, of the monotonic clock; when all was drawn */
    gint64 began;         /* us, of the monotonic clock; when the first command was pushed */
    uint64_t began_trace; /* ns, of the trace's */
    char *complaint;      /* the library's last; NULL: none */
    GError *error;
};

/* The thread */

static void release_command(void *opaque, uint64_t id)
{
    struct replay *replay = opaque;

    spice_replay_free_cmd(replay->player, (QXLCommandExt *)(uintptr_t)id);
}

/*
 * The replay library has no other way to say what is wrong with a stream than a warning. Those of
 * the thread that reads it are kept, all others shown.
 */
static void hear_library(const gchar *domain, GLogLevelFlags level, const gchar *message,
                         gpointer opaque)
{
    struct replay *replay = opaque;

    if (g_atomic_pointer_get(&replay->reader) != g_thread_self() ||
        !g_str_has_prefix(message, "replay: ")) {
        g_log_default_handler(domain, level, message, NULL);
        return;
    }
    g_free(replay->complaint);
    replay->complaint = g_strdup(message + strlen("replay: "));
}

static bool is_stopped(const struct replay *replay)
{
    return __atomic_load_n(&replay->stop, __ATOMIC_ACQUIRE);
}

static void stop_thread(struct replay *replay)
{
    __atomic_store_n(&replay->stop, true, __ATOMIC_RELEASE);
    if (eventfd_write(replay->stop_fd, 1))
        g_debug("the replay has been stopped before");
}

/* Sleeps until FD can be read, TIMEOUT_US (-1: for ever) is over or the replay is to stop. */
static bool stopped_while_waiting(struct replay *replay, int fd, gint64 timeout_us)
{
    struct timespec timeout = {timeout_us / G_USEC_PER_SEC, timeout_us % G_USEC_PER_SEC * 1000};
    struct pollfd fds[2] = {
        {.fd = replay->stop_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };
    while (ppoll(fds, 2, timeout_us < 0 ? NULL : &timeout, NULL) < 0 && errno == EINTR)
        ;
    return is_stopped(replay);
}

/* Until the time at which the next command was recorded. */
static bool keep_time(struct replay *replay)
{
    gint64 now = g_get_monotonic_time();

    if (!replay->options.recorded_speed)
        return true;
    if (!replay->began) {
        replay->began = now;
        replay->began_trace = replay->position.time;
    }
    gint64 passed = (gint64)((replay->position.time - replay->began_trace) / 1000);
    gint64 left = replay->began + passed - now;
    return left <= 0 || !stopped_while_waiting(replay, -1, left);
}

/* What the user wants before COMMAND; false: nothing more. */
static bool ask_user(struct replay *replay, const QXLCommandExt *command, uint64_t *free_steps)
{
    char answer[64];
    size_t length = 0;

    if (*free_steps) {
        (*free_steps)--;
        return true;
    }
    g_autofree char *text = replay_describe(command);
    printf("%" PRIu64 ": %s ", replay->commands + 1, text);
    fflush(stdout);
    /* Byte by byte: poll() does not see what a buffer of ours would hold. */
    for (;;) {
        char c;
        if (stopped_while_waiting(replay, STDIN_FILENO, -1) || read(STDIN_FILENO, &c, 1) != 1)
            return false;
        if (c == '\n')
            break;
        if (length < sizeof(answer) - 1)
            answer[length++] = c;
    }
    answer[length] = '\0';
    if (answer[0] == 'q')
        return false;
    uint64_t steps = g_ascii_strtoull(answer, NULL, 10);
    *free_steps = steps ? steps - 1 : 0;
    return true;
}

static bool save_picture(struct replay *replay, const char *path)
{
    const struct trace_primary *primary = &replay->position.primary;
    struct canvas *canvas = primary->width ? replay_host_picture(replay->host, primary->width,
                                                                 primary->height, primary->format)
                                           : NULL;

    if (canvas)
        return picture_save(canvas, NULL, path, &replay->error);
    if (!primary->width)
        g_set_error(&replay->error, CLI_ERROR, CLI_ERROR_FAILED,
                    "-screendump-at: after %" PRIu64 " commands there is no screen",
                    replay->commands);
    else
        g_set_error(&replay->error, CLI_ERROR, CLI_ERROR_FAILED,
                    "-screendump-at: after %" PRIu64 " commands none of the %u surfaces is free to "
                    "take the picture; another number may do",
                    replay->commands, REPLAY_HOST_SURFACES);
    return false;
}

static bool save_pictures(struct replay *replay, uint64_t at)
{
    while (replay->next_picture < replay->options.pictures->len) {
        const struct replay_picture *request =
            &g_array_index(replay->options.pictures, struct replay_picture, replay->next_picture);
        if (request->at != at)
            break;
        if (!save_picture(replay, request->path))
            return false;
        replay->next_picture++;
    }
    return true;
}

/* The next command, or NULL at the end, of which *DAMAGED says whether it is a good one. */
static QXLCommandExt *next_command(struct replay *replay, bool *damaged)
{
    QXLCommandExt *command =
        spice_replay_next_cmd(replay->player, replay_host_instance(replay->host));

    *damaged = false;
    if (command) {
        replay->position = trace_next(replay->trace);
        if (replay->complaint)
            fprintf(stderr, "cassia replay: %s: %s\n", replay->options.trace_path,
                    replay->complaint);
        g_clear_pointer(&replay->complaint, g_free);
    } else {
        replay->position = trace_last(replay->trace);
        *damaged = !trace_check_end(replay->trace, replay->complaint, &replay->error);
    }
    return command;
}

static bool play(struct replay *replay)
{
    uint64_t free_steps = 0;
    bool damaged;

    while (!is_stopped(replay) &&
           (!replay->options.until || replay->commands < replay->options.until)) {
        QXLCommandExt *command = next_command(replay, &damaged);
        if (damaged)
            return false;
        if (!command)
            break;
        if (!keep_time(replay) ||
            (replay->options.step && !ask_user(replay, command, &free_steps))) {
            spice_replay_free_cmd(replay->player, command);
            break;
        }
        replay_host_push(replay->host, command);
        replay->commands++;
        if (!save_pictures(replay, replay->commands))
            return false;
    }
    if (is_stopped(replay))
        return true;
    if (replay->next_picture < replay->options.pictures->len) {
        uint64_t at =
            g_array_index(replay->options.pictures, struct replay_picture, replay->next_picture).at;
        if (at != REPLAY_END) {
            g_set_error(&replay->error, CLI_ERROR, CLI_ERROR_FAILED,
                        "-screendump-at: there are only %" PRIu64 " commands, not %" PRIu64,
                        replay->commands, at);
            return false;
        }
    }
    return save_pictures(replay, REPLAY_END);
}

static void leave(struct replay *replay)
{
    if (replay->error || !replay->options.stay)
        machine_quit(replay->machine, "host-ui");
}

/* On the main loop: once clients have all, or should have. */
static gboolean show_statistics(void *data)
{
    struct replay *replay = data;
    SpiceServer *server = machine_spice(replay->machine);

    if (spice_statistics_waiting(server) > 0 &&
        g_get_monotonic_time() < replay->ended + STATISTICS_WAIT_US)
        return G_SOURCE_CONTINUE;
    spice_statistics_print(server, stdout);
    leave(replay);
    return G_SOURCE_REMOVE;
}

/* On the main loop. */
static void finished(void *opaque)
{
    struct replay *replay = opaque;

    g_thread_join(g_steal_pointer(&replay->thread));
    if (!replay->error) {
        printf("%" PRIu64 " commands replayed\n", replay->commands);
        fflush(stdout);
    }
    replay->ended = g_get_monotonic_time();
    if (replay->options.statistics && !replay->error)
        g_timeout_add(STATISTICS_POLL_MS, show_statistics, replay);
    else
        leave(replay);
}

static gpointer run_thread(gpointer data)
{
    g_atomic_pointer_set(&((struct replay *)data)->reader, g_thread_self());
    play(data);
    doorbell_ring(((struct replay *)data)->end, 0);
    return NULL;
}

static void start(struct replay *replay)
{
    replay->has_begun = true;
    replay->thread = g_thread_new("replay", run_thread, replay);
}

static void start_when_connected(void *opaque, const char *event)
{
    struct replay *replay = opaque;

    if (!strcmp(event, "SPICE_INITIALIZED") && !replay->has_begun)
        start(replay);
}

/* The command */

static bool set_up(struct replay *replay, char **words, GError **error)
{
    if (!replay_options_parse(&replay->options, words, error))
        return false;
    replay->trace = trace_open(replay->options.trace_path, error);
    if (!replay->trace)
        return false;
    replay->player = spice_replay_new(trace_file(replay->trace), REPLAY_HOST_SURFACES);
    if (!replay->player) {
        fclose(trace_file(replay->trace));
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: line 1: not a recording of display commands (SPICE_REPLAY 1)",
                    replay->options.trace_path);
        return false;
    }
    replay->machine = machine_create(&replay->options.machine, error);
    if (!replay->machine)
        return false;
    replay->host =
        replay_host_create(machine_spice(replay->machine), release_command, replay, error);
    replay->end = doorbell_create(finished, replay);
    return replay->host != NULL;
}

static void finish(struct replay *replay)
{
    if (replay->thread) {
        stop_thread(replay);
        replay_host_abandon(replay->host);
        g_thread_join(replay->thread);
    }
    doorbell_destroy(replay->end);
    replay_host_destroy(replay->host);
    if (replay->player)
        spice_replay_free(replay->player);
    machine_destroy(replay->machine);
    trace_destroy(replay->trace);
    replay_options_finish(&replay->options);
    close(replay->stop_fd);
    g_free(replay->complaint);
}

static int run(char **words)
{
    struct replay replay = {.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                            .reader = g_thread_self()};
    GError *error = NULL;

    replay_options_init(&replay.options);
    g_log_set_handler("Spice", G_LOG_LEVEL_MASK, hear_library, &replay);
    if (set_up(&replay, words, &error)) {
        if (replay.options.wait || replay.options.stay || replay.options.step ||
            replay.options.recorded_speed)
            machine_print_address(replay.machine);
        if (replay.options.wait)
            machine_watch(replay.machine, start_when_connected, &replay);
        else
            start(&replay);
        machine_run(replay.machine);
    }
    finish(&replay);
    if (!error)
        error = replay.error;
    return error ? command_fail(&command_replay, error) : 0;
}

const struct command command_replay = {"replay", "TRACE [OPTION]...",
                                       "plays a recording of display commands into the server", run,
                                       replay_options_help};
