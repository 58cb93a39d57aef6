/*
 * Load "chaos": everything that the guest can draw, in random order, on the screen and on surfaces
 * that come and go.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"
#include "hw/soft_font.h"
#include "hw/soft_load.h"

#include <glib.h>
#include <string.h>

#define COMMANDS     20          /* a frame */
#define PIXELS       (48 * 1024) /* of all pictures of a frame */
#define COMMAND_SIZE (12 * 1024) /* bytes that one takes at most, without its picture */
#define SURFACES     16
#define SURFACE_MAX  256 /* pixels, each way */
#define PICTURE_MAX  192
#define BITMAP_MAX   64
#define POINTS_MAX   12
#define CLIP_RECTS   5
#define CURSOR_MAX   48
#define NEW_SURFACES 1 /* a frame */

struct chaos_load {
    struct soft_random random;
    uint32_t surfaces[SURFACES]; /* 0: none */
    uint32_t texts;
};

struct scene {
    struct chaos_load *load;
    struct soft_random *random;
    struct soft_target target;
    struct soft_rect rect; /* inside the target */
    int pixels;            /* that pictures may still have in this frame */
};

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    uint64_t surface = soft_surface_bytes(SURFACE_MAX, SURFACE_MAX);
    (void)width;
    (void)height;

    /* Little: what lives on between frames, like a surface, leaves no large piece of memory. */
    need->memory = (PIXELS + COMMANDS) * 4 + COMMANDS * COMMAND_SIZE;
    need->video = NEW_SURFACES * surface;
    need->video_in_all = 3 * SURFACES * surface;
    need->surfaces = NEW_SURFACES;
    need->surfaces_in_all = 3 * SURFACES;
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct chaos_load *load = state;
    (void)width;
    (void)height;
    load->random.state = seed ^ UINT64_C(0x9e3779b97f4a7c15);
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    /* Numbers of surfaces are looked up before each use; the rest is chance. */
    (void)state;
    (void)width;
    (void)height;
    return true;
}

static int pick(struct scene *scene, int low, int high)
{
    return soft_random_between(scene->random, low, high);
}

static uint32_t any_color(struct scene *scene)
{
    return soft_random_next(scene->random) & 0xffffff;
}

/* Any operation that does something. */
static uint16_t any_rop(struct scene *scene)
{
    static const uint16_t rops[] = {
        SPICE_ROPD_OP_PUT,       SPICE_ROPD_OP_OR,        SPICE_ROPD_OP_AND,   SPICE_ROPD_OP_XOR,
        SPICE_ROPD_OP_BLACKNESS, SPICE_ROPD_OP_WHITENESS, SPICE_ROPD_OP_INVERS};

    return rops[pick(scene, 0, G_N_ELEMENTS(rops) - 1)];
}

static void fill_noise(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const struct soft_random *random = opaque;
    uint32_t seed = (uint32_t)random->state;

    /* Each pixel's colour is no more than its alpha, as premultiplied pixels have it. */
    for (int i = 0; i < width * rows; i++) {
        uint32_t value = soft_hash(seed + (uint32_t)(y * width + i) / 7);
        uint32_t alpha = value >> 24, level = value % (alpha + 1);
        pixels[i] = alpha << 24 | level << 16 | level / 2 << 8 | level / 3;
    }
}

static struct soft_picture any_picture(struct scene *scene)
{
    struct soft_picture picture = {.fill = fill_noise, .opaque = scene->random};
    int width = pick(scene, 1, MIN(PICTURE_MAX, scene->rect.width));
    int height = pick(scene, 1, MIN(PICTURE_MAX, scene->rect.height));

    picture.width = MIN(width, scene->pixels);
    picture.height = MIN(height, scene->pixels / picture.width);
    scene->pixels -= picture.width * picture.height;
    scene->pixels = MAX(scene->pixels, 1);
    return picture;
}

/* WIDTH and HEIGHT 0: any. BITS is the caller's. */
static struct soft_bitmap any_bitmap(struct scene *scene, int width, int height, uint8_t *bits,
                                     size_t size)
{
    struct soft_bitmap bitmap = {width ? width : pick(scene, 1, BITMAP_MAX),
                                 height ? height : pick(scene, 1, BITMAP_MAX), bits};

    for (size_t i = 0; i < size; i++)
        bits[i] = (uint8_t)soft_random_next(scene->random);
    return bitmap;
}

/* --- what is drawn --- */

static void draw_fill(struct scene *scene)
{
    soft_fill_rop(&scene->target, scene->rect, any_color(scene), any_rop(scene));
}

static void draw_pattern(struct scene *scene)
{
    uint8_t rows[8];

    for (unsigned i = 0; i < sizeof(rows); i++)
        rows[i] = (uint8_t)soft_random_next(scene->random);
    soft_fill_pattern(&scene->target, scene->rect, rows, any_color(scene), any_color(scene));
}

