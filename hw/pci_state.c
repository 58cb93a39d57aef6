/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/pci_state.h"

#include <linux/pci_regs.h>
#include <string.h>

struct pci_state {
    uint8_t config[PCI_CONFIG_SIZE];
};

static const struct state_field fields[] = {
    {STATE_FIELD(struct pci_state, config, STATE_BYTES), .count = PCI_CONFIG_SIZE},
    STATE_END,
};

static const struct state_description description = {
    .name = "pci",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct pci_state),
    .fields = fields,
};

static void save(void *opaque, void *saved)
{
    struct pci_state *state = saved;

    pci_config_read(opaque, 0, state->config, sizeof(state->config));
    /* It follows from the device's state. */
    state->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
}

static bool check(void *opaque, const void *loaded, GError **error)
{
    static const struct {
        uint8_t offset, size;
        const char *what;
    } identity[] = {
        {PCI_VENDOR_ID, 4, "vendor and device"}, {PCI_CLASS_REVISION, 4, "class and revision"},
        {PCI_HEADER_TYPE, 1, "header type"},     {PCI_SUBSYSTEM_VENDOR_ID, 4, "subsystem"},
        {PCI_INTERRUPT_PIN, 1, "interrupt pin"},
    };
    const struct pci_state *state = loaded;
    uint8_t ours[PCI_CONFIG_SIZE];

    pci_config_read(opaque, 0, ours, sizeof(ours));
    for (unsigned i = 0; i < G_N_ELEMENTS(identity); i++) {
        if (memcmp(ours + identity[i].offset, state->config + identity[i].offset,
                   identity[i].size) != 0)
            return migration_fail(error, "the source's PCI function has another %s",
                                  identity[i].what);
    }
    return true;
}

/* Only what software can write changes. */
static void apply(void *opaque, const void *loaded)
{
    const struct pci_state *state = loaded;
    pci_config_write(opaque, 0, state->config, sizeof(state->config));
}

static const struct migration_part_ops ops = {.save = save, .check = check, .apply = apply};

void pci_function_add_part(struct pci_function *function, const char *name,
                           struct migration_set *set)
{
    struct migration_part part = {.description = &description, .ops = &ops, .opaque = function};

    g_strlcpy(part.name, name, sizeof(part.name));
    migration_set_add_part(set, &part);
}
