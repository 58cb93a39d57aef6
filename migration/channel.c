/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINGER_MS     1000
#define STALL_MS      30000
#define HANDSHAKE_MS  10000
#define PACE_WINDOW   (G_USEC_PER_SEC / 2) /* a pause in sending is made up for no longer */
#define CHILD_POLL_MS 20

/* A peer that is gone is an error, not a signal; what is no socket relies on SIGPIPE ignored. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    ssize_t written = send(fd, data, size, MSG_NOSIGNAL);
    return written < 0 && errno == ENOTSOCK ? write(fd, data, size) : written;
}

static const struct channel_calls system_calls = {read, write_quietly, poll, shutdown, close};

static struct migration_channel *create(const struct channel_calls *calls, int in, int out,
                                        GCancellable *cancel)
{
    struct migration_channel *channel = g_new0(struct migration_channel, 1);

    channel->calls = calls;
    channel->in = in;
    channel->out = out;
    channel->cancel = g_object_ref(cancel);
    return channel;
}

struct migration_channel *migration_channel_create_with(const struct channel_calls *calls, int fd,
                                                        GCancellable *cancel)
{
    return create(calls, fd, fd, cancel);
}

struct migration_channel *migration_channel_create(int in, int out, GCancellable *cancel)
{
    if (in >= 0)
        g_unix_set_fd_nonblocking(in, TRUE, NULL);
    if (out >= 0 && out != in)
        g_unix_set_fd_nonblocking(out, TRUE, NULL);
    return create(&system_calls, in, out, cancel);
}

struct migration_channel *migration_channel_create_memory(void)
{
    struct migration_channel *channel = g_new0(struct migration_channel, 1);

    channel->in = channel->out = -1;
    channel->memory = g_byte_array_new();
    return channel;
}

size_t migration_channel_pending(const struct migration_channel *channel)
{
    return channel->memory->len - channel->taken;
}

size_t migration_channel_peek(const struct migration_channel *channel, void *data, size_t size)
{
    size = MIN(size, migration_channel_pending(channel));
    if (size)
        memcpy(data, channel->memory->data + channel->taken, size);
    return size;
}

/* Takes SIZE bytes; those that have been read make room when they are the greater part. */
static void take_from_memory(struct migration_channel *channel, void *data, size_t size)
{
    migration_channel_peek(channel, data, size);
    channel->taken += (guint)size;
    channel->received += size;
    if (channel->taken >= channel->memory->len / 2) {
        g_byte_array_remove_range(channel->memory, 0, channel->taken);
        channel->taken = 0;
    }
}

static void close_fds(struct migration_channel *channel)
{
    g_clear_pointer(&channel->tls, tls_session_destroy);
    if (channel->in >= 0)
        channel->calls->close(channel->in);
    if (channel->out >= 0 && channel->out != channel->in)
        channel->calls->close(channel->out);
    channel->in = channel->out = -1;
}

void migration_channel_destroy(struct migration_channel *channel)
{
    if (!channel)
        return;
    close_fds(channel);
    if (channel->child) {
        kill(channel->child, SIGTERM);
        waitpid(channel->child, NULL, 0);
    }
    if (channel->memory)
        g_byte_array_unref(channel->memory);
    g_clear_object(&channel->cancel);
    g_free(channel);
}

bool migration_channel_is_duplex(const struct migration_channel *channel)
{
    return channel->in >= 0 && channel->in == channel->out;
}

void migration_channel_set_limit(struct migration_channel *channel, uint64_t bytes_a_second)
{
    channel->limit = bytes_a_second;
    channel->paced_since = g_get_monotonic_time();
    channel->paced_bytes = 0;
}

static bool fail_errno(GError **error, const char *what, int code)
{
    return migration_fail(error, "%s: %s", what, g_strerror(code));
}

/* See migration_wait(). Nothing but the channel's own descriptors needs its calls. */
static bool wait_for(struct migration_channel *channel, int fd, short events, int timeout,
                     bool *ready, GError **error)
{
    return migration_wait(fd >= 0 ? channel->calls->poll : poll, fd, events, timeout,
                          channel->cancel, ready, error);
}

/* Sleeps as long as what was sent is ahead of the pace. */
static bool keep_pace(struct migration_channel *channel, GError **error)
{
    bool ready;

    if (!channel->limit)
        return true;
    int64_t now = g_get_monotonic_time();
    int64_t due = channel->paced_since +
                  (int64_t)((double)channel->paced_bytes / (double)channel->limit * G_USEC_PER_SEC);
    if (due < now - PACE_WINDOW)
        migration_channel_set_limit(channel, channel->limit);
    if (due <= now)
        return !g_cancellable_is_cancelled(channel->cancel) ||
               wait_for(channel, -1, 0, 0, &ready, error);
    return wait_for(channel, -1, 0, (int)((due - now) / 1000) + 1, &ready, error);
}

static bool fail_early_end(const struct migration_channel *channel, GError **error)
{
    return migration_fail(error, "the stream ends after %" G_GUINT64_FORMAT " bytes, in the middle",
                          channel->received);
}

/* What poll() must wait for before EVENTS' call is tried again. */
static short events_for(const struct migration_channel *channel, short events)
{
    return channel->tls ? tls_session_events(channel->tls) : events;
}

