#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-spice compat= and features=: the card that a guest's monitor sees, and where it may move."""

import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from qmp import Qmp
from tap import Tap
from vfio_user import Client, EINVAL, FEATURE, MIG_READ, MIG_WRITE

GET, SET = 1 << 16, 1 << 17
DEVICE_STATE = 2
STOP, RUNNING, STOP_COPY, RESUMING = 1, 2, 3, 4
ROM, PORTS, CONFIG = 2, 3, 7
MAX_DATA = 1 << 20
tap = Tap()


class Serve:
    """cassia serve with one card and a client of it. A context manager."""

    def __init__(self, spice, card="qxl"):
        self.folder = tempfile.TemporaryDirectory(prefix="cassia-compat-")
        path = os.path.join(self.folder.name, "card")
        monitor = os.path.join(self.folder.name, "qmp")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        self.process = subprocess.Popen(
            [cassia.PROGRAM, "serve", "-vfio-user", f"{path},mmap=off", "-device", card, "-spice",
             f"port=0,{spice}", "-qmp", f"unix:{monitor}"], stdout=self.log, stderr=self.log)
        self.qmp = Qmp(monitor)
        self.client = Client(path, timeout=60)

    def go(self, state):
        error, _ = self.client.request(FEATURE, struct.pack("<IIIi", 16, DEVICE_STATE | SET, state,
                                                            -1))
        return error

    def save(self):
        data = b""
        while True:
            reply = self.client.ok(MIG_READ, struct.pack("<II", 8 + MAX_DATA, MAX_DATA))
            data += reply[8:]
            if len(reply) - 8 < MAX_DATA:
                return data

    def load(self, data):
        """errno of the first piece that is refused, or of the end; 0: taken."""
        for at in range(0, len(data), MAX_DATA):
            piece = data[at:at + MAX_DATA]
            error, _ = self.client.request(MIG_WRITE, struct.pack("<II", 8 + len(piece),
                                                                  len(piece)) + piece)
            if error:
                return error
        return self.go(STOP)

    def output(self):
        with open(self.log.name) as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.client.close()
        self.qmp.close()
        self.process.terminate()
        try:
            assert self.process.wait(30) == 0, self.output()
        finally:
            self.process.kill()
            self.folder.cleanup()


def revision(serve):
    return serve.client.read(CONFIG, 8, 1)[0]


def surfaces(serve):
    """n_surfaces of the ROM."""
    return serve.client.read_u32(ROM, 0x34)


with tap.case("a card as they are now"), Serve("compat=current") as serve:
    assert revision(serve) == 5 and surfaces(serve) == 1024, (revision(serve), surfaces(serve))

with tap.case("a card of release 0.4"), Serve("compat=0.4") as serve:
    assert revision(serve) == 1 and surfaces(serve) == 1, (revision(serve), surfaces(serve))

with tap.case("a card of release 0.6: one head"), Serve("features=0.6") as serve:
    assert revision(serve) == 5 and surfaces(serve) == 1024, (revision(serve), surfaces(serve))

CARD = "qxl,ram_size_mb=32,vram_size_mb=32"
with tap.case("0.4 moves to 0.4 only, and the guest that may not goes on"), \
        Serve("compat=0.4", CARD) as old:
    assert old.go(STOP_COPY) == 0
    saved = old.save()
    assert old.go(STOP) == 0 and old.go(RUNNING) == 0
    with Serve("features=0.4", CARD) as same:
        assert same.go(RESUMING) == 0 and same.load(saved) == 0, same.output()
        assert same.go(RUNNING) == 0
    for spice, card in (("compat=current", CARD), ("features=0.8", CARD + ",revision=1")):
        with Serve(spice, card) as new:
            assert new.go(RESUMING) == 0
            assert new.load(saved) == EINVAL
            text = "the source's card is in 0.4 mode (-spice compat=0.4), the target's is not"
            assert text in new.output(), new.output()
    with Serve("compat=current", CARD) as new:
        assert new.go(STOP_COPY) == 0
        saved = new.save()
        assert new.go(STOP) == 0 and new.go(RUNNING) == 0
    assert old.go(STOP) == 0 and old.go(RESUMING) == 0
    assert old.load(saved) == EINVAL
    text = "the target's card is in 0.4 mode (-spice compat=0.4), the source's is not"
    assert text in old.output(), old.output()

with tap.case("a demo says what its guest needs"):
    result = cassia.run("demo", "-spice", "port=0,compat=0.4")
    assert result.returncode == 1 and "revision 1, the driver needs 2" in result.stderr, result

tap.finish()
