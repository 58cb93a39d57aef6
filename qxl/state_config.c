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

/* Without off-screen surfaces, as cards were before they could have any. */
static bool is_0_4(uint32_t revision, uint32_t surfaces)
{
    return revision == QXL_REVISION_STABLE_V04 && surfaces == 1;
}

static bool check_config(void *opaque, const void *loaded, GError **error)
{
    const struct qxl_config *config = &((struct qxl_card *)opaque)->config;
    const struct qxl_config_state *state = loaded;

    bool ours = is_0_4(config->revision, config->surfaces);
    bool theirs = is_0_4(state->revision, state->surfaces);

    if (ours != theirs)
        return migration_fail(error,
                              "the %s's card is in 0.4 mode (-spice compat=0.4), the %s's is not",
                              ours ? "target" : "source", ours ? "source" : "target");
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
