/*
 * From power-on to a screen to draw on: what firmware and driver do before the first frame.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "soft-guest"
#include "hw/soft_driver.h"
#include "hw/soft_load.h"

#include <linux/pci_regs.h>
#include <stddef.h>

#define STATE_MAGIC       0x54534751 /* "QGST" */
#define VRAM64_BAR        4
#define INTERRUPT_LINE    11
#define MEMORY_WINDOW     0x80000000ull
#define MEMORY64_WINDOW   0x800000000ull
#define IO_WINDOW         0xc000ull
#define OLDEST_REVISION   2 /* memory slots and surfaces */
#define MONITORS_REVISION 4
#define DEFAULT_WIDTH     1024
#define DEFAULT_HEIGHT    768

static uint32_t config_read(struct soft_driver *driver, uint32_t offset)
{
    uint32_t value = 0;
    pci_config_read(driver->pci, offset, &value, sizeof(value));
    return GUINT32_FROM_LE(value);
}

static void config_write(struct soft_driver *driver, uint32_t offset, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    pci_config_write(driver->pci, offset, &value, sizeof(value));
}

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "soft guest: %s", message);
    g_free(message);
    return false;
}

/* Lays out state and heaps behind the screen's memory. */
static bool lay_out(struct soft_driver *driver, const QXLRom *rom, uint64_t vram_size,
                    GError **error)
{
    uint64_t begin = align_up((uint64_t)rom->pages_offset, SOFT_PAGE_SIZE);
    uint64_t end = rom->ram_header_offset;
    uint64_t ram_pages = end > begin ? (end - begin) / SOFT_PAGE_SIZE : 0;
    uint64_t vram_pages = vram_size / SOFT_PAGE_SIZE - 1; /* the heap's base is not zero */
    uint64_t tables = align_up(sizeof(struct soft_state), 64);
    uint64_t state_pages =
        align_up(tables + (ram_pages + vram_pages) * sizeof(uint16_t), SOFT_PAGE_SIZE) /
        SOFT_PAGE_SIZE;

    if (state_pages >= ram_pages)
        return refuse(error, "the card has no command memory behind its screen; raise ram_size_mb");
    driver->state_offset = begin;
    driver->state = (struct soft_state *)(driver->ram + begin);
    driver->memory = (struct soft_heap){
        .users = (uint16_t *)(driver->ram + begin + tables),
        .pages = (uint32_t)(ram_pages - state_pages),
        .base = begin + state_pages * SOFT_PAGE_SIZE,
    };
    driver->video = (struct soft_heap){
        .users = driver->memory.users + ram_pages,
        .pages = (uint32_t)vram_pages,
        .base = SOFT_PAGE_SIZE,
    };
    return true;
}

/* Can this card show and feed what the configuration asks for? */
static bool check_needs(const struct soft_driver *driver, const QXLRom *rom, GError **error)
{
    const struct soft_load *load = soft_load_get(driver->load);
    uint32_t width = driver->config.width, height = driver->config.height;
    struct soft_need need = {.memory = 0};

    if (width < SOFT_MIN_WIDTH || width > SOFT_MAX_SIZE || height < SOFT_MIN_HEIGHT ||
        height > SOFT_MAX_SIZE)
        return refuse(error, "a screen of %ux%u is not possible; give %dx%d to %dx%d", width,
                      height, SOFT_MIN_WIDTH, SOFT_MIN_HEIGHT, SOFT_MAX_SIZE, SOFT_MAX_SIZE);
    if ((uint64_t)width * height * 4 > rom->surface0_area_size)
        return refuse(error, "a screen of %ux%u needs %u MiB, the card has %u; raise vgamem_mb",
                      width, height, (unsigned)(((uint64_t)width * height * 4 >> 20) + 1),
                      rom->surface0_area_size >> 20);
    load->need(width, height, &need);
    if (need.memory > (uint64_t)driver->memory.pages * SOFT_PAGE_SIZE / 2)
        return refuse(error,
                      "load %s at %ux%u needs %u MiB of command memory, the card has %u; raise "
                      "ram_size_mb",
                      load->name, width, height, (unsigned)(need.memory * 2 >> 20) + 1,
                      driver->memory.pages >> 8);
    if (need.video_in_all > (uint64_t)driver->video.pages * SOFT_PAGE_SIZE)
        return refuse(error,
                      "load %s at %ux%u needs %u MiB for surfaces, the card has %u; raise "
                      "vram_size_mb",
                      load->name, width, height, (unsigned)(need.video_in_all >> 20) + 1,
                      driver->video.pages >> 8);
    if (need.surfaces_in_all >= driver->surface_count)
        return refuse(error, "load %s needs %u surfaces, the card has %u", load->name,
                      need.surfaces_in_all + 1, driver->surface_count);
    return true;
}

