/*
 * The card says when something changes; at most 60 times a second it is asked what. The window's
 * thread queues what the user does. Both come to the main loop through a source of their own, which
 * sleeps otherwise.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/screen.h"

#include "cli/doorbell.h"
#include "display/canvas.h"
#include "display/pointer.h"
#include "display/window.h"

#include <pthread.h>

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
    struct doorbell *refresh, *input;
    pthread_mutex_t lock; /* of actions; not GLib's: race detectors cannot see that one */
    GArray *actions;      /* of struct action */
    gint64 last_refresh;  /* atomic; us */
    gint size;            /* atomic; width << 16 | height of the picture, for positions */
    gint told_size;
    uint32_t width, height; /* of the picture as the window has it; the card's callback's */
};

/* From the card */

static void stirred(void *opaque)
{
    struct screen *screen = opaque;
    gint64 last = __atomic_load_n(&screen->last_refresh, __ATOMIC_RELAXED);

    doorbell_ring(screen->refresh, last + FRAME_US);
}

static void refresh(void *opaque)
{
    struct screen *screen = opaque;

    __atomic_store_n(&screen->last_refresh, g_get_monotonic_time(), __ATOMIC_RELAXED);
    qxl_card_refresh(screen->card);
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
    pthread_mutex_lock(&screen->lock);
    g_array_append_val(screen->actions, *action);
    pthread_mutex_unlock(&screen->lock);
    doorbell_ring(screen->input, 0);
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

static void do_actions(void *opaque)
{
    struct screen *screen = opaque;
    GArray *empty = g_array_new(FALSE, FALSE, sizeof(struct action));

    pthread_mutex_lock(&screen->lock);
    GArray *actions = screen->actions;
    screen->actions = empty;
    pthread_mutex_unlock(&screen->lock);
    for (guint i = 0; i < actions->len; i++)
        do_action(screen, &g_array_index(actions, struct action, i));
    g_array_unref(actions);
}

struct screen *screen_create(struct qxl_card *card, const char *name,
                             const struct screen_user *user, GError **error)
{
    struct screen *screen = g_new0(struct screen, 1);

    screen->card = card;
    screen->user = *user;
    screen->actions = g_array_new(FALSE, FALSE, sizeof(struct action));
    pthread_mutex_init(&screen->lock, NULL);
    screen->refresh = doorbell_create(refresh, screen);
    screen->input = doorbell_create(do_actions, screen);
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
    doorbell_silence(screen->refresh);
    doorbell_silence(screen->input);
}

void screen_destroy(struct screen *screen)
{
    if (!screen)
        return;
    window_destroy(screen->window);
    doorbell_destroy(screen->refresh);
    doorbell_destroy(screen->input);
    g_array_unref(screen->actions);
    pthread_mutex_destroy(&screen->lock);
    g_free(screen);
}

void screen_set_state(struct screen *screen, const char *state)
{
    window_set_state(screen->window, state);
}
