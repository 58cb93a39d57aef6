/*
 * Load "desktop": somebody works with windows, as on a machine without a compositor. Windows open,
 * are dragged, written into, covered and uncovered, and closed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/desktop_window.h"
#include "hw/soft_art.h"
#include "hw/soft_font.h"
#include "hw/soft_load.h"
#include "hw/soft_pointer.h"

#include <glib.h>

#define WINDOWS     6
#define BAR_HEIGHT  28
#define BAND        64 /* rows of the wallpaper that a frame draws */
#define MENU_ITEMS  6
#define MENU_WIDTH  132
#define MENU_HEIGHT (MENU_ITEMS * 14 + 8)
#define FRAME_TIME  (1 << 20) /* where the clock begins again */

enum activity {
    ACTIVITY_BOOT, /* the wallpaper appears */
    ACTIVITY_LOOK, /* the pointer goes somewhere */
    ACTIVITY_DRAG,
    ACTIVITY_WORK, /* in the window on top */
    ACTIVITY_MENU,
    ACTIVITY_SELECT, /* a rubber band */
    ACTIVITIES,
};

struct desktop {
    struct soft_random random;
    uint32_t seed;
    uint32_t wallpaper; /* a surface */
    uint32_t count;
    struct window windows[WINDOWS]; /* the last one is on top */
    uint32_t activity;
    int32_t left;         /* frames of it */
    int32_t dx, dy;       /* of a drag, each frame */
    struct soft_rect box; /* of the menu or the rubber band */
    int32_t pointer_x, pointer_y, goal_x, goal_y;
    uint32_t pointer; /* its shape */
};

static void need(uint32_t width, uint32_t height, struct soft_need *need)
{
    uint64_t photo = soft_surface_bytes(WINDOW_MAX_WIDTH, WINDOW_MAX_HEIGHT);
    uint64_t wallpaper = soft_surface_bytes((int)width, (int)height);

    need->memory = (uint64_t)width * BAND * 4 + photo + (3u << 20);
    need->video = wallpaper + photo;
    need->video_in_all = 2 * wallpaper + (3 * WINDOWS) * photo;
    need->surfaces = 2;
    need->surfaces_in_all = 1 + 3 * WINDOWS;
}

static void begin(void *state, uint64_t seed, uint32_t width, uint32_t height)
{
    struct desktop *desktop = state;

    desktop->random.state = seed;
    desktop->seed = soft_random_next(&desktop->random);
    desktop->activity = ACTIVITY_BOOT;
    desktop->left = ((int)height + BAND - 1) / BAND;
    desktop->pointer_x = desktop->goal_x = (int)width / 2;
    desktop->pointer_y = desktop->goal_y = (int)height / 2;
    desktop->pointer = SOFT_POINTER_BUSY;
}

static bool inside_screen(int x, int y, uint32_t width, uint32_t height)
{
    return x >= 0 && y >= 0 && x <= (int)width && y <= (int)height;
}

static bool check(const void *state, uint32_t width, uint32_t height)
{
    const struct desktop *desktop = state;

    if (desktop->count > WINDOWS || desktop->activity >= ACTIVITIES || desktop->left < 0 ||
        desktop->left > (int)height || desktop->pointer >= SOFT_POINTER_COUNT ||
        !inside_screen(desktop->pointer_x, desktop->pointer_y, width, height) ||
        !inside_screen(desktop->goal_x, desktop->goal_y, width, height) ||
        !inside_screen(desktop->box.x, desktop->box.y, width, height) ||
        !inside_screen(desktop->box.width, desktop->box.height, width, height) ||
        !inside_screen(ABS(desktop->dx / 2), ABS(desktop->dy / 2), width, height))
        return false;
    for (uint32_t i = 0; i < desktop->count; i++) {
        const struct window *window = &desktop->windows[i];
        if (!inside_screen(window->x, window->y, width, height) ||
            window->width < WINDOW_MIN_WIDTH || window->width > WINDOW_MAX_WIDTH ||
            window->height < WINDOW_MIN_HEIGHT || window->height > WINDOW_MAX_HEIGHT ||
            window->kind >= WINDOW_KINDS || window->column > UINT8_MAX)
            return false;
    }
    return true;
}

static struct window *top_window(struct desktop *desktop)
{
    return desktop->count ? &desktop->windows[desktop->count - 1] : NULL;
}

/* --- drawing what is uncovered --- */

