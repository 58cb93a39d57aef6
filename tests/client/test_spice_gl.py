#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures of the host's OpenGL, whose memory clients on this machine share. spice-wire.md 4.15."""

import os
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from gtk_client import GtkClient
from tap import Tap

GL_SCANOUT = 1 << 7
SCANOUT, DRAW, DONE, INIT = 320, 321, 104, 101
FORMAT = 0x34325258
tap = Tap()
folder = tempfile.TemporaryDirectory(prefix="cassia-gl-")
path = os.path.join(folder.name, "socket")
server = BareServer(f"--unix={path}")
server.command("expect-display")


class Local(spice.Client):
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.mini = True


class Viewer:
    """A session with a display; DESCRIPTORS: does it say that it can show such pictures?"""

    def __init__(self, caps=GL_SCANOUT, make=Local):
        self.main = make()
        self.main.link()
        session = struct.unpack_from("<I", self.main.expect(103))[0]
        self.display = make()
        self.display.link(connection_id=session, channel_type=spice.DISPLAY, channel=caps)
        self.display.send_message(INIT, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))

    def scanout(self):
        """(width, height, stride, format, flags, what the memory holds)"""
        body = self.display.expect(SCANOUT)
        byte, fds, _, _ = socket.recv_fds(self.display.socket, 1, 4)
        assert byte == b"@" and len(fds) == 1, (byte, fds)
        with os.fdopen(fds[0], "rb") as memory:
            memory.seek(0)
            return (*struct.unpack("<5I", body), memory.read())

    def draw(self):
        return struct.unpack("<4I", self.display.expect(DRAW, SCANOUT))

    def done(self):
        self.display.send_message(DONE)

    def silent(self, seconds=0.2):
        """Nothing but pings comes."""
        self.display.socket.settimeout(seconds)
        try:
            while True:
                kind, _ = self.display.read_message()
                assert kind not in (SCANOUT, DRAW), kind
        except (socket.timeout, TimeoutError):
            self.display.socket.settimeout(10)

    def close(self):
        self.display.close()
        self.main.close()


def done():
    server.command("gl-done")
    return [int(cookie) for cookie in server.expect("gl-done").split()[1:]]


def wait_done(*cookies, seconds=5):
    deadline = time.monotonic() + seconds
    while done() != list(cookies):
        assert time.monotonic() < deadline, done()
        time.sleep(0.01)


with tap.case("without a picture, and without clients, drawing is done at once"):
    server.command("gl-draw 0 0 1 1 1")
    assert done() == [1]
    server.command("gl-scanout 640 480 first")
    server.command("gl-draw 0 0 1 1 2")
    wait_done(1, 2)

with tap.case("a client gets the picture that there is, and its drawings, one at a time"):
    viewer = Viewer()
    assert viewer.scanout() == (640, 480, 2560, FORMAT, 1, b"first")
    assert viewer.draw() == (0, 0, 640, 480), "all of it at first"
    server.command("gl-draw 10 20 30 40 3")
    server.command("gl-draw 1 2 3 4 4")
    viewer.silent()
    assert done() == [1, 2]
    viewer.done()
    assert viewer.draw() == (10, 20, 30, 40)
    assert done() == [1, 2]
    viewer.done()
    assert viewer.draw() == (1, 2, 3, 4)
    wait_done(1, 2, 3)
    viewer.done()
    wait_done(1, 2, 3, 4)

with tap.case("another picture takes the place of the first"):
    server.command("gl-scanout 320 200 second")
    server.command("gl-draw 0 0 320 200 5")
    assert viewer.scanout()[-1] == b"second"
    assert viewer.draw() == (0, 0, 320, 200)
    viewer.done()
    wait_done(1, 2, 3, 4, 5)

with tap.case("a client that does not answer is waited for no longer than a second"):
    start = time.monotonic()
    server.command("gl-draw 0 0 5 5 6")
    assert viewer.draw() == (0, 0, 5, 5)
    wait_done(1, 2, 3, 4, 5, 6)
    assert time.monotonic() - start > 0.9
    server.command("gl-draw 10 10 5 5 7")
    wait_done(1, 2, 3, 4, 5, 6, 7)
    viewer.done()
    assert viewer.draw() == (10, 10, 5, 5), "it shows what it has missed"
    viewer.done()

with tap.case("a client that leaves is not waited for"):
    server.command("gl-draw 0 0 5 5 8")
    viewer.draw()
    viewer.close()
    wait_done(*range(1, 9), seconds=0.8)

with tap.case("answers to nothing: closed"):
    viewer = Viewer()
    viewer.scanout()
    viewer.draw()
    viewer.done()
    viewer.done()
    assert viewer.display.is_closed()
    viewer.close()

with tap.case("clients that cannot have descriptors do not get any, and nobody waits for them"):
    for options in ({"caps": 0}, {"make": lambda: spice.Client(server.port)}):
        viewer = Viewer(**options)
        viewer.silent()
        before = done()
        server.command("gl-draw 0 0 5 5 9")
        wait_done(*before, 9, seconds=0.8)
        viewer.silent()
        viewer.close()

with tap.case("no picture any more: what was under way is done"):
    viewer = Viewer()
    viewer.scanout()
    viewer.draw()
    before = done()
    server.command("gl-draw 0 0 5 5 10")
    server.command("gl-none")
    wait_done(*before, 10, seconds=0.8)
    server.command("gl-scanout 64 64 third")
    assert viewer.scanout()[-1] == b"third"
    viewer.done()

with tap.case("spice-gtk gets the picture's memory, and answers what is drawn"):
    viewer.close()
    before = done()
    with GtkClient(f"unix-path={path}") as client:
        assert client.expect("gl-scanout") == "gl-scanout 64 64 256 34325258 1 third"
        client.expect("gl-draw 0 0 64 64")
        for number in (20, 21, 22):
            server.command(f"gl-draw {number} 2 3 4 {number}")
            client.expect(f"gl-draw {number} 2 3 4")
            before.append(number)
            wait_done(*before)
        server.command("gl-scanout 320 200 fourth")
        assert client.expect("gl-scanout") == "gl-scanout 320 200 1280 34325258 1 fourth"
        server.command("gl-draw 0 0 320 200 23")
        client.expect("gl-draw 0 0 320 200")
        wait_done(*before, 23)
    viewer = Viewer()
    viewer.scanout()
    viewer.draw()
    viewer.done()

with tap.case("drawings that are under way when the server ends are done, too"):
    server.command("gl-draw 0 0 5 5 11")
    viewer.draw()
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    for number in range(10):  # more would have to be acknowledged
        server.command(f"gl-scanout 64 64 n{number}")
    while viewer.scanout()[-1] != b"n9":
        pass
    viewer.display.send_message(DONE)
    server.command("gl-none")
    deadline = time.monotonic() + 5
    while len(os.listdir(f"/proc/{server.process.pid}/fd")) >= descriptors:
        assert time.monotonic() < deadline, "descriptors are left open"
        time.sleep(0.01)
    server.command("gl-scanout 64 64 last")
    viewer.scanout()
    server.command("gl-draw 0 0 5 5 12")
    viewer.close()
    server.stop()

folder.cleanup()
tap.finish()
