#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames that come late are shown later: by the main channel's clock, and by sound while there is some."""

import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from bare_server import BareServer
from film_viewer import Viewer
from spice_client import Client, Closed, Main
from tap import Tap

PLAYBACK = 5
PING, MM_TIME, START, LATENCY = 4, 106, 103, 107
CAP_LATENCY = 1 << 2
USUAL, USUAL_WITH_SOUND = 400, 200  # milliseconds


class Follower(threading.Thread):
    """Reads a connection to its end; MESSAGES are what it got of one kind, with the time."""

    def __init__(self, connection, kind):
        super().__init__(daemon=True)
        self.connection, self.kind, self.messages = connection, kind, []
        self.start()

    def run(self):
        try:
            while True:
                kind, body = self.connection.read_message()
                if kind == PING:
                    self.connection.send_message(3, body[:12])
                elif kind == self.kind:
                    self.messages.append((time.monotonic_ns() // 1000000, struct.unpack_from("<I", body)[0]))
        except (Closed, OSError):
            pass


def watch(viewer):
    try:
        while True:
            viewer.step()
    except (Closed, OSError):
        pass


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


tap = Tap()
server = BareServer("240", "160", "spice:mjpeg", program="film_server")
main = Main(server.port, 60)
clock = Follower(main, MM_TIME)
viewer = Viewer(server.port, main.session)
threading.Thread(target=watch, args=(viewer,), daemon=True).start()

with tap.case("without sound the clock is set back"):
    server.tell("film 1")
    wait_for(lambda: viewer.frames > 20, lambda: f"{viewer.frames} frames, and {viewer.seen}")
    assert not clock.messages, "a film in time is nothing to set the clock for"
    viewer.delay, viewer.drops = -300, 5
    wait_for(lambda: clock.messages, lambda: "the clock is never set")
    came, value = clock.messages[0]
    assert (came - value) % 2**32 > USUAL, (came, value)

with tap.case("with sound the client is to hold that back for longer"):
    sound = Client(server.port, 60)
    sound.link(main.session, PLAYBACK, channel=CAP_LATENCY)
    latencies = Follower(sound, LATENCY)
    viewer.sound = USUAL_WITH_SOUND
    server.tell("sound 1")
    wait_for(lambda: latencies.messages, lambda: "no latency")
    assert latencies.messages[0][1] > USUAL_WITH_SOUND, latencies.messages

with tap.case("no longer than usual when the film is over"):
    viewer.delay, viewer.drops = 50, 0
    server.tell("film 0")
    wait_for(lambda: latencies.messages[-1][1] == USUAL_WITH_SOUND, lambda: latencies.messages)

with tap.case("and as usual by the clock when the sound is"):
    before = len(clock.messages)
    server.tell("sound 0")
    wait_for(lambda: len(clock.messages) > before, lambda: clock.messages)
    came, value = clock.messages[-1]
    assert USUAL <= (came - value) % 2**32 < USUAL + 5000, (came, value)

viewer.close()
sound.close()
main.close()
server.stop()
tap.finish()
