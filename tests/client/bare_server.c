/*
 * A SPICE server with nothing behind it, for tests of its network side: prints the port, what
 * reaches its keyboard, mouse and tablet, and the channel events, one a line; obeys commands on its
 * standard input until that ends.
 *
 *   bare_server [OPTION...] [PASSWORD]       without one, nobody is asked for any
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/core_loop.h"
#include "tests/support/host_devices.h"
#include "tests/support/loopback.h"
#include "tests/support/qxl_host.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* The pointer is printed so that a test sees that it stays the same. */
static void channel_event(int event, SpiceChannelEventInfo *info)
{
    static const char *const names[] = {"", "connected", "initialized", "disconnected"};

    printf("event %s %p %08x %d %d\n", names[event], (void *)info, (unsigned)info->connection_id,
           info->type, info->id);
}

static int tls_port;
static char *tls_folder, *tls_ciphers, *tls_password, *tls_dh, *unix_path, *ip_address;
static gboolean sasl, no_start, seamless;
static const GOptionEntry options[] = {
    {"tls-port", 0, 0, G_OPTION_ARG_INT, &tls_port, "listen with TLS", "PORT"},
    {"tls-folder", 0, 0, G_OPTION_ARG_FILENAME, &tls_folder, "where the certificates are", "DIR"},
    {"tls-ciphers", 0, 0, G_OPTION_ARG_STRING, &tls_ciphers, "cipher list", "LIST"},
    {"tls-password", 0, 0, G_OPTION_ARG_STRING, &tls_password, "the key's password", "TEXT"},
    {"tls-dh", 0, 0, G_OPTION_ARG_FILENAME, &tls_dh, "DH parameters", "FILE"},
    {"unix", 0, 0, G_OPTION_ARG_FILENAME, &unix_path, "listen at a unix socket, too", "PATH"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &ip_address, "listen here with TLS", "ADDRESS"},
    {"sasl", 0, 0, G_OPTION_ARG_NONE, &sasl, "authenticate by SASL", NULL},
    {"no-start", 0, 0, G_OPTION_ARG_NONE, &no_start, "the machine does not run yet", NULL},
    {"seamless", 0, 0, G_OPTION_ARG_NONE, &seamless, "clients take their state along", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

struct host {
    SpiceServer *server;
    GMainLoop *loop;
    struct host_inputs inputs;
    struct host_migration migration;
    struct qxl_host *displays[2]; /* NULL: not there */
    GThread *load;                /* or NULL */
    uint32_t *pixels, *surface;   /* of the first display, and of its off-screen surface */
};

enum { WIDTH = 320, HEIGHT = 200, SURFACE = 5, SURFACE_WIDTH = 64, SURFACE_HEIGHT = 48 };

/* A display with a picture of 320 x 200. */
static struct qxl_host *create_display(SpiceServer *server, int id)
{
    struct qxl_host *display = qxl_host_create(server, id, 1024 * 1024);

    qxl_host_create_primary(display, WIDTH, HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
    return display;
}

/* A display that waits for its machine: there is memory for what will be in it. */
static void expect_display(struct host *host)
{
    struct qxl_host *display = qxl_host_create(host->server, 0, 1024 * 1024);

    host->displays[0] = display;
    host->pixels = qxl_host_pointer(display, qxl_host_place(display, NULL, WIDTH * HEIGHT * 4));
    host->surface = qxl_host_pointer(
        display, qxl_host_place(display, NULL, SURFACE_WIDTH * SURFACE_HEIGHT * 4));
}

/* The machine has come, with its surfaces and their pixels. */
static void bring_display(struct host *host)
{
    struct qxl_host *display = host->displays[0];
    QXLDevSurfaceCreate primary = {
        .width = WIDTH,
        .height = HEIGHT,
        .stride = WIDTH * 4,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .flags = QXL_SURF_FLAG_KEEP_DATA,
        .mouse_mode = 1,
        .mem = qxl_host_address((size_t)((uint8_t *)host->pixels - display->memory)),
        .group_id = QXL_HOST_GROUP,
    };
    const QXLSurfaceCmd surface = {
        .release_info.id = 1,
        .surface_id = SURFACE,
        .type = QXL_SURFACE_CMD_CREATE,
        .u.surface_create = {.format = SPICE_SURFACE_FMT_32_xRGB,
                             .width = SURFACE_WIDTH,
                             .height = SURFACE_HEIGHT,
                             .stride = SURFACE_WIDTH * 4,
                             .data = qxl_host_address(
                                 (size_t)((uint8_t *)host->surface - display->memory))},
    };
    QXLCommandExt command = {.cmd.type = QXL_CMD_SURFACE, .group_id = QXL_HOST_GROUP};

    spice_qxl_create_primary_surface(&display->qxl, 0, &primary);
    command.cmd.data = qxl_host_place(display, &surface, sizeof(surface));
    g_hash_table_add(display->outstanding, qxl_host_pointer(display, command.cmd.data));
    spice_qxl_loadvm_commands(&display->qxl, &command, 1);
}

/*
 * "fill SURFACE LEFT TOP RIGHT BOTTOM COLOR" draws, "paint ..." writes into the memory of an
 * expected display, "create" and "destroy" the off-screen surface, "copy X Y" shows it.
 */
static bool draw_command(struct host *host, const char *line)
{
    struct qxl_host *display = host->displays[0];
    int id, left, top, right, bottom;
    unsigned color;

    if (sscanf(line, "fill %d %d %d %d %d %x", &id, &left, &top, &right, &bottom, &color) == 6) {
        qxl_host_fill(display, (uint32_t)id, left, top, right, bottom, color);
    } else if (sscanf(line, "paint %d %d %d %d %d %x", &id, &left, &top, &right, &bottom, &color) ==
               6) {
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                (id == 0 ? host->pixels
                         : host->surface)[y * (id == 0 ? WIDTH : SURFACE_WIDTH) + x] = color;
            }
        }
    } else if (strcmp(line, "create") == 0) {
        qxl_host_create_surface(display, SURFACE, SPICE_SURFACE_FMT_32_xRGB, SURFACE_WIDTH,
                                SURFACE_HEIGHT, 0);
    } else if (strcmp(line, "destroy") == 0) {
        qxl_host_destroy_surface(display, SURFACE);
    } else if (sscanf(line, "copy %d %d", &left, &top) == 2) {
        QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, 0, left, top, left + SURFACE_WIDTH,
                                                 top + SURFACE_HEIGHT);

        drawable.surfaces_dest[0] = SURFACE;
        drawable.surfaces_rects[0] = (QXLRect){0, 0, SURFACE_HEIGHT, SURFACE_WIDTH};
        drawable.u.copy.src_bitmap = qxl_host_surface_image(display, SURFACE);
        drawable.u.copy.src_area = drawable.surfaces_rects[0];
        drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
        qxl_host_push_drawable(display, &drawable);
    } else {
        return false;
    }
    return true;
}

