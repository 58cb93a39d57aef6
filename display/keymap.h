/*
 * Keys: from what keyboards of today send to what a PC's keyboard controller gives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEYMAP_MAX_BYTES 6

/*
 * The PS/2 set-1 bytes for the key with the USB HID USAGE (page 7) going DOWN or up; returns how
 * many, at most KEYMAP_MAX_BYTES. 0: a PC has no such key, or (Pause) it says nothing when
 * released.
 */
unsigned keymap_ps2_bytes(uint32_t usage, bool down, uint8_t bytes[KEYMAP_MAX_BYTES]);
