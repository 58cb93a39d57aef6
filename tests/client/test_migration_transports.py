#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways on which a guest's stream can travel, and what each says when it cannot."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from migration import (address, booted, draws, picture, refused, send_fd, source, state, target,
                       wait_for, wait_status)
from pictures import difference
from tap import Tap

tap = Tap()


def arrives(left, a, right, b):
    """The guest of A, which leaves for B, arrives as it was and goes on."""
    wait_status(left, "completed")
    wait_status(right, "completed")
    different = difference(picture(left, a, "left.ppm"), picture(right, b, "right.ppm"))
    assert different is None, different
    right.command("cont")
    draws(right, b)


# --- descriptors ---

with tap.case("over descriptors that the monitors' clients have sent (getfd)"):
    with source() as a, target("defer", "-S") as b:
        left, right = booted(a), b.qmp()
        ends = socket.socketpair()
        send_fd(left, "way", ends[0].fileno())
        send_fd(right, "way", ends[1].fileno())
        for end in ends:
            end.close()
        refused(left.command, "'other' not found", "migrate", uri="fd:other")
        right.command("migrate-incoming", uri="fd:way")
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "socket", "type": "fd", "str": "way"}}])
        arrives(left, a, right, b)
        # The name was used up.
        refused(left.command, "'way' not found", "closefd", fdname="way")

with tap.case("a named descriptor of a file, and on the command line it needs a number"):
    with source() as a:
        left = booted(a)
        with open(a.path("saved"), "wb") as file:
            send_fd(left, "file", file.fileno())
        left.command("migrate", uri="fd:file")
        wait_status(left, "completed")
        with target(f"file:{a.path('saved')}", "-S") as b:
            arrives(left, a, b.qmp(), b)
    with target("fd:name") as b:
        assert b.process.wait(20) == 1
        assert "getfd" in b.errors(), b.errors()

tap.finish()
