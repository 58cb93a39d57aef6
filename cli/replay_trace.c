/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/replay_trace.h"

#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <spice/qxl_dev.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN_MAX 64

/* Events of the host that change the primary surface, section 8.3. */
enum {
    WHAT_COMMAND = 0,
    WHAT_CALL = 1,
    CALL_DESTROY_SURFACES = 19,
    CALL_CREATE_PRIMARY = 20,
    CALL_DESTROY_PRIMARY = 21,
    CALL_DESTROY_SURFACES_ASYNC = 28,
    CALL_CREATE_PRIMARY_ASYNC = 29,
    CALL_DESTROY_PRIMARY_ASYNC = 30,
};

/* What the next word is. */
enum expected {
    EXPECT_ANY, /* "event" and "binary" begin something */
    EXPECT_COUNTER,
    EXPECT_WHAT,
    EXPECT_TYPE,
    EXPECT_TIME,
    EXPECT_WIDTH,
    EXPECT_HEIGHT,
    EXPECT_STRIDE,
    EXPECT_FORMAT,
    EXPECT_PACKED,
    EXPECT_NAME,
    EXPECT_SIZE,
    EXPECT_PACKED_SIZE,
};

/* An event that trace_next() has not come to. */
struct event {
    bool is_command;
    uint64_t time;
    struct trace_primary primary; /* of an event that is no command: what it leaves */
};

struct scanner {
    enum expected expected;
    char token[TOKEN_MAX];
    size_t length;
    uint64_t skip; /* bytes of a binary piece to come */
    bool packed;
    uint32_t what, type;
    unsigned long line;
    struct event event;
    GQueue events; /* of struct event */
};

struct trace {
    char *path;
    int fd;        /* of the file, or the unpacker's output */
    GPid unpacker; /* 0: the file is plain */
    FILE *file;
    struct scanner scanner;
    struct trace_position position;
};

static void note_event(struct scanner *scanner)
{
    g_queue_push_tail(&scanner->events, g_memdup2(&scanner->event, sizeof(scanner->event)));
}

/* The head of an event is complete: what follows it? */
static enum expected begin_event(struct scanner *scanner)
{
    scanner->event.primary = (struct trace_primary){0};
    scanner->event.is_command = scanner->what == WHAT_COMMAND;
    if (scanner->event.is_command) {
        if (scanner->type != QXL_CMD_NOP)
            note_event(scanner);
        return EXPECT_ANY;
    }
    switch (scanner->type) {
    case CALL_CREATE_PRIMARY:
    case CALL_CREATE_PRIMARY_ASYNC:
        return EXPECT_WIDTH;
    case CALL_DESTROY_SURFACES:
    case CALL_DESTROY_PRIMARY:
    case CALL_DESTROY_SURFACES_ASYNC:
    case CALL_DESTROY_PRIMARY_ASYNC:
        note_event(scanner);
        return EXPECT_ANY;
    default:
        return EXPECT_ANY;
    }
}

static enum expected begin_skip(struct scanner *scanner, uint64_t size)
{
    scanner->skip = size;
    return EXPECT_ANY;
}

static enum expected scan_token(struct scanner *scanner)
{
    const char *token = scanner->token;
    uint64_t number = g_ascii_strtoull(token, NULL, 10);

    switch (scanner->expected) {
    case EXPECT_ANY:
        return !strcmp(token, "event") ? EXPECT_COUNTER
                                       : (!strcmp(token, "binary") ? EXPECT_PACKED : EXPECT_ANY);
    case EXPECT_COUNTER:
        return EXPECT_WHAT;
    case EXPECT_WHAT:
        scanner->what = (uint32_t)number;
        return EXPECT_TYPE;
    case EXPECT_TYPE:
        scanner->type = (uint32_t)number;
        return EXPECT_TIME;
    case EXPECT_TIME:
        scanner->event.time = number;
        return begin_event(scanner);
    case EXPECT_WIDTH:
        scanner->event.primary.width = (uint32_t)number;
        return EXPECT_HEIGHT;
    case EXPECT_HEIGHT:
        scanner->event.primary.height = (uint32_t)number;
        return EXPECT_STRIDE;
    case EXPECT_STRIDE:
        return EXPECT_FORMAT;
    case EXPECT_FORMAT:
        scanner->event.primary.format = (uint32_t)number;
        note_event(scanner);
        return EXPECT_ANY;
    case EXPECT_PACKED:
        scanner->packed = number != 0;
        return EXPECT_NAME;
    case EXPECT_NAME:
        return EXPECT_SIZE;
    case EXPECT_SIZE:
        return scanner->packed ? EXPECT_PACKED_SIZE : begin_skip(scanner, number);
    case EXPECT_PACKED_SIZE:
        return begin_skip(scanner, number);
    }
    return EXPECT_ANY;
}

static bool ends_token(const struct scanner *scanner, char c)
{
    bool size = scanner->expected == EXPECT_SIZE || scanner->expected == EXPECT_PACKED_SIZE;

    return g_ascii_isspace(c) || (size && c == ':');
}

