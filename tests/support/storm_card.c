/*
 * The card of a storm: what processors call, and what its guest draws.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/storm.h"

#include <spice/enums.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void add_slot(struct storm *storm, uint32_t id, uint64_t cookie)
{
    const struct qxl_host *host = storm->host;
    QXLDevMemSlot slot = {
        .slot_group_id = QXL_HOST_GROUP,
        .slot_id = id,
        .generation = QXL_HOST_GENERATION,
        .virt_start = (uintptr_t)host->memory,
        .virt_end = (uintptr_t)host->memory + host->size,
        .addr_delta = (uintptr_t)host->memory,
    };

    if (cookie != 0)
        spice_qxl_add_memslot_async(&storm->host->qxl, &slot, cookie);
    else
        spice_qxl_add_memslot(&storm->host->qxl, &slot);
}

/* What the guest has put on rings that nobody has taken, as a reset forgets it. */
static void clear_rings(struct qxl_host *host)
{
    pthread_mutex_lock(&host->lock);
    host->pushed -= host->commands.length + host->cursor_commands.length;
    g_queue_clear_full(&host->commands, g_free);
    g_queue_clear_full(&host->cursor_commands, g_free);
    pthread_mutex_unlock(&host->lock);
}

/* After it the server holds nothing of the guest, the rings are empty, and RAM is locked. */
void storm_begin_reset(struct storm *storm)
{
    struct qxl_host *host = storm->host;

    pthread_mutex_lock(&storm->ram);
    spice_qxl_reset_cursor(&host->qxl);
    spice_qxl_reset_image_cache(&host->qxl);
    spice_qxl_destroy_surfaces(&host->qxl);
    clear_rings(host);
    g_assert_true(qxl_host_wait_released(host, host->pushed));
    pthread_mutex_lock(&host->lock);
    g_assert_cmpuint(host->released, ==, host->pushed);
    pthread_mutex_unlock(&host->lock);
    spice_qxl_reset_memslots(&host->qxl);
    qxl_host_rewind(host, storm->mark);
    add_slot(storm, 0, 0);
    storm->primary =
        qxl_host_create_primary(host, STORM_WIDTH, STORM_HEIGHT, SPICE_SURFACE_FMT_32_xRGB, 0);
}

void storm_end_reset(struct storm *storm)
{
    g_atomic_int_set(&storm->full, false);
    pthread_mutex_unlock(&storm->ram);
}

void storm_reset_card(struct storm *storm)
{
    storm_begin_reset(storm);
    storm_end_reset(storm);
}

/* A place for SIZE bytes with RAM locked, or no place and nothing locked. */
bool storm_begin_placing(struct storm *storm, size_t size)
{
    pthread_mutex_lock(&storm->ram);
    if (storm->host->used + size <= storm->host->size / 2)
        return true;
    g_atomic_int_set(&storm->full, true);
    pthread_mutex_unlock(&storm->ram);
    return false;
}

static void update_area(struct storm *storm, GRand *rand)
{
    QXLRect area = {.right = STORM_WIDTH, .bottom = STORM_HEIGHT}, dirty[4];

    spice_qxl_update_area(&storm->host->qxl, 0, &area, dirty, 4, g_rand_boolean(rand));
}

static void update_area_async(struct storm *storm, GRand *rand)
{
    QXLRect area = {
        .left = g_rand_int_range(rand, 0, 100), .right = STORM_WIDTH, .bottom = STORM_HEIGHT};

    spice_qxl_update_area_async(&storm->host->qxl, 0, &area, 1, ++storm->submitted);
}

static void change_mode(struct storm *storm, GRand *rand)
{
    if (!storm_begin_placing(storm, STORM_WIDTH * STORM_HEIGHT * 4))
        return;
    spice_qxl_destroy_primary_surface(&storm->host->qxl, 0);
    storm->primary =
        qxl_host_create_primary(storm->host, STORM_WIDTH, STORM_HEIGHT, SPICE_SURFACE_FMT_32_xRGB,
                                g_rand_boolean(rand) ? QXL_SURF_FLAG_KEEP_DATA : 0);
    pthread_mutex_unlock(&storm->ram);
}

static void change_mode_async(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    QXLDevSurfaceCreate create = {.width = STORM_WIDTH,
                                  .height = STORM_HEIGHT,
                                  .stride = STORM_WIDTH * 4,
                                  .format = SPICE_SURFACE_FMT_32_xRGB,
                                  .mouse_mode = 1,
                                  .group_id = QXL_HOST_GROUP};

    if (!storm_begin_placing(storm, STORM_WIDTH * STORM_HEIGHT * 4))
        return;
    create.mem = qxl_host_place(storm->host, NULL, STORM_WIDTH * STORM_HEIGHT * 4);
    storm->primary = qxl_host_pointer(storm->host, create.mem);
    spice_qxl_destroy_primary_surface_async(&storm->host->qxl, 0, ++storm->submitted);
    spice_qxl_create_primary_surface_async(&storm->host->qxl, 0, &create, ++storm->submitted);
    pthread_mutex_unlock(&storm->ram);
}

