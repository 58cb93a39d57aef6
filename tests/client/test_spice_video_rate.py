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
from film_viewer import ACTIVATE_REPORT, MJPEG, STREAM_CLIP, STREAM_CREATE, STREAM_DATA, Viewer, drain
from spice_client import Main
from tap import Tap

tap = Tap()
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

with Demo("--load", "video", "--fps", "400", "-device", "qxl-vga,xres=480,yres=320",
          spice="port=0,image-compression=off,streaming-video=all,video-codecs=spice:mjpeg") as demo, \
        tap.case("of more frames than a screen shows the newest are sent"):
    main = Main(demo.port, 60)
    threading.Thread(target=drain, args=(main,), daemon=True).start()
    viewer = Viewer(demo.port, main.session)
    viewer.watch_until(lambda frames, size: frames > 20, 30, "no film")
    rate, _ = viewer.watch(3)
    tap.say(f"{rate:.1f} frames a second")
    assert rate < 150, rate  # 83; what waits when this process does not get to run comes on top
    viewer.close()
    main.close()
tap.finish()
