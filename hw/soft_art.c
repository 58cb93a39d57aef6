/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"

#include <string.h>

uint32_t soft_random_next(struct soft_random *random)
{
    /* A Weyl sequence through a mixing function. */
    random->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random->state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(mixed >> 32);
}

int soft_random_between(struct soft_random *random, int low, int high)
{
    uint32_t number = soft_random_next(random);
    return high <= low ? low : low + (int)(number % ((uint32_t)(high - low) + 1));
}

uint32_t soft_hash(uint32_t number)
{
    struct soft_random random = {.state = number};
    return soft_random_next(&random);
}

int soft_sine(int angle)
{
    int half = angle & 511;
    int height = half * (512 - half) / 64; /* a parabola is near enough */
    return angle & 512 ? -height : height;
}

uint32_t soft_hue(int hue, int saturation, int value)
{
    uint32_t color = 0;

    for (int third = 0; third < 3; third++) {
        int wave = 128 + soft_sine(hue + third * 341) / 8; /* 0 to 256 */
        int level = value * (255 - saturation) / 255 + value * saturation / 255 * wave / 256;
        color = color << 8 | (uint32_t)CLAMP(level, 0, 255);
    }
    return color;
}

uint32_t soft_mix(uint32_t from, uint32_t to, int step)
{
    uint32_t color = 0;

    step = CLAMP(step, 0, 256);
    for (int shift = 16; shift >= 0; shift -= 8) {
        int a = from >> shift & 0xff, b = to >> shift & 0xff;
        color |= (uint32_t)(a + (b - a) * step / 256) << shift;
    }
    return color;
}

/* --- landscape --- */

#define HILLS 4

/* Smooth noise, 0 to 1023, with a knot every 1 << SHIFT. */
static int noise(uint32_t seed, int x, int shift)
{
    int knot = x >> shift, mask = (1 << shift) - 1, part = x & mask;
    int a = (int)(soft_hash(seed + (uint32_t)knot) & 1023);
    int b = (int)(soft_hash(seed + (uint32_t)knot + 1) & 1023);
    int eased = (512 - soft_sine(256 + (part << 9 >> shift)) / 2) / 4; /* 0 to 256 */
    return a + (b - a) * eased / 256;
}

static int ridge(uint32_t seed, int x, int hill)
{
    uint32_t own = seed + (uint32_t)hill * 7919u;
    int x10 = x * (1024 / (2 + hill)) / 256;

    return (noise(own, x10, 9) * 8 + noise(own + 100u, x10, 7) * 3 + noise(own + 200u, x10, 5)) /
           12;
}

struct scene {
    uint32_t sky_top, sky_bottom, sun, hill_far, hill_near, water;
    int sun_x, sun_y, sun_size, shore;
};

static struct scene scene_of(const struct soft_landscape *land)
{
    struct soft_random random = {.state = land->seed};
    int hue = soft_random_between(&random, 0, 1023);
    struct scene scene = {
        .sky_top = soft_hue(hue, 200, 110),
        .sky_bottom = soft_hue(hue + 250, 130, 250),
        .sun = soft_mix(0xfff6d0, soft_hue(hue + 250, 100, 255), 60),
        .hill_far = soft_hue(hue + 100, 110, 190),
        .hill_near = soft_hue(hue + 60, 210, 50),
        .water = soft_hue(hue + 30, 180, 90),
    };
    scene.sun_x = soft_random_between(&random, land->width / 6, land->width * 5 / 6);
    scene.sun_y = soft_random_between(&random, land->height / 8, land->height / 2);
    scene.sun_size = MAX(4, MIN(land->width, land->height) / 14);
    scene.shore = land->height * 4 / 5;
    return scene;
}

static uint32_t sky_pixel(const struct scene *scene, int x, int y)
{
    uint32_t color = soft_mix(scene->sky_top, scene->sky_bottom, y * 256 / scene->shore);
    int64_t dx = x - scene->sun_x, dy = y - scene->sun_y, size = scene->sun_size;
    int64_t distance = dx * dx + dy * dy;

    if (distance < size * size)
        return scene->sun;
    int glow = (int)(size * size * 140 / distance);
    return soft_mix(color, scene->sun, glow);
}

static uint32_t land_pixel(const struct scene *scene, const int ridges[HILLS], int x, int y)
{
    for (int hill = HILLS - 1; hill >= 0; hill--)
        if (y >= ridges[hill]) {
            uint32_t color = soft_mix(scene->hill_far, scene->hill_near, hill * 256 / (HILLS - 1));
            return soft_mix(color, scene->sky_bottom, (y - ridges[hill]) / (hill + 2));
        }
    return sky_pixel(scene, x, y);
}

