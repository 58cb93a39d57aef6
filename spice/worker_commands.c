/*
 * Executing a guest's commands (server-abi.md section 4.3).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/trim.h"
#include "spice/worker.h"

#include <spice/protocol.h>

/* What must be true of a drawable's surfaces; the parser does not know them. */
static const char *check_drawable(const struct display_worker *worker,
                                  const struct drawable *drawable)
{
    const struct draw *draw = &drawable->draw;
    const struct surface *surface = surfaces_find(&worker->surfaces, draw->surface_id);

    if (surface == NULL)
        return "the surface to draw on does not exist";
    if ((uint32_t)draw->box.x2 > surface->width || (uint32_t)draw->box.y2 > surface->height)
        return "the box is not inside the surface";
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (drawable->listed_sources[i] != -1 &&
            surfaces_find(&worker->surfaces, drawable->listed_sources[i]) == NULL)
            return "a surface that the command depends on does not exist";
        if (draw->sources[i] != -1 && surfaces_find(&worker->surfaces, draw->sources[i]) == NULL)
            return "a surface that the command reads does not exist";
    }
    return NULL;
}

static void draw_and_show(struct display_worker *worker, struct drawable *drawable)
{
    const struct draw *draw = &drawable->draw;
    struct surface *surface = surfaces_find(&worker->surfaces, draw->surface_id);
    struct pixel_view view = canvas_view(surface->canvas);
    pixman_region32_t region;
    const char *wrong = NULL;

    display_prepare(&worker->display, drawable, surface);
    if (!surface_put_off(surface, drawable, &view, &region))
        wrong = surface_draw(&worker->surfaces, surface, draw, &region);

    if (wrong != NULL) {
        worker_refuse(worker, "a drawing command was dropped", wrong);
    } else if (pixman_region32_not_empty(&region)) {
        display_draw(&worker->display, drawable, surface, &region, &view);
        surface->blank = false;
    }
    pixman_region32_fini(&region);
}

void worker_draw_batch(struct display_worker *worker)
{
    for (unsigned i = 0; i < worker->batch.count; i++)
        draw_and_show(worker, worker->batch.drawables[i]);
    worker->display.count.drawn += worker->batch.count;
    /* Together: a guest or host that sleeps is woken once. */
    for (unsigned i = 0; i < worker->batch.count; i++)
        drawable_unref(worker->batch.drawables[i]);
    worker->batch.count = 0;
}

static void put_off(struct display_worker *worker, struct drawable *drawable)
{
    draw_batch_add(&worker->batch, drawable, &worker->surfaces);
    if (worker->batch.count == DRAW_BATCH_MAX)
        worker_draw_batch(worker);
}

static void execute_draw(struct display_worker *worker, const QXLCommandExt *command)
{
    struct drawable *drawable = drawable_create(&worker->releases);
    const char *wrong = parse_drawable(&worker->memslots, command, drawable);

    if (wrong == NULL)
        wrong = check_drawable(worker, drawable);
    if (wrong == NULL && drawable->draw.type != QXL_DRAW_NOP) {
        worker->display.count.commands++;
        draw_trim(&drawable->draw);
        put_off(worker, drawable);
        return;
    }
    if (wrong != NULL)
        worker_refuse(worker, "a drawing command was dropped", wrong);
    drawable_unref(drawable);
}

static void execute_update(struct display_worker *worker, const QXLCommandExt *command)
{
    struct guest_resource resource = {.to = &worker->releases};
    struct update_command update;
    const char *wrong = parse_update(&worker->memslots, command, &resource, &update);

    if (wrong == NULL && surfaces_find(&worker->surfaces, update.surface_id) == NULL)
        wrong = "the surface to update does not exist";
    worker_draw_batch(worker);
    if (wrong == NULL)
        surface_settle(surfaces_find(&worker->surfaces, update.surface_id), NULL);
    if (wrong != NULL)
        worker_refuse(worker, "an update command was dropped", wrong);
    else if (worker->interface->notify_update != NULL)
        worker->interface->notify_update(worker->qxl, update.update_id);
    guest_resource_release(&resource);
}

static void execute_message(struct display_worker *worker, const QXLCommandExt *command)
{
    struct guest_resource resource = {.to = &worker->releases};
    char *text = NULL;
    const char *wrong = parse_message(&worker->memslots, command, &resource, &text);

    if (wrong != NULL)
        worker_refuse(worker, "a message was dropped", wrong);
    else
        g_log(WORKER_LOG_DOMAIN, G_LOG_LEVEL_DEBUG, "guest of display %d says: %s", worker->qxl->id,
              text);
    g_free(text);
    guest_resource_release(&resource);
}

