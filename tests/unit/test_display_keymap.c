/*
 * Keys and pointer shapes of the window.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/keymap.h"
#include "display/pointer.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

static void check_key(uint32_t usage, const char *down, const char *up)
{
    for (unsigned pressed = 0; pressed < 2; pressed++) {
        uint8_t bytes[KEYMAP_MAX_BYTES];
        unsigned count = keymap_ps2_bytes(usage, pressed, bytes);
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < count; i++)
            g_string_append_printf(text, "%02x", bytes[i]);
        g_assert_cmpstr(text->str, ==, pressed ? down : up);
    }
}

/* Usages from the HID tables, codes from IBM's keyboard manual. */
static void test_keys(void)
{
    check_key(0x04, "1e", "9e");         /* A */
    check_key(0x1d, "2c", "ac");         /* Z */
    check_key(0x14, "10", "90");         /* Q */
    check_key(0x27, "0b", "8b");         /* 0 */
    check_key(0x28, "1c", "9c");         /* Enter */
    check_key(0x38, "35", "b5");         /* slash */
    check_key(0x3a, "3b", "bb");         /* F1 */
    check_key(0x44, "57", "d7");         /* F11 */
    check_key(0x45, "58", "d8");         /* F12 */
    check_key(0x46, "e037", "e0b7");     /* Print Screen */
    check_key(0x47, "46", "c6");         /* Scroll Lock */
    check_key(0x48, "e11d45e19dc5", ""); /* Pause */
    check_key(0x4c, "e053", "e0d3");     /* Delete */
    check_key(0x52, "e048", "e0c8");     /* up */
    check_key(0x53, "45", "c5");         /* Num Lock */
    check_key(0x58, "e01c", "e09c");     /* keypad Enter */
    check_key(0x63, "53", "d3");         /* keypad point */
    check_key(0x64, "56", "d6");         /* beside the left Shift */
    check_key(0x73, "76", "f6");         /* F24 */
    check_key(0xe0, "1d", "9d");         /* left Control */
    check_key(0xe4, "e01d", "e09d");     /* right Control */
    check_key(0xe6, "e038", "e0b8");     /* right Alt */
    check_key(0xe7, "e05c", "e0dc");     /* right Super */
    check_key(0x00, "", "");
    check_key(0x74, "", "");
    check_key(0xe8, "", "");
    check_key(UINT32_MAX, "", "");
}

static void check_shape(uint16_t type, uint16_t width, uint16_t height, const char *data,
                        size_t size, const uint32_t *expected)
{
    g_autofree uint32_t *pixels = pointer_picture(type, width, height, data, size);

    g_assert_nonnull(pixels);
    g_assert_cmpmem(pixels, 4u * width * height, expected, 4u * width * height);
}

#define CHECK(type, width, height, data, ...)                                                      \
    check_shape(type, width, height, data, sizeof(data) - 1, (const uint32_t[]){__VA_ARGS__})

static void test_shapes(void)
{
    /* blue, green, red, alpha; half transparent colours are multiplied */
    CHECK(SPICE_CURSOR_TYPE_ALPHA, 3, 1, "\1\2\3\377\0\100\0\200\5\5\5\0", 0xff030201, 0x80008000,
          0);
    /* what is missing is transparent */
    CHECK(SPICE_CURSOR_TYPE_ALPHA, 1, 2, "\1\2\3\377", 0xff030201, 0);
    /* black, white, transparent, inverting; the second row begins a new byte */
    CHECK(SPICE_CURSOR_TYPE_MONO, 4, 2, "\060\300\120\100", 0xff000000, 0xffffffff, 0, 0xff000000,
          0, 0xff000000, 0xff000000, 0xff000000);
    CHECK(SPICE_CURSOR_TYPE_COLOR32, 2, 1, "\1\2\3\0\0\0\0\0\100", 0xff030201, 0);
    CHECK(SPICE_CURSOR_TYPE_COLOR24, 2, 1, "\1\2\3\4\5\6\0", 0xff030201, 0xff060504);
    CHECK(SPICE_CURSOR_TYPE_COLOR16, 2, 1, "\037\0\0\174\0", 0xff0000ff, 0xffff0000);
    char color4[2 + 64 + 1] = "\x12\xf0";
    memcpy(color4 + 2 + 4, "\1\1\1", 3);
    memcpy(color4 + 2 + 8, "\2\2\2", 3);
    memcpy(color4 + 2 + 60, "\3\3\3", 3);
    check_shape(SPICE_CURSOR_TYPE_COLOR4, 3, 1, color4, sizeof(color4),
                (const uint32_t[]){0xff010101, 0xff020202, 0xff030303});
    char color8[2 + 1024 + 1] = "\0\377";
    memcpy(color8 + 2 + 1020, "\1\2\3", 3);
    color8[2 + 1024] = (char)0x80;
    check_shape(SPICE_CURSOR_TYPE_COLOR8, 2, 1, color8, sizeof(color8),
                (const uint32_t[]){0, 0xff030201});
    g_free(pointer_picture(SPICE_CURSOR_TYPE_MONO, 0, 0, NULL, 0));
    g_assert_null(pointer_picture(SPICE_CURSOR_TYPE_ALPHA, 513, 1, NULL, 0));
    g_assert_null(pointer_picture(7, 1, 1, NULL, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keymap/keys", test_keys);
    g_test_add_func("/pointer/shapes", test_shapes);
    return g_test_run();
}
