/*
 * The same random commands drawn by our canvas and by the distribution's libspice-server: every
 * byte of every surface must be equal after each sequence.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/canvas.h"
#include "tests/support/core_loop.h"
#include "tests/support/qxl_encode.h"
#include "tests/support/random_draw.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY   "/usr/lib/x86_64-linux-gnu/libspice-server.so.1"
#define SEQUENCES 1000
#define COMMANDS  6

static const struct random_surface surfaces[] = {
    {SPICE_SURFACE_FMT_32_xRGB, 97, 61}, {SPICE_SURFACE_FMT_32_ARGB, 64, 70},
    {SPICE_SURFACE_FMT_16_555, 75, 50},  {SPICE_SURFACE_FMT_16_565, 81, 43},
    {SPICE_SURFACE_FMT_8_A, 70, 66},     {SPICE_SURFACE_FMT_32_xRGB, 50, 80},
};
#define SURFACES G_N_ELEMENTS(surfaces)

/* What of the library we call. */
struct library {
    SpiceServer *(*server_new)(void);
    int (*server_init)(SpiceServer *server, SpiceCoreInterface *core);
    int (*set_noauth)(SpiceServer *server);
    int (*add_interface)(SpiceServer *server, SpiceBaseInstance *instance);
    void (*vm_start)(SpiceServer *server);
    void (*server_destroy)(SpiceServer *server);
    void (*wakeup)(QXLInstance *instance);
    void (*add_memslot)(QXLInstance *instance, QXLDevMemSlot *slot);
    void (*create_primary)(QXLInstance *instance, uint32_t id, QXLDevSurfaceCreate *surface);
    void (*destroy_surfaces)(QXLInstance *instance);
    void (*update_area)(QXLInstance *instance, uint32_t id, QXLRect *area, QXLRect *dirty,
                        uint32_t dirty_count, uint32_t clear);
};

struct reference {
    QXLInstance qxl; /* first: callbacks get its address */
    struct library library;
    SpiceServer *server;
    GMutex lock;
    GCond drained;
    GQueue commands; /* of QXLCommandExt, owned */
    bool idle;
};

static int get_command(QXLInstance *qxl, QXLCommandExt *to)
{
    struct reference *reference = (struct reference *)qxl;
    QXLCommandExt *command;

    g_mutex_lock(&reference->lock);
    command = g_queue_pop_head(&reference->commands);
    g_mutex_unlock(&reference->lock);
    if (!command)
        return 0;
    *to = *command;
    g_free(command);
    return 1;
}

static int request_notification(QXLInstance *qxl)
{
    struct reference *reference = (struct reference *)qxl;
    bool empty;

    g_mutex_lock(&reference->lock);
    empty = g_queue_is_empty(&reference->commands);
    if (empty) {
        reference->idle = true;
        g_cond_signal(&reference->drained);
    }
    g_mutex_unlock(&reference->lock);
    return empty;
}

static int no_command(QXLInstance *qxl, QXLCommandExt *command)
{
    (void)qxl;
    (void)command;
    return 0;
}

static int always(QXLInstance *qxl)
{
    (void)qxl;
    return 1;
}

static int flush_nothing(QXLInstance *qxl)
{
    (void)qxl;
    return 0;
}

static void attached(QXLInstance *qxl)
{
    (void)qxl;
}

static void set_compression_level(QXLInstance *qxl, int level)
{
    (void)qxl;
    (void)level;
}

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info)
{
    (void)qxl;
    *info = (QXLDevInitInfo){.num_memslots = 1,
                             .num_memslots_groups = 1,
                             .memslot_id_bits = 1,
                             .memslot_gen_bits = 1,
                             .n_surfaces = 16};
}

static void release(QXLInstance *qxl, struct QXLReleaseInfoExt info)
{
    (void)qxl;
    (void)info;
}

static void notify_update(QXLInstance *qxl, uint32_t id)
{
    (void)qxl;
    (void)id;
}

static void async_complete(QXLInstance *qxl, uint64_t cookie)
{
    (void)qxl;
    (void)cookie;
}

static void update_area_complete(QXLInstance *qxl, uint32_t id, QXLRect *rects, uint32_t count)
{
    (void)qxl;
    (void)id;
    (void)rects;
    (void)count;
}

