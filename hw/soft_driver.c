/*
 * The running driver: interrupts, rings, releases, memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "soft-guest"
#include "hw/soft_driver.h"

#include <stddef.h>

/* How long the card may take, in microseconds: then it has hung. */
#define COMMAND_TIMEOUT (60 * G_USEC_PER_SEC)
/* A ring's interrupt may come before we sleep, as on every machine; look again after so long. */
#define RING_TIMEOUT (G_USEC_PER_SEC / 4)
#define OOM_TIMEOUT  (G_USEC_PER_SEC / 50)

/* A word of the RAM header; all of them are aligned. */
static uint32_t *header_word(const struct soft_driver *driver, size_t offset)
{
    return (uint32_t *)(driver->header + offset);
}

#define WORD(driver, field) header_word(driver, offsetof(QXLRam, field))

/* A ring's control words, which the card shares. */
struct ring {
    uint32_t *producer, *notify_on_producer, *consumer, *notify_on_consumer;
};
#define RING(driver, name)                                                                         \
    (struct ring)                                                                                  \
    {                                                                                              \
        WORD(driver, name.prod), WORD(driver, name.notify_on_prod), WORD(driver, name.cons),       \
            WORD(driver, name.notify_on_cons)                                                      \
    }

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* A locked store: what the other side has written is read after it. */
static void store(uint32_t *word, uint32_t value)
{
    __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

void soft_driver_port(struct soft_driver *driver, uint8_t port, uint8_t value)
{
    pci_bar_write(driver->pci, QXL_IO_RANGE_INDEX, port, &value, sizeof(value));
}

void soft_driver_halt(struct soft_driver *driver, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_warning("the guest stopped: %s", reason);
    g_free(reason);
    driver->state->stage = SOFT_STAGE_HALT;
}

bool soft_driver_interrupt(struct soft_driver *driver)
{
    if (soft_cpu_line(driver->cpu)) {
        uint32_t pending = __atomic_exchange_n(WORD(driver, int_pending), 0, __ATOMIC_SEQ_CST);
        driver->state->events |= pending;
        store(WORD(driver, int_mask), SOFT_INTERRUPTS);
        soft_driver_port(driver, QXL_IO_UPDATE_IRQ, 0);
        if (pending)
            soft_driver_count(&driver->stats.interrupts, 1);
        if (pending & QXL_INTERRUPT_ERROR)
            soft_driver_halt(driver, "the card reports a driver error (see -d guest_errors)");
    }
    return driver->state->stage != SOFT_STAGE_HALT && soft_cpu_running(driver->cpu);
}

bool soft_driver_wait(struct soft_driver *driver, int64_t microseconds)
{
    soft_cpu_sleep(driver->cpu, SOFT_WAKE_LINE, g_get_monotonic_time() + microseconds);
    return soft_driver_interrupt(driver);
}

/* The synchronous forms, for cards of revision 2. */
static uint8_t synchronous_port(uint8_t async_port)
{
    switch (async_port) {
    case QXL_IO_UPDATE_AREA_ASYNC:
        return QXL_IO_UPDATE_AREA;
    case QXL_IO_MEMSLOT_ADD_ASYNC:
        return QXL_IO_MEMSLOT_ADD;
    default:
        return QXL_IO_CREATE_PRIMARY;
    }
}

static bool wait_for_command(struct soft_driver *driver)
{
    struct soft_state *state = driver->state;
    int64_t deadline = g_get_monotonic_time() + COMMAND_TIMEOUT;

    while (state->async_running && !(state->events & QXL_INTERRUPT_IO_CMD)) {
        int64_t left = deadline - g_get_monotonic_time();
        if (left <= 0) {
            soft_driver_halt(driver, "the card did not finish a port command in time");
            return false;
        }
        if (!soft_driver_wait(driver, left))
            return false;
    }
    state->events &= ~QXL_INTERRUPT_IO_CMD;
    state->async_running = false;
    return true;
}

bool soft_driver_command(struct soft_driver *driver, uint8_t async_port, uint8_t value)
{
    if (driver->revision < 3) {
        soft_driver_port(driver, synchronous_port(async_port), value);
        return soft_driver_interrupt(driver);
    }
    /* One may still be running from before the processor stopped. */
    if (!wait_for_command(driver))
        return false;
    driver->state->async_running = true;
    soft_driver_port(driver, async_port, value);
    return wait_for_command(driver);
}

bool soft_driver_queue(struct soft_driver *driver, uint64_t offset, uint32_t type)
{
    struct soft_state *state = driver->state;

    if (state->queue_tail - state->queue_head >= SOFT_QUEUE_SIZE)
        return false;
    state->queue[state->queue_tail++ % SOFT_QUEUE_SIZE] = (struct soft_queued){
        .address = state->slot_address[SOFT_SLOT_RAM] + offset,
        .type = type,
    };
    return true;
}

/* Sleeps until at most KEEP commands are left in the ring. */
static bool wait_for_room(struct soft_driver *driver, struct ring ring, uint32_t keep)
{
    while (*ring.producer - load(ring.consumer) > keep) {
        store(ring.notify_on_consumer, *ring.producer - keep);
        if (*ring.producer - load(ring.consumer) > keep && !soft_driver_wait(driver, RING_TIMEOUT))
            return false;
    }
    return true;
}

bool soft_driver_flush(struct soft_driver *driver)
{
    struct soft_state *state = driver->state;
    struct ring display = RING(driver, cmd_ring), cursor = RING(driver, cursor_ring);
    uint64_t display_count = 0, cursor_count = 0;
    bool go_on = true;

    while (go_on && state->queue_head != state->queue_tail) {
        const struct soft_queued *queued = &state->queue[state->queue_head % SOFT_QUEUE_SIZE];
        bool is_cursor = queued->type == QXL_CMD_CURSOR;
        struct ring ring = is_cursor ? cursor : display;
        uint32_t size = is_cursor ? QXL_CURSOR_RING_SIZE : QXL_COMMAND_RING_SIZE;

        if (*ring.producer - load(ring.consumer) >= size) {
            /* By halves: a wake-up for each command would cost more than the command. */
            go_on = wait_for_room(driver, ring, size / 2);
            continue;
        }
        uint32_t producer = *ring.producer;
        QXLCommand command = {.data = queued->address, .type = queued->type};
        size_t items =
            is_cursor ? offsetof(QXLRam, cursor_ring.items) : offsetof(QXLRam, cmd_ring.items);
        memcpy(driver->header + items + producer % size * sizeof(command), &command,
               sizeof(command));
        state->queue_head++;
        store(ring.producer, producer + 1);
        if (load(ring.notify_on_producer) == producer + 1)
            soft_driver_port(driver, is_cursor ? QXL_IO_NOTIFY_CURSOR : QXL_IO_NOTIFY_CMD, 0);
        *(is_cursor ? &cursor_count : &display_count) += 1;
    }
    soft_driver_count(&driver->stats.commands, display_count);
    soft_driver_count(&driver->stats.cursor_commands, cursor_count);
    return go_on;
}

bool soft_driver_drain(struct soft_driver *driver)
{
    return wait_for_room(driver, RING(driver, cmd_ring), 0) &&
           wait_for_room(driver, RING(driver, cursor_ring), 0);
}

/* A command came back: its memory is free, and that of a surface whose end it was. */
static bool free_command(struct soft_driver *driver, uint64_t offset, uint64_t *next)
{
    const struct soft_heap *heap = &driver->memory;
    struct soft_command command;

    if (offset % 16 || offset < heap->base + sizeof(command) ||
        offset - heap->base > (uint64_t)heap->pages * SOFT_PAGE_SIZE - sizeof(*next))
        return false;
    memcpy(&command, driver->ram + offset - sizeof(command), sizeof(command));
    memcpy(next, driver->ram + offset, sizeof(*next));
    if (!soft_heap_free(&driver->memory, offset - sizeof(command), command.size))
        return false;
    if (command.surface && command.surface < SOFT_SURFACES) {
        struct soft_surface *surface = &driver->state->surfaces[command.surface];
        soft_heap_free(&driver->video, surface->offset, surface->size);
        *surface = (struct soft_surface){.life = SOFT_SURFACE_FREE};
    }
    return true;
}

/* Takes back all that the card has released. False: it gave something that was not its to give. */
static bool collect(struct soft_driver *driver)
{
    struct ring ring = RING(driver, release_ring);
    uint64_t left = (uint64_t)driver->memory.pages * (SOFT_PAGE_SIZE / 64); /* ends a circle */

    while (load(ring.producer) != *ring.consumer) {
        uint64_t id;
        size_t slot = *ring.consumer % QXL_RELEASE_RING_SIZE;
        memcpy(&id, driver->header + offsetof(QXLRam, release_ring.items) + slot * sizeof(id),
               sizeof(id));
        store(ring.consumer, *ring.consumer + 1);
        while (id) {
            if (left-- == 0 || !free_command(driver, id, &id)) {
                soft_driver_halt(driver, "the card released what it did not have");
                return false;
            }
        }
    }
    return true;
}

static uint32_t free_surfaces(const struct soft_driver *driver)
{
    uint32_t free = 0;

    for (uint32_t id = 1; id < driver->surface_count; id++)
        free += driver->state->surfaces[id].life == SOFT_SURFACE_FREE;
    return free;
}

bool soft_driver_reserve(struct soft_driver *driver, uint64_t memory, uint64_t video,
                         uint32_t surfaces, struct soft_arena *memory_run,
                         struct soft_arena *video_run)
{
    struct ring ring = RING(driver, release_ring);

    for (;;) {
        if (!collect(driver))
            return false;
        if (soft_heap_reserve(&driver->memory, memory, memory_run) &&
            soft_heap_reserve(&driver->video, video, video_run) &&
            (surfaces == 0 || free_surfaces(driver) >= surfaces))
            return true;
        store(ring.notify_on_producer, *ring.consumer + 1);
        if (load(ring.producer) != *ring.consumer)
            continue;
        soft_driver_port(driver, QXL_IO_NOTIFY_OOM, 0);
        if (load(ring.producer) == *ring.consumer && !soft_driver_wait(driver, OOM_TIMEOUT))
            return false;
    }
}