static void scan(struct scanner *scanner, const char *data, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (scanner->skip) {
            size_t skipped = (size_t)MIN(scanner->skip, size - at);

            scanner->skip -= skipped;
            at += skipped - 1;
            continue;
        }
        char c = data[at];
        if (!ends_token(scanner, c)) {
            /* A longer word is none of ours; the library complains. */
            if (scanner->length < TOKEN_MAX - 1)
                scanner->token[scanner->length++] = c;
        } else if (scanner->length) {
            scanner->token[scanner->length] = '\0';
            scanner->length = 0;
            scanner->expected = scan_token(scanner);
        }
        if (c == '\n')
            scanner->line++;
    }
}

static ssize_t read_stream(void *cookie, char *buffer, size_t size)
{
    struct trace *trace = cookie;
    ssize_t got = TEMP_FAILURE_RETRY(read(trace->fd, buffer, size));

    if (got > 0)
        scan(&trace->scanner, buffer, (size_t)got);
    return got;
}

/* The program that unpacks what begins with START, or NULL: it is not packed. */
static const char *unpacker_for(const uint8_t *start, size_t size)
{
    static const struct {
        const char *magic;
        size_t size;
        const char *program;
    } known[] = {
        {"\xfd"
         "7zXZ",
         5, "xz"},
        {"\x28\xb5\x2f\xfd", 4, "zstd"},
        {"\x1f\x8b", 2, "gzip"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        if (size >= known[i].size && !memcmp(start, known[i].magic, known[i].size))
            return known[i].program;
    }
    return NULL;
}

static bool fail(const struct trace *trace, const char *what, GError **error)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: %s", trace->path, what);
    return false;
}

static bool start_unpacker(struct trace *trace, const char *program, GError **error)
{
    g_autofree char *name = g_strdup(program);
    char flags[] = "-dc", *words[] = {name, flags, NULL};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return fail(trace, g_strerror(errno), error);
    bool good =
        g_spawn_async_with_fds(NULL, words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                               NULL, NULL, &trace->unpacker, trace->fd, ends[1], -1, error);
    close(ends[1]);
    close(trace->fd);
    trace->fd = ends[0];
    if (!good)
        g_prefix_error(error, "%s: is packed by %s: ", trace->path, program);
    return good;
}

/* False: it did not end well. */
static bool wait_for_unpacker(struct trace *trace)
{
    GPid unpacker = trace->unpacker;
    int status;

    if (!unpacker)
        return true;
    trace->unpacker = 0;
    return TEMP_FAILURE_RETRY(waitpid(unpacker, &status, 0)) == unpacker && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool open_stream(struct trace *trace, GError **error)
{
    uint8_t start[8];
    struct stat about;

    trace->fd = open(trace->path, O_RDONLY | O_CLOEXEC);
    if (trace->fd < 0 || fstat(trace->fd, &about))
        return fail(trace, g_strerror(errno), error);
    if (!S_ISREG(about.st_mode))
        return fail(trace, "is not a file", error);
    ssize_t size = TEMP_FAILURE_RETRY(pread(trace->fd, start, sizeof(start), 0));
    if (size < 0)
        return fail(trace, g_strerror(errno), error);
    const char *program = unpacker_for(start, (size_t)size);
    return !program || start_unpacker(trace, program, error);
}

struct trace *trace_open(const char *path, GError **error)
{
    struct trace *trace = g_new0(struct trace, 1);

    trace->path = g_strdup(path);
    trace->fd = -1;
    trace->scanner.line = 1;
    if (!open_stream(trace, error)) {
        trace_destroy(trace);
        return NULL;
    }
    trace->file = fopencookie(trace, "r", (cookie_io_functions_t){.read = read_stream});
    return trace;
}

void trace_destroy(struct trace *trace)
{
    if (!trace)
        return;
    g_queue_clear_full(&trace->scanner.events, g_free);
    if (trace->fd >= 0)
        close(trace->fd); /* an unpacker that goes on ends by that */
    wait_for_unpacker(trace);
    g_free(trace->path);
    g_free(trace);
}

FILE *trace_file(struct trace *trace)
{
    return trace->file;
}

static bool take_event(struct trace *trace)
{
    struct event *event = g_queue_pop_head(&trace->scanner.events);
    bool command = event && event->is_command;

    if (!event)
        return true;
    if (command)
        trace->position.time = event->time;
    else
        trace->position.primary = event->primary;
    g_free(event);
    return command;
}

struct trace_position trace_next(struct trace *trace)
{
    while (!take_event(trace))
        ;
    return trace->position;
}

struct trace_position trace_last(struct trace *trace)
{
    while (!g_queue_is_empty(&trace->scanner.events))
        take_event(trace);
    return trace->position;
}

bool trace_check_end(struct trace *trace, const char *reason, GError **error)
{
    const struct scanner *scanner = &trace->scanner;
    bool ended = fgetc(trace->file) == EOF;

    if (ferror(trace->file)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: line %lu: cannot be read", trace->path,
                    scanner->line);
        return false;
    }
    if (ended && !wait_for_unpacker(trace))
        return fail(trace, "cannot be unpacked", error);
    if (reason)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: %s", trace->path, reason);
    else if (!ended)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: about line %lu: the SPICE server's library cannot read on", trace->path,
                    scanner->line);
    else if (scanner->skip)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "%s: line %lu: the recording ends %" G_GUINT64_FORMAT
                    " bytes before a piece of data does",
                    trace->path, scanner->line, scanner->skip);
    else
        return true;
    return false;
}
