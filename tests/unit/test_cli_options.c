/*
 * Option values: what is taken, what is refused and what the refusal says.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/char_socket.h"
#include "cli/command_line.h"
#include "cli/device_options.h"
#include "cli/machine_options.h"
#include "cli/options.h"
#include "cli/secret_options.h"
#include "cli/spice_options.h"

#include <spice.h>
#include <string.h>
#include <unistd.h>

struct values {
    char *text, *other;
    bool flag;
    enum option_tristate tristate;
    int64_t number, size;
    int choice;
};

static const char *const fruits[] = {"apple", "pear", NULL};

static const struct option_key keys[] = {
    {"text", OPTION_STRING, offsetof(struct values, text), 0, 0, NULL, NULL},
    {"other", OPTION_STRING, offsetof(struct values, other), 0, 0, NULL, NULL},
    {"flag", OPTION_BOOL, offsetof(struct values, flag), 0, 0, NULL, NULL},
    {"tristate", OPTION_TRISTATE, offsetof(struct values, tristate), 0, 0, NULL, NULL},
    {"number", OPTION_NUMBER, offsetof(struct values, number), -5, 100, NULL, NULL},
    {"size", OPTION_SIZE, offsetof(struct values, size), 0, INT64_C(1) << 40, NULL, NULL},
    {"choice", OPTION_CHOICE, offsetof(struct values, choice), 0, 0, fruits, NULL},
    {"later", OPTION_REFUSED, 0, 0, 0, NULL, "it rains"},
    OPTION_END,
};

static void test_values(void)
{
    static const struct {
        const char *input;
        const char *text, *other;
        bool flag;
        enum option_tristate tristate;
        int64_t number, size;
        int choice;
    } rows[] = {
        {"text=a", .text = "a"},
        {"text=", .text = ""},
        {"text=a=b", .text = "a=b"},
        {"text=a,,b,other=c", .text = "a,b", .other = "c"},
        {"text=,,,,", .text = ",,"},
        {"word", .text = "word"},
        {"wo,,rd,other=x", .text = "wo,rd", .other = "x"},
        {"text=a,text=b", .text = "b"},
        {"text=a,", .text = "a"},
        {"flag=on", .flag = true},
        {"flag=yes,flag=off", .flag = false},
        {"flag", .flag = true},
        {"other=x,flag", .other = "x", .flag = true},
        {"tristate=no", .tristate = OPTION_OFF},
        {"tristate", .tristate = OPTION_ON},
        {"number=-5", .number = -5},
        {"number=100", .number = 100},
        {"number=0x10", .number = 16},
        {"number=010", .number = 10},
        {"size=0", .size = 0},
        {"size=3k", .size = 3 * 1024},
        {"size=64M", .size = 64 << 20},
        {"size=0x10K", .size = 16 * 1024},
        {"size=2G", .size = INT64_C(2) << 30},
        {"size=1T", .size = INT64_C(1) << 40},
        {"choice=pear", .choice = 1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct values got = {0};
        GError *error = NULL;

        g_test_message("%s", rows[i].input);
        bool good = option_list_parse("-x", rows[i].input, keys, "text", &got, &error);
        g_assert_no_error(error);
        g_assert_true(good);
        g_assert_cmpstr(got.text, ==, rows[i].text);
        g_assert_cmpstr(got.other, ==, rows[i].other);
        g_assert_cmpint(got.flag, ==, rows[i].flag);
        g_assert_cmpint(got.tristate, ==, rows[i].tristate);
        g_assert_cmpint(got.number, ==, rows[i].number);
        g_assert_cmpint(got.size, ==, rows[i].size);
        g_assert_cmpint(got.choice, ==, rows[i].choice);
        option_list_clear(keys, &got);
        g_assert_null(got.text);
    }
}

/* Every refusal names the option and what the rest of the row says. */
static void test_refusals(void)
{
    static const struct {
        const char *text, *says, *says_too;
    } rows[] = {
        {"", "-x", "needs a value"},
        {"nokey=1", "nokey", "valid keys: text, other, flag, tristate, number, size, choice"},
        {"flag=on,nokey", "nokey", "valid keys"},
        {"=1", "''", "valid keys"},
        {"flag=maybe", "flag", "'maybe' is neither on nor off"},
        {"flag=", "flag", "'' is neither"},
        {"tristate=ON", "tristate", "'ON'"},
        {"number=", "number", "-5 to 100"},
        {"number", "number", "needs a value"},
        {"number=101", "'101'", "-5 to 100"},
        {"number=-6", "'-6'", "-5 to 100"},
        {"number=1x", "'1x'", "-5 to 100"},
        {"number= 1", "' 1'", "-5 to 100"},
        {"number=+1", "'+1'", "-5 to 100"},
        {"number=--1", "'--1'", "-5 to 100"},
        {"number=0x", "'0x'", "-5 to 100"},
        {"number=0x-1", "'0x-1'", "-5 to 100"},
        {"number=99999999999999999999", "99999999999999999999", "-5 to 100"},
        {"size=1.5G", "size", "suffixes are k, M, G and T"},
        {"size=2T", "'2T'", "1099511627776"},
        {"size=9223372036854775807T", "size", "1099511627776"},
        {"size=16777216T", "size", "1099511627776"},
        {"size=1kb", "'1kb'", "suffixes"},
        {"size=-1", "'-1'", "from 0"},
        {"size=k", "'k'", "suffixes"},
        {"choice=plum", "'plum'", "one of: apple, pear"},
        {"later=1", "later", "it rains"},
        {"later", "later", "it rains"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct values got = {0};
        g_autoptr(GError) error = NULL;

        g_test_message("%s", rows[i].text);
        g_assert_false(option_list_parse("-x", rows[i].text, keys, "text", &got, &error));
        g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
        g_assert_true(g_str_has_prefix(error->message, "-x: "));
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
        g_assert_nonnull(strstr(error->message, rows[i].says_too));
        option_list_clear(keys, &got);
    }
}

static void test_no_implied_key(void)
{
    struct values got = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(option_list_parse("-x", "word", keys, NULL, &got, &error));
    g_assert_nonnull(strstr(error->message, "unknown key 'word'"));
}

static void test_device(void)
{
    struct device_options device;
    GError *error = NULL;

    device_options_init(&device);
    g_assert_true(device_options_parse(
        "qxl-vga,id=gfx0,ram_size_mb=128,vram_size=32M,vram64_size_mb=256,vgamem_mb=32,"
        "revision=4,surfaces=512,max_outputs=4,xres=800,yres=600,guestdebug=2",
        &device, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(device.id, ==, "gfx0");
    g_assert_true(device.config.primary);
    g_assert_cmpuint(device.config.ram_size, ==, 128 << 20);
    g_assert_cmpuint(device.config.vram_size, ==, 32 << 20);
    g_assert_cmpuint(device.config.vram64_size, ==, 256 << 20);
    g_assert_cmpuint(device.config.vgamem_mb, ==, 32);
    g_assert_cmpuint(device.config.revision, ==, 4);
    g_assert_cmpuint(device.config.surfaces, ==, 512);
    g_assert_cmpuint(device.config.max_outputs, ==, 4);
    g_assert_cmpuint(device.config.xres, ==, 800);
    g_assert_cmpuint(device.config.yres, ==, 600);
    g_assert_cmpuint(device.config.guestdebug, ==, 2);
    g_assert_true(device_options_parse("qxl", &device, &error));
    g_assert_null(device.id);
    g_assert_false(device.config.primary);
    g_assert_cmpuint(device.config.ram_size, ==, 0);

    static const char *const bad[] = {"virtio-vga",
                                      "qxl,revision=6",
                                      "qxl,ram_size_mb=0",
                                      "qxl,max_outputs=65536",
                                      "qxl,global-vmstate=on",
                                      "qxl,vram_size_mb=9999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(device_options_parse(bad[i], &device, &error));
        g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
        g_assert_true(g_str_has_prefix(error->message, "-device: "));
        g_clear_error(&error);
    }
    device_options_finish(&device);
}

static void test_spice(void)
{
    struct spice_options spice;
    GError *error = NULL;

    spice_options_init(&spice);
    g_assert_cmpint(spice.port, ==, -1);
    g_assert_true(spice_options_parse(
        "port=5931,addr=127.0.0.1,ipv4=on,disable-ticketing=on,image-compression=off", &spice,
        &error));
    g_assert_no_error(error);
    g_assert_cmpint(spice.port, ==, 5931);
    g_assert_cmpstr(spice.addr, ==, "127.0.0.1");
    g_assert_true(spice.ipv4);
    g_assert_cmpint(spice.disable_ticketing, ==, OPTION_ON);
    g_assert_cmpint(spice.image_compression, ==, SPICE_IMAGE_COMPRESSION_OFF);
    spice_options_finish(&spice);

    static const struct {
        const char *text, *says;
    } bad[] = {
        {"port=65536", "0 to 65535"},
        {"tls-port=0", "1 to 65535"},
        {"tls-channel=main", "needs tls-port"},
        {"gl=on", "OpenGL"},
        {"unix=on", "unix=on takes addr=PATH"},
        {"unix=on,addr=/x,port=1", "no port"},
        {"ipv4=on,ipv6=on", "exclude each other"},
        {"password=a,password-secret=b", "exclude each other"},
        {"password=123456789012345678901234567890123456789012345678901234567890", "longer than 59"},
        {"image-compression=zip", "one of: default, off"},
        {"rendernode=/dev/dri/renderD128", "OpenGL"},
        {"max-refresh-rate=30", "the guest sets the pace"},
        {"playback-compression=off", "no sound device"},
        {"display=gfx", "clients see every card"},
        {"head=1", "clients see every card"},
        {"jpeg-wan-compression=often", "one of: default, auto, always, never"},
        {"disable-copy-paste=maybe", "neither on nor off"},
        {"web-dir=/x", "needs web=on"},
        {"web=on,unix=on,addr=/x", "browsers"},
        {"compat=0.8", "one of: current, 0.4, 0.6"},
        {"compat=0.4,features=surfaces", "exclude each other"},
        {"features=", "'' is not one of"},
        {"features=surfaces+gl", "'gl' is not one of"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i].text);
        spice_options_init(&spice);
        g_assert_false(spice_options_parse(bad[i].text, &spice, &error));
        g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
        g_assert_nonnull(strstr(error->message, bad[i].says));
        g_clear_error(&error);
        spice_options_finish(&spice);
    }
}

/* What is held back, and what is left of a card then. */
static void test_features(void)
{
    static const struct {
        const char *spice;
        unsigned features;
        struct qxl_config asked, gets;
        const char *refused; /* NULL: not */
    } rows[] = {
        {"port=0", SPICE_FEATURES_ALL, {0}, {0}, NULL},
        {"compat=current", SPICE_FEATURES_ALL, {.revision = 4}, {.revision = 4}, NULL},
        {"compat=0.6", SPICE_FEATURES_ALL, {0}, {0}, NULL},
        {"compat=0.4", 0, {0}, {.revision = 1, .surfaces = 1, .max_outputs = 1}, NULL},
        {"features=0.4", 0, {0}, {.revision = 1, .surfaces = 1, .max_outputs = 1}, NULL},
        {"features=0.6",
         SPICE_FEATURE_MAJOR2 | SPICE_FEATURE_SURFACES,
         {.surfaces = 99},
         {.surfaces = 99, .max_outputs = 1},
         NULL},
        {"features=0.8", SPICE_FEATURES_ALL, {.max_outputs = 3}, {.max_outputs = 3}, NULL},
        {"features=multimonitor+protocol-major2",
         SPICE_FEATURE_MAJOR2 | SPICE_FEATURE_MULTIMONITOR,
         {.max_outputs = 2},
         {.revision = 1, .surfaces = 1, .max_outputs = 2},
         NULL},
        {"compat=0.4", 0, {.revision = 2}, {0}, "revision=2 is not possible without surfaces"},
        {"compat=0.4", 0, {.surfaces = 2}, {0}, "surfaces=2 is not possible without surfaces"},
        {"features=surfaces",
         SPICE_FEATURE_SURFACES,
         {.max_outputs = 2},
         {0},
         "max_outputs=2 is not possible without multimonitor"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct qxl_config config = rows[i].asked;
        struct spice_options spice;
        GError *error = NULL;

        g_test_message("%s", rows[i].spice);
        spice_options_init(&spice);
        g_assert_true(spice_options_parse(rows[i].spice, &spice, &error));
        g_assert_cmphex(spice.features, ==, rows[i].features);
        bool good = spice_features_limit_card(&spice, &config, &error);
        g_assert_cmpint(good, ==, !rows[i].refused);
        if (good) {
            g_assert_cmpuint(config.revision, ==, rows[i].gets.revision);
            g_assert_cmpuint(config.surfaces, ==, rows[i].gets.surfaces);
            g_assert_cmpuint(config.max_outputs, ==, rows[i].gets.max_outputs);
        } else {
            g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
            g_assert_nonnull(strstr(error->message, rows[i].refused));
            g_clear_error(&error);
        }
        spice_options_finish(&spice);
    }
}

/* Sockets of other devices. */
static void test_sockets(void)
{
    static const struct {
        enum char_socket_kind kind;
        const char *text, *path, *name, *refused;
        bool server;
        int64_t reconnect_ms;
    } rows[] = {
        {CHAR_SOCKET_AGENT, "/a", "/a", NULL, NULL, true, 1000},
        {CHAR_SOCKET_AGENT, "path=/a,,b,server=off,reconnect-ms=5", "/a,b", NULL, NULL, false, 5},
        {CHAR_SOCKET_PORT, "name=org.x,path=/a", "/a", "org.x", NULL, true, 1000},
        {CHAR_SOCKET_PORT, "/a", NULL, NULL, "-port: needs name=NAME", false, 0},
        {CHAR_SOCKET_PORT, "/a,name=org.spice-space.webdav.0", NULL, NULL, "-webdav", false, 0},
        {CHAR_SOCKET_WEBDAV, "/a,name=x", NULL, NULL, "-webdav: takes no name", false, 0},
        {CHAR_SOCKET_USBREDIR, "server=on", NULL, NULL, "-usbredir: needs path=PATH", false, 0},
        {CHAR_SOCKET_USBREDIR, "/a,wait=off", NULL, NULL, "unknown key 'wait'", false, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GError *error = NULL;
        struct char_socket_options *options =
            char_socket_options_parse(rows[i].kind, rows[i].text, &error);

        g_test_message("%s", rows[i].text);
        g_assert_cmpint(options != NULL, ==, !rows[i].refused);
        if (options) {
            g_assert_cmpstr(options->peer.path, ==, rows[i].path);
            g_assert_cmpstr(options->name, ==, rows[i].name);
            g_assert_cmpint(options->peer.server, ==, rows[i].server);
            g_assert_cmpint(options->peer.reconnect_ms, ==, rows[i].reconnect_ms);
        } else {
            g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
            g_assert_nonnull(strstr(error->message, rows[i].refused));
            g_clear_error(&error);
        }
        char_socket_options_free(options);
    }
}

/* Who may connect: nobody is let in from outside by an option that was forgotten. */
static void test_listen(void)
{
    static const struct {
        const char *text;
        bool listens, required;
        const char *password;
    } rows[] = {
        {"port=0", true, false, NULL},
        {"port=0,password=p", true, true, "p"},
        {"port=0,disable-ticketing=off", true, true, NULL},
        {"port=0,password=p,disable-ticketing=on", true, false, NULL},
        {"port=0,addr=0.0.0.0", false, false, NULL},
        {"port=0,addr=", false, false, NULL},
        {"port=0,addr=0.0.0.0,disable-ticketing=on", true, false, NULL},
        {"port=0,addr=0.0.0.0,disable-ticketing=off", true, true, NULL},
        {"port=0,addr=0.0.0.0,password=p", true, true, "p"},
        {"port=0,password-secret=nothere", false, false, NULL},
        {"port=0,password-secret=sec", true, true, "hid,den"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct spice_options spice;
        struct listener listener;
        GError *error = NULL;

        g_test_message("%s", rows[i].text);
        spice_options_init(&spice);
        g_assert_true(secret_table_parse(spice.secrets, "secret,id=sec,data=hid,,den", &error));
        g_assert_true(spice_options_parse(rows[i].text, &spice, &error));
        bool listens = spice_options_listen(&spice, &listener, &error);
        g_assert_cmpint(listens, ==, rows[i].listens);
        if (listens) {
            bool required;
            const char *password = spice_options_password(&spice, &listener, &required);
            g_assert_no_error(error);
            g_assert_cmpint(listener.port, >, 0);
            g_assert_cmpint(required, ==, rows[i].required);
            g_assert_cmpstr(password, ==, rows[i].password);
        } else {
            g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
            g_assert_cmpint(listener.fd, ==, -1);
            g_clear_error(&error);
        }
        listener_finish(&listener);
        spice_options_finish(&spice);
    }
}

static void test_secret_file(void)
{
    g_autofree char *path = NULL;
    g_autofree char *option = NULL;
    struct spice_options spice;
    GError *error = NULL;
    int fd = g_file_open_tmp("cassia-secret-XXXXXX", &path, &error);

    g_assert_no_error(error);
    close(fd);
    option = g_strdup_printf("secret,id=s,file=%s", path);
    spice_options_init(&spice);

    g_assert_true(g_file_set_contents(path, "top\n", -1, &error));
    g_assert_true(secret_table_parse(spice.secrets, option, &error));
    g_assert_cmpstr(g_hash_table_lookup(spice.secrets, "s"), ==, "top");

    g_assert_true(g_file_set_contents(path, "a\0b", 3, NULL));
    g_assert_false(secret_table_parse(spice.secrets, option, &error));
    g_assert_nonnull(strstr(error->message, path));
    g_clear_error(&error);

    static const char *const bad[] = {"secret,id=s", "secret,data=x", "memory,id=s,data=x",
                                      "secret,id=s,data=x,file=y", "secret,id=s,file=/nonexistent"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(secret_table_parse(spice.secrets, bad[i], &error));
        g_assert_true(g_str_has_prefix(error->message, "-object: "));
        g_clear_error(&error);
    }
    spice_options_finish(&spice);
    unlink(path);
}

/* A port that is taken: the next one is tried only when that was asked for. */
static void test_ports(void)
{
    struct listener first, second;
    GError *error = NULL;

    g_assert_true(listen_tcp(&first, "127.0.0.1", 0, 1, LISTEN_ANY, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(first.host, ==, "127.0.0.1");
    g_assert_true(first.loopback);
    g_assert_false(listen_tcp(&second, "127.0.0.1", first.port, 1, LISTEN_ANY, &error));
    g_assert_error(error, CLI_ERROR, CLI_ERROR_FAILED);
    g_clear_error(&error);
    g_assert_true(listen_tcp(&second, "127.0.0.1", first.port, 50, LISTEN_ANY, &error));
    g_assert_no_error(error);
    g_assert_cmpint(second.port, >, first.port);
    listener_finish(&second);
    listener_finish(&first);

    g_assert_false(listen_tcp(&first, "192.0.2.1", 0, 1, LISTEN_ANY, &error));
    g_assert_nonnull(strstr(error->message, "192.0.2.1"));
    g_clear_error(&error);
}

static void test_unix_socket(void)
{
    g_autofree char *folder = g_dir_make_tmp("cassia-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    g_autofree char *file = g_build_filename(folder, "file", NULL);
    struct listener first, second;
    GError *error = NULL;

    g_assert_true(listen_unix(&first, path, &error));
    g_assert_no_error(error);
    /* Somebody listens there. */
    g_assert_false(listen_unix(&second, path, &error));
    g_assert_nonnull(strstr(error->message, "another process listens there"));
    g_clear_error(&error);
    /* Nobody listens there any more, but the file has been left behind. */
    close(first.fd);
    first.fd = -1;
    g_assert_true(listen_unix(&second, path, &error));
    g_assert_no_error(error);
    listener_finish(&second);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    listener_finish(&first);
    /* What is no socket is not removed. */
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    g_assert_false(listen_unix(&first, file, &error));
    g_clear_error(&error);
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    unlink(file);
    rmdir(folder);
}

static void test_machine_options(void)
{
    struct machine_options options;
    const struct option_group groups[] = {{"", machine_command_options, &options},
                                          {NULL, NULL, NULL}};
    const char *good[] = {"-name",
                          "guest=box,debug-threads=on",
                          "--uuid",
                          "00112233-4455-6677-8899-aAbBcCdDeEfF",
                          "-qmp",
                          "unix:/a,server=on,wait=off",
                          "-qmp=unix:/b,,c",
                          "-S",
                          "-display",
                          "none",
                          "-d",
                          "guest_errors",
                          "-device",
                          "qxl,id=a",
                          "-device",
                          "qxl",
                          "rest",
                          "-S",
                          NULL};
    static const uint8_t uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                     0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    char **rest;
    GError *error = NULL;

    machine_options_init(&options);
    g_assert_true(command_line_parse("demo", (char **)good, groups, &rest, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(*rest, ==, "rest");
    g_assert_cmpstr(options.name, ==, "box");
    g_assert_cmpmem(options.uuid, 16, uuid, 16);
    g_assert_cmpuint(options.monitors->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(options.monitors, 0), ==, "/a");
    g_assert_cmpstr(g_ptr_array_index(options.monitors, 1), ==, "/b,c");
    g_assert_cmpuint(options.devices->len, ==, 2);
    g_assert_true(options.paused && options.guest_errors);
    machine_options_finish(&options);

    static const char *const bad[][3] = {
        {"-nosuch", NULL},
        {"-name", NULL},
        {"-S=1", NULL},
        {"-display", "gtk", NULL},
        {"-d", "in_asm", NULL},
        {"-uuid", "1234", NULL},
        {"-qmp", "stdio", NULL},
        {"-qmp", "unix:", NULL},
        {"-qmp", "unix:/a,wait=on", NULL},
        {"-qmp", "tcp:::1", NULL},
        {"-qmp", "unix:/a,server=off", NULL},
        {"-spice", "", NULL},
        {"-d", "", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        machine_options_init(&options);
        g_assert_false(command_line_parse("demo", (char **)bad[i], groups, &rest, &error));
        g_assert_error(error, CLI_ERROR, CLI_ERROR_USAGE);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, bad[i][0][1] == 'S' ? "-S" : bad[i][0]));
        g_clear_error(&error);
        machine_options_finish(&options);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/values", test_values);
    g_test_add_func("/options/refusals", test_refusals);
    g_test_add_func("/options/no-implied-key", test_no_implied_key);
    g_test_add_func("/options/device", test_device);
    g_test_add_func("/options/spice", test_spice);
    g_test_add_func("/options/features", test_features);
    g_test_add_func("/options/sockets", test_sockets);
    g_test_add_func("/options/listen", test_listen);
    g_test_add_func("/options/secret-file", test_secret_file);
    g_test_add_func("/options/ports", test_ports);
    g_test_add_func("/options/unix-socket", test_unix_socket);
    g_test_add_func("/options/machine", test_machine_options);
    return g_test_run();
}
