/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/demo_moves.h"

#include "cli/demo_instance.h"
#include "cli/options.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_POLL_US  200000
#define WARM_UP_US      1000000 /* the first client sees the guest where it was */
#define READY_MS        12000   /* the server gives clients 10 s */
#define MOVE_MS         120000
#define MEMORY_CHECK_MS 60000

struct move {
    char clients[16]; /* what became of them */
    double total, downtime, bytes;
    bool same_pixels;
    json_int_t pages; /* of main memory that were checked; 0: they are not what they were */
};

struct moves {
    char *folder;
    char *const *words;
    unsigned number; /* of instances so far */
    struct demo_instance *here, *there;
};

static char **words_for(const struct moves *moves, bool comes, const char *guest)
{
    /* Stands still when it arrives: what it shows is compared before it draws on. */
    const char *const more[] = {"-spice", "port=0", "-S", "-incoming", guest};
    GPtrArray *all = g_ptr_array_new();

    for (char *const *word = moves->words; *word; word++)
        g_ptr_array_add(all, g_strdup(*word));
    for (unsigned i = 0; comes && i < G_N_ELEMENTS(more); i++)
        g_ptr_array_add(all, g_strdup(more[i]));
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, FALSE);
}

static struct demo_instance *start_instance(struct moves *moves, bool comes, GError **error)
{
    g_autofree char *folder = g_strdup_printf("%s/%u", moves->folder, moves->number++);
    g_autofree char *guest = g_strdup_printf("unix:%s/guest", folder);
    g_auto(GStrv) words = words_for(moves, comes, guest);

    if (g_mkdir(folder, 0700)) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "cannot make folder %s", folder);
        return NULL;
    }
    return demo_instance_start(words, folder, error);
}

/* --- one move --- */

static bool is_terminal(const char *status)
{
    return !g_strcmp0(status, "completed") || !g_strcmp0(status, "failed") ||
           !g_strcmp0(status, "cancelled");
}

/* Clients get to know the target; what became of that is in MOVE. */
static bool ask_clients(struct moves *moves, struct move *move, GError **error)
{
    const char *host = moves->there->host;
    struct qmp_client *monitor = moves->here->monitor;

    /* An address that is all of this machine's is not one to connect to. */
    if (!g_strcmp0(host, "0.0.0.0") || !g_strcmp0(host, "::"))
        host = g_get_host_name();
    if (!demo_instance_do(moves->here, "client_migrate_info",
                          json_pack("{s:s,s:s,s:i}", "protocol", "spice", "hostname", host, "port",
                                    moves->there->port),
                          error))
        return false;
    qmp_client_allow(monitor, READY_MS);
    json_t *event = qmp_client_wait(monitor, "SPICE_CLIENT_MIGRATE_READY", error);
    const char *outcome = NULL;
    json_unpack(event, "{s:{s:s}}", "data", "outcome", &outcome);
    g_strlcpy(move->clients, outcome ? outcome : "unknown", sizeof(move->clients));
    json_decref(event);
    return event != NULL;
}

static bool await_end(struct qmp_client *monitor, GError **error)
{
    bool over = false;

    qmp_client_allow(monitor, MOVE_MS);
    while (!over) {
        json_t *event = qmp_client_wait(monitor, "MIGRATION", error);
        const char *status = NULL;
        if (!event)
            return false;
        json_unpack(event, "{s:{s:s}}", "data", "status", &status);
        over = is_terminal(status);
        json_decref(event);
    }
    return true;
}

static bool read_figures(struct qmp_client *monitor, struct move *move, GError **error)
{
    const char *status = NULL, *why = NULL;
    json_int_t bytes = 0, total = 0, downtime = 0;
    json_t *info = qmp_client_execute(monitor, "query-migrate", NULL, error);

    if (!info)
        return false;
    json_unpack(info, "{s:s,s?:s,s:I,s?:I,s?:{s:I}}", "status", &status, "error-desc", &why,
                "total-time", &total, "downtime", &downtime, "ram", "transferred", &bytes);
    bool good = !g_strcmp0(status, "completed");
    if (!good)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "the guest did not move: %s",
                    why ? why : status);
    move->total = (double)total;
    move->downtime = (double)downtime;
    move->bytes = (double)bytes;
    json_decref(info);
    return good;
}

static bool move_guest(struct moves *moves, struct move *move, GError **error)
{
    struct qmp_client *monitor = moves->here->monitor;
    g_autofree char *guest = demo_instance_path(moves->there, "guest");
    g_autofree char *uri = g_strdup_printf("unix:%s", guest);
    json_t *events = json_pack("[{s:s,s:b}]", "capability", "events", "state", 1);

    return demo_instance_do(moves->here, "migrate-set-capabilities",
                            json_pack("{s:o}", "capabilities", events), error) &&
           demo_instance_do(moves->here, "migrate", json_pack("{s:s}", "uri", uri), error) &&
           await_end(monitor, error) && read_figures(monitor, move, error);
}