void soft_landscape_fill(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const struct soft_landscape *land = opaque;
    struct scene scene = scene_of(land);
    int top = land->top + y;

    for (int x = 0; x < width; x++) {
        int ridges[HILLS];
        int across = x * 2048 / land->width; /* the same hills at any size */
        for (int hill = 0; hill < HILLS; hill++)
            ridges[hill] = scene.shore - scene.shore * (HILLS - hill) / (HILLS + 3) +
                           (512 - ridge(land->seed, across + 4096, hill)) * scene.shore / 2600;
        for (int row = 0; row < rows; row++) {
            int at = top + row;
            uint32_t color;
            if (at < scene.shore) {
                color = land_pixel(&scene, ridges, x, at);
            } else { /* the water shows what is above it, moved by waves */
                int depth = at - scene.shore;
                int wave = soft_sine(depth * 97 + across * 3) * (depth + 8) / (1024 * 8);
                int mirrored = scene.shore - 1 - depth * 2 + wave;
                color = soft_mix(land_pixel(&scene, ridges, x, CLAMP(mirrored, 0, scene.shore - 1)),
                                 scene.water, 90 + depth * 100 / land->height);
            }
            pixels[row * width + x] = color;
        }
    }
}

/* --- moving pictures, icons, gradients --- */

void soft_plasma_init(struct soft_plasma *plasma, uint32_t seed, uint32_t time, int width,
                      int height)
{
    int hue = (int)(seed & 1023) + (int)(time & 0xffff) * 2;

    plasma->time = time;
    plasma->width = width;
    plasma->height = height;
    for (int i = 0; i < SOFT_PLASMA_COLORS; i++)
        plasma->colors[i] = soft_hue(hue + i / 8, 220, 150 + soft_sine(i / 4) / 11);
}

void soft_plasma_fill(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const struct soft_plasma *plasma = opaque;
    int time = (int)(plasma->time & 0xffff);
    int *across = g_new(int, (size_t)width);

    for (int x = 0; x < width; x++)
        across[x] = soft_sine(x * 900 / width + time * 5) + soft_sine(x * 2300 / width - time * 3);
    for (int row = 0; row < rows; row++) {
        int at = (y + row) * 1200 / MAX(1, plasma->height);
        int down = soft_sine(at - time * 4) + soft_sine(at * 2 + time * 7);
        for (int x = 0; x < width; x++) {
            int slant = soft_sine(x + y + row + time * 6);
            pixels[row * width + x] =
                plasma->colors[(across[x] + down + slant) & (SOFT_PLASMA_COLORS - 1)];
        }
    }
    g_free(across);
}

void soft_ball_fill(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const struct soft_ball *ball = opaque;
    int radius = ball->size * 8; /* 16 units to a pixel */

    for (int row = 0; row < rows; row++)
        for (int x = 0; x < width; x++) {
            int dx = x * 16 + 8 - radius, dy = (y + row) * 16 + 8 - radius;
            int distance = dx * dx + dy * dy, edge = radius * radius;
            int soft = radius * 32; /* a pixel of smooth border */
            int alpha = CLAMP((edge - distance) * 255 / MAX(1, soft), 0, 255);
            int lx = dx + radius * 2 / 5, ly = dy + radius * 2 / 5; /* the light's side */
            int light = 256 - CLAMP((lx * lx + ly * ly) / MAX(1, edge / 200), 0, 256);
            uint32_t color = soft_mix(
                soft_mix(ball->color, 0, 150),
                soft_mix(ball->color, 0xffffff, light > 230 ? (light - 230) * 9 : 0), light);
            uint32_t pixel = (uint32_t)alpha << 24;
            for (int shift = 16; shift >= 0; shift -= 8)
                pixel |= (color >> shift & 0xff) * (uint32_t)alpha / 255 << shift;
            pixels[row * width + x] = pixel;
        }
}

void soft_gradient_fill(void *opaque, uint32_t *pixels, int width, int y, int rows)
{
    const struct soft_gradient *gradient = opaque;

    for (int row = 0; row < rows; row++)
        for (int x = 0; x < width; x++) {
            int at = gradient->across ? x : gradient->top + y + row;
            pixels[row * width + x] =
                soft_mix(gradient->from, gradient->to, at * 256 / MAX(1, gradient->length));
        }
}
