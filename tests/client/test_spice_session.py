#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Main and inputs channel against a client by hand, spice-wire.md sections 1.8 to 1.12, 3, 5.2."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from tap import Tap

tap = Tap()
server = BareServer()
port = server.port

NAME_AND_UUID = 2
KEY_DOWN, KEY_UP, KEY_MODIFIERS, KEY_SCANCODE = 101, 102, 103, 104
MOTION, POSITION, PRESS, RELEASE = 111, 112, 113, 114
MOTION_ACK = 111
PING, PONG, NOTIFY, ACK, ACK_SYNC, DISCONNECTING = 4, 3, 7, 2, 1, 6
SET_ACK = 3  # of the server; PONG is the client's 3


def inputs_of(main, common=spice.AUTH_SELECTION | spice.MINI_HEADER):
    inputs = spice.Client(port)
    inputs.link(main.session, spice.INPUTS, common=common)
    kind, body = inputs.read_message()
    assert (kind, len(body)) == (101, 2), "INIT is first"
    return inputs


def wait_for_clients(count):
    for _ in range(100):
        server.command("clients")
        if int(server.devices(1)[0]) == count:
            return
        time.sleep(0.02)
    raise AssertionError(f"there are not {count} clients")


for name, common in (("mini", spice.AUTH_SELECTION | spice.MINI_HEADER),
                     ("full", spice.AUTH_SELECTION)):
    with tap.case(f"a session's first messages, {name} headers"):
        with spice.Client(port) as main:
            main.link(common=common, channel=NAME_AND_UUID)
            kinds, pings = [], []
            for serial in range(1, 7):
                kind, body = main.read_message()
                kinds.append(kind)
                if name == "full":
                    assert main.serial == serial
                if kind == 103:
                    init = struct.unpack("<8I", body)
                    assert init[0] != 0 and init[2:6] == (1, 1, 0, 10), init
                elif kind == 113:
                    assert body == b"\5\0\0\0bare\0"
                elif kind == 114:
                    assert body == bytes(range(16))
                else:
                    pings.append((struct.unpack_from("<I", body)[0], len(body) - 12))
            assert kinds == [103, 113, 114, PING, PING, PING], kinds
            assert pings == [(1, 0), (2, 0), (3, 256000)], pings
            main.send_message(104)
            assert main.expect(104) == struct.pack("<IBB", 1, spice.INPUTS, 0)

with tap.case("without the capability there is neither name nor UUID"):
    with spice.Main(port) as main:
        assert main.read_message()[0] == PING

with tap.case("a new session ends the one before, with all its channels"):
    first = spice.Main(port)
    inputs = inputs_of(first)
    second = spice.Main(port)
    assert second.session != first.session
    assert first.is_closed() and inputs.is_closed()
    wait_for_clients(1)
    second.close()

with tap.case("a main connection that leaves takes its channels along"):
    main = spice.Main(port)
    inputs = inputs_of(main)
    wait_for_clients(1)
    main.close()
    assert inputs.is_closed()
    wait_for_clients(0)

with tap.case("a second inputs connection of one client: accepted and closed, the first stays"):
    with spice.Main(port) as main:
        inputs = inputs_of(main)
        other = spice.Client(port)
        other.link(main.session, spice.INPUTS)
        assert other.is_closed()
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x1e))
        assert server.devices(1) == ["key 1e"]
    assert server.devices(1) == ["key 9e"], "released when the client left"

with tap.case("the user is told that the keyboard is insecure"):
    with spice.Main(port) as main:
        with inputs_of(main):
            body = main.expect(NOTIFY)
            time_ns, severity, visibility, what, size = struct.unpack_from("<QIIII", body)
            text = body[24:]
            assert (severity, visibility, what) == (1, 2, 0)
            assert text == b"keyboard channel is insecure\0" and size == len(text) - 1

with tap.case("latency pings: answered, and answers nobody asked for"):
    with spice.Main(port) as main:
        seen = []
        while len(seen) < 4:
            body = main.expect(PING)
            seen.append(struct.unpack_from("<I", body)[0])
            main.send_message(PONG, body[:12])
        assert seen[:3] == [1, 2, 3] and seen[3] > 3, seen
        for answer in (0, 2, 3, 16, 17, 0xffffffff):
            main.send_message(PONG, struct.pack("<IQ", answer, 0))
        main.send_message(104)
        main.expect(104)

