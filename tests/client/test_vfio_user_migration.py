#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A card that its guest's monitor moves from one process to another by vfio-user's device migration:
every state and transition, streams in pieces, damaged streams, and the picture that arrives."""

import mmap as memory_map
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))

from device_migration import (
    DEVICE_STATE, ERROR, GET, MAX_DATA, MIGRATION, PRE_COPY, PRE_COPY_P2P, PROBE, RESUMING, RUNNING,
    RUNNING_P2P, SET, STATES, STOP, STOP_COPY, Serve, feature, go, read_all, read_data, state_of,
    try_state, write_all, write_data)
from pictures import difference
from qmp import QmpError
from qxl_driver import Driver, PORTS, RAM, VRAM
from tap import Tap
from vfio_user import EINVAL, MIG_READ, MIG_WRITE, RESET, WRITE, write_payload

WIDTH, HEIGHT = 640, 480
tap = Tap()


def paint(driver):
    """A picture of rectangles; a surface in VRAM, of which nothing is shown yet."""
    driver.boot(WIDTH, HEIGHT)
    driver.create_surface(1, 64, 64, 0)
    for i in range(40):
        driver.fill(0, (i * 8, i * 6, WIDTH - i * 8, HEIGHT - i * 6), 0x050301 * i + 0x10)
    driver.fill(1, (0, 0, 64, 64), 0xff8040)
    driver.fill(1, (16, 16, 48, 48), 0x2060a0)
    shown(driver)


def shown(driver):
    """What was drawn is in the card's memory; libspice-server draws no sooner than asked to."""
    driver.update(0, (0, 0, WIDTH, HEIGHT))


def show_surface(driver):
    driver.copy_surface(1, 64, 64, (100, 50, 164, 114))
    shown(driver)


def same(expected, actual):
    different = difference(expected, actual)
    assert different is None, different


# --- states ---

# What the protocol allows, from state to state.
LEGAL = {(a, b) for a in STATES.values() for b in STATES.values()} - {(STOP_COPY, PRE_COPY)}
# A legal way to each state from RUNNING.
WAYS = {STOP: [STOP], RUNNING: [], STOP_COPY: [STOP_COPY], RESUMING: [RESUMING],
        PRE_COPY: [PRE_COPY]}

with Serve() as one:
    client = one.client()
    with tap.case("MIGRATION: stop-copy and pre-copy, to be read only"):
        error, reply = feature(client, MIGRATION, GET)
        assert (error, reply) == (0, struct.pack("<Q", 5)), (error, reply)
        assert feature(client, MIGRATION, SET, bytes(8))[0] == EINVAL
        assert feature(client, MIGRATION, GET, argsz=15)[0] == EINVAL
        for number, operation in ((MIGRATION, GET), (DEVICE_STATE, GET), (DEVICE_STATE, SET),
                                  (DEVICE_STATE, GET | SET)):
            assert feature(client, number, operation | PROBE)[0] == 0
        assert feature(client, MIGRATION, PROBE | SET)[0] == EINVAL
        assert feature(client, DEVICE_STATE, GET | SET, bytes(8))[0] == EINVAL
        for size in range(8):
            assert feature(client, DEVICE_STATE, SET, bytes(size))[0] == EINVAL
        assert state_of(client) == RUNNING
    for source in STATES:
        with tap.case(f"from {source} to every state"):
            for name, wanted in [*STATES.items(), ("ERROR", ERROR), ("P2P", RUNNING_P2P),
                                 ("PRE_COPY_P2P", PRE_COPY_P2P), ("8", 8), ("all ones", 2**32 - 1)]:
                client.ok(RESET)
                assert state_of(client) == RUNNING
                go(client, *WAYS[STATES[source]])
                error = try_state(client, wanted)
                if (STATES[source], wanted) in LEGAL:
                    assert error == 0 and state_of(client) == wanted, (name, error)
                else:
                    assert error == EINVAL, (name, error)
                    # Nothing has changed, and the way back is open.
                    assert state_of(client) == STATES[source], name
                    go(client, RUNNING)
    with tap.case("data is read in PRE_COPY and STOP_COPY and written in RESUMING only"):
        for name, number in STATES.items():
            client.ok(RESET)
            go(client, *WAYS[number])
            error = client.request(MIG_READ, struct.pack("<II", 16, 8))[0]
            assert error == (0 if number in (PRE_COPY, STOP_COPY) else EINVAL), (name, error)
            error = write_data(client, b"")
            assert error == (0 if number == RESUMING else EINVAL), (name, error)
    with tap.case("sizes of data messages"):
        client.ok(RESET)
        go(client, STOP_COPY)
        for argsz, size in ((8, 1), (0, 0), (MAX_DATA + 9, MAX_DATA + 1), (7, 2**32 - 1),
                            (2**32 - 1, 2**32 - 1)):
            client.fails(MIG_READ, struct.pack("<II", argsz, size))
        client.fails(MIG_READ, bytes(7))
        client.ok(RESET)
        go(client, RESUMING)
        client.fails(MIG_WRITE, struct.pack("<II", 16, 8) + bytes(7))
        client.fails(MIG_WRITE, struct.pack("<II", 15, 8) + bytes(8))
        assert state_of(client) == RESUMING
    with tap.case("what the client may write meanwhile"):
        client.ok(RESET)
        for name, number in STATES.items():
            client.ok(RESET)
            go(client, *WAYS[number])
            memory = client.request(WRITE, write_payload(RAM, 0, b"abcd"))[0]
            port = client.request(WRITE, write_payload(PORTS, 3, b"\0"))[0]
            assert memory == (EINVAL if number in (STOP_COPY, RESUMING) else 0), (name, memory)
            assert port == (0 if number in (RUNNING, PRE_COPY) else EINVAL), (name, port)
            client.write(7, 4, b"\x03\x00")  # the configuration is always the client's
            assert len(client.read(RAM, 0, 4096)) == 4096
    with tap.case("RESUMING with no data leaves the card as it is"):
        client.ok(RESET)
        driver = Driver(client)
        paint(driver)
        before = one.picture()
        go(client, RESUMING, STOP, RUNNING)
        same(before, one.picture())
        show_surface(driver)
    with tap.case("the machine's stop and cont do not wake a card that stands still"):
        go(client, STOP)
        one.qmp.command("stop")
        one.qmp.command("cont")
        ring = driver.header + 0x100c
        prod, = struct.unpack("<I", client.read(RAM, ring + 4, 4))
        # A command that is on the ring is not fetched before the card runs.
        driver.put(ring + 20 + prod % 32 * 16, bytes(16))
        driver.put(ring + 4, struct.pack("<I", prod + 1))
        try:
            one.qmp.command("system_reset")
        except QmpError as refusal:
            assert "another host" in str(refusal), refusal
        else:
            raise AssertionError("a reset would change what is being saved")
        assert struct.unpack("<I", client.read(RAM, ring + 12, 4))[0] == prod
        go(client, RUNNING)
        driver.update(0, (0, 0, 1, 1))
        assert struct.unpack("<I", client.read(RAM, ring + 12, 4))[0] == prod + 1