static struct soft_rect bar_rect(const struct soft_frame *frame)
{
    return (struct soft_rect){0, frame->height - BAR_HEIGHT, frame->width, BAR_HEIGHT};
}

static void draw_clock(const struct soft_target *target)
{
    unsigned time = (unsigned)(target->frame->number % FRAME_TIME);
    char text[32];

    g_snprintf(text, sizeof(text), "%02u:%02u:%02u", time / 3600 % 24, time / 60 % 60, time % 60);
    soft_text_on(target, target->width - 60, target->height - BAR_HEIGHT + 10, 1, text, 0xf0f0f0,
                 0x283848);
}

static void draw_bar(const struct soft_target *target, const struct desktop *desktop)
{
    struct soft_rect bar = bar_rect(target->frame);
    struct soft_gradient gradient = {.from = 0x506880, .to = 0x182838, .length = bar.height};
    struct soft_picture picture = {
        .width = bar.width, .height = bar.height, .fill = soft_gradient_fill, .opaque = &gradient};
    struct soft_ball ball = {.color = soft_hue((int)(desktop->seed & 1023), 230, 230), .size = 20};
    struct soft_picture logo = {
        .width = 20, .height = 20, .fill = soft_ball_fill, .opaque = &ball, .alpha = true};

    soft_copy_picture(target, bar.x, bar.y, &picture, NULL);
    soft_blend_picture(target, bar.x + 6, bar.y + 4, &logo, 255);
    for (uint32_t i = 0; i < desktop->count; i++) {
        struct soft_rect button = {40 + (int)i * 84, bar.y + 4, 78, 20};
        bool active = i == desktop->count - 1;
        soft_fill(target, button, active ? 0x7090b0 : 0x3c5068);
        soft_text(target, button.x + 8, button.y + 6, 1, window_title(&desktop->windows[i]),
                  0xf8f8f8);
    }
    draw_clock(target);
}

/* Draws what of DAMAGE belongs to RECT and takes it out. False: nothing does. */
static bool take_visible(pixman_region32_t *damage, struct soft_rect rect,
                         pixman_region32_t *visible)
{
    pixman_region32_intersect_rect(visible, damage, rect.x, rect.y, (unsigned)rect.width,
                                   (unsigned)rect.height);
    pixman_region32_subtract(damage, damage, visible);
    return pixman_region32_not_empty(visible);
}

/* Draws all that is visible in DAMAGE, which is used up. */
static void repaint(struct desktop *desktop, struct soft_frame *frame, pixman_region32_t *damage)
{
    struct soft_target target = soft_screen(frame);
    pixman_region32_t visible;

    pixman_region32_init(&visible);
    target.clip = &visible;
    if (take_visible(damage, bar_rect(frame), &visible))
        draw_bar(&target, desktop);
    for (uint32_t i = desktop->count; i-- > 0;)
        if (take_visible(damage, window_rect(&desktop->windows[i]), &visible))
            window_draw(&target, &desktop->windows[i], i == desktop->count - 1);
    target.clip = damage;
    soft_copy_surface(&target, (struct soft_rect){0, 0, frame->width, frame->height},
                      (struct soft_source){.surface = desktop->wallpaper});
    pixman_region32_fini(&visible);
}

static void repaint_rect(struct desktop *desktop, struct soft_frame *frame, struct soft_rect rect)
{
    pixman_region32_t damage;

    pixman_region32_init_rect(&damage, rect.x, rect.y, (unsigned)rect.width, (unsigned)rect.height);
    repaint(desktop, frame, &damage);
    pixman_region32_fini(&damage);
}

/* --- windows --- */

