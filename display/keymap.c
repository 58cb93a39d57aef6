/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/keymap.h"

#include <stddef.h>
#include <string.h>

#define EXTENDED    0x100 /* the code follows an e0 byte */
#define RELEASED    0x80
#define PAUSE_USAGE 0x48
#define USAGE_COUNT 0xe8

/* Set-1 codes by usage, 0: none. */
static const uint16_t codes[USAGE_COUNT] = {
    /* letters, in the order of the alphabet */
    [0x04] = 0x1e,
    0x30,
    0x2e,
    0x20,
    0x12,
    0x21,
    0x22,
    0x23,
    0x17,
    0x24,
    0x25,
    0x26,
    0x32,
    0x31,
    0x18,
    0x19,
    0x10,
    0x13,
    0x1f,
    0x14,
    0x16,
    0x2f,
    0x11,
    0x2d,
    0x15,
    0x2c,
    /* 1 to 9, 0 */
    [0x1e] = 0x02,
    0x03,
    0x04,
    0x05,
    0x06,
    0x07,
    0x08,
    0x09,
    0x0a,
    0x0b,
    /* Enter, Escape, Backspace, Tab, Space */
    [0x28] = 0x1c,
    0x01,
    0x0e,
    0x0f,
    0x39,
    /* - = [ ] \ # ; ' ` , . / */
    [0x2d] = 0x0c,
    0x0d,
    0x1a,
    0x1b,
    0x2b,
    0x2b,
    0x27,
    0x28,
    0x29,
    0x33,
    0x34,
    0x35,
    /* Caps Lock, F1 to F12 */
    [0x39] = 0x3a,
    0x3b,
    0x3c,
    0x3d,
    0x3e,
    0x3f,
    0x40,
    0x41,
    0x42,
    0x43,
    0x44,
    0x57,
    0x58,
    /* Print Screen, Scroll Lock */
    [0x46] = EXTENDED | 0x37,
    0x46,
    /* Insert, Home, Page Up, Delete, End, Page Down */
    [0x49] = EXTENDED | 0x52,
    EXTENDED | 0x47,
    EXTENDED | 0x49,
    EXTENDED | 0x53,
    EXTENDED | 0x4f,
    EXTENDED | 0x51,
    /* right, left, down, up */
    [0x4f] = EXTENDED | 0x4d,
    EXTENDED | 0x4b,
    EXTENDED | 0x50,
    EXTENDED | 0x48,
    /* Num Lock and the keypad: / * - + Enter, 1 to 9, 0 and the point */
    [0x53] = 0x45,
    EXTENDED | 0x35,
    0x37,
    0x4a,
    0x4e,
    EXTENDED | 0x1c,
    0x4f,
    0x50,
    0x51,
    0x4b,
    0x4c,
    0x4d,
    0x47,
    0x48,
    0x49,
    0x52,
    0x53,
    /* the key beside the left Shift, Menu, Power, keypad = */
    [0x64] = 0x56,
    EXTENDED | 0x5d,
    EXTENDED | 0x5e,
    0x59,
    /* F13 to F24 */
    [0x68] = 0x64,
    0x65,
    0x66,
    0x67,
    0x68,
    0x69,
    0x6a,
    0x6b,
    0x6c,
    0x6d,
    0x6e,
    0x76,
    /* mute, louder, softer */
    [0x7f] = EXTENDED | 0x20,
    EXTENDED | 0x30,
    EXTENDED | 0x2e,
    /* keypad comma; keys of Japanese keyboards */
    [0x85] = 0x7e,
    [0x87] = 0x73,
    0x70,
    0x7d,
    0x79,
    0x7b,
    /* Control, Shift, Alt, Super: left, then right */
    [0xe0] = 0x1d,
    0x2a,
    0x38,
    EXTENDED | 0x5b,
    EXTENDED | 0x1d,
    0x36,
    EXTENDED | 0x38,
    EXTENDED | 0x5c,
};

unsigned keymap_ps2_bytes(uint32_t usage, bool down, uint8_t bytes[KEYMAP_MAX_BYTES])
{
    static const uint8_t pause[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    unsigned count = 0;

    if (usage == PAUSE_USAGE) {
        memcpy(bytes, pause, sizeof(pause));
        return down ? sizeof(pause) : 0;
    }
    if (usage >= USAGE_COUNT || !codes[usage])
        return 0;
    if (codes[usage] & EXTENDED)
        bytes[count++] = 0xe0;
    bytes[count++] = (uint8_t)(codes[usage] | (down ? 0 : RELEASED));
    return count;
}
