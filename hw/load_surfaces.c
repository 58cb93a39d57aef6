/*
 * Load "surfaces": cards are made off the screen, float across a picture and are thrown away; all
 * is composed in a surface as large as the screen and shown by one copy.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"
#include "hw/soft_font.h"
#include "hw/soft_load.h"

#include <glib.h>

#define CARDS     24
#define NEW_CARDS 2 /* a frame, while there are fewer than CARDS */
#define CARD_MIN  48
#define CARD_MAX  160
#define SPEED_MAX 60 /* 1/16 of a pixel a frame */
#define LIFE_MAX  60 /* frames */
#define KEY_COLOR 0xff00ff
#define BAND      64

struct card {
    uint32_t surface; /* 0: none */
    int32_t width, height;
    int32_t x, y, dx, dy; /* 1/16 of a pixel, and that a frame */
    int32_t life;         /* frames left */
    uint32_t kind;
};

struct surfaces_load {
    struct soft_random random;
    uint32_t seed;
    uint32_t background, composed; /* surfaces */
    uint32_t made;                 /* cards so far */
    struct card cards[CARDS];
};

enum card_kind {
    CARD_COPIED,
    CARD_FADED,
    CARD_KEYED, /* with a colour that is not drawn */
    CARD_ALPHA, /* with an alpha channel */
    CARD_KINDS,
};

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    uint64_t card = soft_surface_bytes(CARD_MAX, CARD_MAX);
    uint64_t screens = 2 * soft_surface_bytes((int)width, (int)height);

    need->memory = NEW_CARDS * (uint64_t)CARD_MAX * CARD_MAX * 4 * 2 + 128 * 1024 +
                   (uint64_t)width * height * 4;
    need->video = screens + NEW_CARDS * card;
    /* What is destroyed lives on for some frames. */
    need->video_in_all = need->video + screens + 3 * CARDS * card;
    need->surfaces = 2 + NEW_CARDS;
    need->surfaces_in_all = 2 + 3 * CARDS;
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct surfaces_load *load = state;
    (void)width;
    (void)height;
    load->random.state = seed;
    load->seed = soft_random_next(&load->random);
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    const struct surfaces_load *load = state;
    int right = (int)width * 16, bottom = (int)height * 16;

    for (int i = 0; i < CARDS; i++) {
        const struct card *card = &load->cards[i];
        if (card->width < 0 || card->width > CARD_MAX || card->height < 0 ||
            card->height > CARD_MAX || card->x < 0 || card->x > right || card->y < 0 ||
            card->y > bottom || card->dx < -SPEED_MAX || card->dx > SPEED_MAX ||
            card->dy < -SPEED_MAX || card->dy > SPEED_MAX || card->life < 0 ||
            card->life > LIFE_MAX)
            return false;
    }
    return true;
}

static void draw_background(struct surfaces_load *load, struct soft_frame *frame)
{
    load->background =
        soft_surface_create(frame, frame->width, frame->height, SPICE_SURFACE_FMT_32_xRGB);
    load->composed =
        soft_surface_create(frame, frame->width, frame->height, SPICE_SURFACE_FMT_32_xRGB);

    struct soft_target target = soft_surface_target(frame, load->background);
    struct soft_landscape land = {
        .seed = load->seed, .width = frame->width, .height = frame->height};
    for (; land.top < frame->height; land.top += BAND) {
        struct soft_picture band = {.width = frame->width,
                                    .height = MIN(BAND, frame->height - land.top),
                                    .fill = soft_landscape_fill,
                                    .opaque = &land};
        soft_copy_picture(&target, 0, land.top, &band, NULL);
    }
}