/* As large as the card's ROM says that the first head is, unless the owner has said it. */
static void choose_size(struct soft_guest_config *config, const QXLRom *rom)
{
    const QXLURect *head = &rom->client_monitors_config.heads[0];
    bool has_head = rom->client_monitors_config.count > 0 && head->right > head->left &&
                    head->bottom > head->top;

    if (!config->width)
        config->width = has_head ? head->right - head->left : DEFAULT_WIDTH;
    if (!config->height)
        config->height = has_head ? head->bottom - head->top : DEFAULT_HEIGHT;
}

bool soft_driver_attach(struct soft_driver *driver, GError **error)
{
    const struct pci_bar *ram = pci_function_bar(driver->pci, QXL_RAM_RANGE_INDEX);
    const struct pci_bar *rom_bar = pci_function_bar(driver->pci, QXL_ROM_RANGE_INDEX);
    QXLRom rom;

    driver->vram_bar = pci_function_bar(driver->pci, VRAM64_BAR)->type == PCI_BAR_ABSENT
                           ? QXL_VRAM_RANGE_INDEX
                           : VRAM64_BAR;
    const struct pci_bar *vram = pci_function_bar(driver->pci, driver->vram_bar);
    driver->revision = config_read(driver, PCI_CLASS_REVISION) & 0xff;

    if (config_read(driver, PCI_VENDOR_ID) !=
        (REDHAT_PCI_VENDOR_ID | (uint32_t)QXL_DEVICE_ID_STABLE << 16))
        return refuse(error, "this is not a QXL card");
    if (driver->revision < OLDEST_REVISION)
        return refuse(error, "the card has revision %u, the driver needs %d or later",
                      driver->revision, OLDEST_REVISION);
    if (!ram->memory || !vram->memory || !rom_bar->memory || rom_bar->size < sizeof(rom))
        return refuse(error, "the card's memory is not mapped");

    driver->ram = ram->memory;
    driver->vram = vram->memory;
    driver->rom = (const QXLRom *)rom_bar->memory;
    memcpy(&rom, driver->rom, sizeof(rom));
    if (rom.magic != QXL_ROM_MAGIC)
        return refuse(error, "the card's ROM has the wrong magic 0x%08x", rom.magic);
    if (rom.ram_header_offset % 4 || ram->size < sizeof(QXLRam) ||
        rom.ram_header_offset > ram->size - sizeof(QXLRam) || vram->size < 2 * SOFT_PAGE_SIZE)
        return refuse(error, "the card's ROM describes memory that it does not have");
    driver->header_offset = rom.ram_header_offset;
    driver->header = driver->ram + rom.ram_header_offset;
    driver->surface_count = MIN(rom.n_surfaces, SOFT_SURFACES);
    choose_size(&driver->config, &rom);
    return lay_out(driver, &rom, vram->size, error) && check_needs(driver, &rom, error);
}

bool soft_driver_can_continue(const struct soft_driver *driver)
{
    const struct soft_state *state = driver->state;

    if (state->magic != STATE_MAGIC || state->layout != sizeof(*state) ||
        state->stage == SOFT_STAGE_PROBE || state->stage > SOFT_STAGE_HALT ||
        state->load != driver->load || state->width != driver->config.width ||
        state->height != driver->config.height ||
        state->queue_tail - state->queue_head > SOFT_QUEUE_SIZE)
        return false;
    return soft_load_get(state->load)->check(state->load_state, state->width, state->height);
}