static const QXLInterface interface = {
    .base = {.type = SPICE_INTERFACE_QXL,
             .description = "reference",
             .major_version = SPICE_INTERFACE_QXL_MAJOR,
             .minor_version = SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = request_notification,
    .release_resource = release,
    .get_cursor_command = no_command,
    .req_cursor_notification = always,
    .notify_update = notify_update,
    .flush_resources = flush_nothing,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
};

static void load_library(struct library *library)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!handle)
        g_error("cannot load the reference: %s (Debian package: libspice-server1)", dlerror());
    *(void **)&library->server_new = dlsym(handle, "spice_server_new");
    *(void **)&library->server_init = dlsym(handle, "spice_server_init");
    *(void **)&library->set_noauth = dlsym(handle, "spice_server_set_noauth");
    *(void **)&library->add_interface = dlsym(handle, "spice_server_add_interface");
    *(void **)&library->vm_start = dlsym(handle, "spice_server_vm_start");
    *(void **)&library->server_destroy = dlsym(handle, "spice_server_destroy");
    *(void **)&library->wakeup = dlsym(handle, "spice_qxl_wakeup");
    *(void **)&library->add_memslot = dlsym(handle, "spice_qxl_add_memslot");
    *(void **)&library->create_primary = dlsym(handle, "spice_qxl_create_primary_surface");
    *(void **)&library->destroy_surfaces = dlsym(handle, "spice_qxl_destroy_surfaces");
    *(void **)&library->update_area = dlsym(handle, "spice_qxl_update_area");
    g_assert_nonnull(library->update_area);
}

static void reference_push(struct reference *reference, uint32_t type, void *data)
{
    QXLCommandExt *command = g_new0(QXLCommandExt, 1);

    command->cmd.type = type;
    command->cmd.data = (uintptr_t)data;
    g_mutex_lock(&reference->lock);
    g_queue_push_tail(&reference->commands, command);
    reference->idle = false;
    g_mutex_unlock(&reference->lock);
}

/* Until the server has taken all commands. */
static void reference_drain(struct reference *reference)
{
    gint64 deadline = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    reference->library.wakeup(&reference->qxl);
    g_mutex_lock(&reference->lock);
    while (!reference->idle)
        g_assert_true(g_cond_wait_until(&reference->drained, &reference->lock, deadline));
    g_mutex_unlock(&reference->lock);
}

static void reference_render(struct reference *reference, uint32_t id)
{
    QXLRect area = {.right = surfaces[id].width, .bottom = surfaces[id].height};
    QXLRect dirty;

    reference->library.update_area(&reference->qxl, id, &area, &dirty, 1, 1);
}

/* Surface memory: ours and the reference's. */
struct pixels {
    int stride;
    size_t size;
    uint8_t *ours, *theirs;
    struct canvas *canvas;
};

static void pixels_init(struct pixels *pixels, const struct random_surface *surface, bool bottom_up)
{
    int row = (surface->width * surface_format_bits(surface->format) + 31) / 32 * 4;

    pixels->stride = bottom_up ? -row : row;
    pixels->size = (size_t)row * surface->height;
    pixels->ours = g_malloc0(pixels->size);
    pixels->theirs = g_malloc0(pixels->size);
    pixels->canvas = canvas_create(surface->width, surface->height, pixels->stride, surface->format,
                                   pixels->ours);
    g_assert_nonnull(pixels->canvas);
}

static void create_surfaces(struct reference *reference, struct pixels *pixels, GPtrArray *memory)
{
    QXLDevMemSlot slot = {.virt_end = ~(uintptr_t)0};
    QXLDevSurfaceCreate primary = {
        .width = surfaces[0].width,
        .height = surfaces[0].height,
        .stride = pixels[0].stride,
        .format = surfaces[0].format,
        .mem = (uintptr_t)pixels[0].theirs,
        .flags = QXL_SURF_FLAG_KEEP_DATA,
    };

    reference->library.add_memslot(&reference->qxl, &slot);
    reference->library.create_primary(&reference->qxl, 0, &primary);
    for (unsigned i = 1; i < SURFACES; i++) {
        QXLSurfaceCmd *command = g_new0(QXLSurfaceCmd, 1);
        g_ptr_array_add(memory, command);
        command->surface_id = i;
        command->type = QXL_SURFACE_CMD_CREATE;
        command->flags = QXL_SURF_FLAG_KEEP_DATA;
        command->u.surface_create = (QXLSurface){.format = surfaces[i].format,
                                                 .width = surfaces[i].width,
                                                 .height = surfaces[i].height,
                                                 .stride = pixels[i].stride,
                                                 .data = (uintptr_t)pixels[i].theirs};
        reference_push(reference, QXL_CMD_SURFACE, command);
    }
    reference_drain(reference);
}

static struct canvas *find_canvas(void *opaque, uint32_t id)
{
    struct pixels *pixels = opaque;

    return id < SURFACES ? pixels[id].canvas : NULL;
}

/* Can the reference draw TYPE on a surface of FORMAT at all? */
static bool reference_can(uint8_t type, uint32_t format)
{
    if (format == SPICE_SURFACE_FMT_8_A)
        return type != QXL_DRAW_ROP3;
    return true;
}

static struct draw *next_draw(struct random_draw *random, int type)
{
    static const uint8_t types[] = {
        QXL_DRAW_FILL,        QXL_DRAW_OPAQUE,    QXL_DRAW_COPY,      QXL_COPY_BITS,
        QXL_DRAW_BLEND,       QXL_DRAW_BLACKNESS, QXL_DRAW_WHITENESS, QXL_DRAW_INVERS,
        QXL_DRAW_ROP3,        QXL_DRAW_STROKE,    QXL_DRAW_TEXT,      QXL_DRAW_TRANSPARENT,
        QXL_DRAW_ALPHA_BLEND, QXL_DRAW_COMPOSITE,
    };

