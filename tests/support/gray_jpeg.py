# SPDX-License-Identifier: LGPL-2.1-or-later
"""JPEG pictures of one gray, by the standard (ITU-T T.81): every decoder gets exactly that gray."""

import struct


def _segment(marker, body):
    return struct.pack(">BBH", 0xff, marker, len(body) + 2) + body


def _table(kind, symbols):
    """A Huffman table of codes of two bits each."""
    return _segment(0xc4, bytes([kind, 0, len(symbols)] + [0] * 14) + bytes(symbols))


def gray_jpeg(width, height, gray):
    """Blocks of 8 x 8 whose only coefficient is the mean, of which the difference is coded."""
    mean = (gray - 128) * 8  # quantisation is 1
    size = abs(mean).bit_length()
    bits = "01" + format(mean if mean > 0 else mean + (1 << size) - 1, f"0{size}b") if size else "00"
    bits += "00"  # end of block
    bits += "0000" * (((width + 7) // 8) * ((height + 7) // 8) - 1)
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    return (b"\xff\xd8" + _segment(0xdb, b"\0" + b"\1" * 64) +
            _segment(0xc0, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0)) +
            _table(0x00, [0, size or 1]) + _table(0x10, [0]) +
            _segment(0xda, bytes([1, 1, 0, 0, 63, 0])) + data + b"\xff\xd9")
