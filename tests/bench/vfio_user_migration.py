#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a card stands still while its guest's monitor moves it: from STOP_COPY to RUNNING.

  tests/bench/vfio_user_migration.py BUILD [RUNS]     32+32 MiB of VRAM and RAM, four fifths in use

With STOP_COPY alone, and with pre-copy=memory."""

import os
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
os.environ["BUILDDIR"] = os.path.realpath(sys.argv[1])
sys.path.insert(0, os.path.join(TESTS, "support"))

from device_migration import (MAX_DATA, PRE_COPY, RESUMING, RUNNING, STOP, STOP_COPY, Serve, go,
                              read_all, write_all)
from qxl_driver import RAM, VRAM, Driver

MIB = 1 << 20


def move(client, pre_copy):
    """Times in ms: freezing, reading, writing, taking over; and the stream's bytes."""
    with Serve() as there:
        target = there.client()
        go(target, RESUMING)
        if pre_copy:
            go(client, PRE_COPY)
            write_all(target, read_all(client))
        times = [time.monotonic()]
        go(client, STOP_COPY)
        times.append(time.monotonic())
        data = read_all(client, MAX_DATA)
        times.append(time.monotonic())
        write_all(target, data)
        times.append(time.monotonic())
        go(target, STOP, RUNNING)
        times.append(time.monotonic())
        go(client, RUNNING)
    return [1000 * (b - a) for a, b in zip(times, times[1:])], len(data)


def run(way, socket, pre_copy, runs):
    with Serve(socket=socket) as here:
        client = here.client()
        Driver(client).boot(640, 480)
        noise = os.urandom(MIB)
        for at in range(12, 31):
            client.write(RAM, at * MIB, noise)
        for at in range(32):
            client.write(VRAM, at * MIB, noise)
        for _ in range(runs):
            steps, size = move(client, pre_copy)
            print("{}: freeze {:.1f}  read {:.1f}  write {:.1f}  take over {:.1f}  all {:.1f} ms, "
                  "{:.1f} MB".format(way, *steps, sum(steps), size / 1e6))


def main():
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    run("stop-copy", "mmap=off", False, runs)
    run("pre-copy", "mmap=off,pre-copy=memory", True, runs)
    run("pre-copy, mapped", "mmap=on,pre-copy=memory", True, runs)


main()