# --- a card moves ---


def moves(name, read_size, write_size, precopy, keep_precopy=True, pair=1):
    with tap.case(name):
        with Serve(cards=pair) as here, Serve() as there:
            source, target = here.client(pair - 1), there.client()
            driver = Driver(source)
            paint(driver)
            data = b""
            if precopy:
                go(source, PRE_COPY)
                data = read_all(source, read_size)
                assert 0 < len(data) < 65536, len(data)
                driver.fill(0, (200, 200, 300, 300), 0xffffff)
                shown(driver)
            go(source, STOP_COPY)
            data = (data if keep_precopy else b"") + read_all(source, read_size)
            assert read_data(source) == b"", "nothing follows the end"
            go(source, STOP)
            before = here.picture(f"card{pair - 1}")
            go(target, RESUMING)
            write_all(target, data, write_size)
            go(target, STOP, RUNNING)
            same(before, there.picture())
            # It goes on: its rings, its slots, its surface in VRAM.
            driver.client.close()
            driver = Driver(target).adopt(driver)
            show_surface(driver)
            picture = there.picture()
            assert difference(before, picture) is not None
            assert picture.pixel(101, 51) == (0xff, 0x80, 0x40), picture.pixel(101, 51)
            assert picture.pixel(120, 70) == (0x20, 0x60, 0xa0), picture.pixel(120, 70)
            for i in range(100):
                driver.fill(0, (0, 0, 10, 10), i)
            driver.update(0, (0, 0, WIDTH, HEIGHT))
            assert "qxl-" not in there.output(), there.output()  # a guest bug is "qxl-0: ..."
            return data


SAVED = moves("a card moves, in messages of 1 MiB", MAX_DATA, MAX_DATA, False)
moves("in messages of 1024 bytes, written in pieces of 777", 1024, 777, False)
moves("with pre-copy, whose data is kept", MAX_DATA, MAX_DATA, True)
moves("with pre-copy, whose data is thrown away", MAX_DATA, MAX_DATA, True, False)
moves("with pre-copy, in messages of 100 bytes", 100, MAX_DATA, True)

with tap.case("with pre-copy that ends while its data is half read"):
    with Serve() as here, Serve() as there:
        source, target = here.client(), there.client()
        paint(Driver(source))
        before = here.picture()
        go(source, PRE_COPY)
        data = read_data(source, 10)
        go(source, STOP_COPY)
        data += read_all(source)
        go(target, RESUMING)
        write_all(target, data)
        go(target, RUNNING)
        same(before, there.picture())

