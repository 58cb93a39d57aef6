/*
 * cassia serve: cards for another virtual machine monitor.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/commands.h"
#include "cli/machine.h"
#include "hw/vfio_user.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* One --vfio-user. */
struct socket_option {
    char *path;              /* absolute: the process may change its folder */
    int mmap;                /* enum vfio_user_mmap */
    int pre_copy;            /* of pre_copy_names */
    struct machine *machine; /* from here on: for the engine */
    struct qxl_function *function;
    unsigned number;
};

struct input_option {
    char *path;  /* of the other monitor's QMP socket, absolute; NULL: none */
    bool tablet; /* its guest has one, or may get one */
};

struct serve {
    struct machine_options options;
    GPtrArray *sockets; /* struct socket_option * */
    struct input_option input;
    struct machine *machine;
};

static void free_socket(void *data)
{
    struct socket_option *option = data;

    g_free(option->path);
    g_free(option);
}

static const char *const mmap_names[] = {"auto", "on", "off", NULL};

static const char *const pre_copy_names[] = {"head", "memory", NULL};

static const struct option_key socket_keys[] = {
    {"path", OPTION_STRING, offsetof(struct socket_option, path), 0, 0, NULL, NULL},
    {"mmap", OPTION_CHOICE, offsetof(struct socket_option, mmap), 0, 0, mmap_names, NULL},
    {"pre-copy", OPTION_CHOICE, offsetof(struct socket_option, pre_copy), 0, 0, pre_copy_names,
     NULL},
    OPTION_END,
};

static bool apply_vfio_user(void *target, const char *value, GError **error)
{
    struct serve *serve = target;
    struct socket_option *option = g_new0(struct socket_option, 1);

    g_ptr_array_add(serve->sockets, option);
    if (!option_list_parse("-vfio-user", value, socket_keys, "path", option, error))
        return false;
    if (!option->path || !*option->path) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-vfio-user: needs the path of a socket");
        return false;
    }
    char *absolute = g_canonicalize_filename(option->path, NULL);
    g_free(option->path);
    option->path = absolute;
    return true;
}

static const struct option_key input_keys[] = {
    {"path", OPTION_STRING, offsetof(struct input_option, path), 0, 0, NULL, NULL},
    {"tablet", OPTION_BOOL, offsetof(struct input_option, tablet), 0, 0, NULL, NULL},
    OPTION_END,
};

static bool apply_input(void *target, const char *value, GError **error)
{
    struct serve *serve = target;

    struct input_option *input = &serve->input;

    if (!g_str_has_prefix(value, "qmp:") || !value[4]) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-input: '%s' is not qmp:PATH, the monitor socket of the other side", value);
        return false;
    }
    option_list_clear(input_keys, input);
    input->tablet = true;
    if (!option_list_parse("-input", value + 4, input_keys, "path", input, error))
        return false;
    if (!input->path || !*input->path) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "-input: needs the path of a socket");
        return false;
    }
    char *absolute = g_canonicalize_filename(input->path, NULL);
    g_free(input->path);
    input->path = absolute;
    return true;
}

static const struct command_option serve_options[] = {
    {"vfio-user", "PATH[,mmap=auto|on|off][,pre-copy=head|memory]",
     "offer a card on the unix socket PATH; once for each card, all on one SPICE server",
     apply_vfio_user},
    {"input", "qmp:PATH[,tablet=on|off]",
     "send keyboard and mouse to the other monitor's QMP socket; with tablet=off the mouse as\n"
     "movements, for which clients and the window grab it",
     apply_input},
    {NULL, NULL, NULL, NULL},
};

/* What to add to QEMU's command line, quoted for a shell. */
static void print_device(const struct socket_option *option, unsigned number)
{
    g_autofree char *id = g_strdup_printf("gfx%u", number);
    json_t *device = json_pack("{s:s,s:s,s:{s:s,s:s}}", "driver", "vfio-user-pci", "id", id,
                               "socket", "type", "unix", "path", option->path);
    char *text = device ? json_dumps(device, JSON_COMPACT) : NULL;

    if (text) {
        g_autofree char *quoted = g_shell_quote(text);
        printf("Card %u for QEMU:  -device %s\n", number, quoted);
    } else {
        printf("Card %u listens on %s\n", number, option->path);
    }
    free(text);
    json_decref(device);
}