static void destroy_surfaces_async(struct storm *storm, GRand *rand)
{
    spice_qxl_destroy_surfaces_async(&storm->host->qxl, ++storm->submitted);
    change_mode(storm, rand);
}

static void configure_monitors(struct storm *storm, GRand *rand)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[2];
    } monitors = {
        .config = {.count = (uint16_t)g_rand_int_range(rand, 0, 3), .max_allowed = 2},
        .heads = {
            {.id = 0, .width = STORM_WIDTH / 2, .height = STORM_HEIGHT},
            {.id = 1, .width = STORM_WIDTH / 2, .height = STORM_HEIGHT, .x = STORM_WIDTH / 2}}};

    if (!storm_begin_placing(storm, sizeof(monitors)))
        return;
    spice_qxl_monitors_config_async(&storm->host->qxl,
                                    qxl_host_place(storm->host, &monitors, sizeof(monitors)),
                                    QXL_HOST_GROUP, ++storm->submitted);
    pthread_mutex_unlock(&storm->ram);
}

static void give_memory_back(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_qxl_oom(&storm->host->qxl);
}

static void flush_surfaces(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_qxl_flush_surfaces_async(&storm->host->qxl, ++storm->submitted);
}

static void destroy_surface(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        spice_qxl_destroy_surface_wait(&storm->host->qxl, 0);
    else
        spice_qxl_destroy_surface_async(&storm->host->qxl, STORM_SURFACE, ++storm->submitted);
}

static void change_slots(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        add_slot(storm, 1, 0);
    else
        add_slot(storm, 2, ++storm->submitted);
    spice_qxl_del_memslot(&storm->host->qxl, QXL_HOST_GROUP, 1);
}

static void reset_parts(struct storm *storm, GRand *rand)
{
    if (g_rand_boolean(rand))
        spice_qxl_reset_cursor(&storm->host->qxl);
    else
        spice_qxl_reset_image_cache(&storm->host->qxl);
    spice_qxl_driver_unload(&storm->host->qxl);
}

static void restart_driver(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    storm_reset_card(storm);
}

static void move_cursor(struct qxl_host *host, GRand *rand)
{
    struct {
        QXLCursor cursor;
        uint32_t pixels[8 * 8];
    } __attribute__((packed)) shape;
    QXLCursorCmd command;

    memset(&shape, 0x55, sizeof(shape));
    memset(&command, 0, sizeof(command));
    command.release_info.id = 1;
    command.type = g_rand_boolean(rand) ? QXL_CURSOR_MOVE : QXL_CURSOR_SET;
    if (command.type == QXL_CURSOR_SET) {
        memset(&shape.cursor, 0, sizeof(shape.cursor));
        shape.cursor.header.type = SPICE_CURSOR_TYPE_ALPHA;
        shape.cursor.header.width = shape.cursor.header.height = 8;
        shape.cursor.data_size = shape.cursor.chunk.data_size = sizeof(shape.pixels);
        command.u.set.visible = 1;
        command.u.set.shape = qxl_host_place(host, &shape, sizeof(shape));
    }
    qxl_host_push_cursor(host, QXL_CMD_CURSOR, qxl_host_place(host, &command, sizeof(command)));
}

static void copy(struct qxl_host *host, uint32_t surface, QXLPHYSICAL image, int x, int y)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_COPY, surface, x, y, x + 50, y + 50);

    drawable.u.copy.src_bitmap = image;
    drawable.u.copy.src_area = (QXLRect){.right = 50, .bottom = 50};
    drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
}

void storm_draw(struct qxl_host *host, GRand *rand)
{
    int x = g_rand_int_range(rand, 0, STORM_WIDTH - 60),
        y = g_rand_int_range(rand, 0, STORM_HEIGHT - 60);

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        copy(host, 0, qxl_host_picture(host, 50, 50, rand), x, y);
        break;
    case 1: /* a film */
        copy(host, 0, qxl_host_picture(host, 50, 50, rand), 20, 30);
        break;
    case 2: /* STORM_SURFACE may be there or not */
        qxl_host_create_surface(host, STORM_SURFACE, SPICE_SURFACE_FMT_32_xRGB, 64, 64, 0);
        break;
    case 3:
        copy(host, 0, qxl_host_surface_image(host, STORM_SURFACE), x, y);
        break;
    case 4:
        qxl_host_destroy_surface(host, STORM_SURFACE);
        break;
    case 5:
        move_cursor(host, rand);
        break;
    default:
        qxl_host_fill(host, 0, x, y, x + 30, y + 20, g_rand_int(rand) & 0xffffff);
        break;
    }
}

storm_call *const storm_processor_calls[STORM_PROCESSOR_CALLS] = {
    update_area,      update_area_async, change_mode,        change_mode_async,
    flush_surfaces,   destroy_surface,   configure_monitors, destroy_surfaces_async,
    change_slots,     reset_parts,       restart_driver,     give_memory_back,
    storm_light_keys, storm_ring_device, storm_open_port,
};
