/*
 * The card says when something changes; at most 60 times a second it is asked what. The window's
 * thread queues what the user does. Both come to the main loop through a source of their own, which
 * sleeps otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/screen.h"

#include "display/canvas.h"
#include "display/pointer.h"
#include "display/window.h"

#include <string.h>

#define FRAME_US (G_USEC_PER_SEC / 60)

enum action_type { ACTION_KEY, ACTION_MOTION, ACTION_POSITION, ACTION_CLOSED };

struct action {
    enum action_type type;
    uint8_t byte;
    int x, y, dz;
    uint32_t buttons;
};

struct screen {
    struct qxl_card *card;
    struct screen_user user;
    struct window *window;
    GSource *refresh, *input;
    GAsyncQueue *actions; /* of struct action */
    gint64 last_refresh;  /* atomic; us */
    gint size;            /* atomic; width << 16 | height of the picture, for positions */
    gint told_size;
    uint32_t width, height; /* of the picture as the window has it; the card's callback's */
};

/* A source that does FUNC whenever its ready time has come. */
static gboolean dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    g_source_set_ready_time(source, -1);
    return func(data);
}

static GSource *add_source(GSourceFunc func, struct screen *screen)
{
    static GSourceFuncs functions = {.dispatch = dispatch};
    GSource *source = g_source_new(&functions, sizeof(GSource));

    g_source_set_callback(source, func, screen, NULL);
    g_source_attach(source, NULL);
    return source;
}

/* From the card */

static void stirred(void *opaque)
{
    struct screen *screen = opaque;
    gint64 last = __atomic_load_n(&screen->last_refresh, __ATOMIC_RELAXED);

    g_source_set_ready_time(screen->refresh, last + FRAME_US);
}

static gboolean refresh(gpointer data)
{
    struct screen *screen = data;

    __atomic_store_n(&screen->last_refresh, g_get_monotonic_time(), __ATOMIC_RELAXED);
    qxl_card_refresh(screen->card);
    return G_SOURCE_CONTINUE;
}

static void tell_size(struct screen *screen, uint32_t width, uint32_t height)
{
    if (width == screen->width && height == screen->height)
        return;
    screen->width = width;
    screen->height = height;
    g_atomic_int_set(&screen->size, (gint)(width << 16 | (height & 0xffff)));
    window_resize(screen->window, (int)width, (int)height);
}

static void show_picture(void *opaque, const struct qxl_screen *picture, const QXLRect *rects,
                         uint32_t count)
{
    struct screen *screen = opaque;
    struct canvas *canvas = NULL;

    if (picture && picture->width < 1 << 15 && picture->height < 1 << 15)
        canvas = canvas_create((int)picture->width, (int)picture->height, picture->stride,
                               picture->format, picture->pixels);
    if (!canvas) {
        tell_size(screen, 0, 0);
        return;
    }
    tell_size(screen, picture->width, picture->height);
    g_autofree draw_rect *changed = g_new(draw_rect, count);
    for (uint32_t i = 0; i < count; i++)
        changed[i] = (draw_rect){rects[i].left, rects[i].top, rects[i].right, rects[i].bottom};
    window_show(screen->window, canvas, changed, count);
    canvas_destroy(canvas);
}

static void show_pointer(void *opaque, const struct qxl_pointer *pointer)
{
    struct screen *screen = opaque;
    g_autofree uint32_t *pixels =
        pointer->data ? pointer_picture((uint16_t)pointer->type, pointer->width, pointer->height,
                                        pointer->data, pointer->size)
                      : NULL;
    struct window_pointer shown = {
        .visible = pointer->visible,
        .x = pointer->x,
        .y = pointer->y,
        .width = pixels ? pointer->width : 0,
        .height = pixels ? pointer->height : 0,
        .hot_x = pointer->hot_x,
        .hot_y = pointer->hot_y,
        .argb = pixels,
    };

    window_set_pointer(screen->window, &shown);
}

