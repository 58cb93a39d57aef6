#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfio-user against hostile clients: inputs that broke other servers, and random ones."""

import array
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))

from tap import Tap
from vfio_user import (
    Client, Closed, Host, message, DMA_MAP, FEATURE, GET_INFO, MIG_READ, READ, SET_IRQS, VERSION,
    WRITE, WRITE_MULTI, EINVAL)

SEED = int(os.environ.get("FUZZ_SEED", "1"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "4"))
GET, PUT = 1 << 16, 1 << 17

tap = Tap()
host = Host("off", devices=2)


def alive():
    """The device answers a new client, and the other device its own."""
    for path in host.paths:
        with Client(path) as client:
            client.read(7, 0, 256)


with tap.case("short DEVICE_FEATURE payloads (over-reads elsewhere)"):
    with Client(host.path) as client:
        for feature, operation in ((2, PUT), (8, GET), (6, PUT), (7, GET), (1, GET)):
            for size in (8, 9, 15, 16, 23, 31):
                payload = (struct.pack("<II", 4096, feature | operation) + bytes(32))[:size]
                client.fails(FEATURE, payload)
        for state in range(10):
            client.fails(FEATURE, struct.pack("<IIII", 16, 2 | PUT, state, 2**32 - 1))

with tap.case("dirty reports with finer and absurd page sizes"):
    with Client(host.path) as client:
        client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0, 64 << 16))
        client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 1 << 62, 1 << 62))
        client.ok(FEATURE, struct.pack("<IIQII", 24, 6 | PUT, 65536, 0, 0))
        for page, size in ((4096, 128), (65536, 8), (1 << 63, 8)):
            reply = client.ok(FEATURE, struct.pack("<IIQQQ", 1 << 20, 8 | GET, 0, 64 << 16, page))
            assert reply[32:] == bytes(size)
        error, _ = client.request(FEATURE, struct.pack("<IIQQQ", 2**32 - 1, 8 | GET, 1 << 62, 1 << 62,
                                                       4096))
        assert error == 28, error

with tap.case("a negative max_data_xfer_size and a 3.75 GiB migration read"):
    with Client(host.path, negotiate=False) as client:
        client.fails(VERSION, b"\0\0\0\0{\"capabilities\":{\"max_data_xfer_size\":-1}}\0")
        client.version()
        client.fails(MIG_READ, struct.pack("<II", 8 + 0xf0000000 & 0xffffffff, 0xf0000000))

with tap.case("DMA windows larger than the file, that wrap, at unaligned file offsets"):
    with Client(host.path) as client:
        fd = os.memfd_create("small")
        os.ftruncate(fd, 4096)
        client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0, 1 << 30), fds=[fd])
        client.fails(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 2**64 - 4096, 8192), fds=[fd])
        client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 123, 1 << 40, 4096), fds=[fd])
        os.close(fd)

with tap.case("hundreds of descriptors on one message that never ends"):
    with Client(host.path) as client:
        before = host.open_fds()
        with open("/dev/null", "rb") as file:
            client.send_raw(message(1, 99, size=4000), [file.fileno()] * 16)
            for _ in range(200):
                client.send_raw(b"x", [file.fileno()] * 16)
        time.sleep(0.2)
        assert host.open_fds() <= before + 32
        client.send_raw(bytes(4000 - 16 - 200))
        assert client.receive(1, 99)[0] == EINVAL
        client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
        assert host.open_fds() == before

with tap.case("too many descriptors for one message spoil that message only"):
    with Client(host.path) as client:
        events = [os.eventfd(0) for _ in range(17)]
        assert client.set_irqs(0x24, fds=events) == EINVAL
        assert client.set_irqs(0x24, fds=events[:1]) == 0
        for fd in events:
            os.close(fd)

with tap.case("a client that sends for ever and never reads does not grow the host"):
    with Client(host.path) as client:
        client.socket.setblocking(False)
        request = message(1, READ, struct.pack("<QII", 0, 0, 65536)) * 1000
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                client.socket.send(request)
            except BlockingIOError:
                time.sleep(0.01)
        with Client(host.paths[1]) as other:
            other.read(7, 0, 256)
        with Client(host.path, negotiate=False) as second:
            assert second.closed(), "the listener is blocked"
