/*
 * The ROM BAR: QXLRom, the mode list, and the shadow that a reset restores. Section 3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#include <unistd.h>

/* Section 3.2: each gives four modes. */
static const struct {
    uint16_t width, height;
} resolutions[] = {
    {640, 480},   {800, 480},   {800, 600},   {832, 624},   {960, 640},   {1024, 600},
    {1024, 768},  {1152, 864},  {1152, 870},  {1280, 720},  {1280, 760},  {1280, 768},
    {1280, 800},  {1280, 960},  {1280, 1024}, {1360, 768},  {1366, 768},  {1400, 1050},
    {1440, 900},  {1600, 900},  {1600, 1200}, {1680, 1050}, {1920, 1080}, {1920, 1200},
    {1920, 1440}, {2000, 2000}, {2048, 1536}, {2048, 2048}, {2560, 1440}, {2560, 1600},
    {2560, 2048}, {2800, 2100}, {3200, 2400}, {3840, 2160}, {4096, 2160}, {7680, 4320},
    {8192, 4320},
};
G_STATIC_ASSERT(4 * G_N_ELEMENTS(resolutions) == QXL_MAX_MODES);

#define MILLIMETRES_PER_PIXEL 0.2936875

static QXLMode make_mode(uint32_t id)
{
    uint32_t width = resolutions[id / 4].width, height = resolutions[id / 4].height;
    uint32_t bits = id % 2 ? 32 : 16;

    return (QXLMode){
        .id = id,
        .x_res = width,
        .y_res = height,
        .bits = bits,
        .stride = width * bits / 8,
        .x_mili = (uint32_t)(MILLIMETRES_PER_PIXEL * width),
        .y_mili = (uint32_t)(MILLIMETRES_PER_PIXEL * height),
        .orientation = id % 4 / 2,
    };
}

/* The modes that fit into the frame buffer, without holes. */
static void list_modes(struct qxl_card *card)
{
    card->mode_count = 0;
    for (uint32_t id = 0; id < QXL_MAX_MODES; id++) {
        QXLMode mode = make_mode(id);
        if ((uint64_t)mode.stride * mode.y_res <= card->vgamem_size)
            card->modes[card->mode_count++] = mode;
    }
}

uint64_t qxl_rom_size(void)
{
    uint64_t needed = sizeof(QXLRom) + sizeof(QXLModes) + QXL_MAX_MODES * sizeof(QXLMode);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t size = page;

    while (size < needed)
        size *= 2;
    return size;
}

void qxl_rom_init(struct qxl_card *card)
{
    uint32_t surface0_area = (uint32_t)card->vgamem_size;
    uint32_t header_offset = (uint32_t)card->config.ram_size - QXL_RAM_HEADER_AREA;

    card->shadow_rom = (QXLRom){
        .magic = GUINT32_TO_LE(QXL_ROM_MAGIC),
        .id = (uint32_t)card->id,
        .log_level = card->config.guestdebug,
        .modes_offset = sizeof(QXLRom),
        .num_pages = (header_offset - surface0_area) / QXL_PAGE_SIZE,
        .pages_offset = surface0_area,
        .surface0_area_size = surface0_area,
        .ram_header_offset = header_offset,
        .n_surfaces = card->config.surfaces,
        .slots_start = 1,
        .slots_end = QXL_MEMSLOTS - 1,
        .slot_gen_bits = QXL_MEMSLOT_GEN_BITS,
        .slot_id_bits = QXL_MEMSLOT_ID_BITS,
    };
    qxl_monitors_preset(&card->config, &card->shadow_rom);
    qxl_rom_reset(card);

    list_modes(card);
    uint8_t *list = card->rom_memory.bytes + sizeof(QXLRom);
    memcpy(list, &card->mode_count, sizeof(card->mode_count));
    memcpy(list + sizeof(QXLModes), card->modes, card->mode_count * sizeof(QXLMode));
}

void qxl_rom_reset(struct qxl_card *card)
{
    qxl_rom_write(card, 0, &card->shadow_rom, sizeof(card->shadow_rom));
}

void qxl_rom_write(struct qxl_card *card, size_t offset, const void *data, size_t size)
{
    for (size_t done = 0; done < size; done += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)data + done, sizeof(word));
        guest_store32(card->rom_memory.bytes + offset + done, word);
    }
}