static ssize_t write_some(struct migration_channel *channel, const void *data, size_t size)
{
    return channel->tls ? tls_session_write(channel->tls, data, size)
                        : channel->calls->write(channel->out, data, size);
}

/* How long the other side may take nothing. A command may have its reasons, a machine has not. */
static int patience(const struct migration_channel *channel)
{
    return migration_channel_is_duplex(channel) ? STALL_MS : -1;
}

bool migration_channel_write(struct migration_channel *channel, const void *data, size_t size,
                             GError **error)
{
    const uint8_t *at = data;

    if (channel->memory) {
        g_byte_array_append(channel->memory, data, (guint)size);
        channel->sent += size;
        return true;
    }
    if (!keep_pace(channel, error))
        return false;
    channel->paced_bytes += size;
    while (size) {
        ssize_t written = write_some(channel, at, size);
        bool ready;
        if (written < 0 && errno == EAGAIN) {
            if (!wait_for(channel, channel->out, events_for(channel, POLLOUT), patience(channel),
                          &ready, error))
                return false;
            if (!ready)
                return migration_fail(error, "the other side has taken nothing for %d s",
                                      STALL_MS / 1000);
        } else if (written < 0 && errno != EINTR) {
            return fail_errno(error, "cannot send", errno);
        } else if (written > 0) {
            at += written;
            size -= (size_t)written;
            channel->sent += (uint64_t)written;
        }
    }
    return true;
}

static ssize_t read_some(struct migration_channel *channel, void *data, size_t size)
{
    return channel->tls ? tls_session_read(channel->tls, data, size)
                        : channel->calls->read(channel->in, data, size);
}

bool migration_channel_read(struct migration_channel *channel, void *data, size_t size,
                            GError **error)
{
    uint8_t *at = data;

    if (channel->memory && size > migration_channel_pending(channel))
        return fail_early_end(channel, error);
    if (channel->memory) {
        take_from_memory(channel, data, size);
        return true;
    }
    while (size) {
        ssize_t got = read_some(channel, at, size);
        bool ready;
        if (got == 0)
            return fail_early_end(channel, error);
        if (got < 0 && errno == EAGAIN) {
            if (!wait_for(channel, channel->in, events_for(channel, POLLIN), -1, &ready, error))
                return false;
        } else if (got < 0 && errno != EINTR) {
            return fail_errno(error, "cannot receive", errno);
        } else if (got > 0) {
            at += got;
            size -= (size_t)got;
            channel->received += (uint64_t)got;
        }
    }
    return true;
}

bool migration_channel_wait(struct migration_channel *channel, int milliseconds, GError **error)
{
    bool ready;

    if (channel->tls && tls_session_pending(channel->tls))
        return true;
    if (!wait_for(channel, channel->in, POLLIN, milliseconds, &ready, error))
        return false;
    return ready ||
           migration_fail(error, "the other side did not answer within %d ms", milliseconds);
}

bool migration_channel_start_tls(struct migration_channel *channel, struct migration_tls *tls,
                                 const char *hostname, GError **error)
{
    int64_t end = g_get_monotonic_time() + HANDSHAKE_MS * 1000;
    bool ready;
    int done;

    channel->tls = tls_session_create(tls, channel->in, hostname, error);
    if (!channel->tls)
        return false;
    while ((done = tls_session_handshake(channel->tls, error)) == 0) {
        int64_t left = (end - g_get_monotonic_time()) / 1000;
        if (left > 0 && !wait_for(channel, channel->in, tls_session_events(channel->tls), (int)left,
                                  &ready, error))
            return false;
        if (left <= 0)
            return migration_fail(error, "the TLS handshake is not done after %d s",
                                  HANDSHAKE_MS / 1000);
    }
    return done > 0;
}

static bool wait_child(struct migration_channel *channel, GError **error)
{
    int status;
    pid_t ended;
    bool ready;

    while ((ended = waitpid(channel->child, &status, WNOHANG)) == 0) {
        if (!wait_for(channel, -1, 0, CHILD_POLL_MS, &ready, error))
            return false;
    }
    channel->child = 0;
    if (ended < 0)
        return fail_errno(error, "cannot wait for the command", errno);
    if (WIFSIGNALED(status))
        return migration_fail(error, "the command was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ||
           migration_fail(error, "the command failed with exit code %d", WEXITSTATUS(status));
}

bool migration_channel_finish_output(struct migration_channel *channel, GError **error)
{
    struct stat status;

    if (!fstat(channel->out, &status) && S_ISREG(status.st_mode) && fsync(channel->out))
        return fail_errno(error, "cannot write to the disk", errno);
    close_fds(channel);
    return !channel->child || wait_child(channel, error);
}

void migration_channel_linger(struct migration_channel *channel)
{
    char waste[4096];
    bool ready = true;
    int64_t end = g_get_monotonic_time() + LINGER_MS * 1000;

    if (!migration_channel_is_duplex(channel) || channel->calls->shutdown(channel->out, SHUT_WR))
        return;
    while (ready) {
        int64_t left = (end - g_get_monotonic_time()) / 1000;
        if (left <= 0 || !wait_for(channel, channel->in, POLLIN, (int)left, &ready, NULL) || !ready)
            return;
        ssize_t got = read_some(channel, waste, sizeof(waste));
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}