with tap.case("the network test says how much a client may be sent before it acknowledges"):
    server.command("display 0")
    # Microseconds that the answers to the small and the large ping seem to be late by.
    for small, large, window in ((10**7, 0, 20), (0, 10**6, 40)):
        with spice.Main(port) as main:
            for late in (0, small, large):
                number, stamp = struct.unpack_from("<IQ", main.expect(PING))
                main.send_message(PONG, struct.pack("<IQ", number, stamp - late))
            main.send_message(104)
            main.expect(104)
            with spice.Client(port) as display:
                display.link(main.session, spice.DISPLAY)
                assert struct.unpack("<II", display.expect(SET_ACK))[1] == window, (large, window)
    server.command("no-display 0")

with tap.case("messages that every channel takes without harm"):
    with spice.Main(port) as main:
        main.send_message(DISCONNECTING, bytes(12))
        for _ in range(100):
            main.send_message(ACK)
        main.send_message(ACK_SYNC, bytes(4))
        main.send_message(106, bytes(4))
        main.send_message(107, bytes(2048))
        main.send_message(108, bytes(4))
        main.send_message(105, struct.pack("<H", 2) + b"more than needed")
        main.send_message(105, struct.pack("<H", 77))
        main.send_message(104)
        main.expect(104)

bad_messages = {
    "an unknown base message": (9, b"", None),
    "MIGRATE_DATA that nobody waits for": (5, bytes(10), None),
    "MIGRATE_FLUSH_MARK that nobody waits for": (4, b"", None),
    "an unknown message": (140, b"", None),
    "CLIENT_INFO": (101, bytes(8), None),
    "a short PONG": (PONG, bytes(11), None),
    "a short ACK_SYNC": (ACK_SYNC, bytes(3), None),
    "a base message of 65 bytes": (PONG, bytes(65), None),
    "a message larger than any": (107, b"", 2049),
    "a message of 4 GiB": (107, b"", 0xffffffff),
    "a short MOUSE_MODE_REQUEST": (105, b"\1", None),
}
for name, (kind, body, size) in bad_messages.items():
    with tap.case(f"{name}: the session ends"):
        with spice.Main(port) as main:
            main.send_message(kind, body, size)
            assert main.is_closed()

with tap.case("keys: codes of one to four bytes, scan code strings"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x1e))
        inputs.send_message(KEY_UP, struct.pack("<I", 0x9e))
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x5be0))
        inputs.send_message(KEY_UP, struct.pack("<I", 0xdbe0))
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x04030201))
        inputs.send_message(KEY_UP, struct.pack("<I", 0x84838281))
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0))
        inputs.send_message(KEY_SCANCODE, bytes.fromhex("e04de0cd"))
        want = "1e 9e e0 5b e0 db 01 02 03 04 81 82 83 84 e0 4d e0 cd".split()
        assert [line.split()[1] for line in server.devices(len(want))] == want

with tap.case("keys that are still down are released, nonsense is tolerated"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x2a))
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x1de0))
        inputs.send_message(KEY_UP, struct.pack("<I", 0xffffffff))
        inputs.send_message(KEY_DOWN, struct.pack("<I", 0x7f))
        inputs.send_message(KEY_SCANCODE, b"\xe0")
        server.devices(3 + 4 + 1 + 1)
    want = ["key aa", "key ff", "key e0", "key 9d"]
    got = server.devices(4)
    assert got == want, got

