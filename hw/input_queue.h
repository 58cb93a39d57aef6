/*
 * Input events on their way into the words of QMP: a bounded queue, and the keyboard's bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct input_event {
    enum {
        INPUT_KEY,
        INPUT_BUTTON,
        INPUT_MOTION,
        INPUT_POSITION,
    } kind;
    bool down; /* key, button */
    uint8_t
        key; /* QMP's number: the set-1 code, plus 0x80 when it follows 0xe0; 0: the Pause key */
    const char *button; /* QMP's name; a constant */
    int x, y;           /* motion, position */
};

/* The state of a stream of PS/2 set-1 bytes. All zero at its beginning. */
struct input_keys {
    uint8_t prefix; /* 0xe0, 0xe1 or 0 */
    uint8_t skip;   /* bytes of the Pause key still to come */
};
/* Takes BYTE; true when it completes EVENT. */
bool input_keys_byte(struct input_keys *keys, uint8_t byte, struct input_event *event);

#define INPUT_QUEUE_LENGTH 256u

struct input_queue {
    struct input_event events[INPUT_QUEUE_LENGTH];
    unsigned count;
    int width, height; /* of the display; 0: unknown */
    bool absolute;     /* the guest has a pointing device for positions */
    bool position_known;
    int x, y; /* last position turned into movement */
};

void input_queue_init(struct input_queue *queue);
void input_queue_clear(struct input_queue *queue);
/*
 * Appends EVENT, merging it with the last one when both are movements. False when the queue is full
 * and it was dropped; presses are dropped before releases, so that nothing stays down.
 */
bool input_queue_push(struct input_queue *queue, const struct input_event *event);
static inline bool input_queue_empty(const struct input_queue *queue)
{
    return queue->count == 0;
}
bool input_queue_has_position(const struct input_queue *queue);
/* Empties the queue into a JSON array of QMP's InputEvent, which becomes the caller's. */
json_t *input_queue_take(struct input_queue *queue);