/*
 * A guest that draws as fast as it can, for so many milliseconds. Its memory holds a batch of
 * commands; it wants all of it back before it goes on, and says so when that does not come by
 * itself, as drivers do.
 */
struct load {
    struct qxl_host *display;
    int milliseconds;
};

static gpointer draw_load(gpointer opaque)
{
    struct load *load = opaque;
    struct qxl_host *display = load->display;
    const gint64 start = g_get_monotonic_time();
    const size_t mark = display->used;
    gint64 now = start;
    unsigned drawn = 0;

    while (now < start + load->milliseconds * G_GINT64_CONSTANT(1000)) {
        for (int i = 0; i < 500; i++, drawn++) {
            int x = (int)(drawn * 7 % (WIDTH - 60)), y = (int)(drawn * 13 % (HEIGHT - 40));

            qxl_host_fill(display, 0, x, y, x + 60, y + 40, drawn * 0x10305);
        }
        qxl_host_wait_taken(display);
        spice_qxl_oom(&display->qxl);
        if (!qxl_host_wait_released(display, display->pushed)) {
            break;
        }
        qxl_host_rewind(display, mark);
        now = g_get_monotonic_time();
    }
    printf("drawn %.0f\n", (double)drawn * G_USEC_PER_SEC / (double)MAX(now - start, 1));
    g_free(load);
    return NULL;
}

static void start_load(struct host *host, int milliseconds)
{
    struct load *load = g_new(struct load, 1);

    *load = (struct load){host->displays[0], milliseconds};
    if (host->load != NULL) {
        g_thread_join(host->load);
    }
    host->load = g_thread_new("load", draw_load, load);
}

