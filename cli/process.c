/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/process.h"

#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool fail(GError **error, const char *option, const char *path)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "%s: %s: %s", option, path, g_strerror(errno));
    return false;
}

static bool open_pidfile(struct process *process, const char *path, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    g_autofree char *text = NULL;

    process->pidfile = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (process->pidfile < 0)
        return fail(error, "-pidfile", path);
    if (fcntl(process->pidfile, F_SETLK, &lock)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "-pidfile: %s belongs to another running process", path);
        return false;
    }
    process->pidfile_path = g_canonicalize_filename(path, NULL);
    text = g_strdup_printf("%ld\n", (long)getpid());
    if (ftruncate(process->pidfile, 0) ||
        write(process->pidfile, text, strlen(text)) != (ssize_t)strlen(text))
        return fail(error, "-pidfile", path);
    return true;
}

/* In the parent: the child's end decides, or its word that it is ready. */
static void G_GNUC_NORETURN wait_for_child(int from_child, pid_t child)
{
    char word;
    int status;

    if (TEMP_FAILURE_RETRY(read(from_child, &word, 1)) == 1)
        _exit(0);
    if (TEMP_FAILURE_RETRY(waitpid(child, &status, 0)) == child && WIFEXITED(status) &&
        WEXITSTATUS(status))
        _exit(WEXITSTATUS(status));
    _exit(1);
}

static bool go_to_background(struct process *process, GError **error)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return fail(error, "-daemonize", "pipe");
    fflush(NULL);
    child = fork();
    if (child < 0)
        return fail(error, "-daemonize", "fork");
    if (child) {
        close(ends[1]);
        wait_for_child(ends[0], child);
    }
    close(ends[0]);
    process->parent = ends[1];
    setsid();
    return true;
}

bool process_init(struct process *process, bool background, const char *pidfile, const char *log,
                  GError **error)
{
    *process = (struct process){.parent = -1, .pidfile = -1, .log = stderr};
    if (background && !go_to_background(process, error))
        return false;
    if (pidfile && !open_pidfile(process, pidfile, error))
        return false;
    if (log) {
        process->log = fopen(log, "ae");
        if (!process->log) {
            process->log = stderr;
            return fail(error, "-D", log);
        }
        setvbuf(process->log, NULL, _IOLBF, 0);
    }
    return true;
}

void process_ready(struct process *process)
{
    if (process->parent < 0)
        return;
    fflush(stdout);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0) {
        dup2(nowhere, STDIN_FILENO);
        dup2(nowhere, STDOUT_FILENO);
        /* Warnings of libraries go where the log goes. */
        dup2(process->log != stderr ? fileno(process->log) : nowhere, STDERR_FILENO);
        close(nowhere);
    }
    /* Holds no file system back from being unmounted. */
    if (chdir("/") || write(process->parent, "r", 1) != 1)
        g_debug("nobody waits for this process to be ready");
    close(process->parent);
    process->parent = -1;
}

void process_finish(struct process *process)
{
    if (process->parent >= 0)
        close(process->parent);
    if (process->pidfile_path)
        unlink(process->pidfile_path);
    if (process->pidfile >= 0)
        close(process->pidfile);
    if (process->log && process->log != stderr)
        fclose(process->log);
    g_free(process->pidfile_path);
}
