# SPDX-License-Identifier: LGPL-2.1-or-later
"""cassia serve, and a client of vfio-user's device migration that moves its card."""

import os
import struct
import subprocess
import tempfile

from cassia import PROGRAM
from pictures import read_picture
from qmp import Qmp
from vfio_user import Client, FEATURE, MIG_READ, MIG_WRITE

GET, SET, PROBE = 1 << 16, 1 << 17, 1 << 18
MIGRATION, DEVICE_STATE = 1, 2
ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P = range(8)
STATES = {"STOP": STOP, "RUNNING": RUNNING, "STOP_COPY": STOP_COPY, "RESUMING": RESUMING,
          "PRE_COPY": PRE_COPY}
MAX_DATA = 1 << 20
CARD = "qxl,ram_size_mb=32,vram_size_mb=32"


class Serve:
    """cassia serve with one card. A context manager."""

    def __init__(self, card=CARD, cards=1, socket="mmap=off"):
        self.folder = tempfile.TemporaryDirectory(prefix="cassia-serve-")
        self.paths = [os.path.join(self.folder.name, f"card{i}") for i in range(cards)]
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        devices = [word for number in range(cards)
                   for word in ("-device", f"{card},id=card{number}")]
        sockets = [word for path in self.paths for word in ("-vfio-user", f"{path},{socket}")]
        monitor = os.path.join(self.folder.name, "qmp")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", *sockets, *devices, "-spice", "port=0", "-d", "guest_errors",
             "-qmp", f"unix:{monitor},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.qmp = Qmp(monitor)
        self.clients = []

    def client(self, number=0):
        client = Client(self.paths[number], timeout=60)
        self.clients.append(client)
        return client

    def picture(self, device=None):
        path = os.path.join(self.folder.name, "picture.ppm")
        self.qmp.command("screendump", filename=path, **({"device": device} if device else {}))
        return read_picture(path)

    def output(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for client in self.clients:
            client.close()
        self.process.terminate()
        try:
            status = self.process.wait(30)
        finally:
            self.process.kill()
            output = self.output()
            self.folder.cleanup()
        if kind is None:
            assert status == 0, (status, output[-2000:])
            assert "Sanitizer" not in output and "runtime error" not in output, output[-2000:]


def feature(client, number, operation, data=b"", argsz=None):
    """(errno, data) of the reply."""
    size = 8 + max(len(data), 8) if argsz is None else argsz
    error, reply = client.request(FEATURE, struct.pack("<II", size, number | operation) + data)
    return error, reply[8:]


def state_of(client):
    error, reply = feature(client, DEVICE_STATE, GET)
    assert error == 0 and len(reply) == 8, (error, reply)
    return struct.unpack("<I", reply[:4])[0]


def try_state(client, state):
    data = struct.pack("<Ii", state, -1)
    error, reply = feature(client, DEVICE_STATE, SET, data)
    assert error or reply == data, "a SET is answered with a copy"
    return error


def go(client, *states):
    for state in states:
        assert try_state(client, state) == 0, state
        assert state_of(client) == state


def read_data(client, size=MAX_DATA):
    """One MIG_DATA_READ."""
    reply = client.ok(MIG_READ, struct.pack("<II", 8 + size, size))
    argsz, got = struct.unpack("<II", reply[:8])
    assert argsz == 8 + got and len(reply) == 8 + got and got <= size, (argsz, got, len(reply))
    return reply[8:]


def read_all(client, size=MAX_DATA):
    pieces = []
    while True:
        pieces.append(read_data(client, size))
        if len(pieces[-1]) < size:
            return b"".join(pieces)


def write_data(client, data):
    """One MIG_DATA_WRITE: errno."""
    return client.request(MIG_WRITE, struct.pack("<II", 8 + len(data), len(data)) + data)[0]


def write_all(client, data, size=MAX_DATA):
    for at in range(0, len(data), size):
        assert write_data(client, data[at:at + size]) == 0
