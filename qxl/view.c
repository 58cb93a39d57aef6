/*
 * The card's picture for a viewer of the host's own. Section 6.7.
 *
 * The viewer asks for a refresh; the server renders what is pending and says what has changed; the
 * viewer copies that on the renderer's thread, where the pixels stand still.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#include <string.h>

#define MAX_SHAPE_CHUNKS 32 /* section 11.3 */
/* 512x512 pixels of the largest kind, a palette and a mask. */
#define MAX_SHAPE_SIZE (QXL_MAX_CURSOR_SIDE * QXL_MAX_CURSOR_SIDE * 4 + 512 * 64 + 1024)

void qxl_card_set_viewer(struct qxl_card *card, const struct qxl_viewer *viewer, void *opaque)
{
    qxl_lock(card);
    card->view.viewer = viewer;
    card->view.opaque = opaque;
    card->view.whole = card->view.heads_changed = card->view.pointer_changed = true;
    qxl_view_stir(card);
    qxl_unlock(card);
    qxl_card_notify_host(card);
}

void qxl_view_tell(struct qxl_card *card)
{
    struct qxl_view *view = &card->view;

    __atomic_store_n(&view->stir, false, __ATOMIC_RELEASE);
    if (!__atomic_exchange_n(&view->told, true, __ATOMIC_ACQ_REL))
        view->viewer->stirred(view->opaque);
}

static void drop_shape(struct qxl_view *view)
{
    g_free((void *)view->pointer.data);
    view->pointer = (struct qxl_pointer){.x = view->pointer.x, .y = view->pointer.y};
}

void qxl_view_finish(struct qxl_card *card)
{
    drop_shape(&card->view);
}

/* The server forgets the pointer as well. */
void qxl_view_mode_changed(struct qxl_card *card)
{
    struct qxl_view *view = &card->view;

    view->generation++;
    view->whole = view->heads_changed = view->pointer_changed = true;
    view->head_count = 0;
    drop_shape(view);
    qxl_view_stir(card);
}

/* The chain of chunks that begins at ADDRESS, as far as it can be read. */
static uint8_t *gather(const struct qxl_card *card, QXLPHYSICAL address, size_t *size)
{
    uint8_t *data = g_malloc(MAX_SHAPE_SIZE);
    enum qxl_fault fault;

    *size = 0;
    for (unsigned i = 0; i < MAX_SHAPE_CHUNKS && (i == 0 || address); i++) {
        QXLDataChunk chunk;
        const uint8_t *bytes = qxl_memslot_translate(card, address, sizeof(chunk), &fault);

        if (!bytes)
            break;
        guest_copy_in(&chunk, bytes, sizeof(chunk));
        size_t part = MIN(chunk.data_size, MAX_SHAPE_SIZE - *size);
        bytes = qxl_memslot_translate(card, address, sizeof(chunk) + part, &fault);
        if (!bytes)
            break;
        guest_copy_in(data + *size, bytes + sizeof(chunk), part);
        *size += part;
        address = chunk.next_chunk;
    }
    return data;
}

static void set_shape(struct qxl_card *card, QXLPHYSICAL address)
{
    struct qxl_pointer *pointer = &card->view.pointer;
    enum qxl_fault fault;
    QXLCursorHeader header;
    const uint8_t *bytes = qxl_memslot_translate(card, address, sizeof(QXLCursor), &fault);

    drop_shape(&card->view);
    if (!bytes)
        return;
    guest_copy_in(&header, bytes, sizeof(header));
    if (header.width > QXL_MAX_CURSOR_SIDE || header.height > QXL_MAX_CURSOR_SIDE)
        return; /* the guest changed it meanwhile */
    pointer->type = header.type;
    pointer->width = header.width;
    pointer->height = header.height;
    pointer->hot_x = header.hot_spot_x;
    pointer->hot_y = header.hot_spot_y;
    pointer->data = gather(card, address + offsetof(QXLCursor, chunk), &pointer->size);
}

