# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures as rows of bytes, read from PPM and PNG files without a library of ours; comparison."""

import struct
import zlib
from dataclasses import dataclass


class PictureError(Exception):
    pass


@dataclass
class Picture:
    """width * height pixels of three bytes, red, green, blue, the top row first."""

    width: int
    height: int
    pixels: bytes

    def __post_init__(self):
        expected = self.width * self.height * 3
        if len(self.pixels) != expected:
            raise PictureError(
                f"{self.width}x{self.height} needs {expected} bytes, not {len(self.pixels)}"
            )

    def pixel(self, x, y):
        start = (y * self.width + x) * 3
        return tuple(self.pixels[start : start + 3])

    def crop(self, x, y, width, height):
        rows = (
            self.pixels[((y + row) * self.width + x) * 3 : ((y + row) * self.width + x + width) * 3]
            for row in range(height)
        )
        return Picture(width, height, b"".join(rows))


def read_ppm(data):
    """A binary PPM (P6) with 8 bits per channel; comments are allowed in its header."""
    fields, position = [], 0
    while len(fields) < 4:
        while data[position : position + 1].isspace():
            position += 1
        if data[position : position + 1] == b"#":
            position = data.index(b"\n", position)
            continue
        end = position
        while end < len(data) and not data[end : end + 1].isspace():
            end += 1
        if end == position:
            raise PictureError("PPM header ends too early")
        fields.append(data[position:end])
        position = end
    if fields[0] != b"P6" or fields[3] != b"255":
        raise PictureError(f"not an 8-bit binary PPM: {fields[0]!r}, maximum {fields[3]!r}")
    width, height = int(fields[1]), int(fields[2])
    return Picture(width, height, data[position + 1 : position + 1 + width * height * 3])


def _paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def _unfilter(kind, row, previous, step):
    """Undoes one row's PNG filter in place; step is the number of bytes per pixel."""
    if kind == 0:
        return
    if kind == 2:
        for i, up in enumerate(previous):
            row[i] = (row[i] + up) & 0xFF
        return
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + previous[i]) // 2
        elif kind == 4:
            guess = _paeth(left, previous[i], previous[i - step] if i >= step else 0)
        else:
            raise PictureError(f"PNG row filter {kind} does not exist")
        row[i] = (row[i] + guess) & 0xFF


def read_png(data):
    """A PNG with 8 bits per channel, RGB or RGBA (alpha is dropped), not interlaced."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise PictureError("not a PNG")
    position, header, packed = 8, None, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
        if zlib.crc32(kind + body) != checksum:
            raise PictureError(f"PNG chunk {kind!r} has a wrong checksum")
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        position += 12 + length
    if header is None:
        raise PictureError("PNG without IHDR")
    width, height, depth, colour, _, _, interlace = header
    if depth != 8 or colour not in (2, 6) or interlace:
        raise PictureError(f"PNG of depth {depth}, colour type {colour}, interlace {interlace}")
    step = 4 if colour == 6 else 3
    stride = width * step
    raw = zlib.decompress(packed)
    previous, rows = bytearray(stride), []
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], row, previous, step)
        previous = row
        if step == 4:
            opaque = bytearray(width * 3)
            for channel in range(3):
                opaque[channel::3] = row[channel::4]
            rows.append(bytes(opaque))
        else:
            rows.append(bytes(row))
    return Picture(width, height, b"".join(rows))


def read_xwd(data):
    """A window dump of an X server with 24-bit TrueColor in 32 bits per pixel (XWD version 7)."""
    fields = struct.unpack(">25I", data[:100])
    header, version, kind, depth, width, height, _, order = fields[:8]
    bits, stride, _, red, green, blue, _, _, colours = fields[11:20]
    if (version, kind, depth, bits) != (7, 2, 24, 32):
        raise PictureError(f"XWD of version {version}, kind {kind}, {depth} in {bits} bits per pixel")
    if (red, green, blue) != (0xFF0000, 0xFF00, 0xFF):
        raise PictureError(f"XWD with colours at {red:#x}, {green:#x}, {blue:#x}")
    start = header + colours * 12
    places = (1, 2, 3) if order else (2, 1, 0)
    rows = []
    for y in range(height):
        line = data[start + y * stride : start + y * stride + width * 4]
        row = bytearray(width * 3)
        for channel, place in enumerate(places):
            row[channel::3] = line[place::4]
        rows.append(bytes(row))
    return Picture(width, height, b"".join(rows))


def read_picture(path):
    with open(path, "rb") as file:
        data = file.read()
    return read_png(data) if data[:4] == b"\x89PNG" else read_ppm(data)


def difference(expected, actual):
    """None when the pictures are the same, else a sentence that says where they differ."""
    if (expected.width, expected.height) != (actual.width, actual.height):
        return (
            f"the size is {actual.width}x{actual.height}, "
            f"expected {expected.width}x{expected.height}"
        )
    if expected.pixels == actual.pixels:
        return None
    wrong, first, rows = 0, None, []
    stride = expected.width * 3
    for y in range(expected.height):
        want = expected.pixels[y * stride : (y + 1) * stride]
        have = actual.pixels[y * stride : (y + 1) * stride]
        if want == have:
            continue
        rows.append(y)
        for x in range(expected.width):
            if want[x * 3 : x * 3 + 3] != have[x * 3 : x * 3 + 3]:
                wrong += 1
                first = first or (x, y)
    return (
        f"{wrong} pixels differ in rows {rows[0]} to {rows[-1]}; the first is {first}: "
        f"{actual.pixel(*first)}, expected {expected.pixel(*first)}"
    )
