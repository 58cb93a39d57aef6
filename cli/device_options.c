/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/device_options.h"

#include "cli/options.h"

#define MIB (INT64_C(1) << 20)
/* More than any BAR can have; what a card really takes is the card's to say. */
#define SIZE_MB_MAX (1 << 16)

struct values {
    int driver;
    char *id;
    int64_t ram_size, vram_size;
    int64_t ram_size_mb, vram_size_mb, vram64_size_mb, vgamem_mb; /* 0: not given */
    int64_t revision, surfaces, max_outputs, guestdebug, xres, yres;
};

static const char *const drivers[] = {"qxl", "qxl-vga", NULL};

#define FIELD(field) offsetof(struct values, field)
static const struct option_key keys[] = {
    {"driver", OPTION_CHOICE, FIELD(driver), 0, 0, drivers, NULL},
    {"id", OPTION_STRING, FIELD(id), 0, 0, NULL, NULL},
    {"ram_size", OPTION_SIZE, FIELD(ram_size), 1, SIZE_MB_MAX *MIB, NULL, NULL},
    {"vram_size", OPTION_SIZE, FIELD(vram_size), 1, SIZE_MB_MAX *MIB, NULL, NULL},
    {"ram_size_mb", OPTION_NUMBER, FIELD(ram_size_mb), 1, SIZE_MB_MAX, NULL, NULL},
    {"vram_size_mb", OPTION_NUMBER, FIELD(vram_size_mb), 1, SIZE_MB_MAX, NULL, NULL},
    {"vram64_size_mb", OPTION_NUMBER, FIELD(vram64_size_mb), 1, SIZE_MB_MAX, NULL, NULL},
    {"vgamem_mb", OPTION_NUMBER, FIELD(vgamem_mb), 1, SIZE_MB_MAX, NULL, NULL},
    {"revision", OPTION_NUMBER, FIELD(revision), 1, 5, NULL, NULL},
    {"surfaces", OPTION_NUMBER, FIELD(surfaces), 1, INT32_MAX, NULL, NULL},
    {"max_outputs", OPTION_NUMBER, FIELD(max_outputs), 0, UINT16_MAX, NULL, NULL},
    {"guestdebug", OPTION_NUMBER, FIELD(guestdebug), 0, UINT32_MAX, NULL, NULL},
    {"xres", OPTION_NUMBER, FIELD(xres), 0, UINT32_MAX, NULL, NULL},
    {"yres", OPTION_NUMBER, FIELD(yres), 0, UINT32_MAX, NULL, NULL},
    {"cmdlog", OPTION_REFUSED, 0, 0, 0, NULL, "a log of commands is not written"},
    {"global-vmstate", OPTION_REFUSED, 0, 0, 0, NULL, "there are no old machine types here"},
    OPTION_END,
};

void device_options_init(struct device_options *options)
{
    *options = (struct device_options){0};
}

void device_options_finish(struct device_options *options)
{
    g_clear_pointer(&options->id, g_free);
}

/* As in QEMU the size in MiB wins over the size in bytes. */
static uint64_t size_of(int64_t bytes, int64_t mb)
{
    return (uint64_t)(mb > 0 ? mb * MIB : bytes);
}

bool device_options_parse(const char *text, struct device_options *options, GError **error)
{
    struct values values = {0};
    bool good = option_list_parse("-device", text, keys, "driver", &values, error);

    if (good) {
        device_options_finish(options);
        options->id = g_steal_pointer(&values.id);
        options->config = (struct qxl_config){
            .primary = values.driver == 1,
            .revision = (uint32_t)values.revision,
            .ram_size = size_of(values.ram_size, values.ram_size_mb),
            .vram_size = size_of(values.vram_size, values.vram_size_mb),
            .vram64_size = size_of(0, values.vram64_size_mb),
            .vgamem_mb = (uint32_t)values.vgamem_mb,
            .surfaces = (uint32_t)values.surfaces,
            .max_outputs = (uint16_t)values.max_outputs,
            .guestdebug = (uint32_t)values.guestdebug,
            .xres = (uint32_t)values.xres,
            .yres = (uint32_t)values.yres,
        };
    }
    option_list_clear(keys, &values);
    return good;
}
