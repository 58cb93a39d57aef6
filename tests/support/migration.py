# SPDX-License-Identifier: LGPL-2.1-or-later
"""Demos whose guests move: starting them, watching them, looking at their pictures."""

import json
import re
import socket
import time

from cassia import Demo
from pictures import difference, read_picture
from qmp import QmpError

CARD = ["-device", "qxl,ram_size_mb=32,vram_size_mb=32"]


def source(*arguments, load="desktop", fps="0"):
    return Demo("--load", load, "--fps", fps, "--seed", "3", "-d", "guest_errors", *CARD,
                *arguments)


def target(uri="tcp:127.0.0.1:0", *arguments, card=CARD):
    return Demo("-incoming", uri, "-d", "guest_errors", *card, *arguments)


def address(demo):
    return re.search(r"Waiting for a guest at (\S+)", demo.output).group(1)


def picture(qmp, demo, name):
    path = demo.path(name)
    qmp.command("screendump", filename=path)
    return read_picture(path)


def state(qmp):
    return qmp.command("query-status")["status"]


def wait_status(qmp, *expected, timeout=60):
    deadline = time.monotonic() + timeout
    while True:
        info = qmp.command("query-migrate")
        if info.get("status") in expected:
            return info
        assert info.get("status") not in ("completed", "failed", "cancelled"), info
        assert time.monotonic() < deadline, info
        time.sleep(0.02)


def wait_for(condition, what, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def draws(qmp, demo, tries=200):
    """Does the guest go on? Its picture changes; there are TRIES tenths of a second for it."""
    first = None
    for _ in range(tries):
        try:
            now = picture(qmp, demo, "draws.ppm")
        except QmpError as error:
            assert "set no mode" in str(error), error
            now = None
        if first is not None and difference(first, now) is not None:
            return
        first = first or now
        time.sleep(0.1)
    raise AssertionError("the picture does not change: the guest does not go on")


def booted(demo, tries=200):
    """Its monitor, as soon as its guest draws."""
    qmp = demo.qmp()
    draws(qmp, demo, tries)
    return qmp


def refused(call, part, *arguments, **named):
    try:
        call(*arguments, **named)
    except QmpError as error:
        assert part in str(error), str(error)
    else:
        raise AssertionError(f"not refused: {arguments} {named}")


def send_fd(qmp, name, fd):
    """Gives a descriptor to a monitor under a name."""
    request = json.dumps({"execute": "getfd", "arguments": {"fdname": name}}).encode() + b"\n"
    socket.send_fds(qmp.socket, [request], [fd])
    deadline = time.monotonic() + 20
    while True:
        reply = qmp._receive(deadline)
        if "event" not in reply:
            break
        qmp.events.append(reply)
    assert reply == {"return": {}}, reply
