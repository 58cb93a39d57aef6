/*
 * Load "video": a moving picture in a window, each frame sent as a whole, as players do.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"
#include "hw/soft_font.h"
#include "hw/soft_load.h"

#include <glib.h>

#define FILM_WIDTH  1280
#define FILM_HEIGHT 720
#define FRAME_COLOR 0x202428
#define BAND        64 /* rows of the background in one command */

struct video_load {
    uint32_t seed;
};

/* As large as it can be in the middle of the screen, no larger than 720p, 16 to 9. */
static struct soft_rect film_rect(int width, int height)
{
    int film = MIN(FILM_WIDTH, MIN(width * 7 / 8, height * 7 / 8 * FILM_WIDTH / FILM_HEIGHT));
    struct soft_rect rect = {.width = film / 16 * 16};

    rect.height = rect.width * FILM_HEIGHT / FILM_WIDTH;
    rect.x = (width - rect.width) / 2;
    rect.y = (height - rect.height) / 2;
    return rect;
}

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    struct soft_rect film = film_rect((int)width, (int)height);

    need->memory = (uint64_t)film.width * (uint64_t)film.height * 4 +
                   (uint64_t)width * height * 4 + /* frame 0 paints all */
                   256 * 1024;
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct video_load *video = state;
    (void)width;
    (void)height;
    video->seed = soft_hash((uint32_t)seed ^ (uint32_t)(seed >> 32) * 37u);
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    (void)state;
    (void)width;
    (void)height;
    return true;
}

static void draw_surroundings(const struct soft_target *screen, struct soft_rect film)
{
    struct soft_gradient gradient = {.from = 0x3a4250, .to = 0x0c0e12, .length = screen->height};

    for (; gradient.top < screen->height; gradient.top += BAND) {
        struct soft_picture band = {.width = screen->width,
                                    .height = MIN(BAND, screen->height - gradient.top),
                                    .fill = soft_gradient_fill,
                                    .opaque = &gradient};
        soft_copy_picture(screen, 0, gradient.top, &band, NULL);
    }
    soft_stroke_rect(screen,
                     (struct soft_rect){film.x - 2, film.y - 2, film.width + 4, film.height + 4},
                     FRAME_COLOR, SPICE_ROPD_OP_PUT, NULL);
}

static void draw(void *state, struct soft_frame *frame)
{
    const struct video_load *video = state;
    struct soft_target screen = soft_screen(frame);
    struct soft_rect film = film_rect(frame->width, frame->height);
    struct soft_plasma plasma;
    struct soft_picture picture = {
        .width = film.width, .height = film.height, .fill = soft_plasma_fill, .opaque = &plasma};
    char clock[64];

    soft_plasma_init(&plasma, video->seed, (uint32_t)frame->number, film.width, film.height);
    if (frame->number == 0)
        draw_surroundings(&screen, film);
    soft_copy_picture(&screen, film.x, film.y, &picture, NULL);
    g_snprintf(clock, sizeof(clock), " frame %8" G_GUINT64_FORMAT " ", frame->number);
    soft_text_on(&screen, film.x, film.y + film.height + 4, 1, clock, 0xd0d4d8, FRAME_COLOR);
}

const struct soft_load soft_load_video = {
    .name = "video",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
