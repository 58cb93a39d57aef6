# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the screen of a guest should show, computed here, and the comparison with what it shows."""

import re
import time

from cards import PICTURE_TIMEOUT, screenshot
from pictures import Picture, difference


def pattern(width, height, seed):
    """What guest_pattern.c says pattern_pixel() is, computed from its description."""
    rows = []
    for y in range(height):
        row = bytearray(width * 3)
        row[0::3] = bytes((x + 7 * seed) & 0xFF for x in range(width))
        row[1::3] = bytes((y + 3 * (x >> 8) + 11 * seed) & 0xFF for x in range(width))
        row[2::3] = bytes(((x ^ y) + 5 * (y >> 8) + 13 * seed) & 0xFF for x in range(width))
        rows.append(bytes(row))
    return Picture(width, height, b"".join(rows))


class Console:
    """The text console as the guest describes it (guest_pattern console)."""

    def __init__(self, guest):
        answer = guest.run("guest_pattern console")
        lines = dict(line.split(" ", 1) for line in answer.splitlines() if " " in line)
        self.columns, self.rows = map(int, lines["size"].split())
        self.glyph_width, self.glyph_height, self.glyph_count = map(int, lines["font"].split())
        self.glyphs = bytes.fromhex(lines["glyphs"])
        self.palette = bytes.fromhex(lines["palette"])
        self.cells = bytes.fromhex(lines["cells"])

    def text(self):
        """The lines of text, without the blanks at their ends."""
        letters = self.cells[0::2].decode("cp437")
        return [
            letters[row * self.columns : (row + 1) * self.columns].rstrip()
            for row in range(self.rows)
        ]

    def picture(self, width, height):
        """The console drawn from its text, font and colours, on a black screen of that size."""
        lines_of = {}
        rows = []
        for row in range(self.rows):
            bands = [[] for _ in range(self.glyph_height)]
            for column in range(self.columns):
                at = 2 * (row * self.columns + column)
                cell = self.cells[at : at + 2]
                if cell not in lines_of:
                    lines_of[cell] = list(self._glyph_lines(*cell))
                for band, line in zip(bands, lines_of[cell]):
                    band.append(line)
            rows += (b"".join(band).ljust(width * 3, b"\0") for band in bands)
        return Picture(width, height, b"".join(rows).ljust(width * height * 3, b"\0"))

    def _glyph_lines(self, character, attribute):
        slot = 32  # rows reserved for each glyph, see guest_pattern.c
        foreground = self.palette[3 * (attribute & 15) :][:3]
        background = self.palette[3 * (attribute >> 4) :][:3]
        for line in range(self.glyph_height):
            bits = self.glyphs[character * slot + line]
            yield b"".join(
                foreground if bits & (0x80 >> x) else background for x in range(self.glyph_width)
            )


def expect_screen(guest, expected):
    """The card shows the picture, in time, and a SPICE client sees the very same."""
    deadline = time.monotonic() + PICTURE_TIMEOUT
    while True:
        shown = guest.card.screendump(guest)
        wrong = difference(expected, shown)
        if not wrong:
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"screendump: {wrong}\n{guest.explain()}")
        time.sleep(0.3)
    wrong = difference(shown, screenshot(guest.bench, guest.card.uri))
    if wrong:
        raise AssertionError(f"spicy-screenshot is not what screendump shows: {wrong}")


def expect_pattern(guest, seed):
    """The guest draws the pattern of that seed into its frame buffer; every pixel must be shown."""
    width, height = guest.frame_buffer()
    guest.run(f"guest_pattern draw {seed}")
    expect_screen(guest, pattern(width, height, seed))


def expect_text(guest, lines):
    """The guest prints the lines on its console; the console must be shown as it really is."""
    guest.run("guest_pattern text")
    guest.run(r"printf '\033[?25l\033[0m\033[H\033[J' > /dev/tty1")
    for line in lines:
        guest.run(f"printf '%b\\r\\n' '{line}' > /dev/tty1")
    console = Console(guest)
    plain = [re.sub(r"\\033\[[0-9;]*m", "", line) for line in lines]
    if console.text()[: len(plain)] != plain:
        held = console.text()[: len(plain)]
        raise AssertionError(f"the guest's console holds {held}, not {plain}")
    width, height = guest.frame_buffer()
    expect_screen(guest, console.picture(width, height))
