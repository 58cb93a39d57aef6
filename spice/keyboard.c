/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/keyboard.h"

#include <glib.h>
#include <spice/enums.h>
#include <spice/macros.h>

#define SCAN_EXTENDED 0xe0 /* prefix of the keys that the first PC keyboards did not have */
#define SCAN_RELEASE  KEYBOARD_SCAN_CODES

static const struct lock_key {
    uint16_t lock;
    uint8_t scan;
} lock_keys[] = {
    {SPICE_KEYBOARD_MODIFIER_FLAGS_SCROLL_LOCK, 0x46},
    {SPICE_KEYBOARD_MODIFIER_FLAGS_NUM_LOCK, 0x45},
    {SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK, 0x3a},
};

static const SpiceKbdInterface *interface_of(const SpiceKbdInstance *instance)
{
    return SPICE_CONTAINEROF(instance->base.sif, SpiceKbdInterface, base);
}

/* Whatever nonsense a client sends, it is known which keys are down. */
void keyboard_push(struct keyboard *keyboard, uint8_t byte)
{
    SpiceKbdInstance *instance = keyboard->instance;

    if (instance == NULL) {
        return;
    }
    if (byte == SCAN_EXTENDED) {
        keyboard->extended = true;
    } else {
        keyboard->down[keyboard->extended][byte & ~SCAN_RELEASE] = !(byte & SCAN_RELEASE);
        keyboard->extended = false;
    }
    interface_of(instance)->push_scan_freg(instance, byte);
}

static bool is_lock_key(uint8_t scan)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lock_keys); i++) {
        if (scan == lock_keys[i].scan) {
            return true;
        }
    }
    return false;
}

bool keyboard_push_code(struct keyboard *keyboard, uint32_t code)
{
    bool has_lock_key = false;

    for (uint8_t byte; (byte = code & 0xff) != 0; code >>= 8) {
        keyboard_push(keyboard, byte);
        has_lock_key = has_lock_key || is_lock_key(byte & ~SCAN_RELEASE);
    }
    return has_lock_key;
}

void keyboard_release_all(struct keyboard *keyboard)
{
    keyboard->extended = false;
    for (int extended = 0; extended < 2; extended++) {
        for (int scan = 0; scan < KEYBOARD_SCAN_CODES; scan++) {
            if (!keyboard->down[extended][scan]) {
                continue;
            }
            if (extended) {
                keyboard_push(keyboard, SCAN_EXTENDED);
            }
            keyboard_push(keyboard, scan | SCAN_RELEASE);
        }
    }
}

uint16_t keyboard_locks(const struct keyboard *keyboard)
{
    SpiceKbdInstance *instance = keyboard->instance;

    return instance != NULL ? interface_of(instance)->get_leds(instance) : 0;
}

void keyboard_set_locks(struct keyboard *keyboard, uint16_t locks)
{
    uint16_t differing = keyboard_locks(keyboard) ^ locks;

    for (size_t i = 0; i < G_N_ELEMENTS(lock_keys); i++) {
        uint8_t scan = lock_keys[i].scan;

        if (differing & lock_keys[i].lock && !keyboard->down[0][scan]) {
            keyboard_push(keyboard, scan);
            keyboard_push(keyboard, scan | SCAN_RELEASE);
        }
    }
}