    for (;;) {
        unsigned surface = random_between(random, 0, SURFACES - 1);
        uint8_t chosen = type ? type : types[random_between(random, 0, G_N_ELEMENTS(types) - 1)];
        if (reference_can(chosen, surfaces[surface].format))
            return random_draw_make(random, chosen, surface);
    }
}

static void report(const struct pixels *pixels, unsigned id, uint32_t seed, const struct draw *draw)
{
    size_t at = 0;
    unsigned differ = 0;

    for (size_t i = 0; i < pixels->size; i++) {
        if (pixels->ours[i] == pixels->theirs[i])
            continue;
        if (!differ++)
            at = i;
    }
    size_t row = at / ABS(pixels->stride), column = at % ABS(pixels->stride);
    if (pixels->stride < 0)
        row = surfaces[id].height - 1 - row;
    g_test_message("seed %u surface %u (format %u): %u bytes differ, first in row %zu byte %zu: "
                   "ours %02x theirs %02x; last command type %u box %d,%d %d,%d",
                   seed, id, surfaces[id].format, differ, row, column, pixels->ours[at],
                   pixels->theirs[at], draw->type, draw->box.x1, draw->box.y1, draw->box.x2,
                   draw->box.y2);
}

static void sequence(struct reference *reference, struct pixels *pixels, uint32_t seed, int type,
                     GPtrArray *memory)
{
    struct random_draw random;
    struct draw *draw = NULL;
    const char *limit = g_getenv("DRAW_COMMANDS");
    int commands = limit ? atoi(limit) : COMMANDS;

    random_draw_init(&random, seed, surfaces, SURFACES);
    random.only_reference = true;
    for (unsigned i = 0; i < SURFACES; i++) {
        random_bytes(&random, pixels[i].ours, pixels[i].size);
        memcpy(pixels[i].theirs, pixels[i].ours, pixels[i].size);
    }
    for (int i = 0; i < commands; i++) {
        draw = next_draw(&random, type);
        const char *reason =
            canvas_draw(pixels[draw->surface_id].canvas, draw, find_canvas, pixels);
        if (reason)
            g_error("seed %u: command %d of type %u refused: %s", seed, i, draw->type, reason);
        reference_push(reference, QXL_CMD_DRAW, qxl_encode(draw, memory));
    }
    reference_drain(reference);
    for (unsigned i = 0; i < SURFACES; i++)
        reference_render(reference, i);
    for (unsigned i = 0; i < SURFACES; i++) {
        if (memcmp(pixels[i].ours, pixels[i].theirs, pixels[i].size) != 0) {
            report(&pixels[i], i, seed, draw);
            g_test_fail();
        }
    }
    /* The server may still hold the commands: their memory lives as long as it does. */
    while (random.memory->len)
        g_ptr_array_add(memory, g_ptr_array_steal_index_fast(random.memory, 0));
    random_draw_finish(&random);
}

static void test_reference(void)
{
    struct reference *reference = g_new0(struct reference, 1);
    struct pixels pixels[SURFACES];
    GPtrArray *memory = g_ptr_array_new_with_free_func(g_free);
    const char *only = g_getenv("DRAW_TYPE"), *from = g_getenv("DRAW_SEED");
    uint32_t first = from ? strtoul(from, NULL, 0) : 1;

    load_library(&reference->library);
    g_mutex_init(&reference->lock);
    g_cond_init(&reference->drained);
    reference->qxl.base.sif = &interface.base;
    reference->server = reference->library.server_new();
    reference->library.set_noauth(reference->server);
    g_assert_cmpint(reference->library.server_init(reference->server, core_loop_interface()), ==,
                    0);
    g_assert_cmpint(reference->library.add_interface(reference->server, &reference->qxl.base), ==,
                    0);
    reference->library.vm_start(reference->server);

    for (unsigned i = 0; i < SURFACES; i++)
        pixels_init(&pixels[i], &surfaces[i], i % 2);
    create_surfaces(reference, pixels, memory);
    for (uint32_t i = 0; i < (from ? 1 : SEQUENCES); i++)
        sequence(reference, pixels, first + i, only ? atoi(only) : 0, memory);

    reference->library.destroy_surfaces(&reference->qxl);
    reference->library.server_destroy(reference->server);
    for (unsigned i = 0; i < SURFACES; i++) {
        canvas_destroy(pixels[i].canvas);
        g_free(pixels[i].ours);
        g_free(pixels[i].theirs);
    }
    g_ptr_array_free(memory, TRUE);
    g_mutex_clear(&reference->lock);
    g_cond_clear(&reference->drained);
    g_free(reference);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display/reference", test_reference);
    return g_test_run();
}
