/*
 * The migration of a vfio-user device.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_migration.h"

#include <errno.h>

static const char *const names[VFIO_USER_STATES] = {
    [VFIO_USER_STATE_ERROR] = "ERROR",       [VFIO_USER_STATE_STOP] = "STOP",
    [VFIO_USER_STATE_RUNNING] = "RUNNING",   [VFIO_USER_STATE_STOP_COPY] = "STOP_COPY",
    [VFIO_USER_STATE_RESUMING] = "RESUMING", [VFIO_USER_STATE_RUNNING_P2P] = "RUNNING_P2P",
    [VFIO_USER_STATE_PRE_COPY] = "PRE_COPY", [VFIO_USER_STATE_PRE_COPY_P2P] = "PRE_COPY_P2P",
};

const char *vfio_user_migration_state_name(uint32_t state)
{
    return state < VFIO_USER_STATES ? names[state] : "an unknown state";
}

/* The next state on the way to another, by [from][to]; ERROR: there is none. Section 4. */
#define STOP      VFIO_USER_STATE_STOP
#define RUNNING   VFIO_USER_STATE_RUNNING
#define STOP_COPY VFIO_USER_STATE_STOP_COPY
#define RESUMING  VFIO_USER_STATE_RESUMING
#define PRE_COPY  VFIO_USER_STATE_PRE_COPY
static const uint8_t next_state[VFIO_USER_STATES][VFIO_USER_STATES] = {
    [STOP] =
        {
            [RUNNING] = RUNNING,
            [STOP_COPY] = STOP_COPY,
            [RESUMING] = RESUMING,
            [PRE_COPY] = RUNNING,
        },
    [RUNNING] =
        {
            [STOP] = STOP,
            [STOP_COPY] = STOP,
            [RESUMING] = STOP,
            [PRE_COPY] = PRE_COPY,
        },
    [STOP_COPY] =
        {
            [STOP] = STOP,
            [RUNNING] = STOP,
            [RESUMING] = STOP,
        },
    [RESUMING] =
        {
            [STOP] = STOP,
            [RUNNING] = STOP,
            [STOP_COPY] = STOP,
            [PRE_COPY] = STOP,
        },
    [PRE_COPY] =
        {
            [STOP] = RUNNING,
            [RUNNING] = RUNNING,
            [STOP_COPY] = STOP_COPY,
            [RESUMING] = RUNNING,
        },
};

void vfio_user_migration_init(struct vfio_user_migration *migration,
                              const struct vfio_user_migration_ops *ops, void *opaque)
{
    *migration = (struct vfio_user_migration){.ops = ops, .opaque = opaque, .state = RUNNING};
    migration_set_init(&migration->set);
    io_call_init(&migration->io);
}

static void forget_data(struct vfio_user_migration *migration)
{
    g_clear_pointer(&migration->head, migration_saver_destroy);
    g_clear_pointer(&migration->saver, migration_saver_destroy);
    g_clear_pointer(&migration->loader, migration_loader_destroy);
}

void vfio_user_migration_finish(struct vfio_user_migration *migration)
{
    forget_data(migration);
    io_call_finish(&migration->io);
    migration_set_finish(&migration->set);
}

void vfio_user_migration_close(struct vfio_user_migration *migration)
{
    io_call_close(&migration->io);
}

static bool is_frozen(uint32_t state)
{
    return state != RUNNING && state != PRE_COPY;
}

bool vfio_user_migration_frozen(const struct vfio_user_migration *migration)
{
    return is_frozen(migration->state);
}

bool vfio_user_migration_supported(const struct vfio_user_migration *migration)
{
    return migration->set.parts->len != 0;
}

/* --- on the IO thread --- */

static void save(void *opaque)
{
    struct vfio_user_migration *migration = opaque;

    if (migration->saver) /* it has begun in PRE_COPY */
        migration_saver_stop(migration->saver);
    else
        migration->saver = migration_saver_create(&migration->set);
}

static void save_head(void *opaque)
{
    struct vfio_user_migration *migration = opaque;

    if (migration->carry_memory)
        migration->saver = migration_saver_create_live(&migration->set,
                                                       migration->shared ? DIRTY_HASH : DIRTY_AUTO);
    else
        migration->head = migration_saver_create_head(&migration->set);
}

static void hold(void *opaque)
{
    struct vfio_user_migration *migration = opaque;
    migration->ops->hold(migration->opaque, true);
}

static void release(void *opaque)
{
    struct vfio_user_migration *migration = opaque;
    migration->ops->hold(migration->opaque, false);
}

static void clear(void *opaque)
{
    struct vfio_user_migration *migration = opaque;

    migration->ops->power_on(migration->opaque);
    for (unsigned i = 0; i < migration->set.blocks->len; i++)
        migration_block_clear(migration_set_block(&migration->set, i));
}

/* What has come is not to be seen: as after power on. */
static void discard(void *opaque)
{
    struct vfio_user_migration *migration = opaque;

    clear(migration);
    migration->ops->power_on(migration->opaque);
}