/*
 * "gl-scanout WIDTH HEIGHT TEXT" shows memory that holds TEXT, as if OpenGL had drawn it, "gl-none"
 * nothing; "gl-draw X Y W H COOKIE"; "gl-done" prints the cookies of what has been drawn.
 */
static void gl_command(struct host *host, const char *line)
{
    QXLInstance *qxl = &host->displays[0]->qxl;
    unsigned x, y, width, height;
    unsigned long cookie;
    char text[20];

    if (sscanf(line, "gl-scanout %u %u %19s", &width, &height, text) == 3) {
        int fd = memfd_create("picture", MFD_CLOEXEC);

        if (fd < 0 || write(fd, text, strlen(text)) < 0) {
            perror("bare_server: memfd");
            exit(1);
        }
        spice_qxl_gl_scanout(qxl, fd, width, height, width * 4, 0x34325258, 1);
    } else if (strcmp(line, "gl-none") == 0) {
        spice_qxl_gl_scanout(qxl, -1, 0, 0, 0, 0, 0);
    } else if (sscanf(line, "gl-draw %u %u %u %u %lu", &x, &y, &width, &height, &cookie) == 5) {
        spice_qxl_gl_draw_async(qxl, x, y, width, height, cookie);
    } else if (strcmp(line, "gl-done") == 0) {
        struct qxl_host *display = host->displays[0];

        pthread_mutex_lock(&display->lock);
        printf("gl-done");
        for (guint i = 0; i < display->completions->len; i++) {
            printf(" %lu", (unsigned long)g_array_index(display->completions, uint64_t, i));
        }
        printf("\n");
        pthread_mutex_unlock(&display->lock);
    }
}

/* "migrate-WHAT ..."; the result is printed. */
static void migrate_command(struct host *host, const char *line)
{
    char where[100], subject[100] = "";
    int port, secure_port, result = -2;

    if (sscanf(line, "migrate-connect %99s %d %d %99[^\n]", where, &port, &secure_port, subject) >=
        3) {
        result = spice_server_migrate_connect(host->server, strcmp(where, "-") ? where : NULL, port,
                                              secure_port, subject[0] ? subject : NULL);
    } else if (sscanf(line, "migrate-info %99s %d %d", where, &port, &secure_port) == 3) {
        result = spice_server_migrate_info(host->server, where, port, secure_port, NULL);
    } else if (strcmp(line, "migrate-interface") == 0) {
        result = spice_server_add_interface(host->server, &host->migration.instance.base);
    } else if (strcmp(line, "migrate-start") == 0) {
        result = spice_server_migrate_start(host->server);
    } else if (strcmp(line, "migrate-switch") == 0) {
        result = spice_server_migrate_switch(host->server);
    } else if (g_str_has_prefix(line, "migrate-end ")) {
        result = spice_server_migrate_end(host->server, atoi(line + 12));
    }
    printf("migrate %d\n", result);
}

/* "secure CHANNEL MASK" */
static void secure_command(struct host *host, const char *line)
{
    char channel[100];
    int mask;

    if (sscanf(line, "secure %99s %d", channel, &mask) == 2) {
        printf("%d\n", spice_server_set_channel_security(
                           host->server, strcmp(channel, "-") ? channel : NULL, mask));
    }
}

