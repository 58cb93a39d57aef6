/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record.h"

#include "spice/record_command.h"
#include "spice/record_format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_VARIABLE   "SPICE_WORKER_RECORD_FILENAME"
#define FILTER_VARIABLE "SPICE_WORKER_RECORD_FILTER"

struct recorder {
    char *path;
    GPid filter; /* 0: none */

    pthread_mutex_t lock; /* of everything below */
    FILE *file;           /* NULL: the recording has ended */
    uint32_t events;
    GString *event; /* being put together */
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

/* The filter's input; its output is FD. */
static int start_filter(struct recorder *recorder, const char *command, int fd, GError **error)
{
    g_auto(GStrv) words = NULL;
    int ends[2];

    if (!g_shell_parse_argv(command, NULL, &words, error))
        return -1;
    if (pipe2(ends, O_CLOEXEC)) {
        g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(errno), g_strerror(errno));
        return -1;
    }
    bool good =
        g_spawn_async_with_fds(NULL, words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                               NULL, NULL, &recorder->filter, ends[0], fd, -1, error);
    close(ends[0]);
    if (good)
        return ends[1];
    close(ends[1]);
    return -1;
}

/* Where to write; -1 and ERROR. */
static int open_output(struct recorder *recorder, GError **error)
{
    const char *filter = g_getenv(FILTER_VARIABLE);
    int fd = open_file(recorder->path);

    if (fd < 0) {
        g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(errno), g_strerror(errno));
        return -1;
    }
    if (!filter || !*filter)
        return fd;
    int input = start_filter(recorder, filter, fd, error);
    close(fd);
    return input;
}

struct recorder *recorder_create_from_environment(void)
{
    const char *path = g_getenv(FILE_VARIABLE);
    GError *error = NULL;

    if (!path || !*path)
        return NULL;
    struct recorder *recorder = g_new0(struct recorder, 1);
    recorder->path = g_strdup(path);
    recorder->event = g_string_new(NULL);
    pthread_mutex_init(&recorder->lock, NULL);
    int fd = open_output(recorder, &error);
    if (fd < 0) {
        g_warning("nothing is recorded: %s (%s): %s", path, FILE_VARIABLE, error->message);
        g_error_free(error);
        recorder_destroy(recorder);
        return NULL;
    }
    recorder->file = fdopen(fd, "w");
    fputs("SPICE_REPLAY 1\n", recorder->file);
    return recorder;
}

/* Locked. */
static void end(struct recorder *recorder)
{
    if (!recorder->file)
        return;
    if (fclose(recorder->file))
        g_warning("the recording %s is not complete: %s", recorder->path, g_strerror(errno));
    recorder->file = NULL;
}

void recorder_destroy(struct recorder *recorder)
{
    if (!recorder)
        return;
    end(recorder);
    if (recorder->filter) {
        while (waitpid(recorder->filter, NULL, 0) < 0 && errno == EINTR)
            ;
        g_spawn_close_pid(recorder->filter);
    }
    pthread_mutex_destroy(&recorder->lock);
    g_string_free(recorder->event, TRUE);
    g_free(recorder->path);
    g_free(recorder);
}

/* Locked. */
static GString *begin_event(struct recorder *recorder, unsigned what, uint32_t type)
{
    g_string_printf(recorder->event, "event %" PRIu32 " %u %" PRIu32 " %" PRIu64 "\n",
                    recorder->events, what, type, (uint64_t)g_get_monotonic_time() * 1000);
    return recorder->event;
}

/* Locked. Only whole events are written. */
static void write_event(struct recorder *recorder)
{
    GString *event = recorder->event;

    recorder->events++;
    if (fwrite(event->str, 1, event->len, recorder->file) != event->len) {
        g_warning("the recording %s ends early: %s", recorder->path, g_strerror(errno));
        end(recorder);
    }
    if (event->allocated_len > 1 << 20) { /* one large picture */
        g_string_free(event, TRUE);
        recorder->event = g_string_new(NULL);
    }
}

void recorder_command(struct recorder *recorder, const struct memslots *memslots,
                      const QXLCommandExt *command)
{
    const char *why;

    pthread_mutex_lock(&recorder->lock);
    if (recorder->file) {
        GString *event = begin_event(recorder, EVENT_COMMAND, command->cmd.type);
        switch (record_command(event, memslots, command, &why)) {
        case RECORD_DONE:
            write_event(recorder);
            break;
        case RECORD_SKIP:
            break;
        case RECORD_END:
            g_warning("the recording %s ends before its event %" PRIu32 ": %s", recorder->path,
                      recorder->events, why);
            end(recorder);
            break;
        }
    }
    pthread_mutex_unlock(&recorder->lock);
}

void recorder_create_primary(struct recorder *recorder, const QXLDevSurfaceCreate *create,
                             const void *pixels)
{
    size_t pitch = (size_t)ABS((int64_t)create->stride);

    pthread_mutex_lock(&recorder->lock);
    if (recorder->file) {
        GString *event = begin_event(recorder, EVENT_CALL, CALL_CREATE_PRIMARY);
        g_string_append_printf(event, "%u %u %d %u\n%u %u %u %u\n", create->width, create->height,
                               create->stride, create->format, create->position, create->mouse_mode,
                               create->flags, create->type);
        record_binary(event, "data", pixels, pitch * create->height);
        write_event(recorder);
    }
    pthread_mutex_unlock(&recorder->lock);
}

static void record_call(struct recorder *recorder, uint32_t number)
{
    pthread_mutex_lock(&recorder->lock);
    if (recorder->file) {
        begin_event(recorder, EVENT_CALL, number);
        write_event(recorder);
    }
    pthread_mutex_unlock(&recorder->lock);
}

/* Recorded as the waiting form even if the host does not wait: only that is played back by all. */
void recorder_destroy_primary(struct recorder *recorder)
{
    record_call(recorder, CALL_DESTROY_PRIMARY);
}

void recorder_destroy_surfaces(struct recorder *recorder)
{
    record_call(recorder, CALL_DESTROY_SURFACES);
}