/* What a card shows. */
static void draw_card(const struct soft_target *target, const struct card *card, uint32_t number)
{
    int width = card->width, height = card->height;
    uint32_t color = soft_hue((int)(soft_hash(number) & 1023), 190, 220);
    struct soft_rect all = {0, 0, width, height};
    struct soft_ball ball = {.color = color, .size = MIN(width, height)};
    struct soft_landscape land = {.seed = number, .width = width - 8, .height = height - 8};
    struct soft_gradient gradient = {
        .from = soft_mix(color, 0xffffff, 160), .to = color, .length = height};
    struct soft_picture picture = {.width = width, .height = height};
    char text[16];

    switch (card->kind) {
    case CARD_ALPHA:
        picture.width = picture.height = ball.size;
        picture.fill = soft_ball_fill;
        picture.opaque = &ball;
        picture.alpha = true;
        soft_copy_picture(target, (width - ball.size) / 2, (height - ball.size) / 2, &picture,
                          NULL);
        return;
    case CARD_KEYED:
        soft_fill(target, all, KEY_COLOR);
        for (int inset = 0; inset < MIN(width, height) / 2 - 4; inset += 6)
            soft_stroke_rect(
                target, (struct soft_rect){inset, inset, width - 2 * inset, height - 2 * inset},
                inset % 12 ? color : 0xffffff, SPICE_ROPD_OP_PUT, NULL);
        break;
    case CARD_COPIED:
        soft_fill(target, all, 0xf4f0e8);
        picture.width = land.width;
        picture.height = land.height;
        picture.fill = soft_landscape_fill;
        picture.opaque = &land;
        soft_copy_picture(target, 4, 4, &picture, NULL);
        break;
    default:
        picture.fill = soft_gradient_fill;
        picture.opaque = &gradient;
        soft_copy_picture(target, 0, 0, &picture, NULL);
        soft_stroke_rect(target, all, 0xffffff, SPICE_ROPD_OP_PUT, NULL);
        break;
    }
    g_snprintf(text, sizeof(text), "%u", number % 10000);
    soft_text(target, 8, 8, 1, text, card->kind == CARD_COPIED ? 0xffffff : 0x101010);
}

static void make_card(struct surfaces_load *load, struct soft_frame *frame, struct card *card)
{
    struct soft_random *random = &load->random;

    card->kind = (uint32_t)soft_random_between(random, 0, CARD_KINDS - 1);
    card->width = soft_random_between(random, CARD_MIN, CARD_MAX);
    card->height = soft_random_between(random, CARD_MIN, CARD_MAX);
    card->x = soft_random_between(random, 0, frame->width - card->width) * 16;
    card->y = soft_random_between(random, 0, frame->height - card->height) * 16;
    card->dx = soft_random_between(random, -SPEED_MAX, SPEED_MAX);
    card->dy = soft_random_between(random, -SPEED_MAX, SPEED_MAX);
    card->life = soft_random_between(random, LIFE_MAX / 5, LIFE_MAX);
    card->surface = soft_surface_create(frame, card->width, card->height,
                                        card->kind == CARD_ALPHA ? SPICE_SURFACE_FMT_32_ARGB
                                                                 : SPICE_SURFACE_FMT_32_xRGB);
    struct soft_target target = soft_surface_target(frame, card->surface);
    draw_card(&target, card, load->seed + load->made++);
}

/* Moves a card on, back from the borders. */
static void move_card(struct card *card, const struct soft_frame *frame)
{
    int right = (frame->width - card->width) * 16, bottom = (frame->height - card->height) * 16;

    card->x += card->dx;
    card->y += card->dy;
    if (card->x < 0 || card->x > right)
        card->dx = -card->dx;
    if (card->y < 0 || card->y > bottom)
        card->dy = -card->dy;
    card->x = CLAMP(card->x, 0, right);
    card->y = CLAMP(card->y, 0, bottom);
}

static void show_card(const struct soft_target *target, const struct card *card)
{
    struct soft_rect rect = {card->x / 16, card->y / 16, card->width, card->height};
    struct soft_source source = {.surface = card->surface};
    int alpha = MIN(255, card->life * 24); /* it fades at its end */

    switch (card->kind) {
    case CARD_KEYED:
        soft_copy_surface_keyed(target, rect, source, KEY_COLOR);
        break;
    case CARD_FADED:
        soft_blend_surface(target, rect, source, (uint8_t)MIN(alpha, 170));
        break;
    case CARD_ALPHA:
        soft_blend_surface(target, rect, source, (uint8_t)alpha);
        break;
    default:
        soft_copy_surface(target, rect, source);
        break;
    }
}

static void draw(void *state, struct soft_frame *frame)
{
    struct surfaces_load *load = state;
    struct soft_target screen = soft_screen(frame);
    struct soft_rect all = {0, 0, frame->width, frame->height};
    int made = 0;

    if (frame->number == 0)
        draw_background(load, frame);
    struct soft_target composed = soft_surface_target(frame, load->composed);
    soft_copy_surface(&composed, all, (struct soft_source){.surface = load->background});
    for (int i = 0; i < CARDS; i++) {
        struct card *card = &load->cards[i];
        if (card->surface && card->life == 0) {
            soft_surface_destroy(frame, card->surface);
            card->surface = 0;
        } else if (!card->surface && made < NEW_CARDS) {
            make_card(load, frame, card);
            made++;
        }
        if (card->surface) {
            card->life -= card->life > 0;
            move_card(card, frame);
            show_card(&composed, card);
        }
    }
    soft_copy_surface(&screen, all, (struct soft_source){.surface = load->composed});
}

const struct soft_load soft_load_surfaces = {
    .name = "surfaces",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