/* Sizes a BAR as firmware does: the address bits that stick. Its registers are left all ones. */
static uint64_t bar_size(struct soft_driver *driver, unsigned bar, bool *is_io, bool *is_64)
{
    uint32_t at = PCI_BASE_ADDRESS_0 + 4 * bar;

    config_write(driver, at, ~0u);
    uint32_t low = config_read(driver, at);
    *is_io = low & PCI_BASE_ADDRESS_SPACE_IO;
    *is_64 = !*is_io && (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
    uint64_t mask = low & (*is_io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK);
    if (*is_io)
        mask |= 0xffff0000u; /* the upper half may be hard-wired to zero */
    mask |= 0xffffffff00000000ull;
    if (*is_64) {
        config_write(driver, at + 4, ~0u);
        mask = (mask & 0xffffffffu) | (uint64_t)config_read(driver, at + 4) << 32;
    }
    return low ? ~mask + 1 : 0;
}

/* Finds a place on the bus for each BAR and switches decoding on. */
static void assign_bars(struct soft_driver *driver)
{
    uint64_t memory = MEMORY_WINDOW, memory64 = MEMORY64_WINDOW, io = IO_WINDOW;
    uint32_t command = config_read(driver, PCI_COMMAND) & 0xffff;

    command &= ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
    config_write(driver, PCI_COMMAND, command);
    for (unsigned bar = 0; bar < PCI_BAR_COUNT; bar++) {
        bool is_io, is_64;
        uint64_t size = bar_size(driver, bar, &is_io, &is_64);
        if (!size)
            continue;
        uint64_t *window = is_io ? &io : is_64 ? &memory64 : &memory;
        uint64_t address = align_up(*window, size);
        *window = address + size;
        config_write(driver, PCI_BASE_ADDRESS_0 + 4 * bar, (uint32_t)address);
        if (is_64)
            config_write(driver, PCI_BASE_ADDRESS_0 + 4 * ++bar, (uint32_t)(address >> 32));
    }
    uint8_t line = INTERRUPT_LINE;
    pci_config_write(driver->pci, PCI_INTERRUPT_LINE, &line, sizeof(line));
    config_write(driver, PCI_COMMAND, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

static bool add_slot(struct soft_driver *driver, enum soft_slot slot, unsigned bar, uint64_t size)
{
    uint32_t at = PCI_BASE_ADDRESS_0 + 4 * bar;
    QXLRam *header = (QXLRam *)driver->header;
    uint64_t id = driver->rom->slots_start + slot;
    uint32_t low = config_read(driver, at);
    uint64_t address = low & PCI_BASE_ADDRESS_MEM_MASK & 0xffffffffu;

    if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
        address |= (uint64_t)config_read(driver, at + 4) << 32;
    header->mem_slot.mem_start = address;
    header->mem_slot.mem_end = address + size;
    if (!soft_driver_command(driver, QXL_IO_MEMSLOT_ADD_ASYNC, (uint8_t)id))
        return false;
    unsigned generation_bits = driver->rom->slot_gen_bits, id_bits = driver->rom->slot_id_bits;
    if (generation_bits + id_bits == 0 || generation_bits + id_bits > 32) {
        soft_driver_halt(driver, "the card's ROM gives %u bits to memory slots",
                         generation_bits + id_bits);
        return false;
    }
    driver->state->slot_address[slot] = (id << generation_bits | driver->rom->slot_generation)
                                        << (64 - generation_bits - id_bits);
    return true;
}

static bool create_screen(struct soft_driver *driver)
{
    QXLRam *header = (QXLRam *)driver->header;
    uint32_t width = driver->state->width, height = driver->state->height;

    header->create_surface = (QXLSurfaceCreate){
        .width = width,
        .height = height,
        .stride = (int32_t)width * 4,
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = driver->state->slot_address[SOFT_SLOT_RAM] + driver->rom->draw_area_offset,
    };
    if (!soft_driver_command(driver, QXL_IO_CREATE_PRIMARY_ASYNC, 0))
        return false;
    if (driver->revision < MONITORS_REVISION)
        return true;
    driver->state->monitors.config.count = 1;
    driver->state->monitors.config.max_allowed = 1;
    driver->state->monitors.head = (QXLHead){.width = width, .height = height};
    header->monitors_config = driver->state->slot_address[SOFT_SLOT_RAM] + driver->state_offset +
                              offsetof(struct soft_state, monitors);
    return soft_driver_command(driver, QXL_IO_MONITORS_CONFIG_ASYNC, 0);
}

static void start_load(struct soft_driver *driver)
{
    const struct soft_load *load = soft_load_get(driver->load);
    struct soft_state *state = driver->state;

    load->begin(state->load_state, state->seed, state->width, state->height);
    driver->frame_due = 0;
    state->stage = SOFT_STAGE_DRAW;
}

bool soft_driver_probe(struct soft_driver *driver)
{
    struct soft_state *state = driver->state;
    uint64_t vram_size = pci_function_bar(driver->pci, driver->vram_bar)->size;
    QXLRam *header = (QXLRam *)driver->header;

    memset(state, 0, sizeof(*state));
    memset(driver->memory.users, 0, driver->memory.pages * sizeof(*driver->memory.users));
    memset(driver->video.users, 0, driver->video.pages * sizeof(*driver->video.users));
    state->magic = STATE_MAGIC;
    state->layout = sizeof(*state);
    state->stage = SOFT_STAGE_PROBE;
    state->load = driver->load;
    state->width = driver->config.width;
    state->height = driver->config.height;
    state->frames_per_second = driver->config.fps;
    state->frames = driver->config.frames;
    state->seed = driver->config.seed;
    if (driver->main_memory)
        soft_memory_boot(driver->main_memory, state->seed);

    assign_bars(driver);
    soft_driver_port(driver, QXL_IO_RESET, 0);
    if (header->magic != QXL_RAM_MAGIC) {
        soft_driver_halt(driver, "the card's RAM header has the wrong magic 0x%08x", header->magic);
        return false;
    }
    __atomic_store_n((uint32_t *)(driver->header + offsetof(QXLRam, int_mask)), SOFT_INTERRUPTS,
                     __ATOMIC_SEQ_CST);
    if (!add_slot(driver, SOFT_SLOT_RAM, QXL_RAM_RANGE_INDEX, driver->header_offset) ||
        !add_slot(driver, SOFT_SLOT_VRAM, driver->vram_bar, vram_size) || !create_screen(driver))
        return false;
    start_load(driver);
    return true;
}
