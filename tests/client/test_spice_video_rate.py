#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The `video` load as a stream: what a client is told of it, and how its reports change the rate."""

import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from cassia import Demo
from spice_client import Client, Closed, Main
from tap import Tap

DISPLAY = 2
SET_ACK, PING = 3, 4
STREAM_CREATE, STREAM_DATA, STREAM_CLIP, STREAM_DESTROY = 122, 123, 124, 125
ACTIVATE_REPORT = 319
MJPEG = 1
CAPS = 1 << 4 | 1 << 8 | 1 << 9  # STREAM_REPORT, MULTI_CODEC, CODEC_MJPEG

tap = Tap()


class Viewer(Client):
    """A display connection that reports DROPS of five frames each, the last one DELAY_MS early."""

    def __init__(self, port, session):
        super().__init__(port, 20)
        self.link(session, DISPLAY, channel=CAPS)
        self.send_message(101, struct.pack("<BqBi", 1, 0, 1, 0))
        self.seen = []  # types of stream messages
        self.created = self.report = None
        self.window = self.unacknowledged = 0
        self.drops, self.delay = 0, 100
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
                                               5, self.drops, self.delay, 0xffffffff))

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
    try:
        while True:
            kind, body = main.read_message()
            if kind == PING:
                main.send_message(3, body[:12])
    except (Closed, OSError):
        pass


try:
    os.nice(-10)  # a film needs its frames in time, whatever else runs on the machine
except PermissionError:
    pass
# Small and without compression, so that it is in time under sanitizers too.
with Demo("--load", "video", "--fps", "30", "-device", "qxl-vga,xres=480,yres=320",
          spice="port=0,image-compression=off,streaming-video=filter,video-codecs=spice:mjpeg") as demo:
    main = Main(demo.port, 60)
    threading.Thread(target=drain, args=(main,), daemon=True).start()
    viewer = Viewer(demo.port, main.session)
    with tap.case("a film is announced before its frames come"):
        deadline = time.monotonic() + 30
        while STREAM_DATA not in viewer.seen:
            assert time.monotonic() < deadline, viewer.seen
            viewer.step()
        assert viewer.seen[:4] == [STREAM_CREATE, ACTIVATE_REPORT, STREAM_CLIP, STREAM_DATA], viewer.seen
        surface, stream, flags, codec = struct.unpack_from("<IIBB", viewer.created)
        assert (surface, flags, codec) == (0, 1, MJPEG), viewer.created
        width, height = struct.unpack_from("<II", viewer.created, 18)
        assert (width, height) == (416, 234), (width, height)
        assert viewer.report[0] == stream and viewer.report[2:] == (5, 1000), viewer.report
    with tap.case("it comes at its rate, and better with good reports"):
        viewer.watch(3)
        good = viewer.watch(3)
        tap.say(f"{good[0]:.1f} frames and {good[1]:.0f} bytes a second")
        assert good[0] > 10, good
    with tap.case("a client that loses frames is sent less"):
        viewer.drops = 2
        poor = viewer.watch_until(lambda frames, size: size < good[1] * 0.4, 20, "not less")
        tap.say(f"{poor[0]:.1f} frames and {poor[1]:.0f} bytes a second")
    with tap.case("and more again when it does not any more"):
        viewer.drops = 0
        again = viewer.watch_until(lambda frames, size: size > good[1] * 0.8, 40, "not more")
        tap.say(f"{again[0]:.1f} frames and {again[1]:.0f} bytes a second")
    with tap.case("frames that come late have the same effect"):
        viewer.delay = -100
        viewer.watch_until(lambda frames, size: size < good[1] * 0.5, 20, "not less")
    with tap.case("a client that cannot show it is sent pictures"):
        viewer.send_message(102, struct.pack("<6IiI", stream, 0, 0, 0, 0, 0xffffffff, 0, 0xffffffff))
        viewer.watch(1)
        frames = viewer.frames
        viewer.watch(1)
        assert viewer.frames == frames, "frames go on"
    with tap.case("a report about no stream that can be ends the connection"):
        viewer.send_message(102, struct.pack("<6IiI", 50, 1, 0, 0, 5, 0, 0, 0))
        assert viewer.is_closed()
    viewer.close()
    main.close()
tap.finish()