/* The other monitor moves one card; where the other end puts it, it is number 0, too. */
static void add_parts(void *opaque, struct migration_set *set)
{
    struct socket_option *option = opaque;
    qxl_function_add_parts(option->function, 0, set);
}

static void hold(void *opaque, bool held)
{
    struct socket_option *option = opaque;
    machine_hold_card(option->machine, option->number, held);
}

static bool add_card(struct serve *serve, unsigned number, GError **error)
{
    GPtrArray *devices = serve->options.devices;
    struct socket_option *option = g_ptr_array_index(serve->sockets, number);
    /* The keyboard and the mouse belong to the first card, as in machine_start(). */
    struct vfio_user_config config = {.path = option->path,
                                      .mmap = (enum vfio_user_mmap)option->mmap,
                                      .input_qmp = number ? NULL : serve->input.path,
                                      .input_moves = !serve->input.tablet,
                                      .add_parts = add_parts,
                                      .hold = hold,
                                      .pre_copy_memory = option->pre_copy == 1,
                                      .opaque = option};
    option->machine = serve->machine;
    option->number = number;
    option->function = machine_add_card(
        serve->machine, g_ptr_array_index(devices, MIN(number, devices->len - 1)), error);

    if (!option->function)
        return false;
    struct engine *engine = vfio_user_create(&config, qxl_function_pci(option->function), error);
    if (!engine) {
        g_prefix_error(error, "-vfio-user: ");
        return false;
    }
    machine_set_engine(serve->machine, engine);
    return true;
}

static bool parse(struct serve *serve, char **words, GError **error)
{
    const struct option_group groups[] = {{"", serve_options, serve},
                                          {"", machine_command_options, &serve->options},
                                          {NULL, NULL, NULL}};
    unsigned cards, devices;

    if (!command_line_parse("serve", words, groups, &words, error) ||
        !command_no_words(words, error))
        return false;
    cards = serve->sockets->len;
    devices = serve->options.devices->len;
    if (!cards) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE, "needs --vfio-user PATH");
        return false;
    }
    if (devices > 1 && devices != cards) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_USAGE,
                    "-device: give one for all cards or one for each --vfio-user; there are %u for "
                    "%u",
                    devices, cards);
        return false;
    }
    if (!devices)
        machine_options_add_device(&serve->options);
    return true;
}

static bool set_up(struct serve *serve, char **words, GError **error)
{
    if (!parse(serve, words, error))
        return false;
    serve->machine = machine_create(&serve->options, error);
    if (!serve->machine)
        return false;
    for (unsigned i = 0; i < serve->sockets->len; i++) {
        if (!add_card(serve, i, error))
            return false;
    }
    return machine_start(serve->machine, error);
}

static int run(char **words)
{
    struct serve serve = {.sockets = g_ptr_array_new_with_free_func(free_socket)};
    GError *error = NULL;

    machine_options_init(&serve.options);
    if (set_up(&serve, words, &error)) {
        for (unsigned i = 0; i < serve.sockets->len; i++)
            print_device(g_ptr_array_index(serve.sockets, i), i);
        machine_print_address(serve.machine);
        machine_run(serve.machine);
    }
    machine_destroy(serve.machine);
    machine_options_finish(&serve.options);
    g_ptr_array_unref(serve.sockets);
    option_list_clear(input_keys, &serve.input);
    return error ? command_fail(&command_serve, error) : 0;
}

static void help(void)
{
    const struct option_group groups[] = {
        {"The card's other side", serve_options, NULL},
        {"Card, server and monitor", machine_command_options, NULL},
        {NULL, NULL, NULL}};
    command_line_help(groups);
}

const struct command command_serve = {"serve", "--vfio-user PATH [OPTION]...",
                                      "a card for another virtual machine monitor", run, help};
