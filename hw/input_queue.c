/*
 * Input events in the words of QMP.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/input_queue.h"

#include <string.h>

#define ABSOLUTE_MAX 0x7fff /* of QMP's axes */
#define PRESS_LIMIT  (INPUT_QUEUE_LENGTH * 3 / 4)
#define DELTA_LIMIT  32767 /* of merged movements */

#define SET1_RELEASE     0x80
#define SET1_LEFT_SHIFT  0x2a
#define SET1_RIGHT_SHIFT 0x36

bool input_keys_byte(struct input_keys *keys, uint8_t byte, struct input_event *event)
{
    uint8_t code = byte & ~SET1_RELEASE;

    *event = (struct input_event){.kind = INPUT_KEY, .down = !(byte & SET1_RELEASE)};
    if (keys->skip) {
        /* Pause is e1 1d 45, its release e1 9d c5. */
        return --keys->skip == 0;
    }
    if (byte == 0xe1) {
        keys->skip = 2;
        return false;
    }
    if (byte == 0xe0) {
        keys->prefix = byte;
        return false;
    }
    bool extended = keys->prefix == 0xe0;
    keys->prefix = 0;
    /* Real keyboards wrap some extended keys into shifts that nobody pressed. */
    if (code == 0 || (extended && (code == SET1_LEFT_SHIFT || code == SET1_RIGHT_SHIFT)))
        return false;
    event->key = code | (extended ? 0x80 : 0);
    return true;
}

void input_queue_init(struct input_queue *queue)
{
    memset(queue, 0, sizeof(*queue));
}

void input_queue_clear(struct input_queue *queue)
{
    queue->count = 0;
}

static int add_limited(int a, int b)
{
    int64_t sum = (int64_t)a + b;

    return sum > DELTA_LIMIT ? DELTA_LIMIT : sum < -DELTA_LIMIT ? -DELTA_LIMIT : (int)sum;
}

bool input_queue_push(struct input_queue *queue, const struct input_event *event)
{
    struct input_event *last = queue->count ? &queue->events[queue->count - 1] : NULL;
    bool release = (event->kind == INPUT_KEY || event->kind == INPUT_BUTTON) && !event->down;

    if (last && last->kind == event->kind && event->kind == INPUT_POSITION) {
        *last = *event;
        return true;
    }
    if (last && last->kind == event->kind && event->kind == INPUT_MOTION) {
        last->x = add_limited(last->x, event->x);
        last->y = add_limited(last->y, event->y);
        return true;
    }
    if (queue->count >= (release ? INPUT_QUEUE_LENGTH : PRESS_LIMIT))
        return false;
    queue->events[queue->count++] = *event;
    return true;
}

bool input_queue_has_position(const struct input_queue *queue)
{
    for (unsigned i = 0; i < queue->count; i++)
        if (queue->events[i].kind == INPUT_POSITION)
            return true;
    return false;
}

static void append_axis(json_t *events, const char *type, const char *axis, int value)
{
    json_array_append_new(events, json_pack("{s:s, s:{s:s, s:i}}", "type", type, "data", "axis",
                                            axis, "value", value));
}

static void append_motion(json_t *events, int dx, int dy)
{
    if (dx)
        append_axis(events, "rel", "x", dx);
    if (dy)
        append_axis(events, "rel", "y", dy);
}

/* PIXEL of SIZE pixels on QMP's axis. */
static int to_axis(int pixel, int size)
{
    if (size < 2 || pixel <= 0)
        return 0;
    return pixel >= size - 1 ? ABSOLUTE_MAX : (int)((int64_t)pixel * ABSOLUTE_MAX / (size - 1));
}

static void append_position(struct input_queue *queue, json_t *events, int x, int y)
{
    if (queue->absolute) {
        append_axis(events, "abs", "x", to_axis(x, queue->width));
        append_axis(events, "abs", "y", to_axis(y, queue->height));
    } else if (queue->position_known) {
        append_motion(events, add_limited(x, -queue->x), add_limited(y, -queue->y));
    }
    queue->position_known = true;
    queue->x = x;
    queue->y = y;
}

static void append_key(json_t *events, const struct input_event *event)
{
    json_t *key = event->key ? json_pack("{s:s, s:i}", "type", "number", "data", event->key)
                             : json_pack("{s:s, s:s}", "type", "qcode", "data", "pause");

    json_array_append_new(events, json_pack("{s:s, s:{s:b, s:o}}", "type", "key", "data", "down",
                                            event->down, "key", key));
}

json_t *input_queue_take(struct input_queue *queue)
{
    json_t *events = json_array();

    for (unsigned i = 0; i < queue->count; i++) {
        const struct input_event *event = &queue->events[i];
        switch (event->kind) {
        case INPUT_KEY:
            append_key(events, event);
            break;
        case INPUT_BUTTON:
            json_array_append_new(events, json_pack("{s:s, s:{s:b, s:s}}", "type", "btn", "data",
                                                    "down", event->down, "button", event->button));
            break;
        case INPUT_MOTION:
            append_motion(events, event->x, event->y);
            break;
        case INPUT_POSITION:
            append_position(queue, events, event->x, event->y);
            break;
        }
    }
    queue->count = 0;
    return events;
}
