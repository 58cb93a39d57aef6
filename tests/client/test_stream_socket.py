#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-port name=org.spice-space.stream.0: who is connected shows spice-gtk a film on a display of its own."""

import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import guest_agent
from cassia import Demo
from gray_jpeg import gray_jpeg
from gtk_client import GtkClient
from stream_port import (CAPABILITIES, DATA, HEADER, MJPEG, NAME, NOTIFY_ERROR, START_STOP, format_message, message,
                         parse_header)
from tap import Tap

PATH = f"/tmp/cassia-film-{os.getpid()}"
tap = Tap()


class Streamer:
    """A streaming agent in the guest."""

    def __init__(self):
        self.socket = guest_agent.connect(PATH)
        self.socket.settimeout(20)

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            assert part, f"closed after {len(data)} of {size} bytes"
            data += part
        return data

    def next(self, *wanted):
        """The next message of those types; others are passed over."""
        while True:
            kind, size = parse_header(self.receive(HEADER))
            body = self.receive(size)
            if kind in wanted:
                return body

    def await_codecs(self, condition):
        while not condition(codecs := self.next(START_STOP)[1:]):
            pass
        return codecs

    def is_closed(self):
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:  # with something that nobody has read
            pass
        return True

    def begin(self, width, height):
        self.socket.sendall(format_message(width, height))

    def show(self, width, height, gray):
        self.socket.sendall(message(DATA, gray_jpeg(width, height, gray)))

    def close(self):
        self.socket.close()


def check_film(guest, client, width, height, gray):
    guest.begin(width, height)
    client.expect(f"display 1 {width} {height}")
    check_shown(guest, client, width, height, gray)


def check_shown(guest, client, width, height, gray):
    want = hashlib.sha256(bytes([gray]) * 3 * width * height).hexdigest()
    deadline = time.monotonic() + 20
    again = 0
    while (got := client.picture(1)) != want:
        assert time.monotonic() < deadline, f"{got} is shown, not gray {gray}; {client.seen[-9:]}"
        if time.monotonic() > again:  # spice-gtk drops what is late
            guest.show(width, height, gray)
            again = time.monotonic() + 1
        time.sleep(0.02)


with Demo("-load", "text", "-frames", "5", "-port", f"name={NAME},path={PATH}") as demo:
    with GtkClient("host=127.0.0.1", f"port={demo.port}") as client:
        client.expect("display 0 1024 768")

        with tap.case("who connects while a client is there is asked to begin, and its film is a display"):
            guest = Streamer()
            assert not any(guest.next(CAPABILITIES)), "this test knows of no capabilities"
            assert MJPEG in guest.await_codecs(bool)
            check_film(guest, client, 64, 48, 200)
            check_film(guest, client, 160, 120, 90)

        with tap.case("it goes, and the next one shows another"):
            guest.close()
            client.expect("no-display 1")
            guest = Streamer()
            guest.await_codecs(bool)
            check_film(guest, client, 64, 48, 100)

        with tap.case("one that talks nonsense is told so and let go, and the next one is heard"):
            guest.socket.sendall(message(0) * 2)  # libspice-server closes after more
            assert guest.next(NOTIFY_ERROR)
            assert guest.is_closed()
            client.expect("no-display 1")
            guest = Streamer()
            guest.await_codecs(bool)
            check_film(guest, client, 64, 48, 150)

    with tap.case("without a client it is told to stop, stays and costs nothing; the next one sees it begin"):
        guest.await_codecs(lambda codecs: not codecs)
        guest.socket.sendall(message(DATA, gray_jpeg(64, 48, 10)))  # it may not know yet
        demo.check_idle()
        with GtkClient("host=127.0.0.1", f"port={demo.port}") as client:
            guest.await_codecs(bool)
            check_film(guest, client, 64, 48, 50)
        guest.await_codecs(lambda codecs: not codecs)

    with tap.case("the program ends well"):
        assert demo.stop() == 0, demo.errors()
        assert guest.is_closed()
        assert not os.path.exists(PATH), "the socket's file stays"

tap.finish()