with tap.case("lock keys follow the client; lights are reported"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        inputs.send_message(KEY_MODIFIERS, struct.pack("<H", 4))
        assert server.devices(2) == ["key 3a", "key ba"]
        inputs.send_message(KEY_MODIFIERS, struct.pack("<H", 4))
        server.command("leds")
        assert inputs.expect(102) == struct.pack("<H", 4)
        assert inputs.expect(102) == struct.pack("<H", 4), "again after 2 s"
        inputs.send_message(KEY_MODIFIERS, struct.pack("<H", 0))
        assert server.devices(2) == ["key 3a", "key ba"]

with tap.case("motion, buttons and wheel in server mode"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        inputs.send_message(MOTION, struct.pack("<iiH", -3, 5, 0))
        for button, mask in ((1, 1), (2, 3), (3, 7)):
            inputs.send_message(PRESS, struct.pack("<BH", button, mask))
        inputs.send_message(RELEASE, struct.pack("<BH", 3, 0x60))
        inputs.send_message(PRESS, struct.pack("<BH", 4, 8))
        inputs.send_message(RELEASE, struct.pack("<BH", 4, 0))
        inputs.send_message(PRESS, struct.pack("<BH", 5, 16))
        want = ["motion -3 5 0 0", "motion 0 0 0 1", "motion 0 0 0 5", "motion 0 0 0 7",
                "buttons 192", "motion 0 0 -1 0", "buttons 0", "motion 0 0 1 0"]
        got = server.devices(len(want))
        assert got == want, got

with tap.case("every fourth motion is acknowledged, also those that the mode forbids"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        for i in range(12):
            if i % 2:
                inputs.send_message(MOTION, struct.pack("<iiHB", 1, 1, 0, 0))
            else:
                inputs.send_message(POSITION, struct.pack("<IIHB", 1, 1, 0, 0))
        kinds = []
        while len(kinds) < 3:
            kind, body = inputs.read_message()
            if kind != PING:
                kinds.append((kind, body))
        assert kinds == [(MOTION_ACK, b"")] * 3, kinds
        assert server.devices(6) == ["motion 1 1 0 0"] * 6

for name, kind, body in (("KEY_DOWN", KEY_DOWN, bytes(3)), ("KEY_UP", KEY_UP, b""),
                         ("KEY_MODIFIERS", KEY_MODIFIERS, b"\0"), ("MOTION", MOTION, bytes(9)),
                         ("POSITION", POSITION, bytes(10)), ("PRESS", PRESS, bytes(2)),
                         ("RELEASE", RELEASE, bytes(2)), ("message 105", 105, bytes(20)),
                         ("a KEY_SCANCODE of 2049 bytes", KEY_SCANCODE, bytes(2049))):
    with tap.case(f"too short or unknown: {name}: the channel is closed, the session stays"):
        with spice.Main(port) as main, inputs_of(main) as inputs:
            inputs.send_message(kind, body)
            assert inputs.is_closed()
            with inputs_of(main) as again:
                again.send_message(KEY_UP, struct.pack("<I", 0x81))
                assert server.devices(1) == ["key 81"]

with tap.case("messages in pieces, and many in one"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        down = struct.pack("<HII", KEY_UP, 4, 0x81)
        for byte in down * 2:
            inputs.send(bytes([byte]))
            time.sleep(0.001)
        inputs.send(down * 3000)
        assert server.devices(3002) == ["key 81"] * 3002

with tap.case("a tablet alone does not allow client mode while there is no display"):
    server.command("tablet")
    assert server.devices(1) == ["0"]
    server.command("tablet")
    assert server.devices(1) == ["-1"]
    with spice.Main(port) as main:
        assert (main.modes, main.mode) == (1, 1)

MOUSE_MODE, CHANNELS_LIST = 105, 104
SERVER_MODE, CLIENT_MODE = 1, 2


def expect_mode(main, supported, current):
    body = main.expect(MOUSE_MODE)
    assert struct.unpack("<HH", body) == (supported, current), body


with tap.case("client mode: with a tablet and one display; positions, buttons, wheel"):
    with spice.Main(port) as main, inputs_of(main) as inputs:
        main.send_message(104)
        assert main.expect(CHANNELS_LIST) == struct.pack("<IBB", 1, spice.INPUTS, 0)
        server.command("display 0")
        new = [main.expect(CHANNELS_LIST), main.expect(CHANNELS_LIST)]
        assert sorted(new) == [struct.pack("<IBB", 1, spice.DISPLAY, 0),
                               struct.pack("<IBB", 1, spice.CURSOR, 0)], new
        expect_mode(main, 3, SERVER_MODE)
        assert server.devices(1) == ["size 320 200"]
        main.send_message(105, struct.pack("<H", CLIENT_MODE))
        expect_mode(main, 3, CLIENT_MODE)
        server.command("server-mouse")
        assert server.devices(1) == ["0"]
        inputs.send_message(POSITION, struct.pack("<IIHB", 10, 20, 0, 0))
        inputs.send_message(POSITION, struct.pack("<IIHB", 0xffffffff, 200, 1, 0))
        inputs.send_message(PRESS, struct.pack("<BH", 2, 2))
        inputs.send_message(RELEASE, struct.pack("<BH", 2, 0))
        inputs.send_message(PRESS, struct.pack("<BH", 4, 8))
        inputs.send_message(MOTION, struct.pack("<iiH", 1, 1, 0))
        inputs.send_message(PRESS, struct.pack("<BH", 5, 16))
        want = ["position 10 20 0", "position 319 199 1", "wheel 0 4", "tablet-buttons 0",
                "wheel -1 0", "wheel 1 0"]
        got = server.devices(len(want))
        assert got == want, got

with tap.case("a later session learns the mode; without the picture it is server mode again"):
    with spice.Main(port) as main:
        assert (main.displays, main.modes, main.mode) == (1, 3, CLIENT_MODE)
        server.command("no-picture")
        expect_mode(main, 1, SERVER_MODE)
        main.send_message(105, struct.pack("<H", CLIENT_MODE))
        main.send_message(104)
        assert main.expect(MOUSE_MODE, CHANNELS_LIST)[:4] == b"\3\0\0\0", "not allowed: ignored"

with tap.case("a second display or no tablet: no client mode"):
    server.command("no-display 0")
    server.command("display 0")
    assert server.devices(1) == ["size 320 200"]
    with spice.Main(port) as main:
        assert main.modes == 3
        server.command("display 1")
        expect_mode(main, 1, SERVER_MODE)
        server.command("no-display 1")
        expect_mode(main, 3, SERVER_MODE)
        assert server.devices(1) == ["size 320 200"]
        server.command("no-tablet")
        assert server.devices(1) == ["0"]
        expect_mode(main, 1, SERVER_MODE)
    server.command("no-display 0")

with tap.case("a client that reads nothing is no burden"):
    deaf = spice.Main(port)
    start = server.cpu_seconds()
    for _ in range(2000):
        deaf.send_message(104)
    time.sleep(1)
    used = server.cpu_seconds() - start
    assert used < 0.7, f"{used} s of CPU"
    deaf.close()
    wait_for_clients(0)

with tap.case("sessions come and go"):
    for i in range(150):
        main = spice.Main(port)
        inputs = inputs_of(main)
        if i % 3 == 0:
            inputs.close()
        if i % 2 == 0:
            main.close()
    main.close()
    wait_for_clients(0)

with tap.case("an idle server uses no time"):
    with spice.Main(port) as main, inputs_of(main):
        for _ in range(10):  # the first one may see the end of what came before
            start = server.cpu_seconds()
            time.sleep(1)
            used = server.cpu_seconds() - start
            if used < 0.015:  # one tick is counted to whoever runs at its time
                break
        assert used < 0.015, f"{used} s of CPU"

with tap.case("the server ends well, with a client connected"):
    with spice.Main(port) as main, inputs_of(main):
        server.stop()
        assert main.is_closed()

with tap.case("several clients at once, where that is allowed"):
    server = BareServer(env={"SPICE_DEBUG_ALLOW_MC": "1"})
    port = server.port
    clients = [spice.Main(port) for _ in range(5)]
    keyboards = [inputs_of(main) for main in clients]
    wait_for_clients(5)
    for keyboard in keyboards:
        keyboard.send_message(KEY_DOWN, struct.pack("<I", 0x1e))
    assert server.devices(5) == ["key 1e"] * 5
    for main in clients[:4]:
        main.close()
    wait_for_clients(1)
    clients[4].send_message(104)
    clients[4].expect(104)
    keyboards[4].close()
    assert server.devices(1) == ["key 9e"], "released when the last keyboard left"
    server.stop()

tap.finish()
