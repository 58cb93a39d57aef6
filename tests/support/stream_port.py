# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest says through the port of its film: <spice/stream-device.h>, spice-wire.md 4.9."""

import struct

NAME = "org.spice-space.stream.0"
CAPABILITIES, FORMAT, DATA, START_STOP, NOTIFY_ERROR, CURSOR_SET, CURSOR_MOVE, DISPLAY_INFO, QUALITY = range(1, 10)
MJPEG, VP8, H264, VP9, H265 = range(1, 6)
HEADER = 8


def message(kind, body=b"", size=None, version=1):
    return struct.pack("<BBHI", version, 0, kind, len(body) if size is None else size) + body


def format_message(width, height, codec=MJPEG):
    return message(FORMAT, struct.pack("<IIBBBB", width, height, codec, 0, 0, 0))


def parse_header(data):
    """(type, size) of a message to the guest."""
    version, padding, kind, size = struct.unpack_from("<BBHI", data)
    assert (version, padding) == (1, 0), data[:HEADER]
    return kind, size
