/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/pointer.h"

#include "spice/mouse_mode.h"
#include "spice/server_state.h"

#include <spice/vd_agent.h>

/* No screen is larger, in pixels; the agent does the exact clamping. */
#define MAX_POSITION UINT16_MAX

static const SpiceMouseInterface *mouse_interface(const SpiceMouseInstance *mouse)
{
    return SPICE_CONTAINEROF(mouse->base.sif, SpiceMouseInterface, base);
}

static const SpiceTabletInterface *tablet_interface(const SpiceTabletInstance *tablet)
{
    return SPICE_CONTAINEROF(tablet->base.sif, SpiceTabletInterface, base);
}

/* The protocol's mask into that of the callbacks, spice-input.h. */
static uint32_t host_buttons(uint16_t mask)
{
    return (mask & SPICE_MOUSE_BUTTON_MASK_LEFT) | (mask & SPICE_MOUSE_BUTTON_MASK_MIDDLE) << 1 |
           (mask & SPICE_MOUSE_BUTTON_MASK_RIGHT) >> 1 | (mask & 0xffe0u) << 1;
}

/* The agent's masks are the protocol's, one bit up. */
static uint32_t agent_buttons(uint16_t mask)
{
    return (uint32_t)mask << 1;
}

static bool client_mode(const struct pointer *pointer)
{
    return pointer->server->mouse_mode == SPICE_MOUSE_MODE_CLIENT;
}

/* The agent that moves the guest's pointer; NULL: a device of the host does. */
static struct agent *moving_agent(const struct pointer *pointer)
{
    struct agent *agent = pointer->server->agent;

    return client_mode(pointer) && agent_has_pointer(agent) ? agent : NULL;
}

/* The devices that the mouse mode lets move; NULL: none. */
static SpiceMouseInstance *moving_mouse(const struct pointer *pointer)
{
    return client_mode(pointer) ? NULL : pointer->mouse;
}

static SpiceTabletInstance *moving_tablet(const struct pointer *pointer)
{
    return client_mode(pointer) ? pointer->tablet : NULL;
}

void pointer_move_by(const struct pointer *pointer, int32_t dx, int32_t dy, uint16_t buttons)
{
    SpiceMouseInstance *mouse = moving_mouse(pointer);

    if (mouse != NULL) {
        mouse_interface(mouse)->motion(mouse, dx, dy, 0, host_buttons(buttons));
    }
}

void pointer_move_to(const struct pointer *pointer, uint32_t x, uint32_t y, uint16_t buttons,
                     uint8_t display_id)
{
    struct agent *agent = moving_agent(pointer);
    SpiceTabletInstance *tablet = moving_tablet(pointer);
    int width, height;

    if (agent != NULL) {
        agent_move_pointer(agent, MIN(x, MAX_POSITION), MIN(y, MAX_POSITION),
                           agent_buttons(buttons), display_id);
        return;
    }
    server_pointer_range(pointer->server, &width, &height);
    if (tablet != NULL && width > 0 && height > 0) {
        tablet_interface(tablet)->position(tablet, (int)MIN(x, (uint32_t)width - 1),
                                           (int)MIN(y, (uint32_t)height - 1),
                                           host_buttons(buttons));
    }
}

void pointer_press(const struct pointer *pointer, uint8_t button, uint16_t buttons)
{
    struct agent *agent = moving_agent(pointer);
    SpiceTabletInstance *tablet = moving_tablet(pointer);
    SpiceMouseInstance *mouse = moving_mouse(pointer);
    bool up = button == SPICE_MOUSE_BUTTON_UP, down = button == SPICE_MOUSE_BUTTON_DOWN;
    int wheel = down - up;

    if (agent != NULL) {
        agent_push_buttons(agent, agent_buttons(buttons) | (up ? VD_AGENT_UBUTTON_MASK : 0) |
                                      (down ? VD_AGENT_DBUTTON_MASK : 0));
    } else if (tablet != NULL) {
        tablet_interface(tablet)->wheel(tablet, wheel, host_buttons(buttons));
    } else if (mouse != NULL) {
        mouse_interface(mouse)->motion(mouse, 0, 0, wheel, host_buttons(buttons));
    }
}

void pointer_release(const struct pointer *pointer, uint16_t buttons)
{
    struct agent *agent = moving_agent(pointer);
    SpiceTabletInstance *tablet = moving_tablet(pointer);
    SpiceMouseInstance *mouse = moving_mouse(pointer);

    if (agent != NULL) {
        agent_push_buttons(agent, agent_buttons(buttons));
    } else if (tablet != NULL) {
        tablet_interface(tablet)->buttons(tablet, host_buttons(buttons));
    } else if (mouse != NULL) {
        mouse_interface(mouse)->buttons(mouse, host_buttons(buttons));
    }
}

void pointer_set_range(const struct pointer *pointer, int width, int height)
{
    SpiceTabletInstance *tablet = pointer->tablet;

    if (tablet != NULL && width > 0 && height > 0) {
        tablet_interface(tablet)->set_logical_size(tablet, width, height);
    }
}
