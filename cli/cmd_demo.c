/*
 * cassia demo: a card driven by our own guest.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/commands.h"
#include "cli/demo_moves.h"
#include "cli/machine.h"
#include "cli/migrate.h"
#include "hw/soft_guest.h"
#include "hw/soft_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FPS    30
#define STATUS_SECONDS 1
#define MOVES_MAX      1000000
#define MOVES_MEMORY   "64" /* MiB */

struct demo {
    struct machine_options options;
    struct soft_guest_config guest;
    struct machine *machine;
    struct engine *engine;
    char *incoming;      /* URI or "defer"; NULL: the guest boots here */
    unsigned moves;      /* between instances; 0: this is one */
    guint status_source; /* 0: no status line */
    uint64_t last_frames;
};

static bool apply_load(void *target, const char *value, GError **error)
{
    struct demo *demo = target;

    for (const char *const *load = soft_guest_loads(); *load; load++) {
        if (!strcmp(*load, value)) {
            demo->guest.load = *load;
            return true;
        }
    }
    g_autofree char *valid = g_strjoinv(", ", (char **)soft_guest_loads());
    g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-load: '%s' is not one of: %s", value, valid);
    return false;
}

static bool apply_fps(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-fps", NULL, value, 0, 1000, &number, error))
        return false;
    ((struct demo *)target)->guest.fps = (unsigned)number;
    return true;
}

static bool apply_seed(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-seed", NULL, value, 0, INT64_MAX, &number, error))
        return false;
    ((struct demo *)target)->guest.seed = (uint64_t)number;
    return true;
}

static bool apply_frames(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-frames", NULL, value, 0, INT64_MAX, &number, error))
        return false;
    ((struct demo *)target)->guest.frames = (uint64_t)number;
    return true;
}

static bool apply_memory(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-m", NULL, value, 0, SOFT_MEMORY_MAX_MB, &number, error))
        return false;
    ((struct demo *)target)->guest.memory = (uint32_t)number;
    return true;
}

static bool apply_incoming(void *target, const char *value, GError **error)
{
    struct demo *demo = target;
    struct migration_address address;
    GError *problem = NULL;

    if (strcmp(value, "defer") != 0) {
        if (!migration_address_parse(&address, value, &problem)) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-incoming: %s", problem->message);
            g_error_free(problem);
            return false;
        }
        migration_address_finish(&address);
    }
    g_free(demo->incoming);
    demo->incoming = g_strdup(value);
    return true;
}

static bool apply_moves(void *target, const char *value, GError **error)
{
    int64_t number;

    if (!option_number_parse("-migrate", NULL, value, 1, MOVES_MAX, &number, error))
        return false;
    ((struct demo *)target)->moves = (unsigned)number;
    return true;
}

static const struct command_option demo_options[] = {
    {"load", "NAME", "what the guest draws, see below; default: desktop", apply_load},
    {"fps", "N", "frames a second, 0: as fast as the card takes them; default: 30", apply_fps},
    {"seed", "N", "the same seed draws the same frames; default: 1", apply_seed},
    {"frames", "N", "stand still after N frames and go on serving; default: 0, go on for ever",
     apply_frames},
    {"m", "MIB", "memory that the guest writes to, and checks when it has moved; default: 0",
     apply_memory},
    {"incoming", "URI",
     "the guest comes from another cassia, with its load; tcp:HOST:PORT, unix:PATH, fd:N,\n"
     "vsock:CID:PORT, rdma:HOST:PORT, exec:COMMAND, file:PATH or defer: the monitor's\n"
     "migrate-incoming says",
     apply_incoming},
    {"migrate", "N",
     "start two instances, wait for a client, move the guest between them N times; prints what\n"
     "each move cost and whether all pixels and all memory (-m, then 64 by default) survived",
     apply_moves},
    {NULL, NULL, NULL, NULL},
};

static void end_status_line(struct demo *demo)
{
    if (demo->status_source)
        printf("\n");
    g_clear_handle_id(&demo->status_source, g_source_remove);
}

static gboolean print_status(gpointer data)
{
    struct demo *demo = data;
    struct soft_guest_stats stats = soft_guest_stats(demo->engine);

    printf("\rframe %" PRIu64 ", %" PRIu64 " a second; %" PRIu64 " commands; %u clients\033[K",
           stats.frames, (stats.frames - demo->last_frames) / STATUS_SECONDS, stats.commands,
           spice_clients_count(machine_clients(demo->machine)));
    fflush(stdout);
    demo->last_frames = stats.frames;
    return G_SOURCE_CONTINUE;
}

static gboolean tell_finished(gpointer data)
{
    struct demo *demo = data;

    end_status_line(demo);
    printf("%" PRIu64 " frames are drawn (%" PRIu64
           " commands); the picture stands still and is served on\n",
           demo->guest.frames, soft_guest_stats(demo->engine).commands);
    fflush(stdout);
    return G_SOURCE_REMOVE;
}

/* On the guest's thread. */
static void finished(void *opaque)
{
    g_idle_add(tell_finished, opaque);
}

struct memory_call {
    struct demo *demo;
    uint32_t pages;
};

static gboolean tell_memory_checked(gpointer data)
{
    struct memory_call *call = data;

    machine_event(call->demo->machine, "GUEST_MEMORY_CHECKED",
                  json_pack("{s:I}", "pages", (json_int_t)call->pages));
    return G_SOURCE_REMOVE;
}

