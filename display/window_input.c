/*
 * The window's thread: what the user does.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_SDL

#include "display/keymap.h"
#include "display/window_private.h"

static struct window_view *find_view(struct window *window, uint32_t id)
{
    for (unsigned i = 0; i < window->view_count; i++) {
        if (SDL_GetWindowID(window->views[i].window) == id)
            return &window->views[i];
    }
    return NULL;
}

void window_update_titles(struct window *window)
{
    char state[sizeof(window->wish.state)];

    pthread_mutex_lock(&window->lock);
    g_strlcpy(state, window->wish.state, sizeof(state));
    window->wish.title_changed = false;
    pthread_mutex_unlock(&window->lock);
    for (unsigned i = 0; i < window->view_count; i++) {
        g_autoptr(GString) title = g_string_new(window->name);
        if (window->view_count > 1)
            g_string_append_printf(title, ", screen %u", i + 1);
        if (*state)
            g_string_append_printf(title, " (%s)", state);
        if (window->grabbed)
            g_string_append(title, " - Ctrl+Alt+G releases the mouse");
        SDL_SetWindowTitle(window->views[i].window, title->str);
    }
}

void window_set_grab(struct window *window, SDL_Window *on, bool grab)
{
    window->grabbed = grab;
    SDL_SetWindowGrab(on, grab ? SDL_TRUE : SDL_FALSE);
    SDL_SetRelativeMouseMode(grab && !window->absolute ? SDL_TRUE : SDL_FALSE);
    window_update_titles(window);
}

static void send_key(struct window *window, SDL_Scancode key, bool down)
{
    uint8_t bytes[KEYMAP_MAX_BYTES];
    unsigned count = keymap_ps2_bytes(key, down, bytes); /* scancodes are HID usages */

    window->pressed[key] = down;
    if (count)
        window->user->key(window->opaque, bytes, count);
}

/* The desktop does not say when keys go up while another window has the keyboard. */
static void release_keys(struct window *window)
{
    for (unsigned key = 0; key < SDL_NUM_SCANCODES; key++) {
        if (window->pressed[key])
            send_key(window, (SDL_Scancode)key, false);
    }
}

/* Keys that are the window's own: with Control and Alt. */
static bool take_own_key(struct window *window, const SDL_KeyboardEvent *key)
{
    SDL_Window *on = SDL_GetWindowFromID(key->windowID);
    bool mine = (key->keysym.mod & KMOD_CTRL) && (key->keysym.mod & KMOD_ALT) && on &&
                (key->keysym.scancode == SDL_SCANCODE_G || key->keysym.scancode == SDL_SCANCODE_F);

    if (!mine || key->type != SDL_KEYDOWN)
        return mine && !window->pressed[key->keysym.scancode];
    if (key->repeat)
        return true;
    if (key->keysym.scancode == SDL_SCANCODE_G) {
        window_set_grab(window, on, !window->grabbed);
    } else {
        bool full = SDL_GetWindowFlags(on) & SDL_WINDOW_FULLSCREEN_DESKTOP;
        struct window_view *view = find_view(window, key->windowID);
        SDL_SetWindowFullscreen(on, full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
        if (full && view && view->area.w)
            SDL_SetWindowSize(on, view->area.w, view->area.h);
    }
    return true;
}

static void handle_key(struct window *window, const SDL_KeyboardEvent *key)
{
    SDL_Scancode code = key->keysym.scancode;

    if (code >= SDL_NUM_SCANCODES || take_own_key(window, key))
        return;
    if (key->type == SDL_KEYDOWN || window->pressed[code])
        send_key(window, code, key->type == SDL_KEYDOWN);
}

static uint32_t button_bit(uint8_t button)
{
    switch (button) {
    case SDL_BUTTON_LEFT:
        return WINDOW_BUTTON_LEFT;
    case SDL_BUTTON_MIDDLE:
        return WINDOW_BUTTON_MIDDLE;
    case SDL_BUTTON_RIGHT:
        return WINDOW_BUTTON_RIGHT;
    default:
        return 0;
    }
}

static void send_position(struct window *window, uint32_t id, int x, int y, int dz)
{
    const struct window_view *view = find_view(window, id);

    window->mouse_x = x;
    window->mouse_y = y;
    if (!view || !view->area.w)
        return;
    window->user->position(window->opaque, view->area.x + CLAMP(x, 0, view->area.w - 1),
                           view->area.y + CLAMP(y, 0, view->area.h - 1), dz, window->buttons);
}

static void handle_motion(struct window *window, const SDL_MouseMotionEvent *motion)
{
    if (window->absolute)
        send_position(window, motion->windowID, motion->x, motion->y, 0);
    else if (window->grabbed)
        window->user->motion(window->opaque, motion->xrel, motion->yrel, 0, window->buttons);
}

static void handle_button(struct window *window, const SDL_MouseButtonEvent *button)
{
    uint32_t bit = button_bit(button->button);
    bool down = button->type == SDL_MOUSEBUTTONDOWN;

    if (!window->absolute && !window->grabbed) {
        /* The first click only takes the mouse. */
        if (down)
            window_set_grab(window, SDL_GetWindowFromID(button->windowID), true);
        return;
    }
    if (!bit)
        return;
    window->buttons = down ? window->buttons | bit : window->buttons & ~bit;
    if (window->absolute)
        send_position(window, button->windowID, button->x, button->y, 0);
    else
        window->user->motion(window->opaque, 0, 0, 0, window->buttons);
}

static void handle_wheel(struct window *window, const SDL_MouseWheelEvent *wheel)
{
    int dz = wheel->direction == SDL_MOUSEWHEEL_FLIPPED ? wheel->y : -wheel->y;

    if (!dz)
        return;
    if (window->absolute)
        send_position(window, wheel->windowID, window->mouse_x, window->mouse_y, dz);
    else if (window->grabbed)
        window->user->motion(window->opaque, 0, 0, dz, window->buttons);
}

static void handle_window(struct window *window, const SDL_WindowEvent *event)
{
    switch (event->event) {
    case SDL_WINDOWEVENT_FOCUS_LOST:
        release_keys(window);
        window->buttons = 0;
        if (window->grabbed && SDL_GetWindowFromID(event->windowID))
            window_set_grab(window, SDL_GetWindowFromID(event->windowID), false);
        break;
    case SDL_WINDOWEVENT_CLOSE:
        window->user->closed(window->opaque);
        break;
    default:
        break;
    }
}

bool window_handle_input(struct window *window, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        handle_key(window, &event->key);
        return true;
    case SDL_MOUSEMOTION:
        handle_motion(window, &event->motion);
        return true;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        handle_button(window, &event->button);
        return true;
    case SDL_MOUSEWHEEL:
        handle_wheel(window, &event->wheel);
        return true;
    case SDL_WINDOWEVENT:
        handle_window(window, &event->window);
        return true;
    default:
        return false;
    }
}

#endif
