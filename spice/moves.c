/*
 * Scrolling, found in pictures. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of rows are compared by their hashes. Those that are there once only say how far they have
 * moved; the distance that most of them agree on is tried on whole rows.
 *
 * Of high pictures not all rows are hashed: of what there is now every STEPth, of what there was
 * before the first STEP of every STEP * STEP. Whatever the distance, one row in so many of what has
 * moved is then in both.
 */
#include "spice/moves.h"
#include "spice/boxes.h"
#include "spice/hash.h"

#include <string.h>

/* Smaller moves are not worth looking for: rows, and pixels in all. */
#define MIN_ROWS   8
#define MIN_PIXELS 4096
/* The distance is looked for in a few strips of this width. */
#define STRIP_WIDTH 64
#define STRIPS      4
/* A move is widened by as much at a time. */
#define GROW_WIDTH 16
/* Rows that must agree on the distance. */
#define MIN_VOTES 4
/* For each of so many rows the step is one more; all are hashed of boxes less than twice as high.
 */
#define STEP_HEIGHT 256
#define MAX_STEP    4

struct rows {
    int count, step;
    uint64_t *now, *before; /* hashes, of those rows that are */
};

static bool is_hashed_before(const struct rows *rows, int i)
{
    return i % (rows->step * rows->step) < rows->step;
}

static void hash_rows(struct rows *rows, const struct front *front, const struct pixel_view *view,
                      const draw_rect *box)
{
    size_t size = (size_t)(box->x2 - box->x1) * front->pixel;

    for (int i = 0; i < rows->count; i += rows->step)
        rows->now[i] = XXH3_64bits(pixel_view_at(view, box->x1, box->y1 + i, front->pixel), size);
    for (int i = 0; i < rows->count; i++) {
        if (is_hashed_before(rows, i))
            rows->before[i] = XXH3_64bits(front_at(front, box->x1, box->y1 + i), size);
    }
}

/* Where rows were: hash -> its only index, or REPEATED. */
struct slot {
    uint64_t hash;
    int index; /* EMPTY, REPEATED or a row's */
};
enum { EMPTY = -1, REPEATED = -2 };

static struct slot *find_slot(struct slot *slots, unsigned mask, uint64_t hash)
{
    unsigned at = hash & mask;

    while (slots[at].index != EMPTY && slots[at].hash != hash)
        at = (at + 1) & mask;
    return &slots[at];
}

/* How far most rows have come from where they were, downwards; 0: they do not agree. */
static int find_distance(const struct rows *rows)
{
    unsigned size = 4;
    struct slot *slots;
    unsigned *votes = g_new0(unsigned, 2 * rows->count);
    int best = 0;

    while (size < 2 * (unsigned)rows->count)
        size *= 2;
    slots = g_new(struct slot, size);
    for (unsigned i = 0; i < size; i++)
        slots[i].index = EMPTY;
    for (int i = 0; i < rows->count; i++) {
        struct slot *slot;

        if (!is_hashed_before(rows, i))
            continue;
        slot = find_slot(slots, size - 1, rows->before[i]);
        slot->index = slot->index == EMPTY ? i : REPEATED;
        slot->hash = rows->before[i];
    }
    for (int i = 0; i < rows->count; i += rows->step) {
        const struct slot *slot = find_slot(slots, size - 1, rows->now[i]);
        int distance = slot->index - i;

        if (slot->index < 0 || distance == 0)
            continue;
        if (++votes[distance + rows->count] >= MIN_VOTES &&
            (best == 0 || votes[distance + rows->count] > votes[best + rows->count]))
            best = distance;
    }
    g_free(slots);
    g_free(votes);
    return best;
}

/* Rows of a box, or of a strip of it. */
struct comparison {
    const struct front *front;
    const struct pixel_view *view;
    draw_rect box;
};

static bool is_same(const struct comparison *comparison, int now, int before)
{
    const struct front *front = comparison->front;
    const draw_rect *box = &comparison->box;

    return memcmp(pixel_view_at(comparison->view, box->x1, box->y1 + now, front->pixel),
                  front_at(front, box->x1, box->y1 + before),
                  (size_t)(box->x2 - box->x1) * front->pixel) == 0;
}

/*
 * Adds runs of rows that came from DISTANCE below. In an order in which what moves first does not
 * paint over what moves later.
 */
