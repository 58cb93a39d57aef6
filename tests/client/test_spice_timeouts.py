#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that say nothing, hear nothing or are gone: how long the server bears them.

The servers' clock runs 50 times as fast (tests/support/core_loop.c).
"""

import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from tap import Tap

HURRY = 50
PING, PONG = 4, 3
tap = Tap()
server = BareServer(env={"CORE_LOOP_HURRY": str(HURRY)})


def closed_after(client):
    """Server seconds until the connection ends."""
    start = time.monotonic()
    assert client.is_closed()
    return (time.monotonic() - start) * HURRY


def raw():
    client = spice.Client(server.port, timeout=20)
    return client


with tap.case("a link that gets nowhere ends after 15 s, however far it got"):
    message = spice.link_message()
    for part in (b"", message[:3], message[:16], message[:30], message):
        with raw() as client:
            client.send(part)
            seconds = closed_after(client)
            assert 13 < seconds < 200, f"{len(part)} bytes: {seconds:.0f} s"

with tap.case("a byte now and then does not prolong it"):
    with raw() as client:
        start = time.monotonic()
        client.socket.settimeout(0.02)
        for byte in message:
            try:
                client.send(bytes([byte]))
                if client.socket.recv(1) == b"":
                    break
            except (socket.timeout, TimeoutError):
                continue
            except OSError:
                break
        seconds = (time.monotonic() - start) * HURRY
        assert seconds < 200, seconds

with tap.case("a client that answers no ping is disconnected, one that does is not"):
    with spice.Main(server.port) as deaf:
        seconds = closed_after(deaf)
        assert 25 < seconds < 500, seconds
    with spice.Main(server.port) as alive:
        alive.send_message(104)
        pings, deadline = 0, time.monotonic() + 3
        while pings < 6:
            assert time.monotonic() < deadline + 10
            kind, body = alive.read_message()
            if kind == PING:
                alive.send_message(PONG, body[:12])
                pings += 1
        alive.send_message(104)
        alive.expect(104)

with tap.case("1,000 connections that say nothing: clients get through all the same"):
    crowd = []
    try:
        for _ in range(1000):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", server.port))
            crowd.append(client)
        # Those whose connection the kernel makes late would come after the client, and are newer.
        for client in crowd:
            connected = select.poll()
            connected.register(client, select.POLLOUT)
            connected.poll(10000)
        with spice.Main(server.port, timeout=20) as main:
            main.send_message(104)
            main.expect(104)
            fds = len(os.listdir(f"/proc/{server.process.pid}/fd"))
            assert fds < 120, f"{fds} open files"
    finally:
        for client in crowd:
            client.close()

with tap.case("garbage after the link is closed at once"):
    for garbage in (os.urandom(4096), b"\xff" * 64, struct.pack("<HI", 107, 0xffffffff)):
        with spice.Main(server.port) as main:
            main.send(garbage)
            assert main.is_closed()
server.stop()

with tap.case("a client that stops reading is disconnected after 30 s, its memory is bounded"):
    devices = BareServer(program="device_server", env={"CORE_LOOP_HURRY": str(HURRY)})
    devices.tell("add usb usbredir")
    with spice.Main(devices.port) as main, spice.Client(devices.port) as usb:
        usb.link(connection_id=main.session, channel_type=9)
        devices.expect("state usb 1")
        total = 24 * 1000 * 1000
        devices.tell(f"dev-fill usb {total} 0xff")
        left = int(devices.tell("dev-left usb")[0].split()[1])
        assert left > 0, "the test sends too little to fill the socket"
        devices.expect("state usb 0", 20)
        received = 0
        try:
            while part := usb.socket.recv(1 << 20):
                received += len(part)
        except ConnectionResetError:
            pass
        assert received < total
    devices.stop()

tap.finish()
