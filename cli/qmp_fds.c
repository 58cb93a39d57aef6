/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_fds.h"

#include "cli/qmp.h"

#include <string.h>
#include <unistd.h>

static void close_waiting(void *fd)
{
    if (*(int *)fd >= 0)
        close(*(int *)fd);
}

static void close_named(void *fd)
{
    close(GPOINTER_TO_INT(fd));
}

void qmp_fds_init(struct qmp_fds *fds)
{
    fds->waiting = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_set_clear_func(fds->waiting, close_waiting);
    fds->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_named);
}

void qmp_fds_finish(struct qmp_fds *fds)
{
    g_array_unref(fds->waiting);
    g_hash_table_unref(fds->named);
}

static void keep(struct qmp_fds *fds, const struct cmsghdr *control)
{
    size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
        if (fds->waiting->len < QMP_FDS_MAX)
            g_array_append_val(fds->waiting, fd);
        else
            close(fd);
    }
}

ssize_t qmp_fds_receive(struct qmp_fds *fds, int socket, void *buffer, size_t size)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(QMP_FDS_MAX * sizeof(int))];
    } control;
    struct iovec data = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0)
        return got;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
            keep(fds, at);
    }
    return got;
}

static bool fail(GError **error, const char *text)
{
    g_set_error_literal(error, QMP_ERROR, QMP_ERROR_GENERIC, text);
    return false;
}

bool qmp_fds_name(struct qmp_fds *fds, const char *name, GError **error)
{
    if (!fds->waiting->len)
        return fail(error, "No file descriptor supplied via SCM_RIGHTS");
    int *first = &g_array_index(fds->waiting, int, 0), fd = *first;
    *first = -1;
    g_array_remove_index(fds->waiting, 0);
    const char *wrong = NULL;
    if (!*name || g_ascii_isdigit(*name))
        wrong = "Parameter 'fdname' expects a name not starting with a digit";
    else if (!g_hash_table_contains(fds->named, name) &&
             g_hash_table_size(fds->named) >= QMP_FDS_MAX)
        wrong = "Too many descriptors have a name; close some with 'closefd'";
    if (wrong) {
        close(fd);
        return fail(error, wrong);
    }
    g_hash_table_insert(fds->named, g_strdup(name), GINT_TO_POINTER(fd));
    return true;
}

static bool fail_unknown(const char *name, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC, "File descriptor named '%s' not found", name);
    return false;
}

bool qmp_fds_close(struct qmp_fds *fds, const char *name, GError **error)
{
    return g_hash_table_remove(fds->named, name) || fail_unknown(name, error);
}

int qmp_fds_take(struct qmp_fds *fds, const char *name, GError **error)
{
    void *key, *fd;

    if (!g_hash_table_steal_extended(fds->named, name, &key, &fd)) {
        fail_unknown(name, error);
        return -1;
    }
    g_free(key);
    return GPOINTER_TO_INT(fd);
}