static unsigned find_runs(const struct comparison *comparison, int distance,
                          struct move moves[MOVES_MAX])
{
    const draw_rect *box = &comparison->box;
    int rows = box->y2 - box->y1;
    unsigned count = 0;

    for (int done = 0; done < rows && count < MOVES_MAX;) {
        int first = distance > 0 ? done : rows - 1 - done, length = 0;
        bool news = false;

        while (done + length < rows) {
            int at = distance > 0 ? first + length : first - length;

            if (at + distance < 0 || at + distance >= rows ||
                !is_same(comparison, at, at + distance))
                break;
            news = news || !is_same(comparison, at, at);
            length++;
        }
        if (length >= MIN_ROWS && news) {
            int y = box->y1 + (distance > 0 ? first : first - length + 1);

            moves[count++] =
                (struct move){{box->x1, y, box->x2, y + length}, {box->x1, y + distance}};
        }
        done += MAX(length, 1);
    }
    return count;
}

/* Are WIDTH pixels from X on in all rows of MOVE what they were at its distance? */
static bool columns_moved(const struct front *front, const struct pixel_view *view,
                          const struct move *move, int x, int width)
{
    size_t size = (size_t)width * front->pixel;

    for (int i = 0; i < move->box.y2 - move->box.y1; i++) {
        if (memcmp(pixel_view_at(view, x, move->box.y1 + i, front->pixel),
                   front_at(front, x, move->from.y + i), size) != 0)
            return false;
    }
    return true;
}

static void widen(const struct front *front, const struct pixel_view *view, const draw_rect *limit,
                  struct move *move)
{
    while (move->box.x2 < limit->x2) {
        int width = MIN(GROW_WIDTH, limit->x2 - move->box.x2);

        if (!columns_moved(front, view, move, move->box.x2, width))
            break;
        move->box.x2 += width;
    }
    while (move->box.x1 > limit->x1) {
        int width = MIN(GROW_WIDTH, move->box.x1 - limit->x1);

        if (!columns_moved(front, view, move, move->box.x1 - width, width))
            break;
        move->box.x1 -= width;
    }
    move->from.x = move->box.x1;
}

static int64_t pixels_of(const struct move *moves, unsigned count)
{
    int64_t pixels = 0;

    for (unsigned i = 0; i < count; i++)
        pixels += box_size(&moves[i].box);
    return pixels;
}

/* What has moved in BOX as far as something in STRIP has. */
static unsigned find_in(struct rows *rows, const struct front *front, const struct pixel_view *view,
                        const draw_rect *strip, const draw_rect *box, struct move moves[MOVES_MAX])
{
    struct comparison parts = {front, view, *strip}, whole = {front, view, *box};
    unsigned count;
    int distance;

    hash_rows(rows, front, view, strip);
    distance = find_distance(rows);
    if (distance == 0)
        return 0;
    count = find_runs(&whole, distance, moves);
    if (pixels_of(moves, count) >= box_size(box) / 2)
        return count;
    /* Something beside it, or in it, has changed otherwise. */
    count = find_runs(&parts, distance, moves);
    for (unsigned i = 0; i < count; i++)
        widen(front, view, box, &moves[i]);
    return pixels_of(moves, count) >= MIN_PIXELS ? count : 0;
}

unsigned moves_find(const struct front *front, const struct pixel_view *view, const draw_rect *box,
                    struct move moves[MOVES_MAX])
{
    int width = box->x2 - box->x1, strips = width < STRIPS * STRIP_WIDTH ? 1 : STRIPS;
    struct rows rows = {.count = box->y2 - box->y1};
    unsigned count = 0;

    if (rows.count < 2 * MIN_ROWS || box_size(box) < 2 * MIN_PIXELS)
        return 0;
    rows.now = g_new(uint64_t, 2 * (size_t)rows.count);
    rows.before = rows.now + rows.count;
    rows.step = CLAMP(rows.count / STEP_HEIGHT, 1, MAX_STEP);
    for (int i = 0; i < strips && count == 0; i++) {
        draw_rect strip = *box;

        if (strips > 1) {
            strip.x1 += (width - STRIP_WIDTH) * i / (strips - 1);
            strip.x2 = strip.x1 + STRIP_WIDTH;
        }
        count = find_in(&rows, front, view, &strip, box, moves);
    }
    g_free(rows.now);
    return count;
}
