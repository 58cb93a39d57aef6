/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/inputs.h"

#include "cli/options.h"

#include <spice/enums.h>

/* PS/2 set 1. */
enum {
    KEY_NUM_LOCK = 0x45,
    KEY_SCROLL_LOCK = 0x46,
    KEY_CAPS_LOCK = 0x3a,
    KEY_EXTENDED = 0xe0, /* prefix: one more byte belongs to the key */
    KEY_PAUSE = 0xe1,    /* prefix: two more bytes */
};

struct keyboard {
    SpiceKbdInstance instance; /* first */
    struct inputs *inputs;
    uint8_t leds;      /* SPICE_KEYBOARD_MODIFIER_FLAGS_* */
    unsigned prefixed; /* bytes to come that belong to a prefixed key */
};

struct mouse {
    SpiceMouseInstance instance;
    struct inputs *inputs;
};

struct tablet {
    SpiceTabletInstance instance;
    struct inputs *inputs;
};

struct inputs {
    struct engine *engine; /* NULL: disconnected */
    struct keyboard keyboard;
    struct mouse mouse;
    struct tablet tablet;
};

/* Calls an optional operation of the engine. */
#define TELL(inputs, operation, ...)                                                               \
    do {                                                                                           \
        struct engine *engine_ = (inputs)->engine;                                                 \
        if (engine_ && engine_->impl->operation)                                                   \
            engine_->impl->operation(engine_, ##__VA_ARGS__);                                      \
    } while (0)

/*
 * An engine does not tell its guest's LEDs, so they are followed from the lock keys: without that
 * every client would find a difference and press the lock keys again and again.
 */
static void follow_leds(struct keyboard *keyboard, uint8_t byte)
{
    uint8_t led = 0;

    if (keyboard->prefixed) {
        keyboard->prefixed--;
        return;
    }
    switch (byte) {
    case KEY_EXTENDED:
        keyboard->prefixed = 1;
        break;
    case KEY_PAUSE:
        keyboard->prefixed = 2;
        break;
    case KEY_NUM_LOCK:
        led = SPICE_KEYBOARD_MODIFIER_FLAGS_NUM_LOCK;
        break;
    case KEY_SCROLL_LOCK:
        led = SPICE_KEYBOARD_MODIFIER_FLAGS_SCROLL_LOCK;
        break;
    case KEY_CAPS_LOCK:
        led = SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK;
        break;
    }
    if (led) {
        keyboard->leds ^= led;
        spice_server_kbd_leds(&keyboard->instance, keyboard->leds);
    }
}

static void keyboard_byte(SpiceKbdInstance *instance, uint8_t byte)
{
    struct keyboard *keyboard = (struct keyboard *)instance;

    TELL(keyboard->inputs, key_byte, byte);
    if (keyboard->inputs->engine)
        follow_leds(keyboard, byte);
}

static uint8_t keyboard_leds(SpiceKbdInstance *instance)
{
    return ((struct keyboard *)instance)->leds;
}

static void mouse_motion(SpiceMouseInstance *instance, int dx, int dy, int dz, uint32_t buttons)
{
    TELL(((struct mouse *)instance)->inputs, pointer_motion, dx, dy, dz, buttons);
}

static void mouse_buttons(SpiceMouseInstance *instance, uint32_t buttons)
{
    mouse_motion(instance, 0, 0, 0, buttons);
}

static void tablet_size(SpiceTabletInstance *instance, int width, int height)
{
    TELL(((struct tablet *)instance)->inputs, display_size, width, height);
}

static void tablet_position(SpiceTabletInstance *instance, int x, int y, uint32_t buttons)
{
    TELL(((struct tablet *)instance)->inputs, pointer_position, x, y, buttons);
}

static void tablet_wheel(SpiceTabletInstance *instance, int dz, uint32_t buttons)
{
    TELL(((struct tablet *)instance)->inputs, pointer_wheel, dz, buttons);
}

static void tablet_buttons(SpiceTabletInstance *instance, uint32_t buttons)
{
    tablet_wheel(instance, 0, buttons);
}

static const SpiceKbdInterface keyboard_interface = {
    .base = {SPICE_INTERFACE_KEYBOARD, "keyboard", SPICE_INTERFACE_KEYBOARD_MAJOR,
             SPICE_INTERFACE_KEYBOARD_MINOR},
    .push_scan_freg = keyboard_byte,
    .get_leds = keyboard_leds,
};

static const SpiceMouseInterface mouse_interface = {
    .base = {SPICE_INTERFACE_MOUSE, "mouse", SPICE_INTERFACE_MOUSE_MAJOR,
             SPICE_INTERFACE_MOUSE_MINOR},
    .motion = mouse_motion,
    .buttons = mouse_buttons,
};

static const SpiceTabletInterface tablet_interface = {
    .base = {SPICE_INTERFACE_TABLET, "tablet", SPICE_INTERFACE_TABLET_MAJOR,
             SPICE_INTERFACE_TABLET_MINOR},
    .set_logical_size = tablet_size,
    .position = tablet_position,
    .wheel = tablet_wheel,
    .buttons = tablet_buttons,
};

struct inputs *inputs_create(SpiceServer *server, struct engine *engine, GError **error)
{
    struct inputs *inputs = g_new0(struct inputs, 1);
    bool tablet = engine->impl->wants_tablet && engine->impl->wants_tablet(engine);

    inputs->engine = engine;
    inputs->keyboard.instance.base.sif = &keyboard_interface.base;
    inputs->mouse.instance.base.sif = &mouse_interface.base;
    inputs->tablet.instance.base.sif = &tablet_interface.base;
    inputs->keyboard.inputs = inputs->mouse.inputs = inputs->tablet.inputs = inputs;
    if (spice_server_add_interface(server, &inputs->keyboard.instance.base) ||
        spice_server_add_interface(server, &inputs->mouse.instance.base) ||
        (tablet && spice_server_add_interface(server, &inputs->tablet.instance.base))) {
        g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                    "the SPICE server does not take a keyboard, mouse and tablet");
        g_free(inputs);
        return NULL;
    }
    return inputs;
}

void inputs_key_byte(struct inputs *inputs, uint8_t byte)
{
    keyboard_byte(&inputs->keyboard.instance, byte);
}

void inputs_motion(struct inputs *inputs, int dx, int dy, int dz, uint32_t buttons)
{
    mouse_motion(&inputs->mouse.instance, dx, dy, dz, buttons);
}

void inputs_position(struct inputs *inputs, int x, int y, int dz, uint32_t buttons)
{
    tablet_position(&inputs->tablet.instance, x, y, buttons);
    if (dz)
        tablet_wheel(&inputs->tablet.instance, dz, buttons);
}

void inputs_display_size(struct inputs *inputs, int width, int height)
{
    tablet_size(&inputs->tablet.instance, width, height);
}

bool inputs_want_positions(const struct inputs *inputs)
{
    const struct engine *engine = inputs->engine;

    return engine && engine->impl->wants_tablet &&
           engine->impl->wants_tablet((struct engine *)engine);
}

void inputs_disconnect(struct inputs *inputs)
{
    if (inputs)
        inputs->engine = NULL;
}

void inputs_destroy(struct inputs *inputs)
{
    g_free(inputs);
}