void qxl_view_cursor(struct qxl_card *card, const QXLCursorCmd *command)
{
    struct qxl_pointer *pointer = &card->view.pointer;

    if (!card->view.viewer)
        return;
    switch (command->type) {
    case QXL_CURSOR_SET:
        set_shape(card, command->u.set.shape);
        pointer->x = command->u.set.position.x;
        pointer->y = command->u.set.position.y;
        pointer->visible = command->u.set.visible;
        break;
    case QXL_CURSOR_MOVE:
        pointer->x = command->u.position.x;
        pointer->y = command->u.position.y;
        pointer->visible = true;
        break;
    case QXL_CURSOR_HIDE:
        pointer->visible = false;
        break;
    default:
        return;
    }
    card->view.pointer_changed = true;
    qxl_view_stir(card);
}

void qxl_view_set_heads(struct qxl_card *card, const uint8_t *heads, unsigned count)
{
    struct qxl_view *view = &card->view;

    guest_copy_in(view->heads, heads, count * sizeof(view->heads[0]));
    view->head_count = count;
    view->heads_changed = true;
    qxl_view_stir(card);
}

static struct qxl_screen screen_of(const struct qxl_surface *primary)
{
    return (struct qxl_screen){
        .width = primary->width,
        .height = primary->height,
        .stride = primary->stride,
        .format = primary->format,
        .pixels = primary->pixels,
    };
}

static QXLRect all_of(const struct qxl_surface *primary)
{
    return (QXLRect){.right = (int32_t)primary->width, .bottom = (int32_t)primary->height};
}

static void tell_pointer(struct qxl_view *view, const struct qxl_pointer *pointer)
{
    view->viewer->pointer(view->opaque, pointer);
    g_free((void *)pointer->data);
}

/* Asks for the picture, or shows it where nobody draws. [io] */
static void refresh_picture(struct qxl_card *card)
{
    struct qxl_view *view = &card->view;

    qxl_lock(card);
    struct qxl_surface primary = card->primary;
    bool is_guests = card->mode != QXL_MODE_VGA;
    bool ask = primary.exists && is_guests && card->renderer_running;
    bool show = !ask && view->whole;
    view->requested = view->generation;
    if (show)
        view->whole = false;
    qxl_unlock(card);

    struct qxl_screen screen = screen_of(&primary);
    QXLRect all = all_of(&primary);
    if (ask)
        spice_qxl_update_area_async(&card->instance, 0, &all, 1, qxl_async_own_cookie(card));
    else if (show)
        view->viewer->picture(view->opaque, primary.exists ? &screen : NULL, &all,
                              primary.exists ? 1 : 0);
}

void qxl_card_refresh(struct qxl_card *card)
{
    struct qxl_view *view = &card->view;

    /* From here on whatever happens is news again. */
    __atomic_store_n(&view->told, false, __ATOMIC_RELEASE);
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    bool pointer_changed = view->pointer_changed, heads_changed = view->heads_changed;
    struct qxl_pointer pointer = view->pointer;
    pointer.data = pointer_changed ? g_memdup2(pointer.data, pointer.size) : NULL;
    QXLHead heads[QXL_MAX_HEADS];
    unsigned head_count = view->head_count;
    memcpy(heads, view->heads, head_count * sizeof(heads[0]));
    view->pointer_changed = view->heads_changed = false;
    qxl_unlock(card);

    refresh_picture(card);
    pthread_mutex_unlock(&card->io_lock);
    if (heads_changed)
        view->viewer->heads(view->opaque, heads, head_count);
    if (pointer_changed)
        tell_pointer(view, &pointer);
}

void qxl_view_updated(struct qxl_card *card, const QXLRect *rects, uint32_t count)
{
    struct qxl_view *view = &card->view;

    if (!view->viewer)
        return;
    qxl_lock(card);
    struct qxl_surface primary = card->primary;
    /* Otherwise it is of a picture that was replaced meanwhile. */
    bool current = primary.exists && view->requested == view->generation;
    bool whole = current && view->whole;
    if (whole)
        view->whole = false;
    qxl_unlock(card);
    struct qxl_screen screen = screen_of(&primary);
    QXLRect all = all_of(&primary);

    if (whole)
        view->viewer->picture(view->opaque, &screen, &all, 1);
    else if (current && count)
        view->viewer->picture(view->opaque, &screen, rects, count);
}
