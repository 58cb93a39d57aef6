/*
 * Random sessions of a guest. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/random_sequence.h"
#include "tests/support/qxl_encode.h"
#include "display/canvas.h"

#include <string.h>

#define VRAM_SLOT 1

static bool chance(struct random_sequence *sequence, int percent)
{
    return random_between(&sequence->random, 1, 100) <= percent;
}

void random_sequence_init(struct random_sequence *sequence, uint32_t seed, uint8_t only_type,
                          int limit)
{
    memset(sequence, 0, sizeof(*sequence));
    sequence->only_type = only_type;
    random_draw_init(&sequence->random, seed, sequence->surfaces, RANDOM_SURFACES);
    sequence->random.only_reference = true;
    sequence->random.promises = seed % 2;
    sequence->created =
        chance(sequence, 4) ? RANDOM_SURFACES : random_between(&sequence->random, 2, 8);
    sequence->random.surface_count = sequence->created;
    sequence->commands = random_between(&sequence->random, 4, 24);
    if (limit >= 0 && sequence->commands > limit)
        sequence->commands = limit;
}

void random_sequence_finish(struct random_sequence *sequence)
{
    random_draw_finish(&sequence->random);
}

static int random_size(struct random_sequence *sequence)
{
    if (chance(sequence, 5))
        return random_between(&sequence->random, 1, 8);
    if (chance(sequence, 5))
        return random_between(&sequence->random, 100, 400);
    return random_between(&sequence->random, 30, 100);
}

static struct random_step create(struct random_sequence *sequence, unsigned id)
{
    static const uint32_t formats[] = {
        SPICE_SURFACE_FMT_32_xRGB, SPICE_SURFACE_FMT_32_ARGB, SPICE_SURFACE_FMT_16_555,
        SPICE_SURFACE_FMT_16_565,  SPICE_SURFACE_FMT_8_A,     SPICE_SURFACE_FMT_1_A,
    };
    struct random_draw *random = &sequence->random;
    struct random_surface *surface = &sequence->surfaces[id];
    struct random_step step = {
        .type = STEP_CREATE,
        .surface = id,
        .keep = chance(sequence, 70),
        .vram = chance(sequence, 50),
    };

    /* No display shows masks. */
    surface->format = formats[random_between(random, 0, id == 0 ? 3 : 5)];
    surface->width = random_size(sequence);
    surface->height = random_size(sequence);
    int row = (surface->width * surface_format_bits(surface->format) + 31) / 32 * 4;
    if (chance(sequence, 30))
        row += 4 * random_between(random, 1, 8);
    step.stride = chance(sequence, 50) ? row : -row;
    sequence->strides[id] = step.stride;
    uint8_t *pixels = g_malloc((size_t)row * surface->height);
    g_ptr_array_add(random->memory, pixels);
    random_bytes(random, pixels, (size_t)row * surface->height);
    step.pixels = pixels;
    if (id >= sequence->count)
        sequence->count = id + 1;
    return step;
}

static bool reads(const struct draw *draw, unsigned surface)
{
    for (size_t i = 0; i < G_N_ELEMENTS(draw->sources); i++) {
        if (draw->sources[i] == (int32_t)surface)
            return true;
    }
    return false;
}

/* Some surface but the primary comes or goes. */
static bool change_surface(struct random_sequence *sequence, struct random_step *step)
{
    unsigned id = random_between(&sequence->random, 1, RANDOM_SURFACES - 1) % sequence->created;

    if (id == 0)
        return false;
    if (sequence->surfaces[id].format == 0) {
        *step = create(sequence, id);
        return true;
    }
    sequence->surfaces[id].format = 0;
    if (sequence->last != NULL && (sequence->last->surface_id == id || reads(sequence->last, id)))
        sequence->last = NULL;
    *step = (struct random_step){.type = STEP_DESTROY, .surface = id};
    return true;
}

/* Can the reference draw TYPE on a surface of FORMAT at all, and right? */
static bool reference_can(uint8_t type, uint32_t format)
{
    switch (format) {
    case 0:
        return false;
    case SPICE_SURFACE_FMT_8_A:
        return type != QXL_DRAW_ROP3;
    case SPICE_SURFACE_FMT_1_A:
        return type == QXL_DRAW_BLACKNESS || type == QXL_DRAW_WHITENESS;
    default:
        return true;
    }
}

static struct draw *make_draw(struct random_sequence *sequence)
{
    static const uint8_t types[] = {
        QXL_DRAW_FILL,        QXL_DRAW_OPAQUE,    QXL_DRAW_COPY,      QXL_COPY_BITS,
        QXL_DRAW_BLEND,       QXL_DRAW_BLACKNESS, QXL_DRAW_WHITENESS, QXL_DRAW_INVERS,
        QXL_DRAW_ROP3,        QXL_DRAW_STROKE,    QXL_DRAW_TEXT,      QXL_DRAW_TRANSPARENT,
        QXL_DRAW_ALPHA_BLEND, QXL_DRAW_COMPOSITE,
    };
    struct random_draw *random = &sequence->random;

    for (;;) {
        unsigned surface = random_between(random, 0, sequence->count - 1);
        uint8_t type = types[random_between(random, 0, G_N_ELEMENTS(types) - 1)];

        if (sequence->only_type)
            type = sequence->only_type;
        if (reference_can(type, sequence->surfaces[surface].format))
            return random_draw_make(random, type, surface);
    }
}

