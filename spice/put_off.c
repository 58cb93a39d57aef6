/*
 * Pictures that are drawn later, if ever. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/put_off.h"
#include "spice/boxes.h"

bool put_off_has_room(const struct put_off *put_off, size_t bytes)
{
    return put_off->count < PUT_OFF_MAX && bytes <= PUT_OFF_MAX_BYTES - put_off->bytes;
}

/* Keeps those that are not CHOSEN; the others are the caller's. */
static void take_out(struct put_off *put_off, const bool *chosen)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < put_off->count; i++) {
        if (chosen[i])
            put_off->bytes -= put_off->drawables[i]->data_size;
        else
            put_off->drawables[kept++] = put_off->drawables[i];
    }
    put_off->count = kept;
}

void put_off_add(struct put_off *put_off, struct drawable *drawable)
{
    put_off->drawables[put_off->count++] = drawable_ref(drawable);
    put_off->bytes += drawable->data_size;
}

void put_off_drop(struct put_off *put_off, const draw_rect *box)
{
    bool covered[PUT_OFF_MAX] = {false};
    struct drawable *dropped[PUT_OFF_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < put_off->count; i++) {
        covered[i] = box == NULL || box_contains(box, &put_off->drawables[i]->draw.box);
        if (covered[i])
            dropped[count++] = put_off->drawables[i];
    }
    take_out(put_off, covered);
    while (count > 0)
        drawable_unref(dropped[--count]);
}

static bool touches(const struct put_off *put_off, unsigned i, const draw_rect *box)
{
    return box_touches(box, &put_off->drawables[i]->draw.box);
}

unsigned put_off_take(struct put_off *put_off, const draw_rect *box,
                      struct drawable *taken[PUT_OFF_MAX])
{
    bool wanted[PUT_OFF_MAX] = {false};
    unsigned count = 0, newest = put_off->count;

    while (box != NULL && newest > 0 && !touches(put_off, newest - 1, box))
        newest--;
    /* What is drawn must not be painted over by something older later. */
    for (unsigned i = newest; i-- > 0;) {
        wanted[i] = box == NULL || touches(put_off, i, box);
        for (unsigned j = i + 1; j < newest && !wanted[i]; j++)
            wanted[i] = wanted[j] && touches(put_off, i, &put_off->drawables[j]->draw.box);
    }
    for (unsigned i = 0; i < put_off->count; i++) {
        if (wanted[i])
            taken[count++] = put_off->drawables[i];
    }
    take_out(put_off, wanted);
    return count;
}