struct commit_call {
    struct vfio_user_migration *migration;
    bool good;
    GError *error;
};

static void commit(void *opaque)
{
    struct commit_call *call = opaque;
    call->good = migration_loader_commit(call->migration->loader, &call->error);
}

/* --- on the device's thread --- */

static int fail(char **problem, const char *format, ...) G_GNUC_PRINTF(2, 3);
static int fail(char **problem, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    *problem = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return EINVAL;
}

static int fail_ending(char **problem)
{
    fail(problem, "the program ends");
    return ESHUTDOWN;
}

static int run_on_io(struct vfio_user_migration *migration, void (*func)(void *opaque),
                     char **problem)
{
    return io_call_run(&migration->io, func, migration) ? 0 : fail_ending(problem);
}

/* The stream was wrong. */
static int go_wrong(struct vfio_user_migration *migration, GError *error, char **problem)
{
    fail(problem, "%s; the state is ERROR until the device is reset", error->message);
    g_error_free(error);
    forget_data(migration);
    io_call_run(&migration->io, discard, migration);
    migration->state = VFIO_USER_STATE_ERROR;
    return EINVAL;
}

static int end_resuming(struct vfio_user_migration *migration, char **problem)
{
    struct commit_call call = {.migration = migration};

    if (!migration->loader) /* nobody came: the device is what it was */
        return 0;
    if (!io_call_run(&migration->io, commit, &call))
        return fail_ending(problem);
    if (!call.good)
        return go_wrong(migration, call.error, problem);
    forget_data(migration);
    return 0;
}

static int freeze(struct vfio_user_migration *migration, char **problem)
{
    int error = migration->ops->drain(migration->opaque);

    if (!error)
        return run_on_io(migration, hold, problem);
    fail(problem, "the card does not come to rest: it waits for the renderer, or writes to its "
                  "ports wait for a machine that was stopped");
    return error;
}

/* One direct way. */
static int step(struct vfio_user_migration *migration, uint32_t from, uint32_t to, char **problem)
{
    int error = 0;

    if (to == PRE_COPY)
        return run_on_io(migration, save_head, problem);
    if (to == STOP && from == RESUMING)
        return end_resuming(migration, problem);
    if (from == STOP && to == RUNNING)
        error = run_on_io(migration, release, problem);
    else if (!is_frozen(from) && is_frozen(to))
        error = freeze(migration, problem);
    if (error)
        return error;
    if (to != STOP_COPY) {
        forget_data(migration);
        return 0; /* RESUMING begins with the first bytes that come */
    }
    /* Who has read a part of the head has to get the rest of it. */
    if (migration->head && !migration_saver_is_midway(migration->head))
        g_clear_pointer(&migration->head, migration_saver_destroy);
    return run_on_io(migration, save, problem);
}

int vfio_user_migration_set_state(struct vfio_user_migration *migration, uint32_t wanted,
                                  char **problem)
{
    if (migration->state == VFIO_USER_STATE_ERROR)
        return fail(problem, "the state is ERROR: only a reset leads out of it");
    if (wanted >= VFIO_USER_STATES)
        return fail(problem, "there is no state %u", wanted);
    while (migration->state != wanted) {
        uint32_t from = migration->state, to = next_state[from][wanted];
        if (to == VFIO_USER_STATE_ERROR)
            return fail(problem, "there is no way from %s to %s",
                        vfio_user_migration_state_name(from),
                        vfio_user_migration_state_name(wanted));
        int error = step(migration, from, to, problem);
        if (error)
            return error;
        migration->state = to;
    }
    return 0;
}

int vfio_user_migration_read(struct vfio_user_migration *migration, void *data, size_t size,
                             size_t *got, char **problem)
{
    if (migration->state != PRE_COPY && migration->state != STOP_COPY)
        return fail(problem, "there is data to read in PRE_COPY and STOP_COPY; the state is %s",
                    vfio_user_migration_state_name(migration->state));
    *got = migration->head ? migration_saver_read(migration->head, data, size) : 0;
    if (migration->saver)
        *got += migration_saver_read(migration->saver, (uint8_t *)data + *got, size - *got);
    return 0;
}

int vfio_user_migration_write(struct vfio_user_migration *migration, const void *data, size_t size,
                              char **problem)
{
    GError *error = NULL;

    if (migration->state != RESUMING)
        return fail(problem, "data is taken in RESUMING; the state is %s",
                    vfio_user_migration_state_name(migration->state));
    if (!migration->loader) {
        int failure = run_on_io(migration, clear, problem);
        if (failure)
            return failure;
        migration->loader = migration_loader_create(&migration->set);
    }
    return migration_loader_write(migration->loader, data, size, &error)
               ? 0
               : go_wrong(migration, error, problem);
}

void vfio_user_migration_reset(struct vfio_user_migration *migration)
{
    bool frozen = is_frozen(migration->state);

    forget_data(migration);
    migration->state = RUNNING;
    if (frozen)
        io_call_run(&migration->io, release, migration);
}