static struct random_step check(struct random_sequence *sequence, unsigned id, bool all)
{
    const struct random_surface *surface = &sequence->surfaces[id];
    struct random_step step = {
        .type = STEP_CHECK,
        .surface = id,
        .area = {0, 0, surface->width, surface->height},
    };

    if (!all) {
        step.area.x1 = random_between(&sequence->random, 0, surface->width - 1);
        step.area.y1 = random_between(&sequence->random, 0, surface->height - 1);
        step.area.x2 = random_between(&sequence->random, step.area.x1 + 1, surface->width);
        step.area.y2 = random_between(&sequence->random, step.area.y1 + 1, surface->height);
    }
    return step;
}

static struct random_step next_command(struct random_sequence *sequence)
{
    struct random_step step;
    unsigned id = random_between(&sequence->random, 0, sequence->count - 1);

    if (chance(sequence, 10) && change_surface(sequence, &step))
        return step;
    if (chance(sequence, 5) && sequence->surfaces[id].format != 0)
        return check(sequence, id, false);
    if (sequence->last == NULL || !chance(sequence, 5))
        sequence->last = make_draw(sequence);
    return (struct random_step){
        .type = STEP_DRAW, .surface = sequence->last->surface_id, .draw = sequence->last};
}

struct random_step random_sequence_next(struct random_sequence *sequence)
{
    if (sequence->count < sequence->created)
        return create(sequence, sequence->count);
    if (sequence->commands > 0) {
        sequence->commands--;
        return next_command(sequence);
    }
    while (sequence->checked < sequence->count) {
        unsigned id = sequence->checked++;

        if (sequence->surfaces[id].format != 0)
            return check(sequence, id, true);
    }
    return (struct random_step){.type = STEP_END};
}

/* ---- Playing ---- */

void random_player_init(struct random_player *player, struct qxl_host *host)
{
    QXLDevMemSlot slot = {
        .slot_group_id = QXL_HOST_GROUP,
        .slot_id = VRAM_SLOT,
        .generation = QXL_HOST_GENERATION,
        .virt_start = (uintptr_t)host->memory,
        .virt_end = (uintptr_t)host->memory + host->size,
        .addr_delta = (uintptr_t)host->memory,
    };

    *player = (struct random_player){.host = host, .start = host->used};
    host->library->spice_qxl_add_memslot(&host->qxl, &slot);
}

static void play_create(struct random_player *player, const struct random_surface *surface,
                        const struct random_step *step)
{
    struct qxl_host *host = player->host;
    QXLPHYSICAL address =
        qxl_host_place(host, step->pixels, (size_t)ABS(step->stride) * surface->height);
    uint32_t flags = step->keep ? QXL_SURF_FLAG_KEEP_DATA : 0;

    player->pixels[step->surface] = qxl_host_pointer(host, address);
    if (step->vram)
        address |= (QXLPHYSICAL)VRAM_SLOT << 56;
    if (step->surface == 0) {
        QXLDevSurfaceCreate create = {
            .width = surface->width,
            .height = surface->height,
            .stride = step->stride,
            .format = surface->format,
            .flags = flags,
            .mouse_mode = 1,
            .mem = address,
            .group_id = QXL_HOST_GROUP,
        };
        host->library->spice_qxl_create_primary_surface(&host->qxl, 0, &create);
        return;
    }
    QXLSurfaceCmd command = {
        .surface_id = step->surface,
        .type = QXL_SURFACE_CMD_CREATE,
        .flags = flags,
        .u.surface_create = {.format = surface->format,
                             .width = surface->width,
                             .height = surface->height,
                             .stride = step->stride,
                             .data = address},
    };
    qxl_host_push(host, QXL_CMD_SURFACE, qxl_host_place(host, &command, sizeof(command)));
}

void random_player_play(struct random_player *player, const struct random_sequence *sequence,
                        const struct random_step *step)
{
    struct qxl_host *host = player->host;
    QXLRect area = {step->area.y1, step->area.x1, step->area.y2, step->area.x2}, dirty;

    switch (step->type) {
    case STEP_CREATE:
        play_create(player, &sequence->surfaces[step->surface], step);
        break;
    case STEP_DRAW:
        qxl_host_push(host, QXL_CMD_DRAW, qxl_encode(step->draw, host));
        break;
    case STEP_DESTROY:
        qxl_host_destroy_surface(host, step->surface);
        break;
    case STEP_CHECK:
        host->library->spice_qxl_update_area(&host->qxl, step->surface, &area, &dirty, 1, 1);
        break;
    case STEP_END:
        break;
    }
}

void random_player_reset(struct random_player *player)
{
    struct qxl_host *host = player->host;

    host->library->spice_qxl_destroy_surfaces(&host->qxl);
    g_assert_cmpuint(qxl_host_released(host), ==, host->pushed);
    qxl_host_rewind(host, player->start);
}

uint8_t *random_player_row(const struct random_player *player,
                           const struct random_sequence *sequence, unsigned surface, int y)
{
    int32_t stride = sequence->strides[surface];

    if (stride < 0)
        y = sequence->surfaces[surface].height - 1 - y;
    return player->pixels[surface] + (size_t)ABS(stride) * y;
}