static void open_window(struct desktop *desktop, struct soft_frame *frame)
{
    struct soft_random *random = &desktop->random;
    struct window window = {
        .width = soft_random_between(random, frame->width / 3, frame->width / 2),
        .height = soft_random_between(random, frame->height / 3, frame->height / 2),
        .kind = (uint32_t)soft_random_between(random, 0, WINDOW_KINDS - 1),
        .seed = soft_random_next(random),
    };

    /* One of each before any comes twice. */
    if (desktop->count < WINDOW_KINDS)
        window.kind = (desktop->seed + desktop->count) % WINDOW_KINDS;
    window.width = CLAMP(window.width, WINDOW_MIN_WIDTH, WINDOW_MAX_WIDTH);
    window.height = CLAMP(window.height, WINDOW_MIN_HEIGHT, WINDOW_MAX_HEIGHT);
    if (window.kind == WINDOW_DIALOG) {
        window.width = MIN(window.width, MAX(WINDOW_MIN_WIDTH, MIN(300, frame->width - 8)));
        window.height = MIN(window.height, MAX(WINDOW_MIN_HEIGHT, 190));
    }
    if (window.kind != WINDOW_DIALOG)
        window.progress = (uint32_t)soft_random_between(random, 9, 999); /* it ran before */
    window.x = soft_random_between(random, 0, frame->width - window.width);
    window.y = soft_random_between(random, 0, frame->height - BAR_HEIGHT - window.height);
    if (window.kind == WINDOW_PHOTO)
        window.picture = window_make_picture(frame, &window, window.seed);
    desktop->windows[desktop->count++] = window;

    /* The one that was on top is not any more. */
    if (desktop->count > 1)
        repaint_rect(desktop, frame, window_rect(&desktop->windows[desktop->count - 2]));
    repaint_rect(desktop, frame, window_rect(&window));
    repaint_rect(desktop, frame, bar_rect(frame));
}

static void close_window(struct desktop *desktop, struct soft_frame *frame)
{
    struct window window = *top_window(desktop);

    desktop->count--;
    window_forget_pictures(frame, &window);
    repaint_rect(desktop, frame, window_rect(&window));
    if (desktop->count)
        repaint_rect(desktop, frame, window_rect(top_window(desktop)));
    repaint_rect(desktop, frame, bar_rect(frame));
}

static void raise_window(struct desktop *desktop, struct soft_frame *frame, uint32_t index)
{
    struct window window = desktop->windows[index], old = *top_window(desktop);

    for (uint32_t i = index; i + 1 < desktop->count; i++)
        desktop->windows[i] = desktop->windows[i + 1];
    desktop->windows[desktop->count - 1] = window;
    repaint_rect(desktop, frame, window_rect(&old));
    repaint_rect(desktop, frame, window_rect(&window));
    repaint_rect(desktop, frame, bar_rect(frame));
}

/* Moves the window on top and uncovers what was below it. */
static void drag_window(struct desktop *desktop, struct soft_frame *frame)
{
    struct window *window = top_window(desktop);
    struct soft_target screen = soft_screen(frame);
    struct soft_rect old = window_rect(window);
    pixman_region32_t damage, covered;

    window->x = CLAMP(window->x + desktop->dx, 0, frame->width - window->width);
    window->y = CLAMP(window->y + desktop->dy, 0, frame->height - BAR_HEIGHT - window->height);
    soft_copy_bits(&screen, window_rect(window), old.x, old.y);
    pixman_region32_init_rect(&damage, old.x, old.y, (unsigned)old.width, (unsigned)old.height);
    pixman_region32_init_rect(&covered, window->x, window->y, (unsigned)window->width,
                              (unsigned)window->height);
    pixman_region32_subtract(&damage, &damage, &covered);
    repaint(desktop, frame, &damage);
    pixman_region32_fini(&covered);
    pixman_region32_fini(&damage);
    desktop->pointer_x = window->x + window->width / 2;
    desktop->pointer_y = window->y + 10;
    desktop->goal_x = desktop->pointer_x;
    desktop->goal_y = desktop->pointer_y;
}

/* --- what goes on --- */

static void boot_step(struct desktop *desktop, struct soft_frame *frame)
{
    struct soft_target screen = soft_screen(frame);
    int bands = (frame->height + BAND - 1) / BAND;
    int top = (bands - desktop->left - 1) * BAND; /* counted down before the step */
    int rows = MIN(BAND, frame->height - top);
    struct soft_landscape land = {
        .seed = desktop->seed, .width = frame->width, .height = frame->height, .top = top};
    struct soft_picture band = {
        .width = frame->width, .height = rows, .fill = soft_landscape_fill, .opaque = &land};

    if (!desktop->wallpaper)
        desktop->wallpaper =
            soft_surface_create(frame, frame->width, frame->height, SPICE_SURFACE_FMT_32_xRGB);
    struct soft_target wallpaper = soft_surface_target(frame, desktop->wallpaper);
    soft_copy_picture(&wallpaper, 0, top, &band, NULL);
    soft_copy_surface(&screen, (struct soft_rect){0, top, frame->width, rows},
                      (struct soft_source){.surface = desktop->wallpaper, .y = top});
    if (desktop->left == 0)
        repaint_rect(desktop, frame, bar_rect(frame));
}