static void draw_plain(struct scene *scene)
{
    static const uint8_t types[] = {QXL_DRAW_BLACKNESS, QXL_DRAW_WHITENESS, QXL_DRAW_INVERS};
    soft_fill_plain(&scene->target, scene->rect, types[pick(scene, 0, 2)]);
}

static void draw_move(struct scene *scene)
{
    struct soft_rect rect = scene->rect;
    soft_copy_bits(&scene->target, rect, pick(scene, 0, scene->target.width - rect.width),
                   pick(scene, 0, scene->target.height - rect.height));
}

static void draw_picture(struct scene *scene)
{
    struct soft_picture picture = any_picture(scene);
    int x = scene->rect.x, y = scene->rect.y;

    switch (pick(scene, 0, 5)) {
    case 0:
        soft_copy_picture(&scene->target, x, y, &picture, NULL);
        break;
    case 1:
        picture.alpha = true;
        soft_copy_picture(&scene->target, x, y, &picture, NULL);
        break;
    case 2:
        picture.alpha = true;
        soft_blend_picture(&scene->target, x, y, &picture, (uint8_t)pick(scene, 0, 255));
        break;
    case 3:
        soft_copy_picture_keyed(&scene->target, x, y, &picture, 0);
        break;
    case 4:
        /* Operations that depend on pattern, source and destination. */
        soft_rop3_picture(&scene->target, x, y, &picture, any_color(scene),
                          pick(scene, 0, 1) ? 0xca : 0x96);
        break;
    default:
        soft_opaque_picture(&scene->target, x, y, &picture, any_color(scene), SPICE_ROPD_OP_XOR);
        break;
    }
}

static void draw_masked(struct scene *scene)
{
    static const int size = BITMAP_MAX;
    uint8_t bits[BITMAP_MAX / 8 * BITMAP_MAX];
    struct soft_picture picture = {
        .width = size, .height = size, .fill = fill_noise, .opaque = scene->random};
    struct soft_bitmap mask = any_bitmap(scene, size, size, bits, sizeof(bits));

    if (scene->pixels <= size * size)
        return;
    scene->pixels -= size * size;
    soft_copy_picture(&scene->target, scene->rect.x, scene->rect.y, &picture, &mask);
}

static void draw_bitmap(struct scene *scene)
{
    uint8_t bits[BITMAP_MAX / 8 * BITMAP_MAX];
    struct soft_bitmap bitmap = any_bitmap(scene, 0, 0, bits, sizeof(bits));

    soft_copy_bitmap(&scene->target, scene->rect.x, scene->rect.y, &bitmap, any_color(scene),
                     any_color(scene));
}

static void draw_surface(struct scene *scene)
{
    uint32_t surface = scene->load->surfaces[pick(scene, 0, SURFACES - 1)];

    /* One that is drawn on itself is another command: COPY_BITS. */
    if (!soft_surface_live(scene->target.frame, surface) || surface == scene->target.surface)
        return;
    struct soft_target from = soft_surface_target(scene->target.frame, surface);
    struct soft_rect rect = scene->rect;
    rect.width = MIN(rect.width, from.width);
    rect.height = MIN(rect.height, from.height);
    struct soft_source source = {surface, pick(scene, 0, from.width - rect.width),
                                 pick(scene, 0, from.height - rect.height)};
    switch (pick(scene, 0, 2)) {
    case 0:
        soft_copy_surface(&scene->target, rect, source);
        break;
    case 1:
        soft_copy_surface_keyed(&scene->target, rect, source, any_color(scene));
        break;
    default:
        soft_blend_surface(&scene->target, rect, source, (uint8_t)pick(scene, 0, 255));
        break;
    }
}

static void draw_stroke(struct scene *scene)
{
    struct soft_point points[POINTS_MAX];
    uint8_t dash[2] = {(uint8_t)pick(scene, 1, 9), (uint8_t)pick(scene, 1, 9)};
    const uint8_t *style = pick(scene, 0, 1) ? dash : NULL;
    int count = pick(scene, 2, POINTS_MAX);

    for (int i = 0; i < POINTS_MAX; i++)
        points[i] = (struct soft_point){scene->rect.x + pick(scene, 0, scene->rect.width - 1),
                                        scene->rect.y + pick(scene, 0, scene->rect.height - 1)};
    switch (pick(scene, 0, 2)) {
    case 0:
        soft_stroke(&scene->target, points, count, any_color(scene), any_rop(scene), style);
        break;
    case 1:
        soft_stroke_rect(&scene->target, scene->rect, any_color(scene), any_rop(scene), style);
        break;
    default:
        soft_stroke_curve(&scene->target, points, count >= 7 ? 7 : 4, any_color(scene));
        break;
    }
}

