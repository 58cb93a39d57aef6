/*
 * The window's thread: what is shown.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_SDL

#include "display/window_private.h"

#include <string.h>

/* While no picture is shown. */
#define BLANK_WIDTH  640
#define BLANK_HEIGHT 400

/*
 * SDL wakes its thread by an X event to one of the windows, which it sends through a connection of
 * its own. If the window is destroyed before the X server has come to that, Xlib ends the program
 * (BadWindow). So windows are hidden and used again, and the end of the process closes them.
 */
static bool open_view(struct window *window, struct window_view *view)
{
    if (view->renderer) {
        SDL_ShowWindow(view->window);
        return true;
    }
    if (!view->window)
        view->window =
            SDL_CreateWindow(window->name, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                             BLANK_WIDTH, BLANK_HEIGHT, SDL_WINDOW_RESIZABLE);
    view->renderer = view->window ? SDL_CreateRenderer(view->window, -1, 0) : NULL;
    if (!view->renderer && view->window)
        view->renderer = SDL_CreateRenderer(view->window, -1, SDL_RENDERER_SOFTWARE);
    return view->renderer != NULL;
}

static void close_view(struct window *window, unsigned index)
{
    struct window_view *view = &window->views[index];

    if (window->pointer_textures[index])
        SDL_DestroyTexture(window->pointer_textures[index]);
    window->pointer_textures[index] = NULL;
    if (view->texture)
        SDL_DestroyTexture(view->texture);
    view->texture = NULL;
    view->area = (SDL_Rect){0};
    SDL_SetWindowFullscreen(view->window, 0);
    SDL_HideWindow(view->window);
}

/* The view shows AREA from now on; its pixels follow. */
static void place_view(struct window_view *view, const SDL_Rect *area)
{
    bool resized = area->w != view->area.w || area->h != view->area.h;
    bool first = !view->area.w;

    view->area = *area;
    view->stale = true;
    if (!resized && view->texture)
        return;
    if (view->texture)
        SDL_DestroyTexture(view->texture);
    view->texture = area->w ? SDL_CreateTexture(view->renderer, SDL_PIXELFORMAT_RGB888,
                                                SDL_TEXTUREACCESS_STREAMING, area->w, area->h)
                            : NULL;
    int width = area->w ? area->w : BLANK_WIDTH, height = area->w ? area->h : BLANK_HEIGHT;
    if (!(SDL_GetWindowFlags(view->window) & SDL_WINDOW_FULLSCREEN)) {
        SDL_SetWindowSize(view->window, width, height);
        if (first)
            SDL_SetWindowPosition(view->window, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED);
    }
    SDL_RenderSetLogicalSize(view->renderer, width, height);
}

/* Locked. Windows for the heads as they are. */
static void lay_out(struct window *window)
{
    struct window_wish *wish = &window->wish;
    SDL_Rect areas[WINDOW_MAX_HEADS] = {{0, 0, wish->width, wish->height}};
    SDL_Rect picture = areas[0];
    unsigned count = 0;

    for (unsigned i = 0; i < wish->head_count && wish->picture; i++) {
        const draw_rect *head = &wish->heads[i];
        SDL_Rect area = {head->x1, head->y1, head->x2 - head->x1, head->y2 - head->y1};
        if (SDL_IntersectRect(&area, &picture, &area))
            areas[count++] = area;
    }
    count = MAX(count, 1);
    while (window->view_count > count)
        close_view(window, --window->view_count);
    while (window->view_count < count && open_view(window, &window->views[window->view_count]))
        window->view_count++;
    for (unsigned i = 0; i < window->view_count; i++)
        place_view(&window->views[i], &areas[i]);
    pixman_region32_clear(&wish->damage);
    if (wish->picture)
        pixman_region32_union_rect(&wish->damage, &wish->damage, 0, 0, (unsigned)wish->width,
                                   (unsigned)wish->height);
}

/* Locked. The damaged pixels go to the textures. */
static void upload(struct window *window)
{
    struct window_wish *wish = &window->wish;
    int count;
    const pixman_box32_t *boxes = pixman_region32_rectangles(&wish->damage, &count);
    const uint8_t *pixels = wish->picture ? (uint8_t *)pixman_image_get_data(wish->picture) : NULL;
    int stride = wish->picture ? pixman_image_get_stride(wish->picture) : 0;

    for (unsigned v = 0; pixels && v < window->view_count; v++) {
        struct window_view *view = &window->views[v];
        for (int i = 0; view->texture && i < count; i++) {
            SDL_Rect box = {boxes[i].x1, boxes[i].y1, boxes[i].x2 - boxes[i].x1,
                            boxes[i].y2 - boxes[i].y1};
            if (!SDL_IntersectRect(&box, &view->area, &box))
                continue;
            SDL_Rect to = {box.x - view->area.x, box.y - view->area.y, box.w, box.h};
            SDL_UpdateTexture(view->texture, &to,
                              pixels + (ptrdiff_t)box.y * stride + (ptrdiff_t)box.x * 4, stride);
            view->stale = true;
        }
    }
    pixman_region32_clear(&wish->damage);
}

