/*
 * Keyboard, mouse and tablet: what clients type and point at goes to the host's devices.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_INPUT_H_
#define SPICE_INPUT_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

/* Button masks in all callbacks: 1 left, 2 right, 4 middle, 0x40 side, 0x80 extra. */

#define SPICE_INTERFACE_KEYBOARD       "keyboard"
#define SPICE_INTERFACE_KEYBOARD_MAJOR 1
#define SPICE_INTERFACE_KEYBOARD_MINOR 1

typedef struct SpiceKbdState SpiceKbdState;
typedef struct SpiceKbdInstance {
    SpiceBaseInstance base;
    SpiceKbdState *st; /* the server's */
} SpiceKbdInstance;

typedef struct SpiceKbdInterface {
    SpiceBaseInterface base;
    /* One byte of a PC/AT set 1 scan code. */
    void (*push_scan_freg)(SpiceKbdInstance *sin, uint8_t frag);
    /* 1 scroll lock, 2 num lock, 4 caps lock */
    uint8_t (*get_leds)(SpiceKbdInstance *sin);
} SpiceKbdInterface;

/* The guest has changed its lights; as get_leds. */
int spice_server_kbd_leds(SpiceKbdInstance *sin, int leds);

#define SPICE_INTERFACE_MOUSE       "mouse"
#define SPICE_INTERFACE_MOUSE_MAJOR 1
#define SPICE_INTERFACE_MOUSE_MINOR 1

typedef struct SpiceMouseState SpiceMouseState;
typedef struct SpiceMouseInstance {
    SpiceBaseInstance base;
    SpiceMouseState *st;
} SpiceMouseInstance;

typedef struct SpiceMouseInterface {
    SpiceBaseInterface base;
    /* Presses come here too, with no motion; DZ is the wheel: -1 up, 1 down. */
    void (*motion)(SpiceMouseInstance *sin, int dx, int dy, int dz, uint32_t buttons_state);
    /* A button was released. */
    void (*buttons)(SpiceMouseInstance *sin, uint32_t buttons_state);
} SpiceMouseInterface;

#define SPICE_INTERFACE_TABLET       "tablet"
#define SPICE_INTERFACE_TABLET_MAJOR 1
#define SPICE_INTERFACE_TABLET_MINOR 1

typedef struct SpiceTabletState SpiceTabletState;
typedef struct SpiceTabletInstance {
    SpiceBaseInstance base;
    SpiceTabletState *st;
} SpiceTabletInstance;

typedef struct SpiceTabletInterface {
    SpiceBaseInterface base;
    /* The range of positions from now on. */
    void (*set_logical_size)(SpiceTabletInstance *tablet, int width, int height);
    void (*position)(SpiceTabletInstance *tablet, int x, int y, uint32_t buttons_state);
    /* A press; WHEEL_MOTION is 0 for buttons proper. */
    void (*wheel)(SpiceTabletInstance *tablet, int wheel_motion, uint32_t buttons_state);
    void (*buttons)(SpiceTabletInstance *tablet, uint32_t buttons_state);
} SpiceTabletInterface;

#endif