/* True: go on reading. */
static gboolean on_command(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
                           gpointer opaque)
{
    struct host *host = opaque;
    char line[200] = "";

    if (fgets(line, sizeof(line), stdin) == NULL) {
        g_main_loop_quit(host->loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    if (g_str_has_prefix(line, "ticket ")) {
        int lifetime = atoi(line + 7);

        printf("%d\n",
               spice_server_set_ticket(host->server, strchr(line + 7, ' ') + 1, lifetime, 0, 0));
    } else if (strcmp(line, "leds") == 0) {
        spice_server_kbd_leds(&host->inputs.keyboard, host->inputs.leds);
    } else if (strcmp(line, "tablet") == 0) {
        printf("%d\n", spice_server_add_interface(host->server, &host->inputs.tablet.base));
    } else if (strcmp(line, "no-tablet") == 0) {
        printf("%d\n", spice_server_remove_interface(&host->inputs.tablet.base));
    } else if (g_str_has_prefix(line, "display ")) {
        host->displays[line[8] == '1'] = create_display(host->server, line[8] == '1');
    } else if (strcmp(line, "expect-display") == 0) {
        expect_display(host);
    } else if (g_str_has_prefix(line, "no-display ")) {
        g_clear_pointer(&host->displays[line[11] == '1'], qxl_host_destroy);
    } else if (strcmp(line, "no-picture") == 0) {
        spice_qxl_destroy_primary_surface(&host->displays[0]->qxl, 0);
    } else if (strcmp(line, "server-mouse") == 0) {
        printf("%d\n", spice_server_is_server_mouse(host->server));
    } else if (strcmp(line, "clients") == 0) {
        printf("%d\n", spice_server_get_num_clients(host->server));
    } else if (g_str_has_prefix(line, "secure ")) {
        secure_command(host, line);
    } else if (g_str_has_prefix(line, "migrate-")) {
        migrate_command(host, line);
    } else if (strcmp(line, "start") == 0) {
        spice_server_vm_start(host->server);
    } else if (strcmp(line, "stop") == 0) {
        spice_server_vm_stop(host->server);
        printf("stopped\n");
    } else if (g_str_has_prefix(line, "gl-")) {
        gl_command(host, line);
    } else if (g_str_has_prefix(line, "load ")) {
        start_load(host, atoi(line + 5));
    } else if (strcmp(line, "bring-display") == 0) {
        bring_display(host);
    } else if (strcmp(line, "update") == 0) {
        qxl_host_update(host->displays[0], 0, WIDTH, HEIGHT);
        printf("updated\n");
    } else {
        draw_command(host, line);
    }
    return G_SOURCE_CONTINUE;
}

static bool set_tls(SpiceServer *server)
{
    char *ca = g_build_filename(tls_folder, "ca-cert.pem", NULL);
    char *certificate = g_build_filename(tls_folder, "server-cert.pem", NULL);
    char *key =
        g_build_filename(tls_folder, tls_password ? "server-key-enc.pem" : "server-key.pem", NULL);
    int result = spice_server_set_tls(server, tls_port, ca, certificate, key, tls_password, tls_dh,
                                      tls_ciphers);

    if (ip_address != NULL) {
        spice_server_set_addr(server, ip_address, 0);
    }
    g_free(ca);
    g_free(certificate);
    g_free(key);
    return result == 0;
}

int main(int argc, char **argv)
{
    GOptionContext *context = g_option_context_new("[PASSWORD]");
    static const uint8_t uuid[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    SpiceCoreInterface *core = core_loop_interface();
    struct host host = {.server = spice_server_new(), .loop = g_main_loop_new(NULL, FALSE)};
    unsigned port;
    int fd;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL)) {
        fprintf(stderr, "bare_server: wrong arguments\n");
        return 2;
    }
    g_option_context_free(context);
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    fd = loopback_listen(&port);
    core->channel_event = channel_event;
    host_inputs_init(&host.inputs, stdout);
    host_migration_init(&host.migration, stdout);
    if (argc > 1) {
        spice_server_set_ticket(host.server, argv[1], 0, 0, 0);
    } else {
        spice_server_set_noauth(host.server);
    }
    spice_server_set_name(host.server, "bare");
    spice_server_set_uuid(host.server, uuid);
    spice_server_set_listen_socket_fd(host.server, fd);
    if (unix_path != NULL) {
        spice_server_set_addr(host.server, unix_path, SPICE_ADDR_FLAG_UNIX_ONLY);
    }
    spice_server_set_seamless_migration(host.server, seamless);
    if (sasl) {
        spice_server_set_sasl(host.server, 1);
    }
    if ((tls_port > 0 && !set_tls(host.server)) || spice_server_init(host.server, core) != 0 ||
        spice_server_add_interface(host.server, &host.inputs.keyboard.base) != 0 ||
        spice_server_add_interface(host.server, &host.inputs.mouse.base) != 0) {
        fprintf(stderr, "bare_server: cannot start\n");
        return 1;
    }
    printf("port %u\n", port);
    if (!no_start) {
        spice_server_vm_start(host.server);
    }
    g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_command, &host);
    g_main_loop_run(host.loop);
    g_clear_pointer(&host.load, g_thread_join);
    for (size_t i = 0; i < G_N_ELEMENTS(host.displays); i++) {
        g_clear_pointer(&host.displays[i], qxl_host_destroy);
    }
    spice_server_destroy(host.server);
    close(fd);
    g_main_loop_unref(host.loop);
    printf("end\n");
    return 0;
}
