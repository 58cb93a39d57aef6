/*
 * A host with a QXL instance and nothing behind it. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/qxl_host.h"

#include <spice/enums.h>
#include <spice/macros.h>
#include <string.h>

#define WAIT_SECONDS 20

static struct qxl_host *host_of(QXLInstance *qxl)
{
    return SPICE_CONTAINEROF(qxl, struct qxl_host, qxl);
}

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info)
{
    *info = (QXLDevInitInfo){
        .num_memslots_groups = 2,
        .num_memslots = 8,
        .memslot_gen_bits = 8,
        .memslot_id_bits = 8,
        .qxl_ram_size = host_of(qxl)->size,
        .n_surfaces = 1024,
    };
}

static int take(struct qxl_host *host, GQueue *queue, QXLCommandExt *command)
{
    QXLCommandExt *next;

    pthread_mutex_lock(&host->lock);
    next = g_queue_pop_head(queue);
    if (next != NULL) {
        *command = *next;
        g_hash_table_add(host->outstanding, qxl_host_pointer(host, next->cmd.data));
        host->taken++;
        pthread_cond_broadcast(&host->changed);
    }
    pthread_mutex_unlock(&host->lock);
    g_free(next);
    return next != NULL;
}

static int get_command(QXLInstance *qxl, QXLCommandExt *command)
{
    if (take(host_of(qxl), &host_of(qxl)->commands, command))
        return true;
    if (!g_atomic_int_get(&host_of(qxl)->endless))
        return false;
    g_usleep(1000);
    *command = (QXLCommandExt){.group_id = QXL_HOST_GROUP};
    return true;
}

static int get_cursor_command(QXLInstance *qxl, QXLCommandExt *command)
{
    return take(host_of(qxl), &host_of(qxl)->cursor_commands, command);
}

static int request(struct qxl_host *host, GQueue *queue, bool *notify)
{
    bool empty;

    pthread_mutex_lock(&host->lock);
    empty = g_queue_is_empty(queue);
    *notify = empty;
    pthread_mutex_unlock(&host->lock);
    return empty;
}

static int req_cmd_notification(QXLInstance *qxl)
{
    struct qxl_host *host = host_of(qxl);

    return request(host, &host->commands, &host->notify_commands);
}

static int req_cursor_notification(QXLInstance *qxl)
{
    struct qxl_host *host = host_of(qxl);

    return request(host, &host->cursor_commands, &host->notify_cursor);
}

static void release_resource(QXLInstance *qxl, QXLReleaseInfoExt release)
{
    struct qxl_host *host = host_of(qxl);

    pthread_mutex_lock(&host->lock);
    if (release.group_id != QXL_HOST_GROUP || !g_hash_table_remove(host->outstanding, release.info))
        host->wrong_releases++;
    else
        release.info->next = 0; /* as a card does, to show that it is done with */
    host->released++;
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static void notify_update(QXLInstance *qxl, uint32_t update_id)
{
    struct qxl_host *host = host_of(qxl);

    (void)update_id;
    pthread_mutex_lock(&host->lock);
    host->updates++;
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static int flush_resources(QXLInstance *qxl)
{
    struct qxl_host *host = host_of(qxl);
    bool result;

    pthread_mutex_lock(&host->lock);
    host->flushes++;
    result = host->flush_result;
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
    return result;
}

static void async_complete(QXLInstance *qxl, uint64_t cookie)
{
    struct qxl_host *host = host_of(qxl);

    pthread_mutex_lock(&host->lock);
    g_array_append_val(host->completions, cookie);
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static void update_area_complete(QXLInstance *qxl, uint32_t surface_id, QXLRect *rects,
                                 uint32_t count)
{
    struct qxl_host *host = host_of(qxl);

    (void)surface_id;
    (void)rects;
    pthread_mutex_lock(&host->lock);
    host->update_rects = count;
    pthread_mutex_unlock(&host->lock);
}

static void set_client_capabilities(QXLInstance *qxl, uint8_t present,
                                    uint8_t capabilities[SPICE_CAPABILITIES_SIZE])
{
    struct qxl_host *host = host_of(qxl);

    pthread_mutex_lock(&host->lock);
    host->client_present = present;
    memcpy(host->capabilities, capabilities, sizeof(host->capabilities));
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static int client_monitors_config(QXLInstance *qxl, VDAgentMonitorsConfig *config)
{
    (void)qxl;
    (void)config;
    return 0;
}

static void attached_worker(QXLInstance *qxl)
{
    struct qxl_host *host = host_of(qxl);
    QXLDevMemSlot slot = {
        .slot_group_id = QXL_HOST_GROUP,
        .slot_id = 0,
        .generation = QXL_HOST_GENERATION,
        .virt_start = (uintptr_t)host->memory,
        .virt_end = (uintptr_t)host->memory + host->size,
        .addr_delta = (uintptr_t)host->memory,
    };

    host->library->spice_qxl_add_memslot(qxl, &slot);
}

static void set_compression_level(QXLInstance *qxl, int level)
{
    host_of(qxl)->compression_level = level;
}

static const QXLInterface interface = {
    .base = {.type = SPICE_INTERFACE_QXL,
             .description = "test card",
             .major_version = SPICE_INTERFACE_QXL_MAJOR,
             .minor_version = SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached_worker,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_cmd_notification,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = req_cursor_notification,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
    .client_monitors_config = client_monitors_config,
};

struct qxl_host *qxl_host_create(SpiceServer *server, int id, size_t memory)
{
    return qxl_host_create_on(server_library_linked(), server, id, memory);
}

struct qxl_host *qxl_host_create_on(const struct server_library *library, SpiceServer *server,
                                    int id, size_t memory)
{
    struct qxl_host *host = g_new0(struct qxl_host, 1);

    host->library = library;
    host->qxl.base.sif = &interface.base;
    host->qxl.id = id;
    host->size = memory;
    host->memory = g_malloc0(memory);
    host->used = 4096; /* address 0 means "nothing" in most places */
    host->flush_result = true;
    host->client_present = -1;
    pthread_mutex_init(&host->lock, NULL);
    pthread_cond_init(&host->changed, NULL);
    g_queue_init(&host->commands);
    g_queue_init(&host->cursor_commands);
    host->outstanding = g_hash_table_new(NULL, NULL);
    host->completions = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_assert_cmpint(host->library->spice_server_add_interface(server, &host->qxl.base), ==, 0);
    return host;
}

void qxl_host_destroy(struct qxl_host *host)
{
    host->library->spice_server_remove_interface(&host->qxl.base);
    g_assert_cmpuint(host->wrong_releases, ==, 0);
    g_assert_cmpuint(g_hash_table_size(host->outstanding), ==, 0);
    g_hash_table_destroy(host->outstanding);
    g_queue_clear_full(&host->commands, g_free);
    g_queue_clear_full(&host->cursor_commands, g_free);
    g_array_free(host->completions, TRUE);
    pthread_mutex_destroy(&host->lock);
    pthread_cond_destroy(&host->changed);
    g_free(host->memory);
    g_free(host);
}

QXLPHYSICAL qxl_host_address(size_t offset)
{
    return (QXLPHYSICAL)QXL_HOST_GENERATION << 48 | offset;
}

void *qxl_host_pointer(struct qxl_host *host, QXLPHYSICAL address)
{
    return host->memory + (address & ((UINT64_C(1) << 48) - 1));
}

QXLPHYSICAL qxl_host_place(struct qxl_host *host, const void *data, size_t size)
{
    size_t offset = host->used;

    host->used += (size + 7) & ~(size_t)7;
    g_assert_cmpuint(host->used, <=, host->size);
    if (data != NULL)
        memcpy(host->memory + offset, data, size);
    return qxl_host_address(offset);
}

void qxl_host_rewind(struct qxl_host *host, size_t offset)
{
    host->used = offset;
}

static void push(struct qxl_host *host, GQueue *queue, bool *notify, uint32_t type,
                 QXLPHYSICAL command, uint32_t flags)
{
    QXLCommandExt *ext = g_new0(QXLCommandExt, 1);
    bool wake;

    ext->cmd.type = type;
    ext->cmd.data = command;
    ext->group_id = QXL_HOST_GROUP;
    ext->flags = flags;
    pthread_mutex_lock(&host->lock);
    g_queue_push_tail(queue, ext);
    host->pushed++;
    wake = *notify;
    *notify = false;
    pthread_mutex_unlock(&host->lock);
    if (wake)
        host->library->spice_qxl_wakeup(&host->qxl);
}

void qxl_host_push_with_flags(struct qxl_host *host, uint32_t type, QXLPHYSICAL command,
                              uint32_t flags)
{
    push(host, &host->commands, &host->notify_commands, type, command, flags);
}

void qxl_host_push(struct qxl_host *host, uint32_t type, QXLPHYSICAL command)
{
    qxl_host_push_with_flags(host, type, command, 0);
}

void qxl_host_push_cursor(struct qxl_host *host, uint32_t type, QXLPHYSICAL command)
{
    push(host, &host->cursor_commands, &host->notify_cursor, type, command, 0);
}

/* Waits until *COUNTER, which the lock protects, has reached GOAL. */
static bool wait_for(struct qxl_host *host, const unsigned *counter, unsigned goal)
{
    struct timespec end;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&host->lock);
    while (*counter < goal && pthread_cond_timedwait(&host->changed, &host->lock, &end) == 0)
        ;
    reached = *counter >= goal;
    pthread_mutex_unlock(&host->lock);
    return reached;
}

bool qxl_host_wait_taken(struct qxl_host *host)
{
    return wait_for(host, &host->taken, host->pushed); /* that only this thread changes */
}

bool qxl_host_wait_released(struct qxl_host *host, unsigned released)
{
    return wait_for(host, &host->released, released);
}

bool qxl_host_wait_completions(struct qxl_host *host, unsigned count)
{
    return wait_for(host, &host->completions->len, count);
}

unsigned qxl_host_released(struct qxl_host *host)
{
    unsigned released;

    pthread_mutex_lock(&host->lock);
    released = host->released;
    pthread_mutex_unlock(&host->lock);
    return released;
}

static unsigned format_bytes(uint32_t format)
{
    return (format & 0x3f) == 1 ? 1 : MAX((format & 0x3f) / 8, 1);
}

void *qxl_host_create_primary(struct qxl_host *host, uint32_t width, uint32_t height,
                              uint32_t format, uint32_t flags)
{
    uint32_t stride = (width * format_bytes(format) + 3) & ~3u;
    QXLDevSurfaceCreate create = {
        .width = width,
        .height = height,
        .stride = stride,
        .format = format,
        .flags = flags,
        .mouse_mode = 1,
        .mem = qxl_host_place(host, NULL, (size_t)stride * height),
        .group_id = QXL_HOST_GROUP,
    };

    host->library->spice_qxl_create_primary_surface(&host->qxl, 0, &create);
    return qxl_host_pointer(host, create.mem);
}

void qxl_host_update(struct qxl_host *host, uint32_t surface_id, uint32_t width, uint32_t height)
{
    QXLRect area = {.top = 0, .left = 0, .bottom = height, .right = width};

    host->library->spice_qxl_update_area(&host->qxl, surface_id, &area, NULL, 0, 0);
}

QXLDrawable qxl_host_drawable(uint8_t type, uint32_t surface_id, int left, int top, int right,
                              int bottom)
{
    QXLDrawable drawable;

    memset(&drawable, 0, sizeof(drawable));
    drawable.release_info.id = 1;
    drawable.surface_id = surface_id;
    drawable.effect = QXL_EFFECT_OPAQUE;
    drawable.type = type;
    drawable.bbox = (QXLRect){.top = top, .left = left, .bottom = bottom, .right = right};
    for (int i = 0; i < 3; i++)
        drawable.surfaces_dest[i] = -1;
    return drawable;
}

QXLPHYSICAL qxl_host_push_drawable(struct qxl_host *host, const QXLDrawable *drawable)
{
    QXLPHYSICAL address = qxl_host_place(host, drawable, sizeof(*drawable));

    qxl_host_push(host, QXL_CMD_DRAW, address);
    return address;
}

void qxl_host_fill(struct qxl_host *host, uint32_t surface_id, int left, int top, int right,
                   int bottom, uint32_t color)
{
    QXLDrawable drawable = qxl_host_drawable(QXL_DRAW_FILL, surface_id, left, top, right, bottom);

    drawable.u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    drawable.u.fill.brush.u.color = color;
    drawable.u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    qxl_host_push_drawable(host, &drawable);
}

QXLPHYSICAL qxl_host_bitmap(struct qxl_host *host, uint8_t format, uint32_t width, uint32_t height,
                            uint32_t stride, QXLPHYSICAL palette, const void *data)
{
    QXLImage image;

    memset(&image, 0, sizeof(image));
    image.descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    image.descriptor.width = width;
    image.descriptor.height = height;
    image.bitmap.format = format;
    image.bitmap.flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN;
    image.bitmap.x = width;
    image.bitmap.y = height;
    image.bitmap.stride = stride;
    image.bitmap.palette = palette;
    image.bitmap.data = qxl_host_place(host, data, (size_t)stride * height);
    return qxl_host_place(host, &image, sizeof(image));
}

QXLPHYSICAL qxl_host_picture(struct qxl_host *host, uint32_t width, uint32_t height, GRand *rand)
{
    uint32_t *pixels = g_new(uint32_t, (size_t)width * height);
    QXLPHYSICAL address;

    for (size_t i = 0; i < (size_t)width * height; i++)
        pixels[i] = i % 5 == 0 ? g_rand_int(rand) & 0xffffff : pixels[i - 1];
    address = qxl_host_bitmap(host, SPICE_BITMAP_FMT_32BIT, width, height, width * 4, 0, pixels);
    g_free(pixels);
    return address;
}

QXLPHYSICAL qxl_host_surface_image(struct qxl_host *host, uint32_t surface_id)
{
    QXLImage image;

    memset(&image, 0, sizeof(image));
    image.descriptor.type = SPICE_IMAGE_TYPE_SURFACE;
    image.surface_image.surface_id = surface_id;
    return qxl_host_place(host, &image, sizeof(image));
}

void qxl_host_create_surface(struct qxl_host *host, uint32_t id, uint32_t format, uint32_t width,
                             uint32_t height, uint32_t flags)
{
    QXLSurfaceCmd command;
    uint32_t stride = (width * format_bytes(format) + 3) & ~3u;

    memset(&command, 0, sizeof(command));
    command.release_info.id = 1;
    command.surface_id = id;
    command.type = QXL_SURFACE_CMD_CREATE;
    command.flags = flags;
    command.u.surface_create.format = format;
    command.u.surface_create.width = width;
    command.u.surface_create.height = height;
    command.u.surface_create.stride = stride;
    command.u.surface_create.data = qxl_host_place(host, NULL, (size_t)stride * height);
    qxl_host_push(host, QXL_CMD_SURFACE, qxl_host_place(host, &command, sizeof(command)));
}

void qxl_host_destroy_surface(struct qxl_host *host, uint32_t id)
{
    QXLSurfaceCmd command;

    memset(&command, 0, sizeof(command));
    command.release_info.id = 1;
    command.surface_id = id;
    command.type = QXL_SURFACE_CMD_DESTROY;
    qxl_host_push(host, QXL_CMD_SURFACE, qxl_host_place(host, &command, sizeof(command)));
}
