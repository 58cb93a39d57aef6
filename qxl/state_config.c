/*
 * May a guest move to this card? Only when its properties are those of the card it comes from.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/state_parts.h"
#include "qxl/state.h"

#include <inttypes.h>

static void save_config(void *opaque, void *saved)
{
    const struct qxl_config *config = &((struct qxl_card *)opaque)->config;
    struct qxl_config_state *state = saved;

    *state = (struct qxl_config_state){
        .primary = config->primary,
        .revision = config->revision,
        .ram_size = config->ram_size,
        .vram_size = config->vram_size,
        .vram64_size = config->vram64_size,
        .vgamem_mb = config->vgamem_mb,
        .surfaces = config->surfaces,
        .max_outputs = config->max_outputs,
    };
}

/* Sizes are compared in bytes and named as the option that sets them. */
static bool same(const char *property, uint64_t ours, uint64_t theirs, unsigned shift,
                 GError **error)
{
    return ours == theirs ||
           migration_fail(error, "target's %s is %" PRIu64 ", source has %" PRIu64, property,
                          ours >> shift, theirs >> shift);
}

static bool check_config(void *opaque, const void *loaded, GError **error)
{
    const struct qxl_config *config = &((struct qxl_card *)opaque)->config;
    const struct qxl_config_state *state = loaded;

    if (config->primary != state->primary)
        return migration_fail(error, "target's card is %s, source has %s",
                              config->primary ? "qxl-vga" : "qxl",
                              state->primary ? "qxl-vga" : "qxl");
    return same("revision", config->revision, state->revision, 0, error) &&
           same("ram_size_mb", config->ram_size, state->ram_size, 20, error) &&
           same("vram_size_mb", config->vram_size, state->vram_size, 20, error) &&
           same("vram64_size_mb", config->vram64_size, state->vram64_size, 20, error) &&
           same("vgamem_mb", config->vgamem_mb, state->vgamem_mb, 0, error) &&
           same("surfaces", config->surfaces, state->surfaces, 0, error) &&
           same("max_outputs", config->max_outputs, state->max_outputs, 0, error);
}

const struct migration_part_ops qxl_config_part = {.save = save_config, .check = check_config};
