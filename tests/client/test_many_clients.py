#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients come and go while a load runs: nothing stalls, nothing is left behind."""

import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
import cassia
from cassia import Demo
from pictures import read_picture
from tap import Tap

CLIENTS = 100
AT_ONCE = 5
ATTACH_CHANNELS = 104  # client to main
DISPLAY_INIT = 101
# The distribution's server (0.15.1) crashes in its worker when clients leave before it is done with
# their start, and loses channels of a client that comes while the one before is still leaving.
GENTLE = "system" in cassia.run("--version").stdout

tap = Tap()


class Session:
    """A client with main, display, cursor and inputs channel."""

    def __init__(self, port):
        self.channels = []
        try:
            main = self.connect(port)
            main.link()
            session = 0
            while not session:
                kind, body = main.read_message()
                if kind == 103:
                    session = struct.unpack_from("<I", body)[0]
            main.send_message(ATTACH_CHANNELS)
            for channel in (spice.DISPLAY, spice.CURSOR, spice.INPUTS):
                self.connect(port).link(session, channel)
            self.channels[1].send_message(DISPLAY_INIT, struct.pack("<BqBI", 1, 1 << 20, 1, 1 << 20))
        except BaseException:
            self.close()
            raise

    def connect(self, port):
        channel = spice.Client(port, timeout=20)
        self.channels.append(channel)
        return channel

    def read_display(self, count):
        return [self.channels[1].read_message()[0] for _ in range(count)]

    def close(self):
        for channel in self.channels:
            channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()


def open_files(demo):
    return len(os.listdir(f"/proc/{demo.process.pid}/fd"))


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def check_alive(demo, qmp):
    """Nobody is left, the guest draws on, a new client is served."""
    wait_for(lambda: not qmp.command("query-spice")["channels"], "channels are left behind")
    pictures = []

    def changes():
        qmp.command("screendump", filename=demo.path("now.ppm"))
        pictures.append(read_picture(demo.path("now.ppm")).pixels)
        return len(set(pictures)) > 1

    wait_for(changes, "the picture stands still")
    shot = read_picture(demo.screenshot("alive.ppm"))
    assert (shot.width, shot.height) == (1024, 768)
    wait_for(lambda: not qmp.command("query-spice")["channels"], "channels are left behind")


def at_once(port, count, stay):
    """COUNT sessions at the same time in threads of their own; returns what went wrong."""
    failures = []
    together = threading.Barrier(count, timeout=60)

    def run():
        try:
            with Session(port) as session:
                session.read_display(3)
                if stay:
                    together.wait()
                    session.read_display(3)
        except (OSError, spice.Closed, spice.Refused, AssertionError,
                threading.BrokenBarrierError) as error:
            together.abort()
            failures.append(repr(error))

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive(), "a client is stuck"
    return failures


with Demo("--load", "desktop", "--fps", "60") as demo, tap.guard("single client"):
    qmp = demo.qmp()
    demo.screenshot("warm-up.ppm")
    check_alive(demo, qmp)
    files = open_files(demo)
    with tap.case(f"{CLIENTS} clients in a row"):
        start = time.monotonic()
        slowest = 0
        for number in range(CLIENTS):
            begin = time.monotonic()
            with Session(demo.port) as session:
                if GENTLE or number % 2:  # the others leave in the middle of their start
                    session.read_display(3)
            if GENTLE:
                wait_for(lambda: not qmp.command("query-spice")["channels"], "channels stay")
            slowest = max(slowest, time.monotonic() - begin)
        tap.say(f"{time.monotonic() - start:.1f} s, the slowest client {slowest:.2f} s")
        check_alive(demo, qmp)
    if not GENTLE:
        with tap.case(f"{AT_ONCE} clients at once: the last one stays, the others are sent away"):
            failures = at_once(demo.port, AT_ONCE, stay=False)
            assert len(failures) < AT_ONCE, failures
            check_alive(demo, qmp)
    with tap.case("nothing is left open"):
        wait_for(lambda: open_files(demo) <= files, f"{open_files(demo)} files open, not {files}")
    with tap.case("leaving while a client is connected"):
        with Session(demo.port) as session:
            session.read_display(3)
            assert demo.stop() == 0, demo.errors()
        assert "ERROR: " not in demo.errors(), demo.errors()

with Demo("--load", "desktop", "--fps", "60", env={"SPICE_DEBUG_ALLOW_MC": "1"}) as demo, \
        tap.guard("several clients"):
    qmp = demo.qmp()
    with tap.case(f"{AT_ONCE} clients at once, all stay"):
        for _ in range(3):
            failures = at_once(demo.port, AT_ONCE, stay=True)
            assert not failures, failures
        check_alive(demo, qmp)
    with tap.case("and nothing is leaked"):
        assert demo.stop() == 0, demo.errors()
        assert "ERROR: " not in demo.errors(), demo.errors()
tap.finish()
