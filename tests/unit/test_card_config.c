/*
 * Properties, BAR sizes and the ROM: qxl-device.md sections 1 to 3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/card_guest.h"
#include "tests/support/core_loop.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static uint32_t config32(struct card_guest *guest, unsigned offset)
{
    uint32_t value;
    pci_config_read(guest->pci, offset, &value, 4);
    return value;
}

static uint64_t bar_size(struct card_guest *guest, unsigned bar)
{
    return pci_function_bar(guest->pci, bar)->size;
}

static void test_identity(void)
{
    for (unsigned revision = 0; revision <= 5; revision++) {
        for (unsigned primary = 0; primary < 2; primary++) {
            struct qxl_config config = {.revision = revision, .primary = primary};
            struct card_guest guest;
            static const uint64_t io_sizes[] = {32, 8, 16, 32, 32, 32};

            card_guest_init(&guest, &config);
            g_assert_cmphex(config32(&guest, 0x00), ==, 0x01001b36);
            g_assert_cmphex(config32(&guest, 0x08), ==,
                            (primary ? 0x03000000u : 0x03800000u) | (revision ? revision : 5));
            g_assert_cmphex(config32(&guest, 0x04) >> 16, ==, 0);
            g_assert_cmphex(config32(&guest, 0x2c), ==, 0x11001af4);
            g_assert_cmphex(config32(&guest, 0x3c), ==, 0x100);
            g_assert_cmpuint(bar_size(&guest, QXL_BAR_RAM), ==, 64 * MIB);
            g_assert_cmpuint(bar_size(&guest, QXL_BAR_VRAM32), ==, revision == 1 ? 4096 : 64 * MIB);
            g_assert_cmpuint(bar_size(&guest, QXL_BAR_ROM), ==, 8192);
            g_assert_cmpuint(bar_size(&guest, QXL_BAR_IO), ==, io_sizes[revision]);
            g_assert_cmpint(pci_function_bar(guest.pci, 4)->type, ==, PCI_BAR_ABSENT);
            card_guest_finish(&guest);
        }
    }
}

static void test_sizes(void)
{
    static const struct {
        struct qxl_config config;
        uint64_t ram, vram32, vram64; /* MiB; vram64 0: no such BAR */
        uint32_t vgamem;
    } cases[] = {
        {{.vgamem_mb = 1}, 64, 64, 0, 8},
        {{.vgamem_mb = 9}, 64, 64, 0, 16},
        {{.vgamem_mb = 64}, 128, 64, 0, 64},
        {{.vgamem_mb = 256}, 512, 64, 0, 256},
        {{.ram_size = 1}, 32, 64, 0, 16},
        {{.ram_size = 65 * MIB}, 128, 64, 0, 16},
        {{.ram_size = 1024 * MIB}, 1024, 64, 0, 16},
        {{.ram_size = 1024 * MIB, .primary = true}, 512, 64, 0, 16},
        {{.vram_size = 33 * MIB}, 64, 64, 0, 16},
        {{.vram64_size = 128 * MIB}, 64, 64, 128, 16},
        {{.vram64_size = 100 * MIB}, 64, 64, 128, 16},
        {{.vram64_size = 32 * MIB}, 64, 64, 0, 16},
        {{.vram64_size = 128 * MIB, .vram_size = 16 * MIB}, 64, 16, 128, 16},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct card_guest guest;
        card_guest_init(&guest, &cases[i].config);
        g_assert_cmpuint(bar_size(&guest, QXL_BAR_RAM), ==, cases[i].ram * MIB);
        g_assert_cmpuint(bar_size(&guest, QXL_BAR_VRAM32), ==, cases[i].vram32 * MIB);
        g_assert_cmpuint(bar_size(&guest, QXL_BAR_VRAM64), ==, cases[i].vram64 * MIB);
        g_assert_cmpuint(qxl_card_config(guest.card)->vgamem_mb, ==, cases[i].vgamem);
        card_guest_finish(&guest);
    }

    struct qxl_config tiny = {.vram_size = 1};
    struct card_guest guest;
    card_guest_init(&guest, &tiny);
    g_assert_cmpuint(bar_size(&guest, QXL_BAR_VRAM32), ==, 4096);
    card_guest_finish(&guest);
}

