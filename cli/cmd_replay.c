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
#include "cli/replay_trace.h"
#include "cli/spice_statistics.h"
#include "cli/secret_options.h"
#include "display/picture.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AT_END UINT64_MAX
/* Clients that do not take what was drawn in time are not waited for longer. */
#define STATISTICS_POLL_MS 20
#define STATISTICS_WAIT_US (10 * G_USEC_PER_SEC)

struct picture_request {
    uint64_t at; /* commands, or AT_END */
    char *path;
};

struct replay {
    struct machine_options options;
    const char *trace_path;
    GArray *pictures; /* of struct picture_request, by time */
    uint64_t until;   /* commands */
    bool step, recorded_speed, wait, stay, statistics;
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

/* Options */

static bool apply_spice(void *target, const char *value, GError **error)
{
    return spice_options_parse(value, &((struct replay *)target)->options.spice, error);
}

static bool apply_object(void *target, const char *value, GError **error)
{
    return secret_table_parse(((struct replay *)target)->options.spice.secrets, value, error);
}

static bool apply_until(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-until", NULL, value, 1, INT64_MAX, &number, error))
        return false;
    ((struct replay *)target)->until = (uint64_t)number;
    return true;
}

static bool apply_picture(void *target, const char *value, GError **error)
{
    struct replay *replay = target;
    const char *comma = strchr(value, ',');
    struct picture_request request = {.at = AT_END};
    int64_t number = 0;

    if (!comma || !comma[1]) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-screendump-at: '%s' is not N,FILE or end,FILE", value);
        return false;
    }
    g_autofree char *at = g_strndup(value, (gsize)(comma - value));
    if (strcmp(at, "end")) {
        if (!option_number_parse("-screendump-at", NULL, at, 1, INT64_MAX, &number, error))
            return false;
        request.at = (uint64_t)number;
    }
    request.path = g_strdup(comma + 1);
    g_array_append_val(replay->pictures, request);
    return true;
}

static bool apply_step(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay *)target)->step = true;
}

static bool apply_speed(void *target, const char *value, GError **error)
{
    bool recorded = !strcmp(value, "recorded");

    if (!recorded && strcmp(value, "fast")) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-speed: '%s' is not one of: fast, recorded",
                    value);
        return false;
    }
    ((struct replay *)target)->recorded_speed = recorded;
    return true;
}

static bool apply_wait(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay *)target)->wait = true;
}

static bool apply_stay(void *target, const char *value, GError **error)
{
    (void)value;
    (void)error;
    return ((struct replay *)target)->stay = true;
}

static bool apply_statistics(void *target, const char *value, GError **error)
{
    (void)value;
    return ((struct replay *)target)->statistics = spice_statistics_check(error);
}

static const struct command_option replay_options[] = {
    {"until", "N", "end after N commands", apply_until},
    {"step", NULL, "show each command and wait for Enter before it; a number does as many, q ends",
     apply_step},
    {"screendump-at", "N|end,FILE",
     "save the picture after N commands or at the end; as PPM if FILE ends in .ppm, else as\n"
     "PNG; may be given more than once",
     apply_picture},
    {"speed", "fast|recorded",
     "as fast as the server takes commands, or as they were recorded;\n"
     "default: fast",
     apply_speed},
    {"stats", NULL, "at the end show what was sent to each client, and how; with -wait",
     apply_statistics},
    {"wait", NULL, "begin when a client has connected", apply_wait},
    {"stay", NULL, "go on serving the last picture until a signal comes", apply_stay},
    {NULL, NULL, NULL, NULL},
};