static void show_heads(void *opaque, const QXLHead *heads, unsigned count)
{
    struct screen *screen = opaque;
    draw_rect parts[WINDOW_MAX_HEADS];
    unsigned shown = 0;

    for (unsigned i = 0; i < count && shown < WINDOW_MAX_HEADS; i++) {
        const QXLHead *head = &heads[i];
        /* The rest is cut off where the picture ends. */
        if (head->width && head->height && head->x < 1 << 15 && head->y < 1 << 15)
            parts[shown++] =
                (draw_rect){(int)head->x, (int)head->y, (int)(head->x + MIN(head->width, 1u << 15)),
                            (int)(head->y + MIN(head->height, 1u << 15))};
    }
    window_set_heads(screen->window, parts, shown);
}

static const struct qxl_viewer viewer = {
    .stirred = stirred,
    .picture = show_picture,
    .pointer = show_pointer,
    .heads = show_heads,
};

/* From the window */

static void queue_action(struct screen *screen, const struct action *action)
{
    g_async_queue_push(screen->actions, g_memdup2(action, sizeof(*action)));
    g_source_set_ready_time(screen->input, 0);
}

static void key(void *opaque, const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        queue_action(opaque, &(struct action){.type = ACTION_KEY, .byte = bytes[i]});
}

static void motion(void *opaque, int dx, int dy, int dz, uint32_t buttons)
{
    queue_action(opaque, &(struct action){ACTION_MOTION, 0, dx, dy, dz, buttons});
}

static void position(void *opaque, int x, int y, int dz, uint32_t buttons)
{
    queue_action(opaque, &(struct action){ACTION_POSITION, 0, x, y, dz, buttons});
}

static void closed(void *opaque)
{
    queue_action(opaque, &(struct action){.type = ACTION_CLOSED});
}

static const struct window_user window_user = {key, motion, position, closed};

static void do_position(struct screen *screen, const struct action *action)
{
    gint size = g_atomic_int_get(&screen->size);

    if (size != screen->told_size)
        inputs_display_size(screen->user.inputs, size >> 16, size & 0xffff);
    screen->told_size = size;
    inputs_position(screen->user.inputs, action->x, action->y, action->dz, action->buttons);
}

static void do_action(struct screen *screen, const struct action *action)
{
    struct inputs *inputs = screen->user.inputs;

    if (action->type == ACTION_CLOSED)
        screen->user.closed(screen->user.opaque);
    if (!inputs)
        return;
    switch (action->type) {
    case ACTION_KEY:
        inputs_key_byte(inputs, action->byte);
        break;
    case ACTION_MOTION:
        inputs_motion(inputs, action->x, action->y, action->dz, action->buttons);
        break;
    case ACTION_POSITION:
        do_position(screen, action);
        break;
    case ACTION_CLOSED:
        break;
    }
}

static gboolean do_actions(gpointer data)
{
    struct screen *screen = data;
    struct action *action;

    while ((action = g_async_queue_try_pop(screen->actions))) {
        do_action(screen, action);
        g_free(action);
    }
    return G_SOURCE_CONTINUE;
}

struct screen *screen_create(struct qxl_card *card, const char *name,
                             const struct screen_user *user, GError **error)
{
    struct screen *screen = g_new0(struct screen, 1);

    screen->card = card;
    screen->user = *user;
    screen->actions = g_async_queue_new_full(g_free);
    screen->refresh = add_source(refresh, screen);
    screen->input = add_source(do_actions, screen);
    screen->window = window_create(name, &window_user, screen, error);
    if (!screen->window) {
        screen_stop(screen);
        screen_destroy(screen);
        return NULL;
    }
    window_set_absolute(screen->window, user->inputs && inputs_want_positions(user->inputs));
    qxl_card_set_viewer(card, &viewer, screen);
    return screen;
}

void screen_stop(struct screen *screen)
{
    if (!screen)
        return;
    g_source_destroy(screen->refresh);
    g_source_destroy(screen->input);
}

void screen_destroy(struct screen *screen)
{
    if (!screen)
        return;
    window_destroy(screen->window);
    g_source_unref(screen->refresh);
    g_source_unref(screen->input);
    g_async_queue_unref(screen->actions);
    g_free(screen);
}

void screen_set_state(struct screen *screen, const char *state)
{
    window_set_state(screen->window, state);
}