static void draw_text(struct scene *scene)
{
    char line[32];
    int x = scene->rect.x, y = scene->rect.y, scale = pick(scene, 1, 3);

    soft_log_line(line, sizeof(line), (uint32_t)scene->random->state, scene->load->texts++);
    switch (pick(scene, 0, 2)) {
    case 0:
        soft_text(&scene->target, x, y, scale, line, any_color(scene));
        break;
    case 1:
        soft_text_on(&scene->target, x, y, scale, line, any_color(scene), any_color(scene));
        break;
    default:
        soft_text_bitmap(&scene->target, x, y, scale, line, any_color(scene), any_color(scene));
        break;
    }
}

static void change_cursor(struct scene *scene)
{
    uint8_t mono[2 * ((CURSOR_MAX + 7) / 8) * CURSOR_MAX];
    struct soft_cursor_shape shape = {.width = pick(scene, 1, CURSOR_MAX),
                                      .height = pick(scene, 1, CURSOR_MAX),
                                      .fill = fill_noise,
                                      .opaque = scene->random};
    struct soft_frame *frame = scene->target.frame;
    int x = pick(scene, 0, frame->width - 1), y = pick(scene, 0, frame->height - 1);

    shape.hot_x = pick(scene, 0, shape.width - 1);
    shape.hot_y = pick(scene, 0, shape.height - 1);
    switch (pick(scene, 0, 9)) {
    case 0:
        soft_cursor_hide(frame);
        break;
    case 1:
        for (unsigned i = 0; i < sizeof(mono); i++)
            mono[i] = (uint8_t)soft_random_next(scene->random);
        shape.mono = mono;
        soft_cursor_set(frame, x, y, &shape);
        break;
    case 2:
        soft_cursor_set(frame, x, y, &shape);
        break;
    default:
        soft_cursor_move(frame, x, y);
        break;
    }
}

static void (*const actions[])(struct scene *scene) = {
    draw_fill,   draw_pattern, draw_plain,   draw_move, draw_picture, draw_picture, draw_masked,
    draw_bitmap, draw_surface, draw_surface, draw_text, draw_text,    draw_stroke,  change_cursor,
};

/* --- where it is drawn --- */

/* One comes, or one goes. */
static void change_surfaces(struct scene *scene, struct soft_frame *frame)
{
    uint32_t *place = &scene->load->surfaces[pick(scene, 0, SURFACES - 1)];
    int width = pick(scene, 8, SURFACE_MAX), height = pick(scene, 8, SURFACE_MAX);

    if (*place) {
        soft_surface_destroy(frame, *place);
        *place = 0;
        return;
    }
    *place = soft_surface_create(frame, width, height,
                                 pick(scene, 0, 1) ? SPICE_SURFACE_FMT_32_ARGB
                                                   : SPICE_SURFACE_FMT_32_xRGB);
    /* A new surface shows what its memory held. */
    if (*place) {
        struct soft_target target = soft_surface_target(frame, *place);
        soft_fill(&target, (struct soft_rect){0, 0, width, height}, any_color(scene));
    }
}

static void choose_place(struct scene *scene, struct soft_frame *frame)
{
    uint32_t surface = pick(scene, 0, 2) ? 0 : scene->load->surfaces[pick(scene, 0, SURFACES - 1)];

    scene->target = soft_surface_live(frame, surface) ? soft_surface_target(frame, surface)
                                                      : soft_screen(frame);
    int width = scene->target.width, height = scene->target.height;
    scene->rect.width = pick(scene, 1, MIN(width, 2 * PICTURE_MAX));
    scene->rect.height = pick(scene, 1, MIN(height, 2 * PICTURE_MAX));
    scene->rect.x = pick(scene, 0, width - scene->rect.width);
    scene->rect.y = pick(scene, 0, height - scene->rect.height);
}

static void choose_clip(struct scene *scene, pixman_region32_t *clip)
{
    int count = pick(scene, 1, CLIP_RECTS);

    pixman_region32_init(clip);
    for (int i = 0; i < count; i++) {
        int x = pick(scene, 0, scene->target.width - 1),
            y = pick(scene, 0, scene->target.height - 1);
        pixman_region32_union_rect(clip, clip, x, y,
                                   (unsigned)pick(scene, 1, scene->target.width - x),
                                   (unsigned)pick(scene, 1, scene->target.height - y));
    }
}

static void draw(void *state, struct soft_frame *frame)
{
    struct chaos_load *load = state;
    struct scene scene = {.load = load, .random = &load->random, .pixels = PIXELS};

    if (frame->number % 4 == 0)
        change_surfaces(&scene, frame);
    for (int i = 0; i < COMMANDS; i++) {
        pixman_region32_t clip;

        choose_place(&scene, frame);
        choose_clip(&scene, &clip);
        if (pick(&scene, 0, 2) == 0)
            scene.target.clip = &clip;
        actions[pick(&scene, 0, G_N_ELEMENTS(actions) - 1)](&scene);
        pixman_region32_fini(&clip);
    }
}

const struct soft_load soft_load_chaos = {
    .name = "chaos",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