/* On the guest's thread. */
static void memory_checked(void *opaque, uint32_t pages)
{
    struct memory_call *call = g_new(struct memory_call, 1);

    *call = (struct memory_call){opaque, pages};
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_memory_checked, call, g_free);
}

/* Starts to wait for the guest if it comes from elsewhere. */
static bool receive_guest(struct demo *demo, GError **error)
{
    struct migration_address address;

    if (!demo->incoming || !strcmp(demo->incoming, "defer"))
        return true;
    return migration_address_parse(&address, demo->incoming, error) &&
           migrate_receive(machine_migrate(demo->machine), &address, true, error);
}

static void print_guest(struct demo *demo)
{
    const char *from = migrate_waits_at(machine_migrate(demo->machine));

    if (!demo->incoming)
        printf("Load %s, seed %" PRIu64 "\n", demo->guest.load, demo->guest.seed);
    else
        printf("Waiting for a guest%s%s\n", from ? " at " : ": migrate-incoming says where",
               from ? from : "");
}

static bool parse(struct demo *demo, char **words, GError **error)
{
    const struct option_group groups[] = {{"", demo_options, demo},
                                          {"", machine_command_options, &demo->options},
                                          {NULL, NULL, NULL}};

    return command_line_parse("demo", words, groups, &words, error) &&
           command_no_words(words, error);
}

/* What the instances of a demo that moves cannot all have. */
static bool can_move(const struct demo *demo, GError **error)
{
    const struct machine_options *options = &demo->options;
    const struct {
        const char *option;
        bool given;
    } wrong[] = {
        {"-incoming", demo->incoming},
        {"-qmp", options->monitors->len},
        {"-spice tls-port", options->spice.tls_port},
        {"-spice unix", options->spice.unix_socket},
        {"-display sdl", options->window},
        {"-pidfile", options->pidfile},
        {"-record", options->record},
        {"-daemonize", options->daemonize},
        {"-S", options->paused},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        if (wrong[i].given) {
            g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                        "%s: not possible with -migrate, whose instances cannot share it",
                        wrong[i].option);
            return false;
        }
    }
    return true;
}

static bool is_migrate(const char *word)
{
    const char *name = word + strspn(word, "-");

    return *word == '-' && (!strcmp(name, "migrate") || g_str_has_prefix(name, "migrate="));
}

/* WORDS, which have been parsed, without -migrate and with some memory to lose. */
static char **instance_words(const struct demo *demo, char **words)
{
    GPtrArray *all = g_ptr_array_new();

    for (; *words; words++) {
        if (!is_migrate(*words))
            g_ptr_array_add(all, g_strdup(*words));
        else if (!strchr(*words, '='))
            words++;
    }
    if (!demo->guest.memory) {
        g_ptr_array_add(all, g_strdup("-m"));
        g_ptr_array_add(all, g_strdup(MOVES_MEMORY));
    }
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, FALSE);
}

static void move_about(const struct demo *demo, char **words, GError **error)
{
    g_auto(GStrv) all = instance_words(demo, words);

    if (can_move(demo, error))
        demo_moves_run(all, demo->moves, error);
}

static bool set_up(struct demo *demo, GError **error)
{
    GPtrArray *devices = demo->options.devices;

    if (devices->len > 1) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-device: the demo drives one card");
        return false;
    }
    if (!devices->len)
        machine_options_add_device(&demo->options);
    spice_options_offer_page(&demo->options.spice);
    demo->machine = machine_create(&demo->options, error);
    if (!demo->machine)
        return false;

    struct qxl_function *function =
        machine_add_card(demo->machine, g_ptr_array_index(devices, 0), error);
    if (!function)
        return false;
    demo->engine = soft_guest_create(&demo->guest, qxl_function_pci(function), error);
    if (!demo->engine)
        return false;
    machine_set_engine(demo->machine, demo->engine);
    if (demo->incoming)
        machine_set_phase(demo->machine, MACHINE_INMIGRATE);
    return machine_start(demo->machine, error) && receive_guest(demo, error);
}

static int run(char **words)
{
    struct demo demo = {.guest = {.load = "desktop",
                                  .fps = DEFAULT_FPS,
                                  .seed = 1,
                                  .finished = finished,
                                  .memory_checked = memory_checked}};
    GError *error = NULL;

    demo.guest.opaque = &demo;
    machine_options_init(&demo.options);
    if (parse(&demo, words, &error) && demo.moves) {
        move_about(&demo, words, &error);
    } else if (!error && set_up(&demo, &error)) {
        print_guest(&demo);
        machine_print_address(demo.machine);
        if (isatty(STDOUT_FILENO) && !demo.options.daemonize)
            demo.status_source = g_timeout_add_seconds(STATUS_SECONDS, print_status, &demo);
        machine_run(demo.machine);
        end_status_line(&demo);
    }
    bool failed = demo.machine && machine_failed(demo.machine);
    machine_destroy(demo.machine);
    machine_options_finish(&demo.options);
    g_free(demo.incoming);
    return error ? command_fail(&command_demo, error) : failed;
}

static void help(void)
{
    const struct option_group groups[] = {
        {"The guest", demo_options, NULL},
        {"Card, server and monitor", machine_command_options, NULL},
        {NULL, NULL, NULL}};
    g_autofree char *loads = g_strjoinv(", ", (char **)soft_guest_loads());

    command_line_help(groups);
    printf("\nLoads: %s\n", loads);
}

const struct command command_demo = {"demo", "[--load NAME] [OPTION]...",
                                     "a card driven by a guest of our own; prints how to connect",
                                     run, help};