alive()


def random_payload(rng, command):
    """Nearly right: field values at limits, lengths off by a little."""
    edge = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 32, 36, 255, 256, 4095, 4096, 0xffff, 1 << 20,
            (1 << 20) + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]

    def u32():
        return struct.pack("<I", rng.choice(edge) & 0xffffffff)

    def u64():
        return struct.pack("<Q", rng.choice(edge))
    if command in (READ, WRITE):
        data = u64() + struct.pack("<I", rng.choice([0, 1, 2, 4, 5, 7, 8, 9, 2**32 - 1])) + u32()
    elif command == SET_IRQS:
        data = u32() + struct.pack("<I", rng.randrange(64)) + struct.pack(
            "<III", rng.choice([0, 0, 0, 1, 5, 2**32 - 1]), rng.choice([0, 0, 1, 2**32 - 1]),
            rng.choice([0, 1, 1, 2, 2**32 - 1]))
    elif command == WRITE_MULTI:
        data = u64() + b"".join(u64() + struct.pack("<I", rng.randrange(9)) + u32() + u64()
                                for _ in range(rng.randrange(4)))
    elif command == FEATURE:
        data = u32() + struct.pack("<I", rng.randrange(10) | rng.choice([0, GET, PUT, 1 << 18, 3 << 17]))
        data += u64() + u64() + u64()
    else:
        data = u32() + u32() + b"".join(u64() for _ in range(rng.randrange(4)))
    data += os.urandom(rng.choice([0, 0, 0, 1, 8, 100]))
    return data[:len(data) - rng.choice([0, 0, 0, 0, 1, 4, 8])]


def fuzz_connection(rng, files):
    """One connection of nonsense. Port 4 sleeps, so ports are left alone (BAR 3)."""
    with Client(host.path, negotiate=rng.random() < 0.95, timeout=5) as client:
        for _ in range(rng.randrange(1, 60)):
            command = rng.choice([*range(20), READ, WRITE, SET_IRQS, SET_IRQS, FEATURE, DMA_MAP])
            payload = random_payload(rng, command)
            if command in (WRITE, WRITE_MULTI) and b"\3\0\0\0" in payload:
                continue
            data = message(rng.randrange(65536), command, payload, rng.choice([0, 0, 0, 0x10]))
            if rng.random() < 0.02:
                data = os.urandom(rng.randrange(64))
            fds = rng.choices(files, k=rng.choice([0, 0, 0, 1, 1, 2, 16]))
            cut = rng.randrange(1, len(data) + 1) if data else 0
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                client.socket.settimeout(1)
                if data[:cut]:
                    client.socket.sendmsg([data[:cut]], ancillary)
                if data[cut:]:
                    client.socket.sendall(data[cut:])
                if rng.random() < 0.5:
                    client.socket.settimeout(0.0005)
                    client.socket.recv(1 << 20)
            except (OSError, Closed):
                return


with tap.case(f"random messages for {SECONDS:g} s (seed {SEED})"):
    rng = random.Random(SEED)
    event = os.eventfd(0, os.EFD_NONBLOCK)
    with open("/dev/null", "r+b") as null:
        pipe = os.pipe()
        files = [event, event, null.fileno(), *pipe]
        with Client(host.path) as client:
            client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
            before = host.open_fds()
        end, connections = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            try:
                fuzz_connection(rng, files)
            except (Closed, OSError):
                pass
            connections += 1
        for fd in (event, *pipe):
            os.close(fd)
    assert host.process.poll() is None, "the host died"
    alive()
    with Client(host.path) as client:
        client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
        after = host.settled_fds(before)
        assert after == before, f"{after - before} descriptors leaked"
    assert connections > 20, f"only {connections} connections"

with tap.case("the host ends by itself"):
    host.close()
tap.finish()