for mmap in "off", "on":
    with tap.case(f"pre-copy=memory, mmap={mmap}: what is written meanwhile is sent again"):
        with Serve(socket=f"pre-copy=memory,mmap={mmap}") as here, Serve() as there:
            source, target = here.client(), there.client()
            driver = Driver(source)
            paint(driver)
            go(source, PRE_COPY)
            data = first = read_all(source)
            assert len(first) > 1 << 20, len(first)
            assert read_data(source) == b"", "nothing is left while nobody writes"
            driver.fill(0, (200, 200, 300, 300), 0xffffff)
            source.write(RAM, 9 << 20, b"late" * 1024)
            if mmap == "on":  # as a guest's processor does: nothing of ours sees it
                _, size, offset = source.region_info(VRAM)
                with memory_map.mmap(source.fds[-1], size, offset=offset) as view:
                    view[4 << 20:(4 << 20) + 4096] = b"mapped  " * 512
            data += read_all(source)
            driver.update(0, (0, 0, WIDTH, HEIGHT))
            driver.fill(0, (100, 200, 300, 250), 0x123456)
            source.write(RAM, 9 << 20, bytes(4096))  # zero again
            source.write(RAM, 10 << 20, b"last")
            go(source, STOP_COPY)
            rest = read_all(source)
            assert len(rest) < len(first) // 2, (len(first), len(rest))
            assert read_data(source) == b""
            go(target, RESUMING)
            write_all(target, data + rest, 100001)
            go(target, STOP, RUNNING)
            moved = there.picture()
            assert target.read(RAM, 9 << 20, 4096) == bytes(4096)
            assert target.read(RAM, 10 << 20, 4) == b"last"
            if mmap == "on":
                assert target.read(VRAM, 4 << 20, 4096) == b"mapped  " * 512
            # Without what came before it the rest is nothing.
            target.ok(RESET)
            go(target, RESUMING)
            assert write_data(target, rest[:MAX_DATA]) == EINVAL
            # And the source may go on instead, and begin again.
            go(source, STOP, RUNNING, PRE_COPY)
            assert len(read_all(source)) > 1 << 20
            go(source, RUNNING)
            same(here.picture(), moved)  # with what was in its ring when it was stopped

with tap.case("zero pages do not travel"):
    assert len(SAVED) < 4 << 20, len(SAVED)

with tap.case("a source goes on when the move fails"):
    with Serve() as here:
        source = here.client()
        driver = Driver(source)
        paint(driver)
        go(source, PRE_COPY, STOP_COPY)
        read_data(source, 5000)
        go(source, RUNNING)
        show_surface(driver)
        # And once more, all of it.
        go(source, STOP_COPY)
        read_all(source)
        go(source, RUNNING)
        show_surface(driver)

# --- what is wrong is refused ---

with tap.case("damaged and short streams end in ERROR, and a reset leads out of it"):
    with Serve() as there:
        target = there.client()
        places = [0, 5, 9, 12, 16, 20, 30, 60, 100, 400, 5000, len(SAVED) // 2, len(SAVED) - 9000,
                  len(SAVED) - 30, len(SAVED) - 1]
        for place in places:
            damaged = bytearray(SAVED)
            damaged[place] ^= 0x21
            go(target, RESUMING)
            for at in range(0, len(damaged), MAX_DATA):
                if write_data(target, damaged[at:at + MAX_DATA]):
                    break
            else:
                assert try_state(target, STOP) == EINVAL, place
            assert state_of(target) == ERROR, place
            for state in range(8):
                assert try_state(target, state) == EINVAL
            assert write_data(target, b"x") == EINVAL
            # Nothing of it is to be seen.
            assert target.read(RAM, 0, 4096) == bytes(4096)
            target.ok(RESET)
            assert state_of(target) == RUNNING
        for length in (1, 15, 16, 17, 100, len(SAVED) // 2, len(SAVED) - 1):
            go(target, RESUMING)
            write_all(target, SAVED[:length])
            assert try_state(target, RUNNING) == EINVAL, length
            assert state_of(target) == ERROR
            target.ok(RESET)
        go(target, RESUMING)
        assert write_data(target, SAVED[:MAX_DATA]) == 0
        # The client comes back with everything.
        target.ok(RESET)
        go(target, RESUMING)
        write_all(target, SAVED)
        assert write_data(target, b"x") == EINVAL
        target.ok(RESET)
        go(target, RESUMING)
        write_all(target, SAVED)
        go(target, RUNNING)
        there.picture()

with tap.case("a target of another kind refuses the first data, while the guest still runs"):
    with Serve() as here, Serve("qxl,ram_size_mb=64,vram_size_mb=32") as there:
        source, target = here.client(), there.client()
        go(source, PRE_COPY)
        head = read_all(source)
        go(target, RESUMING)
        assert write_data(target, head) == EINVAL
        assert state_of(target) == ERROR
        assert "target's ram_size_mb is 64, source has 32" in there.output(), there.output()
        go(source, RUNNING)

with tap.case("a client that goes in any state leaves a card that is as new"):
    with Serve() as here:
        for states in ([PRE_COPY], [STOP], [STOP_COPY], [RESUMING]):
            client = here.client()
            paint(Driver(client))
            go(client, *states)
            if states == [RESUMING]:
                write_all(client, SAVED[:MAX_DATA // 2])
            client.close()
            client = here.client()
            assert state_of(client) == RUNNING
            driver = Driver(client)
            paint(driver)
            show_surface(driver)
            client.close()

moves("the second of two cards moves to where it is the first", MAX_DATA, MAX_DATA, True, pair=2)

tap.finish()