static void show_menu(struct desktop *desktop, struct soft_frame *frame)
{
    static const char *const items[MENU_ITEMS] = {"Open...",     "Save",  "Print",
                                                  "Preferences", "About", "Quit"};
    struct soft_target screen = soft_screen(frame);
    struct soft_rect box = desktop->box;
    struct soft_gradient shade = {.from = 0, .to = 0, .length = 1};
    struct soft_picture shadow = {
        .width = MENU_WIDTH, .height = MENU_HEIGHT, .fill = soft_gradient_fill, .opaque = &shade};

    soft_blend_picture(&screen, box.x + 5, box.y + 5, &shadow, 90);
    soft_fill(&screen, (struct soft_rect){box.x, box.y, MENU_WIDTH, MENU_HEIGHT}, 0xf4f4f4);
    soft_stroke_rect(&screen, (struct soft_rect){box.x, box.y, MENU_WIDTH, MENU_HEIGHT}, 0x606060,
                     SPICE_ROPD_OP_PUT, NULL);
    for (int i = 0; i < MENU_ITEMS; i++)
        soft_text(&screen, box.x + 16, box.y + 6 + i * 14, 1, items[i], 0x202020);
}

static void menu_highlight(const struct desktop *desktop, struct soft_frame *frame, int item)
{
    struct soft_target screen = soft_screen(frame);
    struct soft_rect box = desktop->box;

    /* Twice is as if never. */
    soft_fill_rop(&screen, (struct soft_rect){box.x + 3, box.y + 4 + item * 14, MENU_WIDTH - 6, 13},
                  0xc0a040, SPICE_ROPD_OP_XOR);
}

static void menu_step(struct desktop *desktop, struct soft_frame *frame)
{
    int item = desktop->left / 3;

    if (desktop->left == 0) {
        repaint_rect(desktop, frame, desktop->box);
        return;
    }
    if (item >= MENU_ITEMS)
        return;
    if (desktop->left % 3 == 2)
        menu_highlight(desktop, frame, item);
    if (desktop->left % 3 == 0)
        menu_highlight(desktop, frame, item);
    desktop->goal_x = desktop->box.x + 40;
    desktop->goal_y = CLAMP(desktop->box.y + 10 + item * 14, 0, frame->height);
}

/* A rubber band: drawn by XOR and taken away by drawing it again. */
static void select_step(struct desktop *desktop, struct soft_frame *frame)
{
    static const uint8_t dashes[2] = {4, 3};
    struct soft_target screen = soft_screen(frame);

    if (desktop->box.width > 1)
        soft_stroke_rect(&screen, desktop->box, 0xffffff, SPICE_ROPD_OP_XOR, dashes);
    if (desktop->left == 0)
        return;
    desktop->box.width = MIN(desktop->box.width + 9, frame->width - desktop->box.x);
    desktop->box.height = MIN(desktop->box.height + 6, frame->height - desktop->box.y);
    soft_stroke_rect(&screen, desktop->box, 0xffffff, SPICE_ROPD_OP_XOR, dashes);
    desktop->pointer_x = desktop->goal_x = desktop->box.x + desktop->box.width;
    desktop->pointer_y = desktop->goal_y = desktop->box.y + desktop->box.height;
}

static void begin_activity(struct desktop *desktop, struct soft_frame *frame,
                           enum activity activity, int frames, enum soft_pointer pointer)
{
    desktop->activity = activity;
    desktop->left = frames;
    if (desktop->pointer != pointer) {
        desktop->pointer = pointer;
        soft_pointer_set(frame, desktop->pointer_x, desktop->pointer_y, pointer,
                         (uint32_t)frame->number);
    }
}

static void begin_work(struct desktop *desktop, struct soft_frame *frame)
{
    static const struct {
        int frames;
        enum soft_pointer pointer;
    } work[WINDOW_KINDS] = {
        [WINDOW_TERMINAL] = {60, SOFT_POINTER_TEXT}, [WINDOW_EDITOR] = {90, SOFT_POINTER_TEXT},
        [WINDOW_PHOTO] = {12, SOFT_POINTER_HAND},    [WINDOW_CHART] = {60, SOFT_POINTER_CROSS},
        [WINDOW_DIALOG] = {40, SOFT_POINTER_BUSY},
    };
    const struct window *window = top_window(desktop);

    desktop->goal_x = window->x + window->width / 2;
    desktop->goal_y = window->y + window->height / 2;
    begin_activity(desktop, frame, ACTIVITY_WORK, work[window->kind].frames,
                   work[window->kind].pointer);
}

