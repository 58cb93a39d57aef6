/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_guest_state.h"

#include "hw/soft_load.h"

#include <string.h>

#define LOAD_NAME_MAX 32
#define MAX_FPS       1000

struct soft_guest_state {
    char load[LOAD_NAME_MAX];
    uint32_t width, height;
    uint32_t fps;
    uint64_t seed, frame_limit;
    bool booted; /* the card's memory holds a driver at work */
    uint64_t frames, commands, cursor_commands, interrupts; /* so far, for the statistics */
};

static const struct state_field fields[] = {
    {STATE_FIELD(struct soft_guest_state, load, STATE_TEXT), .count = LOAD_NAME_MAX},
    {STATE_FIELD(struct soft_guest_state, width, STATE_U32), .max = SOFT_MAX_SIZE},
    {STATE_FIELD(struct soft_guest_state, height, STATE_U32), .max = SOFT_MAX_SIZE},
    {STATE_FIELD(struct soft_guest_state, fps, STATE_U32), .max = MAX_FPS},
    {STATE_FIELD(struct soft_guest_state, seed, STATE_U64)},
    {STATE_FIELD(struct soft_guest_state, frame_limit, STATE_U64)},
    {STATE_FIELD(struct soft_guest_state, booted, STATE_BOOL)},
    {STATE_FIELD(struct soft_guest_state, frames, STATE_U64)},
    {STATE_FIELD(struct soft_guest_state, commands, STATE_U64)},
    {STATE_FIELD(struct soft_guest_state, cursor_commands, STATE_U64)},
    {STATE_FIELD(struct soft_guest_state, interrupts, STATE_U64)},
    STATE_END,
};

static const struct state_description description = {
    .name = "soft-guest",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct soft_guest_state),
    .fields = fields,
};

static void save(void *opaque, void *saved)
{
    const struct soft_driver *driver = opaque;
    struct soft_guest_state *state = saved;

    g_strlcpy(state->load, driver->config.load, sizeof(state->load));
    state->width = driver->config.width;
    state->height = driver->config.height;
    state->fps = driver->config.fps;
    state->seed = driver->config.seed;
    state->frame_limit = driver->config.frames;
    state->booted = soft_driver_can_continue(driver);
    state->frames = driver->stats.frames;
    state->commands = driver->stats.commands;
    state->cursor_commands = driver->stats.cursor_commands;
    state->interrupts = driver->stats.interrupts;
}

static bool find_load(const char *name, uint32_t *index)
{
    const char *const *names = soft_guest_loads();

    for (*index = 0; names[*index]; (*index)++) {
        if (!strcmp(names[*index], name))
            return true;
    }
    return false;
}

/* DRIVER as the state wants it; what it was attached to stays. */
static void configure(struct soft_driver *driver, const struct soft_guest_state *state,
                      uint32_t load)
{
    driver->load = load;
    driver->config.load = soft_guest_loads()[load];
    driver->config.width = state->width;
    driver->config.height = state->height;
    driver->config.fps = state->fps;
    driver->config.seed = state->seed;
    driver->config.frames = state->frame_limit;
}

static bool check(void *opaque, const void *loaded, GError **error)
{
    const struct soft_guest_state *state = loaded;
    struct soft_driver candidate = *(const struct soft_driver *)opaque;
    uint32_t load;

    if (!find_load(state->load, &load))
        return migration_fail(error,
                              "the source's guest runs load '%s', which this release does "
                              "not have",
                              state->load);
    if (!state->width || !state->height)
        return migration_fail(error, "the source's guest has a screen of %ux%u", state->width,
                              state->height);
    configure(&candidate, state, load);
    if (!soft_driver_attach(&candidate, error))
        return false;
    bool remembers = !candidate.main_memory || soft_memory_is_booted(candidate.main_memory);
    return !state->booted || (soft_driver_can_continue(&candidate) && remembers) ||
           migration_fail(error, "what came as the guest's memory is not a guest that can go on");
}

static void apply(void *opaque, const void *loaded)
{
    struct soft_driver *driver = opaque;
    const struct soft_guest_state *state = loaded;
    uint32_t load;

    if (!find_load(state->load, &load))
        return;
    configure(driver, state, load);
    driver->checks_memory = driver->main_memory && state->booted;
    driver->next_check = 0;
    driver->stats = (struct soft_guest_stats){
        .frames = state->frames,
        .commands = state->commands,
        .cursor_commands = state->cursor_commands,
        .interrupts = state->interrupts,
    };
}

static const struct migration_part_ops ops = {.save = save, .check = check, .apply = apply};

/* The machine's size, compared before any memory comes. */
struct memory_config {
    uint32_t size; /* MiB */
};

static const struct state_field memory_fields[] = {
    {STATE_FIELD(struct memory_config, size, STATE_U32)},
    STATE_END,
};

static const struct state_description memory_description = {
    .name = "guest-memory-config",
    .version = 1,
    .oldest = 1,
    .size = sizeof(struct memory_config),
    .fields = memory_fields,
};

static uint32_t memory_size(const struct soft_driver *driver)
{
    return driver->main_memory ? soft_memory_size(driver->main_memory) : 0;
}

static void save_memory(void *opaque, void *saved)
{
    ((struct memory_config *)saved)->size = memory_size(opaque);
}

static bool check_memory(void *opaque, const void *loaded, GError **error)
{
    uint32_t theirs = ((const struct memory_config *)loaded)->size, ours = memory_size(opaque);

    return theirs == ours ||
           migration_fail(error, "the target's guest memory (-m) has %u MiB, the source's %u", ours,
                          theirs);
}

static const struct migration_part_ops memory_ops = {.save = save_memory, .check = check_memory};

void soft_guest_add_part(struct soft_driver *driver, struct migration_set *set)
{
    struct migration_part part = {
        .name = "soft-guest", .description = &description, .ops = &ops, .opaque = driver};

    struct migration_part memory = {.name = "guest-memory-config",
                                    .description = &memory_description,
                                    .ops = &memory_ops,
                                    .opaque = driver,
                                    .early = true};

    migration_set_add_part(set, &memory);
    migration_set_add_part(set, &part);
    if (driver->main_memory)
        soft_memory_add_block(driver->main_memory, set);
}
