/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/demo_instance.h"

#include "cli/options.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <spice/enums.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define START_MS  10000
#define POLL_US   10000
#define ANSWER_MS 10000
#define PROGRAM   "/proc/self/exe"

/* In the child. What ends the parent ends it, too. */
static void set_up_child(gpointer opaque)
{
    (void)opaque;
    signal(SIGINT, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static bool spawn(struct demo_instance *instance, char *const *words, GError **error)
{
    const GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *monitor = demo_instance_path(instance, "monitor");
    g_autofree char *qmp = g_strdup_printf("unix:%s", monitor);

    g_ptr_array_add(argv, (char *)PROGRAM);
    g_ptr_array_add(argv, (char *)"demo");
    for (; *words; words++)
        g_ptr_array_add(argv, *words);
    g_ptr_array_add(argv, (char *)"-qmp");
    g_ptr_array_add(argv, qmp);
    g_ptr_array_add(argv, NULL);
    return g_spawn_async(NULL, (char **)argv->pdata, NULL, flags, set_up_child, NULL,
                         &instance->pid, error);
}

/* A program that ends instead has said why on standard error, which is ours. */
static bool wait_for_monitor(struct demo_instance *instance, GError **error)
{
    g_autofree char *path = demo_instance_path(instance, "monitor");
    gint64 deadline = g_get_monotonic_time() + START_MS * 1000;

    for (;;) {
        GError *problem = NULL;
        instance->monitor = qmp_client_connect(path, ANSWER_MS, &problem);
        if (instance->monitor)
            return true;
        bool ended = waitpid(instance->pid, NULL, WNOHANG) == instance->pid;
        if (ended)
            instance->pid = 0;
        if (ended || g_get_monotonic_time() > deadline) {
            g_error_free(problem);
            g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "an instance of the demo %s",
                        ended ? "did not start" : "does not answer");
            return false;
        }
        g_error_free(problem);
        g_usleep(POLL_US);
    }
}

static json_t *query_spice(struct demo_instance *instance, GError **error)
{
    qmp_client_allow(instance->monitor, ANSWER_MS);
    return qmp_client_execute(instance->monitor, "query-spice", NULL, error);
}

static bool find_address(struct demo_instance *instance, GError **error)
{
    json_t *spice = query_spice(instance, error);

    if (!spice)
        return false;
    instance->host = g_strdup(json_string_value(json_object_get(spice, "host")));
    instance->port = (int)json_integer_value(json_object_get(spice, "port"));
    json_decref(spice);
    return true;
}

struct demo_instance *demo_instance_start(char *const *words, const char *folder, GError **error)
{
    struct demo_instance *instance = g_new0(struct demo_instance, 1);

    instance->folder = g_strdup(folder);
    if (spawn(instance, words, error) && wait_for_monitor(instance, error) &&
        find_address(instance, error))
        return instance;
    demo_instance_end(instance);
    return NULL;
}

static void remove_files(const struct demo_instance *instance)
{
    GDir *folder = g_dir_open(instance->folder, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *path = demo_instance_path(instance, name);
        g_unlink(path);
    }
    if (folder)
        g_dir_close(folder);
    g_rmdir(instance->folder);
}

void demo_instance_end(struct demo_instance *instance)
{
    if (!instance)
        return;
    qmp_client_close(instance->monitor);
    if (instance->pid) {
        kill(instance->pid, SIGTERM);
        waitpid(instance->pid, NULL, 0);
    }
    remove_files(instance);
    g_free(instance->folder);
    g_free(instance->host);
    g_free(instance);
}

char *demo_instance_path(const struct demo_instance *instance, const char *name)
{
    return g_build_filename(instance->folder, name, NULL);
}

int demo_instance_clients(struct demo_instance *instance, GError **error)
{
    json_t *spice = query_spice(instance, error), *channel;
    int count = 0;
    size_t index;

    if (!spice)
        return -1;
    json_array_foreach(json_object_get(spice, "channels"), index, channel)
    {
        count +=
            json_integer_value(json_object_get(channel, "channel-type")) == SPICE_CHANNEL_DISPLAY;
    }
    json_decref(spice);
    return count;
}

bool demo_instance_do(struct demo_instance *instance, const char *command, json_t *arguments,
                      GError **error)
{
    qmp_client_allow(instance->monitor, ANSWER_MS);
    json_t *value = qmp_client_execute(instance->monitor, command, arguments, error);

    json_decref(value);
    return value != NULL;
}
