#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that draws, a client that looks, and others that disturb: the guest does not notice.

The guest's drawing rate while somebody disturbs is compared with the rates before and after.
"""

import contextlib
import os
import socket
import statistics
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from tap import Tap

ROUNDS, RUN_MS, TRIES = 5, 500, 12
TOLERANCE = 0.9
ACK_SYNC, ACK, PONG, DISPLAY_INIT = 1, 2, 3, 101
SET_ACK, PING = 3, 4

tap = Tap()
os.environ["SPICE_DEBUG_ALLOW_MC"] = "1"  # a client that comes does not send the others away
server = BareServer()
server.command("display 0")
server.command("start")


class Viewer(threading.Thread):
    """A client of the display, which acknowledges what it reads; PACE: bytes a second, or all."""

    def __init__(self, pace=None):
        super().__init__(daemon=True)
        self.pace = pace
        self.main = spice.Main(server.port)
        self.display = spice.Client(server.port)
        if pace:
            self.display.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.display.link(connection_id=self.main.session, channel_type=spice.DISPLAY)
        self.display.send_message(DISPLAY_INIT, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))
        self.stopped = False
        self.read = 0
        self.pings = threading.Thread(target=self._answer, daemon=True)
        self.pings.start()
        self.start()

    def _answer(self):
        """The main channel's pings: who does not answer is disconnected."""
        self.main.socket.settimeout(60)
        with contextlib.suppress(spice.Closed, OSError):
            while not self.stopped:
                kind, body = self.main.read_message()
                if kind == PING:
                    self.main.send_message(PONG, body[:12])

    def run(self):
        with contextlib.suppress(spice.Closed, OSError):
            self.display.socket.settimeout(60)
            if self.pace:
                while not self.stopped:
                    self.read += len(self.display.receive(self.pace // 8))
                    time.sleep(1 / 8)
            window, unacknowledged = 0, 0
            while not self.stopped:
                kind, body = self.display.read_message()
                self.read += len(body)
                unacknowledged += 1
                if kind == SET_ACK:
                    generation, window = struct.unpack("<II", body)
                    self.display.send_message(ACK_SYNC, struct.pack("<I", generation))
                elif kind == PING:
                    self.display.send_message(PONG, body[:12])
                if window and unacknowledged >= window:
                    unacknowledged = 0
                    self.display.send_message(ACK)

    def stop(self):
        self.stopped = True
        for client in (self.display, self.main):
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self.pings.join(10)
        self.display.close()
        self.main.close()


def rate():
    server.command(f"load {RUN_MS}")
    return float(server.expect("drawn", 60).split()[1])


def check(name, disturbance):
    """DISTURBANCE: a context manager that disturbs until its end."""
    with tap.case(name):
        best = 0
        for attempt in range(TRIES):
            quiet, disturbed = [], []
            for _ in range(ROUNDS):
                quiet.append(rate())
                with disturbance():
                    disturbed.append(rate())
                quiet.append(rate())
            best = max(best, statistics.median(disturbed) / statistics.median(quiet))
            if best >= TOLERANCE:
                break
            assert good.is_alive(), "the good client has been disconnected"
        tap.say(f"{name}: {statistics.median(quiet):.0f} commands a second undisturbed, "
                f"{100 * best:.0f} % disturbed")
        assert best >= TOLERANCE, f"{100 * best:.0f} % of the undisturbed rate"


@contextlib.contextmanager
def vanishing():
    """Somebody connects, sees a little and is gone without a word."""
    viewer = Viewer()
    for client in (viewer.display, viewer.main):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    threading.Timer(RUN_MS / 10000, viewer.stop).start()
    yield
    viewer.join(10)


@contextlib.contextmanager
def garbage():
    """Somebody sends nonsense on all channels as soon as it may."""
    clients = []
    for kind in (spice.DISPLAY, spice.INPUTS, spice.CURSOR, None):
        main = spice.Main(server.port)
        clients.append(main)
        if kind:
            clients.append(spice.Client(server.port))
            clients[-1].link(connection_id=main.session, channel_type=kind)
        with contextlib.suppress(OSError):
            clients[-1].send(os.urandom(100000))
    yield
    for client in clients:
        client.close()


@contextlib.contextmanager
def half_open():
    crowd = []
    for _ in range(1000):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", server.port))
        crowd.append(client)
    yield
    for client in crowd:
        client.close()


good = Viewer()
rate()
slow = Viewer(1024)


with tap.case("a client that reads 1 KiB a second stays, and does not fill our memory"):
    rate()
    before = slow.read
    time.sleep(1)
    assert slow.is_alive() and slow.read > before
    with open(f"/proc/{server.process.pid}/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    tap.say(f"resident: {resident} KiB")
slow.stop()

with tap.case("the rate with it is the rate without it"):
    ratios = []
    for _ in range(TRIES):
        without = statistics.median(rate() for _ in range(ROUNDS))
        slow = Viewer(1024)
        rate()
        with_slow = statistics.median(rate() for _ in range(ROUNDS))
        slow.stop()
        ratios.append(with_slow / without)
        assert good.is_alive(), "the good client has been disconnected"
        if ratios[-1] >= TOLERANCE:
            break
    tap.say(f"with a slow client: {100 * max(ratios):.0f} %")
    assert max(ratios) >= TOLERANCE, ratios
check("clients that vanish", vanishing)
check("garbage after the link", garbage)
check("1,000 connections that say nothing", half_open)

with tap.case("the good client has seen it all, and the server ends well"):
    before = good.read
    rate()
    time.sleep(0.2)
    assert good.is_alive() and good.read > before
    good.stop()
    server.stop()

tap.finish()