static void test_bad_properties(void)
{
    static const struct {
        struct qxl_config config;
        const char *message;
    } cases[] = {
        {{.revision = 6}, "revision=6 is out of range: at most 5*"},
        {{.ram_size = 4096 * MIB}, "ram_size=4294967296 is out of range: at most 2147483648*"},
        {{.vram_size = 2049 * MIB}, "vram_size=*is out of range: at most 2147483648*"},
        {{.vram64_size = UINT64_MAX}, "vram64_size=*is out of range: at most *65536 MiB*"},
        {{.vgamem_mb = 257}, "vgamem_mb=257 is out of range: at most 256*"},
        {{.surfaces = 1025}, "surfaces=1025 is out of range: at most 1024"},
        {{.max_outputs = 17}, "max_outputs=17 is out of range: at most 16*"},
    };
    SpiceServer *server = spice_server_new();

    spice_server_set_noauth(server);
    g_assert_cmpint(spice_server_init(server, core_loop_interface()), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        GError *error = NULL;
        g_assert_null(qxl_function_create(&cases[i].config, server, 0, &error));
        g_assert_nonnull(error);
        if (!g_pattern_match_simple(cases[i].message, error->message))
            g_error("'%s' is not '%s'", error->message, cases[i].message);
        g_error_free(error);
    }

    /* Two displays of one number. */
    struct qxl_config config = {0};
    GError *error = NULL;
    struct qxl_function *first = qxl_function_create(&config, server, 3, &error);
    g_assert_no_error(error);
    g_assert_null(qxl_function_create(&config, server, 3, &error));
    g_assert_true(g_pattern_match_simple("*display*id 3*", error->message));
    g_error_free(error);
    qxl_function_destroy(first);
    first = qxl_function_create(&config, server, 3, NULL); /* and again, now it is free */
    g_assert_nonnull(first);
    qxl_function_destroy(first);
    spice_server_destroy(server);
}

static void test_shared_memory(void)
{
    struct qxl_config config = {.vram64_size = 128 * MIB};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    /* BAR 1 shows the start of BAR 4. */
    guest_write32(&guest, QXL_BAR_VRAM32, 0x1234, 0xcafef00d);
    g_assert_cmphex(guest_read32(&guest, QXL_BAR_VRAM64, 0x1234), ==, 0xcafef00d);
    guest_write32(&guest, QXL_BAR_VRAM64, 127 * MIB, 1);

    static const enum qxl_bar bars[] = {QXL_BAR_RAM, QXL_BAR_VRAM32, QXL_BAR_ROM, QXL_BAR_VRAM64};
    for (unsigned i = 0; i < G_N_ELEMENTS(bars); i++) {
        const struct pci_bar *bar = pci_function_bar(guest.pci, bars[i]);
        uint8_t *other =
            mmap(NULL, bar->size, PROT_READ, MAP_SHARED, bar->memfd, (off_t)bar->memfd_offset);
        g_assert_true(other != MAP_FAILED);
        g_assert_cmpmem(other, 64, bar->memory, 64);
        munmap(other, bar->size);
        g_assert_cmpint(ftruncate(bar->memfd, 4096), ==, -1);
    }
    g_assert_cmphex(guest_read32(&guest, QXL_BAR_VRAM32, 0x1234), ==, 0xcafef00d);
    g_assert_cmpint(pci_function_bar(guest.pci, QXL_BAR_IO)->memfd, ==, -1);

    /* The ROM cannot be written, by access or mapping. */
    uint32_t magic = guest_read32(&guest, QXL_BAR_ROM, 0);
    guest_write32(&guest, QXL_BAR_ROM, 0, 0);
    g_assert_cmphex(guest_read32(&guest, QXL_BAR_ROM, 0), ==, magic);
    g_assert_true(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED,
                       pci_function_bar(guest.pci, QXL_BAR_ROM)->memfd, 0) == MAP_FAILED);
    card_guest_finish(&guest);
}

