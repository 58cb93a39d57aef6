# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of tests/client/bare_server.c that move, with spice-gtk looking at them."""

import hashlib
import time

WIDTH, HEIGHT = 320, 200


def migrate(server, text, result=0):
    server.command(text)
    line = server.expect("migrate ")
    assert line == f"migrate {result}", f"{text}: {line}"


class Screen:
    """The picture that a server is told to show."""

    def __init__(self):
        self.rows = [[(0, 0, 0)] * WIDTH for _ in range(HEIGHT)]
        self.fills = []

    def fill(self, left, top, right, bottom, color):
        pixel = (color & 0xff, color >> 8 & 0xff, color >> 16 & 0xff)
        for row in self.rows[top:bottom]:
            row[left:right] = [pixel] * (right - left)
        self.fills.append((left, top, right, bottom, color))
        return " ".join(map(str, (0, left, top, right, bottom))) + f" {color:x}"

    def checksum(self):
        return hashlib.sha256(bytes(value for row in self.rows for pixel in row
                                    for value in pixel)).hexdigest()


def draw(server, screen, *rectangle):
    server.command("fill " + screen.fill(*rectangle))


def bring(server, screen):
    """The machine comes to a server that is not running: with its memory, not with commands."""
    for left, top, right, bottom, color in screen.fills:
        server.command(f"paint 0 {left} {top} {right} {bottom} {color:x}")
    server.command("bring-display")


def shows(client, screen):
    deadline = time.monotonic() + 10
    while client.picture() != screen.checksum():
        assert time.monotonic() < deadline, f"the client shows something else: {client.seen[-9:]}"
        time.sleep(0.05)


def move(client, here, there, screen):
    migrate(here, f"migrate-connect 127.0.0.1 {there.port} -1")
    here.expect("migrate-connected")
    here.command("stop")
    here.expect("stopped")
    migrate(here, "migrate-end 1")
    bring(there, screen)
    there.command("start")
    draw(there, screen, 30, 30, 50, 40, 0x00ff00)
    here.expect("migrate-ended")
    client.expect("migration none")
    draw(there, screen, 100, 0, 200, 30, 0xff00ff)
    there.command("update")  # libspice-server may have missed that there is something to draw
    there.expect("updated")
    shows(client, screen)
    trouble = [line for line in client.seen if "error" in line or line == "disconnected" or
               "closed" in line]
    assert not trouble, trouble