static const struct command_option server_options[] = {
    {"spice", "KEY=VALUE,...", "where the server listens, as for cassia demo", apply_spice},
    {"object", "secret,id=ID,file=PATH", "a password for -spice password-secret=ID", apply_object},
    {NULL, NULL, NULL, NULL},
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

    if (!replay->recorded_speed)
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
    while (replay->next_picture < replay->pictures->len) {
        const struct picture_request *request =
            &g_array_index(replay->pictures, struct picture_request, replay->next_picture);
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
            fprintf(stderr, "cassia replay: %s: %s\n", replay->trace_path, replay->complaint);
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

    while (!is_stopped(replay) && (!replay->until || replay->commands < replay->until)) {
        QXLCommandExt *command = next_command(replay, &damaged);
        if (damaged)
            return false;
        if (!command)
            break;
        if (!keep_time(replay) || (replay->step && !ask_user(replay, command, &free_steps))) {
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
    if (replay->next_picture < replay->pictures->len) {
        uint64_t at =
            g_array_index(replay->pictures, struct picture_request, replay->next_picture).at;
        if (at != AT_END) {
            g_set_error(&replay->error, CLI_ERROR, CLI_ERROR_FAILED,
                        "-screendump-at: there are only %" PRIu64 " commands, not %" PRIu64,
                        replay->commands, at);
            return false;
        }
    }
    return save_pictures(replay, AT_END);
}

static void leave(struct replay *replay)
{
    if (replay->error || !replay->stay)
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
    if (replay->statistics && !replay->error)
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

static gint by_time(gconstpointer a, gconstpointer b)
{
    uint64_t first = ((const struct picture_request *)a)->at;
    uint64_t second = ((const struct picture_request *)b)->at;

    return first < second ? -1 : first > second;
}

static bool parse(struct replay *replay, char **words, GError **error)
{
    const struct option_group groups[] = {
        {"", replay_options, replay}, {"", server_options, replay}, {NULL, NULL, NULL}};

    /* The trace may stand before, between or behind the options. */
    for (;;) {
        if (!command_line_parse("replay", words, groups, &words, error))
            return false;
        if (!*words)
            break;
        if (replay->trace_path)
            return command_no_words(words, error);
        replay->trace_path = *words++;
    }
    if (!replay->trace_path) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "needs the file of a recording");
        return false;
    }
    g_array_sort(replay->pictures, by_time);
    return true;
}

static bool set_up(struct replay *replay, char **words, GError **error)
{
    if (!parse(replay, words, error))
        return false;
    replay->trace = trace_open(replay->trace_path, error);
    if (!replay->trace)
        return false;
    replay->player = spice_replay_new(trace_file(replay->trace), REPLAY_HOST_SURFACES);
    if (!replay->player) {
        fclose(trace_file(replay->trace));
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: line 1: not a recording of display commands (SPICE_REPLAY 1)",
                    replay->trace_path);
        return false;
    }
    replay->machine = machine_create(&replay->options, error);
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
    machine_options_finish(&replay->options);
    g_array_unref(replay->pictures);
    close(replay->stop_fd);
    g_free(replay->complaint);
}

static void clear_picture(void *data)
{
    g_free(((struct picture_request *)data)->path);
}

static int run(char **words)
{
    struct replay replay = {.pictures = g_array_new(FALSE, FALSE, sizeof(struct picture_request)),
                            .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                            .reader = g_thread_self()};
    GError *error = NULL;

    g_array_set_clear_func(replay.pictures, clear_picture);
    machine_options_init(&replay.options);
    g_log_set_handler("Spice", G_LOG_LEVEL_MASK, hear_library, &replay);
    if (set_up(&replay, words, &error)) {
        if (replay.wait || replay.stay || replay.step || replay.recorded_speed)
            machine_print_address(replay.machine);
        if (replay.wait)
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

static void help(void)
{
    const struct option_group groups[] = {{"The replay", replay_options, NULL},
                                          {"The server", server_options, NULL},
                                          {NULL, NULL, NULL}};
    command_line_help(groups);
}

const struct command command_replay = {"replay", "TRACE [OPTION]...",
                                       "plays a recording of display commands into the server", run,
                                       help};