static void test_rom(void)
{
    struct qxl_config config = {.guestdebug = 3, .surfaces = 77};
    struct card_guest guest;

    card_guest_init(&guest, &config);
    QXLRom rom = guest_rom(&guest);
    /* Section 3.1, by offset. */
    static const struct {
        uint64_t offset;
        uint32_t value;
    } words[] = {
        {0x00, 0x4f525851}, {0x04, 0},          {0x08, 0},     {0x0c, 0},         {0x10, 3},
        {0x14, 0},          {0x18, 0x488},      {0x1c, 12286}, {0x20, 0x1000000}, {0x24, 0},
        {0x28, 0x1000000},  {0x2c, 0x3ffe000},  {0x30, 0},     {0x34, 77},        {0x38, 0},
        {0x3c, 0},          {0x40, 0x08080701}, {0x80, 0},     {0x84, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_cmphex(guest_read32(&guest, QXL_BAR_ROM, words[i].offset), ==, words[i].value);
    g_assert_cmpuint(rom.slot_generation, ==, 0);
    g_assert_cmphex(guest_read32(&guest, QXL_BAR_RAM, 0x3ffe000), ==, 0x41525851);
    card_guest_finish(&guest);
}

static QXLMode read_mode(struct card_guest *guest, uint32_t position)
{
    QXLMode mode;
    g_assert_true(pci_bar_read(guest->pci, QXL_BAR_ROM, 0x488 + 4 + 32 * position, &mode, 32));
    return mode;
}

static void test_mode_list(void)
{
    /* Section 3.2's second table. */
    static const struct {
        uint32_t vgamem_mb, count, width32, height32, width16, height16;
    } cases[] = {
        {8, 106, 1920, 1080, 2048, 2048},   {16, 128, 2048, 2048, 3840, 2160},
        {32, 138, 3840, 2160, 4096, 2160},  {64, 142, 4096, 2160, 7680, 4320},
        {128, 146, 7680, 4320, 8192, 4320}, {256, 148, 8192, 4320, 8192, 4320},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct qxl_config config = {.vgamem_mb = cases[i].vgamem_mb};
        struct card_guest guest;
        uint64_t largest[2] = {0};
        QXLMode last[2] = {{0}};

        card_guest_init(&guest, &config);
        g_assert_cmpuint(guest_read32(&guest, QXL_BAR_ROM, 0x488), ==, cases[i].count);
        uint32_t previous_id = 0;
        for (uint32_t position = 0; position < cases[i].count; position++) {
            QXLMode mode = read_mode(&guest, position);
            g_assert_true(position == 0 ? mode.id == 0 : mode.id > previous_id);
            previous_id = mode.id;
            g_assert_cmpuint(mode.stride, ==, mode.x_res * mode.bits / 8);
            g_assert_cmpuint((uint64_t)mode.stride * mode.y_res, <=, cases[i].vgamem_mb * MIB);
            g_assert_cmpuint(mode.bits, ==, mode.id % 2 ? 32 : 16);
            g_assert_cmpuint(mode.orientation, ==, mode.id / 2 % 2);
            unsigned deep = mode.bits == 32;
            if ((uint64_t)mode.x_res * mode.y_res > largest[deep]) {
                largest[deep] = (uint64_t)mode.x_res * mode.y_res;
                last[deep] = mode;
            }
        }
        g_assert_cmpuint(last[1].x_res, ==, cases[i].width32);
        g_assert_cmpuint(last[1].y_res, ==, cases[i].height32);
        g_assert_cmpuint(last[0].x_res, ==, cases[i].width16);
        g_assert_cmpuint(last[0].y_res, ==, cases[i].height16);
        card_guest_finish(&guest);
    }
}

static void test_mode_numbers(void)
{
    struct qxl_config config = {.vgamem_mb = 256};
    struct card_guest guest;
    static const struct {
        uint32_t id, width, height, bits, stride, x_mili, y_mili;
    } modes[] = {
        {0, 640, 480, 16, 1280, 187, 140},       {1, 640, 480, 32, 2560, 187, 140},
        {25, 1024, 768, 32, 4096, 300, 225},     {64, 1366, 768, 16, 2732, 401, 225},
        {65, 1366, 768, 32, 5464, 401, 225},     {89, 1920, 1080, 32, 7680, 563, 317},
        {133, 3840, 2160, 32, 15360, 1127, 634}, {147, 8192, 4320, 32, 32768, 2405, 1268},
    };

    card_guest_init(&guest, &config);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        QXLMode mode = read_mode(&guest, modes[i].id); /* all are listed */
        g_assert_cmpuint(mode.id, ==, modes[i].id);
        g_assert_cmpuint(mode.x_res, ==, modes[i].width);
        g_assert_cmpuint(mode.y_res, ==, modes[i].height);
        g_assert_cmpuint(mode.bits, ==, modes[i].bits);
        g_assert_cmpuint(mode.stride, ==, modes[i].stride);
        g_assert_cmpuint(mode.x_mili, ==, modes[i].x_mili);
        g_assert_cmpuint(mode.y_mili, ==, modes[i].y_mili);
    }
    card_guest_finish(&guest);
}

static void test_bug_log(void)
{
    struct qxl_config config = {0};
    char *log = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&log, &size);
    struct card_guest guest;
    struct qxl_bug_count bugs[2];

    card_guest_init(&guest, &config);
    qxl_card_set_guest_log(guest.card, file);
    for (unsigned i = 0; i < 10; i++) {
        guest_out(&guest, QXL_IO_MEMSLOT_DEL, 8);
        guest_out(&guest, QXL_IO_RESET, 0);
    }
    guest_out(&guest, 31, 0);
    qxl_card_set_guest_log(guest.card, NULL);
    fclose(file);
    g_assert_cmpuint(qxl_card_bugs(guest.card, bugs, 2), ==, 2);
    g_assert_cmpstr(bugs[0].name, ==, "memslot-id");
    g_assert_cmpuint(bugs[0].count, ==, 10);
    g_assert_cmpstr(bugs[1].name, ==, "port-unknown");
    g_assert_cmpuint(bugs[1].count, ==, 1);
    g_assert_cmpuint(qxl_card_bugs(guest.card, NULL, 0), ==, 2);
    /* Ten times the same are four lines: the first, second, fourth, eighth. */
    unsigned lines = 0;
    for (const char *c = log; *c; c++)
        lines += *c == '\n';
    g_assert_cmpuint(lines, ==, 5);
    g_assert_true(g_str_has_prefix(log, "qxl-0: guest bug memslot-id: MEMSLOT_DEL of slot 8 "));
    free(log);
    card_guest_finish(&guest);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    g_test_add_func("/card/config/identity", test_identity);
    g_test_add_func("/card/config/sizes", test_sizes);
    g_test_add_func("/card/config/bad-properties", test_bad_properties);
    g_test_add_func("/card/config/shared-memory", test_shared_memory);
    g_test_add_func("/card/config/bug-log", test_bug_log);
    g_test_add_func("/card/rom/header", test_rom);
    g_test_add_func("/card/rom/mode-list", test_mode_list);
    g_test_add_func("/card/rom/mode-numbers", test_mode_numbers);
    return g_test_run();
}
