/*
 * The card's properties: limits and size rules, section 2.3.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

#include <gio/gio.h>

#define MIB               (UINT64_C(1) << 20)
#define DEFAULT_SIZE      (64 * MIB)
#define DEFAULT_VGAMEM_MB 16
#define MIN_VGAMEM_MB     8
#define MAX_VGAMEM_MB     256
#define MAX_BAR32_SIZE    (2048 * MIB) /* the largest power of two below 4 GiB */
#define MAX_PRIMARY_RAM   (512 * MIB)  /* what the VGA core can address */
#define MAX_VRAM64_SIZE   (65536 * MIB)
#define DEFAULT_SURFACES  1024 /* also what servers keep a table for */
#define MAX_SURFACES      1024
#define MAX_OUTPUTS       16 /* heads a SPICE server announces */
#define DEFAULT_REVISION  5
#define LAST_REVISION     5
#define LEGACY_VRAM_SIZE  QXL_PAGE_SIZE /* revision 1 has no use for VRAM */

static uint64_t next_power_of_two(uint64_t size)
{
    return size <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(size - 1));
}

static bool at_most(const char *property, uint64_t value, uint64_t limit, const char *unit,
                    GError **error)
{
    if (value <= limit)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "%s=%" G_GUINT64_FORMAT " is out of range: at most %" G_GUINT64_FORMAT "%s",
                property, value, limit, unit);
    return false;
}

static bool check_limits(const struct qxl_config *config, GError **error)
{
    return at_most("revision", config->revision, LAST_REVISION, " (1 to 5)", error) &&
           at_most("ram_size", config->ram_size, MAX_BAR32_SIZE, " bytes (2048 MiB)", error) &&
           at_most("vram_size", config->vram_size, MAX_BAR32_SIZE, " bytes (2048 MiB)", error) &&
           at_most("vram64_size", config->vram64_size, MAX_VRAM64_SIZE, " bytes (65536 MiB)",
                   error) &&
           at_most("vgamem_mb", config->vgamem_mb, MAX_VGAMEM_MB, " MiB (8 to 256)", error) &&
           at_most("surfaces", config->surfaces, MAX_SURFACES, "", error) &&
           at_most("max_outputs", config->max_outputs, MAX_OUTPUTS, " (0: no limit of its own)",
                   error);
}

bool qxl_config_complete(struct qxl_config *config, GError **error)
{
    if (!check_limits(config, error))
        return false;
    if (config->revision == 0)
        config->revision = DEFAULT_REVISION;
    if (config->surfaces == 0)
        config->surfaces = DEFAULT_SURFACES;

    if (config->vgamem_mb == 0)
        config->vgamem_mb = DEFAULT_VGAMEM_MB;
    config->vgamem_mb = (uint32_t)next_power_of_two(MAX(config->vgamem_mb, MIN_VGAMEM_MB));

    if (config->ram_size == 0)
        config->ram_size = DEFAULT_SIZE;
    config->ram_size = next_power_of_two(MAX(config->ram_size, 2 * config->vgamem_mb * MIB));
    if (config->primary)
        config->ram_size = MIN(config->ram_size, MAX_PRIMARY_RAM);

    if (config->vram_size == 0)
        config->vram_size = DEFAULT_SIZE;
    config->vram_size = MAX(config->vram_size, QXL_PAGE_SIZE);
    config->vram64_size = MAX(config->vram64_size, config->vram_size);
    if (config->revision == QXL_REVISION_STABLE_V04)
        config->vram_size = config->vram64_size = LEGACY_VRAM_SIZE;
    config->vram_size = next_power_of_two(config->vram_size);
    config->vram64_size = next_power_of_two(config->vram64_size);
    return true;
}

uint32_t qxl_config_io_size(const struct qxl_config *config)
{
    switch (config->revision) {
    case QXL_REVISION_STABLE_V04:
        return 8;
    case QXL_REVISION_STABLE_V06:
        return 16;
    default:
        return 32;
    }
}