void worker_destroy_surface(struct display_worker *worker, struct surface *surface)
{
    display_surface_destroyed(&worker->display, surface);
    surface_destroy(&worker->surfaces, surface);
}

/* Most new surfaces are painted all over at once, so their zeroes would not be seen by anybody. */
static void clear_later(struct display_worker *worker, struct surface *surface)
{
    struct drawable *drawable = drawable_create(&worker->releases);

    drawable->is_clear = true;
    drawable->draw = (struct draw){
        .type = QXL_DRAW_BLACKNESS,
        .effect = QXL_EFFECT_OPAQUE,
        .surface_id = surface->id,
        .box = {0, 0, surface->width, surface->height},
        .sources = {-1, -1, -1},
    };
    surface->blank = true;
    put_off(worker, drawable);
}

static const char *create_surface(struct display_worker *worker,
                                  const struct surface_command *command,
                                  struct guest_resource *resource)
{
    const char *wrong;
    struct surface *surface =
        surface_create(&worker->surfaces, command->surface_id, command->create.width,
                       command->create.height, command->create.stride, command->create.format,
                       command->create.pixels, true, resource, &wrong);

    if (surface == NULL)
        return wrong;
    if (!command->keep_data)
        clear_later(worker, surface);
    resource->info.info = NULL; /* the surface's now */
    display_surface_created(&worker->display, surface);
    return NULL;
}

static void execute_surface(struct display_worker *worker, const QXLCommandExt *command, bool saved)
{
    struct guest_resource resource = {.to = &worker->releases};
    struct surface_command surface = {0};
    const char *wrong = parse_surface(&worker->memslots, command, &resource, &surface);

    surface.keep_data = surface.keep_data || saved;
    if (wrong == NULL && surface.surface_id == 0) {
        wrong = "surface 0 is the primary, which commands cannot create or destroy";
    } else if (wrong == NULL &&
               !server_has_features(worker->server, SPICE_SERVER_FEATURE_SURFACES)) {
        wrong = "the host has switched off-screen surfaces off";
    } else if (wrong == NULL && surface.type == QXL_SURFACE_CMD_CREATE) {
        wrong = create_surface(worker, &surface, &resource);
    } else if (wrong == NULL) {
        struct surface *old = surfaces_find(&worker->surfaces, surface.surface_id);

        if (old == NULL) {
            wrong = "the surface to destroy does not exist";
        } else {
            if (draw_batch_forget(&worker->batch, old->id))
                worker_draw_batch(worker);
            worker_destroy_surface(worker, old);
        }
    }
    if (wrong != NULL)
        worker_refuse(worker, "a surface command was dropped", wrong);
    guest_resource_release(&resource);
}

void worker_execute(struct display_worker *worker, const QXLCommandExt *command)
{
    switch (command->cmd.type) {
    case QXL_CMD_DRAW:
        execute_draw(worker, command);
        break;
    case QXL_CMD_UPDATE:
        execute_update(worker, command);
        break;
    case QXL_CMD_MESSAGE:
        execute_message(worker, command);
        break;
    case QXL_CMD_SURFACE:
        execute_surface(worker, command, false);
        break;
    default:
        worker_refuse(worker, "a command was skipped",
                      "its type does not belong into the command ring");
        break;
    }
}

void worker_execute_cursor(struct display_worker *worker, const QXLCommandExt *command)
{
    struct guest_resource resource = {.to = &worker->releases};
    struct cursor_command cursor;
    const char *wrong;

    if (command->cmd.type != QXL_CMD_CURSOR) {
        worker_refuse(worker, "a command was skipped",
                      "its type does not belong into the cursor ring");
        return;
    }
    wrong = parse_cursor(&worker->memslots, command, &resource, &cursor);
    if (wrong == NULL) {
        cursor_execute(&worker->cursor, &cursor, &resource);
        return;
    }
    worker_refuse(worker, "a cursor command was dropped", wrong);
    guest_resource_release(&resource);
}

void worker_execute_saved(struct display_worker *worker, const QXLCommandExt *command)
{
    switch (command->cmd.type) {
    case QXL_CMD_CURSOR:
        worker_execute_cursor(worker, command);
        break;
    case QXL_CMD_SURFACE:
        execute_surface(worker, command, true);
        break;
    default:
        worker_refuse(worker, "a saved command was skipped",
                      "it is neither a cursor nor a surface command");
        break;
    }
}
