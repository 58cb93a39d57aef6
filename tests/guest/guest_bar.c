/*
 * Runs inside the guest, without any driver and without interrupts: draws the pattern by stores
 * into the card's RAM BAR, makes it the primary surface through the synchronous I/O ports, and says
 * what an access to the BAR costs. An access that the virtual machine monitor must trap costs a
 * hundred times what one to mapped memory does.
 *
 *   guest_bar PCI-FOLDER WIDTH HEIGHT SEED     PCI-FOLDER below /sys/bus/pci/devices
 *
 * prints "store NANOSECONDS load NANOSECONDS", for one access of four bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <spice/enums.h>
#include <spice/qxl_dev.h>

#include "guest_pixels.h"

enum { BAR_RAM = 0, BAR_ROM = 2, BAR_PORTS = 3 };

static int open_in(const char *folder, const char *name)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_SYNC);
    if (fd < 0) {
        printf("guest_bar: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

static int open_bar(const char *folder, int bar)
{
    char name[16];

    snprintf(name, sizeof(name), "resource%d", bar);
    return open_in(folder, name);
}

static void *map_bar(const char *folder, int bar, size_t *size)
{
    int fd = open_bar(folder, bar);
    struct stat status;
    void *memory = MAP_FAILED;

    if (fstat(fd, &status) == 0) {
        *size = (size_t)status.st_size;
        memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (memory == MAP_FAILED) {
        printf("guest_bar: mmap of BAR %d: %s\n", bar, strerror(errno));
        exit(1);
    }
    return memory;
}

static void write_port(int ports, int port, uint8_t value)
{
    if (pwrite(ports, &value, 1, port) != 1) {
        printf("guest_bar: port %d: %s\n", port, strerror(errno));
        exit(1);
    }
}

static uint64_t bar_address(const char *folder, int bar)
{
    char path[256], line[128] = "";
    FILE *file;

    snprintf(path, sizeof(path), "%s/resource", folder);
    file = fopen(path, "r");
    for (int i = 0; file && i <= bar; i++) {
        if (!fgets(line, sizeof(line), file))
            break;
    }
    if (file)
        fclose(file);
    return strtoull(line, NULL, 16);
}

static double nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

/* Returns 0 when what is loaded is what was stored. */
static int draw(volatile uint32_t *pixels, uint32_t width, uint32_t height, uint32_t seed)
{
    double start = nanoseconds(), stored;
    uint32_t wrong = 0;

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            pixels[y * width + x] = pattern_pixel(x, y, seed);
    }
    stored = nanoseconds();
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            wrong += pixels[y * width + x] != pattern_pixel(x, y, seed);
    }
    printf("store %.0f load %.0f\n", (stored - start) / (width * height),
           (nanoseconds() - stored) / (width * height));
    if (wrong)
        printf("guest_bar: %u pixels are not what was stored\n", wrong);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    size_t ram_size, rom_size;
    uint32_t width, height;
    uint64_t base;
    uint8_t *ram;
    int ports, slot, result, enable;
    const QXLRom *rom;
    QXLRam *header;

    if (argc != 5) {
        printf("usage: guest_bar PCI-FOLDER WIDTH HEIGHT SEED\n");
        return 2;
    }
    width = (uint32_t)atoi(argv[2]);
    height = (uint32_t)atoi(argv[3]);
    enable = open_in(argv[1], "enable");
    if (write(enable, "1", 1) != 1) {
        printf("guest_bar: the card cannot be enabled: %s\n", strerror(errno));
        return 1;
    }
    ram = map_bar(argv[1], BAR_RAM, &ram_size);
    rom = map_bar(argv[1], BAR_ROM, &rom_size);
    ports = open_bar(argv[1], BAR_PORTS);
    if (rom->magic != QXL_ROM_MAGIC) {
        printf("guest_bar: no QXL ROM in BAR %d\n", BAR_ROM);
        return 1;
    }
    write_port(ports, QXL_IO_RESET, 0);
    header = (QXLRam *)(ram + rom->ram_header_offset);

    slot = rom->slots_start;
    base = bar_address(argv[1], BAR_RAM);
    header->mem_slot.mem_start = base;
    header->mem_slot.mem_end = base + rom->ram_header_offset;
    write_port(ports, QXL_IO_MEMSLOT_ADD, (uint8_t)slot);

    result = draw((uint32_t *)(ram + rom->draw_area_offset), width, height, atoi(argv[4]));
    header->create_surface = (QXLSurfaceCreate){
        .width = width,
        .height = height,
        .stride = (int32_t)(width * 4),
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .flags = QXL_SURF_FLAG_KEEP_DATA,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = (uint64_t)slot << (64 - rom->slot_id_bits) |
               (uint64_t)rom->slot_generation << (64 - rom->slot_id_bits - rom->slot_gen_bits) |
               rom->draw_area_offset,
    };
    write_port(ports, QXL_IO_CREATE_PRIMARY, 0);
    return result;
}