static bool dump_screen(struct demo_instance *instance, char **bytes, size_t *size, GError **error)
{
    g_autofree char *path = demo_instance_path(instance, "picture");

    return demo_instance_do(instance, "screendump", json_pack("{s:s}", "filename", path), error) &&
           g_file_get_contents(path, bytes, size, error);
}

/* Both stand still now. */
static bool compare_screens(struct moves *moves, struct move *move, GError **error)
{
    g_autofree char *before = NULL, *after = NULL;
    size_t size_before, size_after;

    if (!dump_screen(moves->here, &before, &size_before, error) ||
        !dump_screen(moves->there, &after, &size_after, error))
        return false;
    move->same_pixels = size_before == size_after && !memcmp(before, after, size_before);
    return true;
}

/* A guest that finds something wrong stops and says so, and this event does not come. */
static void await_memory(struct moves *moves, struct move *move)
{
    qmp_client_allow(moves->there->monitor, MEMORY_CHECK_MS);
    json_t *event = qmp_client_wait(moves->there->monitor, "GUEST_MEMORY_CHECKED", NULL);

    json_unpack(event, "{s:{s:I}}", "data", "pages", &move->pages);
    json_decref(event);
}

static bool await_clients(struct moves *moves, const struct move *move, GError **error)
{
    if (!strcmp(move->clients, "no-client"))
        return true;
    qmp_client_allow(moves->here->monitor, READY_MS);
    json_t *event = qmp_client_wait(moves->here->monitor, "SPICE_MIGRATE_COMPLETED", error);
    json_decref(event);
    return event != NULL;
}

static bool make_move(struct moves *moves, struct move *move, GError **error)
{
    moves->there = start_instance(moves, true, error);
    if (!moves->there || !ask_clients(moves, move, error) || !move_guest(moves, move, error) ||
        !compare_screens(moves, move, error) ||
        !demo_instance_do(moves->there, "cont", NULL, error) || !await_clients(moves, move, error))
        return false;
    await_memory(moves, move);
    demo_instance_end(moves->here);
    moves->here = g_steal_pointer(&moves->there);
    return true;
}

/* --- all of them --- */

static bool wait_for_client(struct moves *moves, GError **error)
{
    int clients;

    printf("Connect with:  remote-viewer spice://%s:%d\n", moves->here->host, moves->here->port);
    printf("Waiting for a client\n");
    fflush(stdout);
    while (!(clients = demo_instance_clients(moves->here, error)))
        g_usleep(CLIENT_POLL_US);
    g_usleep(WARM_UP_US);
    return clients > 0;
}

static void print_move(unsigned number, const struct move *move)
{
    if (number == 1)
        printf("%5s  %-10s  %9s  %12s  %9s  %-6s  %s\n", "move", "clients", "total, ms",
               "downtime, ms", "MiB", "pixels", "memory");
    printf("%5u  %-10s  %9.0f  %12.0f  %9.1f  %-6s  ", number, move->clients, move->total,
           move->downtime, move->bytes / (1 << 20), move->same_pixels ? "same" : "WRONG");
    if (move->pages)
        printf("%" JSON_INTEGER_FORMAT " pages right\n", move->pages);
    else
        printf("WRONG\n");
    fflush(stdout);
}

static int compare_numbers(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static void print_summary(GArray *downtimes)
{
    qsort(downtimes->data, downtimes->len, sizeof(double), compare_numbers);
    printf("%u moves, downtime: median %.0f ms, most %.0f ms\n", downtimes->len,
           g_array_index(downtimes, double, downtimes->len / 2),
           g_array_index(downtimes, double, downtimes->len - 1));
}

static bool make_moves(struct moves *moves, unsigned count, GError **error)
{
    g_autoptr(GArray) downtimes = g_array_new(FALSE, FALSE, sizeof(double));
    unsigned wrong = 0;

    moves->here = start_instance(moves, false, error);
    if (!moves->here || !wait_for_client(moves, error))
        return false;
    for (unsigned i = 1; i <= count; i++) {
        struct move move = {.pages = 0};
        if (!make_move(moves, &move, error))
            return false;
        print_move(i, &move);
        g_array_append_val(downtimes, move.downtime);
        wrong += !move.same_pixels || !move.pages;
    }
    print_summary(downtimes);
    if (wrong)
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED, "after %u of %u moves something was wrong",
                    wrong, count);
    return !wrong;
}

bool demo_moves_run(char *const *words, unsigned count, GError **error)
{
    struct moves moves = {.folder = g_dir_make_tmp("cassia-XXXXXX", error), .words = words};

    if (!moves.folder)
        return false;
    /* Ctrl-C ends the instances, which ends this. */
    signal(SIGINT, SIG_IGN);
    bool good = make_moves(&moves, count, error);
    demo_instance_end(moves.there);
    demo_instance_end(moves.here);
    g_rmdir(moves.folder);
    g_free(moves.folder);
    return good;
}
