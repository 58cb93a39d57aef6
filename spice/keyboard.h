/*
 * The guest's keyboard, as clients type on it: scan codes go in, and what is down is remembered.
 *
 * Facts: spice-wire.md section 5.2. IO thread. Without an instance all of it does nothing.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>
#include <stdint.h>

#define KEYBOARD_SCAN_CODES 0x80

struct keyboard {
    SpiceKbdInstance *instance;        /* NULL: the host has none */
    bool extended;                     /* the last byte was the prefix of extended keys */
    bool down[2][KEYBOARD_SCAN_CODES]; /* [extended][scan code] */
};

/* One byte as keyboards send it. */
void keyboard_push(struct keyboard *keyboard, uint8_t byte);
/* A key message: up to four bytes, lowest first, until a zero. True: a lock key is among them. */
bool keyboard_push_code(struct keyboard *keyboard, uint32_t code);
/* Releases what is down. */
void keyboard_release_all(struct keyboard *keyboard);

/* The locks as the guest has them; SPICE_KEYBOARD_MODIFIER_FLAGS_*. */
uint16_t keyboard_locks(const struct keyboard *keyboard);
/* Presses those lock keys that make them LOCKS. */
void keyboard_set_locks(struct keyboard *keyboard, uint16_t locks);
