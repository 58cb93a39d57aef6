/*
 * Runs inside the guest of the guest tests, linked statically, the only program there besides
 * busybox. It shows what the frame buffer and the text console really are and draws a picture that
 * the test computes for itself (guest_pixels.h).
 *
 *   guest_pattern info              fb WIDTH HEIGHT BITS-PER-PIXEL
 *   guest_pattern draw SEED         the pattern, by stores into the mapped frame buffer; write() is
 *                                   of no use: Linux 6.1 and 6.12 mark the wrong rows as changed
 *   guest_pattern ppm W H SEED      the pattern in that size as a PPM file
 *   guest_pattern text              gives the screen back to the text console
 *   guest_pattern console           what the text console shows, as hexadecimal lines:
 *                                   "size COLUMNS ROWS", "font WIDTH HEIGHT COUNT", "glyphs ..."
 * (32 bytes for each), "palette ..." (16 times red, green, blue, by colour number), "cells ..."
 * (character and attribute, row by row)
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <linux/kd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest_pixels.h"

#define FRAME_BUFFER   "/dev/fb0"
#define TERMINAL       "/dev/tty1"
#define TERMINAL_CELLS "/dev/vcsa1"

/* The kernel hands out glyphs in slots of this many rows, whatever the height of the font. */
#define GLYPH_SLOT 32
#define MAX_GLYPHS 512

struct frame_buffer {
    int fd;
    struct fb_fix_screeninfo fix;
    struct fb_var_screeninfo var;
};

static int fail(const char *what)
{
    printf("guest_pattern: %s: %s\n", what, strerror(errno));
    return 1;
}

static int frame_buffer_open(struct frame_buffer *fb)
{
    fb->fd = open(FRAME_BUFFER, O_RDWR);
    if (fb->fd < 0)
        return fail(FRAME_BUFFER);
    if (ioctl(fb->fd, FBIOGET_FSCREENINFO, &fb->fix) < 0 ||
        ioctl(fb->fd, FBIOGET_VSCREENINFO, &fb->var) < 0)
        return fail("frame buffer information");
    return 0;
}

/* While the terminal is in graphics mode the kernel draws no text and no cursor over the picture.
 */
static int set_terminal_mode(int mode)
{
    int fd = open(TERMINAL, O_RDWR);

    if (fd < 0 || ioctl(fd, KDSETMODE, mode) < 0)
        return fail("mode of " TERMINAL);
    close(fd);
    return 0;
}

static int draw(uint32_t seed)
{
    struct frame_buffer fb;
    char *memory;

    if (frame_buffer_open(&fb) || set_terminal_mode(KD_GRAPHICS))
        return 1;
    if (fb.var.bits_per_pixel != 32) {
        errno = ENOTSUP;
        return fail("frame buffer without 32 bits per pixel");
    }
    memory = mmap(NULL, fb.fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fb.fd, 0);
    if (memory == MAP_FAILED)
        return fail("mmap of " FRAME_BUFFER);
    for (uint32_t y = 0; y < fb.var.yres; y++) {
        uint32_t *row = (uint32_t *)(memory + (size_t)y * fb.fix.line_length);

        for (uint32_t x = 0; x < fb.var.xres; x++) {
            uint32_t pixel = pattern_pixel(x, y, seed);

            row[x] = (pixel >> 16) << fb.var.red.offset |
                     (pixel >> 8 & 0xff) << fb.var.green.offset |
                     (pixel & 0xff) << fb.var.blue.offset;
        }
    }
    munmap(memory, fb.fix.smem_len);
    close(fb.fd);
    return 0;
}

static int info(void)
{
    struct frame_buffer fb;

    if (frame_buffer_open(&fb))
        return 1;
    printf("fb %u %u %u\n", fb.var.xres, fb.var.yres, fb.var.bits_per_pixel);
    return 0;
}

static void print_hex(const char *name, const uint8_t *bytes, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static int print_font(int terminal)
{
    static uint8_t glyphs[MAX_GLYPHS * GLYPH_SLOT];
    struct console_font_op op = {
        .op = KD_FONT_OP_GET,
        .width = 8,
        .height = GLYPH_SLOT,
        .charcount = MAX_GLYPHS,
        .data = glyphs,
    };

    if (ioctl(terminal, KDFONTOP, &op) < 0)
        return fail("font of " TERMINAL);
    printf("font %u %u %u\n", op.width, op.height, op.charcount);
    print_hex("glyphs", glyphs, (size_t)op.charcount * GLYPH_SLOT);
    return 0;
}

static int print_palette(int terminal)
{
    /* The ioctl counts colours in the order of the escape sequences (red is 1), cells in the
     * order of the VGA (blue is 1); this is the kernel's colour table between the two. */
    static const uint8_t vga_number[16] = {0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15};
    uint8_t by_escape[16][3], by_vga[16][3];

    if (ioctl(terminal, GIO_CMAP, by_escape) < 0)
        return fail("palette of " TERMINAL);
    for (int i = 0; i < 16; i++)
        memcpy(by_vga[vga_number[i]], by_escape[i], sizeof(by_vga[0]));
    print_hex("palette", &by_vga[0][0], sizeof(by_vga));
    return 0;
}

static int print_cells(void)
{
    uint8_t header[4]; /* rows, columns, cursor column, cursor row */
    uint8_t *cells;
    size_t size;
    int fd = open(TERMINAL_CELLS, O_RDONLY);

    if (fd < 0 || read(fd, header, sizeof(header)) != (ssize_t)sizeof(header))
        return fail(TERMINAL_CELLS);
    size = (size_t)header[0] * header[1] * 2;
    cells = malloc(size);
    if (!cells || pread(fd, cells, size, sizeof(header)) != (ssize_t)size)
        return fail("cells of " TERMINAL_CELLS);
    printf("size %u %u\n", header[1], header[0]);
    print_hex("cells", cells, size);
    free(cells);
    close(fd);
    return 0;
}

static int console(void)
{
    int terminal = open(TERMINAL, O_RDWR);

    if (terminal < 0)
        return fail(TERMINAL);
    return print_font(terminal) || print_palette(terminal) || print_cells();
}

static int ppm(uint32_t width, uint32_t height, uint32_t seed)
{
    printf("P6\n%u %u\n255\n", width, height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint32_t pixel = pattern_pixel(x, y, seed);

            putchar(pixel >> 16);
            putchar(pixel >> 8 & 0xff);
            putchar(pixel & 0xff);
        }
    }
    return 0;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (argc == 2 && strcmp(command, "info") == 0)
        return info();
    if (argc == 3 && strcmp(command, "draw") == 0)
        return draw(number(argv[2]));
    if (argc == 5 && strcmp(command, "ppm") == 0)
        return ppm(number(argv[2]), number(argv[3]), number(argv[4]));
    if (argc == 2 && strcmp(command, "text") == 0)
        return set_terminal_mode(KD_TEXT);
    if (argc == 2 && strcmp(command, "console") == 0)
        return console();
    printf("usage: guest_pattern info | draw SEED | ppm WIDTH HEIGHT SEED | text | console\n");
    return 2;
}