static void next_activity(struct desktop *desktop, struct soft_frame *frame)
{
    struct soft_random *random = &desktop->random;
    int choice = soft_random_between(random, 0, 9);

    if (desktop->count < 3 || (choice == 0 && desktop->count < WINDOWS)) {
        open_window(desktop, frame);
        begin_work(desktop, frame);
    } else if (choice <= 1) {
        close_window(desktop, frame);
        begin_activity(desktop, frame, ACTIVITY_LOOK, 5, SOFT_POINTER_ARROW);
    } else if (choice <= 4) {
        raise_window(desktop, frame,
                     (uint32_t)soft_random_between(random, 0, (int)desktop->count - 1));
        desktop->dx = soft_random_between(random, -12, 12);
        desktop->dy = soft_random_between(random, -8, 8);
        begin_activity(desktop, frame, ACTIVITY_DRAG, soft_random_between(random, 10, 40),
                       SOFT_POINTER_ARROW);
    } else if (choice <= 7) {
        raise_window(desktop, frame,
                     (uint32_t)soft_random_between(random, 0, (int)desktop->count - 1));
        begin_work(desktop, frame);
    } else {
        desktop->box = (struct soft_rect){
            .x = soft_random_between(random, 0, frame->width / 2),
            .y = soft_random_between(random, 0, frame->height / 2),
        };
        desktop->goal_x = desktop->box.x;
        desktop->goal_y = desktop->box.y;
        if (choice == 8) {
            desktop->box.width = MENU_WIDTH + 5; /* with its shadow */
            desktop->box.height = MENU_HEIGHT + 5;
            show_menu(desktop, frame);
            begin_activity(desktop, frame, ACTIVITY_MENU, MENU_ITEMS * 3, SOFT_POINTER_ARROW);
        } else {
            desktop->box.width = desktop->box.height = 1;
            begin_activity(desktop, frame, ACTIVITY_SELECT, 25, SOFT_POINTER_CROSS);
        }
    }
}

/* --- frames --- */

static void work_step(struct desktop *desktop, struct soft_frame *frame)
{
    struct soft_target screen = soft_screen(frame);
    struct window *window = top_window(desktop);

    if (!window)
        return;
    if (desktop->left)
        window_step(&screen, window);
    else
        window_settle(&screen, window);
}

static void move_pointer(struct desktop *desktop, struct soft_frame *frame)
{
    int x = desktop->pointer_x, y = desktop->pointer_y;

    desktop->pointer_x += (desktop->goal_x - x) / 4;
    desktop->pointer_y += (desktop->goal_y - y) / 4;
    if (desktop->pointer == SOFT_POINTER_BUSY)
        soft_pointer_set(frame, desktop->pointer_x, desktop->pointer_y, SOFT_POINTER_BUSY,
                         (uint32_t)frame->number);
    else
        soft_cursor_move(frame, desktop->pointer_x, desktop->pointer_y);
}

static void draw(void *state, struct soft_frame *frame)
{
    struct desktop *desktop = state;

    if (desktop->left)
        desktop->left--;
    switch ((enum activity)desktop->activity) {
    case ACTIVITY_BOOT:
        boot_step(desktop, frame);
        break;
    case ACTIVITY_DRAG:
        if (desktop->count)
            drag_window(desktop, frame);
        break;
    case ACTIVITY_WORK:
        work_step(desktop, frame);
        break;
    case ACTIVITY_MENU:
        menu_step(desktop, frame);
        break;
    case ACTIVITY_SELECT:
        select_step(desktop, frame);
        break;
    default:
        break;
    }
    if (frame->number % 30 == 0 && desktop->activity != ACTIVITY_BOOT &&
        desktop->activity != ACTIVITY_SELECT && desktop->activity != ACTIVITY_MENU) {
        struct soft_target screen = soft_screen(frame);
        draw_clock(&screen);
    }
    move_pointer(desktop, frame);
    if (desktop->left == 0)
        next_activity(desktop, frame);
}

const struct soft_load soft_load_desktop = {
    .name = "desktop",
    .need = need,
    .begin = begin,
    .check = check,
    .draw = draw,
};
