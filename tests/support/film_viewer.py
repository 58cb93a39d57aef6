# SPDX-License-Identifier: LGPL-2.1-or-later
"""A display connection made by hand that is sent a film in MJPEG, and reports what it likes about it."""

import struct
import time

from spice_client import Client, Closed

DISPLAY = 2
SET_ACK, PING = 3, 4
STREAM_CREATE, STREAM_DATA, STREAM_CLIP, STREAM_DESTROY = 122, 123, 124, 125
ACTIVATE_REPORT = 319
MJPEG = 1
CAPS = 1 << 4 | 1 << 8 | 1 << 9  # STREAM_REPORT, MULTI_CODEC, CODEC_MJPEG
NO_SOUND = 0xffffffff


class Viewer(Client):
    """
    Reports DROPS of five frames each, the last one DELAY ms early, with sound held back for SOUND ms.
    """

    def __init__(self, port, session):
        super().__init__(port, 20)
        self.link(session, DISPLAY, channel=CAPS)
        self.send_message(101, struct.pack("<BqBi", 1, 0, 1, 0))
        self.seen = []  # types of stream messages
        self.created = self.report = None
        self.window = self.unacknowledged = 0
        self.drops, self.delay, self.sound = 0, 100, NO_SOUND
        self.frames = self.bytes = 0
        self.first = 0

    def step(self):
        kind, body = self.read_message()
        if kind == SET_ACK:
            generation, self.window = struct.unpack("<II", body)
            self.unacknowledged = 0
            self.send_message(1, struct.pack("<I", generation))
            return
        if kind == PING:
            self.send_message(3, body[:12])
        if self.window:
            self.unacknowledged += 1
            if self.unacknowledged == self.window:
                self.unacknowledged = 0
                self.send_message(2)
        if kind in (STREAM_CREATE, STREAM_CLIP, STREAM_DATA, STREAM_DESTROY, ACTIVATE_REPORT):
            self.seen.append(kind)
        if kind == STREAM_CREATE:
            self.created = body
        elif kind == ACTIVATE_REPORT:
            self.report = struct.unpack("<IIII", body)
        elif kind == STREAM_DATA:
            self.take_frame(body)

    def take_frame(self, body):
        stream, mm_time, size = struct.unpack_from("<III", body)
        assert len(body) == 12 + size and body[12:14] == b"\xff\xd8", "no JPEG picture"
        self.frames += 1
        self.bytes += size
        if self.frames % 5 == 1:
            self.first = mm_time
        if self.frames % 5 == 0:
            self.send_message(102, struct.pack("<6IiI", stream, self.report[1], self.first, mm_time,
                                               5, self.drops, self.delay, self.sound))

    def watch(self, seconds):
        """(frames, bytes) a second."""
        frames, size, start = self.frames, self.bytes, time.monotonic()
        while time.monotonic() - start < seconds:
            self.step()
        took = time.monotonic() - start
        return (self.frames - frames) / took, (self.bytes - size) / took

    def watch_until(self, condition, seconds, what):
        """The last rates, of a second each."""
        deadline = time.monotonic() + seconds
        while True:
            rates = self.watch(1)
            if condition(*rates):
                return rates
            assert time.monotonic() < deadline, f"{what}: {rates[0]:.1f} frames, {rates[1]:.0f} bytes/s"


def drain(main):
    """Answers its pings until it is closed."""
    try:
        while True:
            kind, body = main.read_message()
            if kind == PING:
                main.send_message(3, body[:12])
    except (Closed, OSError):
        pass