/* Locked: the shape's pixels are the wish's. */
static void change_shape(struct window *window)
{
    const struct window_pointer *pointer = &window->wish.pointer;
    SDL_Surface *surface = NULL;

    if (pointer->width && pointer->height)
        surface = SDL_CreateRGBSurfaceWithFormatFrom((void *)pointer->argb, pointer->width,
                                                     pointer->height, 32, 4 * pointer->width,
                                                     SDL_PIXELFORMAT_ARGB8888);
    if (window->cursor)
        SDL_FreeCursor(window->cursor);
    window->cursor = surface
                         ? SDL_CreateColorCursor(surface, MIN(pointer->hot_x, pointer->width - 1),
                                                 MIN(pointer->hot_y, pointer->height - 1))
                         : NULL;
    for (unsigned i = 0; i < window->view_count; i++) {
        if (window->pointer_textures[i])
            SDL_DestroyTexture(window->pointer_textures[i]);
        window->pointer_textures[i] =
            surface ? SDL_CreateTextureFromSurface(window->views[i].renderer, surface) : NULL;
    }
    SDL_FreeSurface(surface);
}

static void show_pointer(struct window *window)
{
    bool by_desktop = window->absolute && window->pointer.visible && window->cursor;

    if (by_desktop)
        SDL_SetCursor(window->cursor);
    SDL_ShowCursor(by_desktop ? SDL_ENABLE : SDL_DISABLE);
    for (unsigned i = 0; !window->absolute && i < window->view_count; i++)
        window->views[i].stale = true;
}

static void paint(struct window *window, unsigned index)
{
    struct window_view *view = &window->views[index];
    const struct window_pointer *pointer = &window->pointer;
    SDL_Texture *shape = window->pointer_textures[index];

    SDL_SetRenderDrawColor(view->renderer, 0, 0, 0, 255);
    SDL_RenderClear(view->renderer);
    if (view->texture)
        SDL_RenderCopy(view->renderer, view->texture, NULL, NULL);
    if (!window->absolute && pointer->visible && shape) {
        SDL_Rect to = {pointer->x - pointer->hot_x - view->area.x,
                       pointer->y - pointer->hot_y - view->area.y, pointer->width, pointer->height};
        SDL_RenderCopy(view->renderer, shape, NULL, &to);
    }
    SDL_RenderPresent(view->renderer);
    view->stale = false;
}

/* Makes the wish true; false: it is to end. */
static bool follow_wish(struct window *window)
{
    struct window_wish *wish = &window->wish;

    pthread_mutex_lock(&window->lock);
    window->woken = false;
    bool quit = wish->quit, title = wish->title_changed || wish->layout_changed;
    bool pointer = wish->pointer_changed || wish->layout_changed;
    if (wish->layout_changed)
        lay_out(window);
    if (wish->shape_changed || wish->layout_changed)
        change_shape(window);
    upload(window);
    window->pointer = wish->pointer;
    window->pointer.argb = NULL;
    window->absolute = wish->absolute;
    wish->layout_changed = wish->shape_changed = wish->pointer_changed = false;
    pthread_mutex_unlock(&window->lock);
    if (quit)
        return false;
    if (title)
        window_update_titles(window);
    if (pointer && !window->grabbed)
        show_pointer(window);
    else if (pointer)
        for (unsigned i = 0; i < window->view_count; i++)
            window->views[i].stale = true;
    return true;
}

static void everything_is_stale(struct window *window, bool textures)
{
    pthread_mutex_lock(&window->lock);
    if (textures && window->wish.picture)
        window->wish.layout_changed = true;
    pthread_mutex_unlock(&window->lock);
    for (unsigned i = 0; i < window->view_count; i++)
        window->views[i].stale = true;
}

static void loop(struct window *window)
{
    SDL_Event event;
    bool goes_on = true;

    while (goes_on) {
        if (!SDL_WaitEvent(&event))
            break;
        do {
            if (event.type == SDL_RENDER_TARGETS_RESET || event.type == SDL_RENDER_DEVICE_RESET)
                everything_is_stale(window, true);
            else if (event.type == SDL_WINDOWEVENT &&
                     (event.window.event == SDL_WINDOWEVENT_EXPOSED ||
                      event.window.event == SDL_WINDOWEVENT_SIZE_CHANGED))
                everything_is_stale(window, false);
            window_handle_input(window, &event);
        } while (SDL_PollEvent(&event));
        goes_on = follow_wish(window);
        for (unsigned i = 0; goes_on && i < window->view_count; i++) {
            if (window->views[i].stale)
                paint(window, i);
        }
    }
}

static bool start(struct window *window)
{
    /* Signals, and when to end, are the program's business. */
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_QUIT_ON_LAST_WINDOW_CLOSE, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO))
        return false;
    window->wake_event = SDL_RegisterEvents(1);
    return follow_wish(window) && window->view_count > 0;
}

void *window_run(void *opaque)
{
    struct window *window = opaque;
    bool good = start(window);

    pthread_mutex_lock(&window->lock);
    if (!good)
        window->failure = g_strdup(*SDL_GetError() ? SDL_GetError() : "SDL2 opens no window");
    window->is_started = true;
    pthread_cond_signal(&window->started);
    pthread_mutex_unlock(&window->lock);
    if (good)
        loop(window);
    while (window->view_count > 0)
        close_view(window, --window->view_count);
    if (window->cursor)
        SDL_FreeCursor(window->cursor);
    return NULL;
}

#endif
