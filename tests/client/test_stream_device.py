#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A port whose guest shows a film that it encodes itself: <spice/stream-device.h>, spice-wire.md 4.9."""

import hashlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from cassia import OWN_SERVER
from gray_jpeg import gray_jpeg
from gtk_client import GtkClient
from stream_port import (CAPABILITIES, CURSOR_MOVE, CURSOR_SET, DATA, DISPLAY_INFO, FORMAT, H264, HEADER, MJPEG,
                         NAME, NOTIFY_ERROR, QUALITY, START_STOP, VP8, VP9, format_message, message, parse_header)
from tap import Tap

OPENED, CLOSED = 0, 1
# Of the display channel.
SURFACE_CREATE, SURFACE_DESTROY, FILL, MARK, MONITORS = 314, 315, 302, 102, 317
STREAM_CREATE, STREAM_DATA, STREAM_CLIP, STREAM_DESTROY, STREAM_REPORT = 122, 123, 124, 125, 319
INIT, REPORT = 101, 102
SET_ACK, PING, INVAL_PALETTES, ACK_SYNC, ACK = 3, 4, 108, 1, 2
NOT_MINE = (SET_ACK, PING, INVAL_PALETTES, STREAM_CLIP, STREAM_REPORT)  # what may come or not
CAP_MONITORS, CAP_REPORT, CAP_MULTI, CAP_MJPEG, CAP_VP8, CAP_H264, CAP_VP9 = (
    1 << bit for bit in (1, 4, 8, 9, 10, 11, 13))
CAPS = CAP_MONITORS | CAP_MULTI | CAP_MJPEG
CURSOR_INIT, CURSOR_SHAPE, CURSOR_MOVED = 101, 103, 104

tap = Tap()


def wait_for(what, condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Port:
    """The guest's side of port NAME, on SERVER."""

    def __init__(self, server, name="s"):
        self.server, self.name, self.told = server, name, b""
        self.states = []
        lines = server.tell(f"add {name} port {NAME}")
        self.keep(lines)
        assert "added 0 1" in lines, lines

    def keep(self, lines):
        for line in lines:
            if line.startswith(f"write {self.name} "):
                self.told += bytes.fromhex(line.split()[2])
            elif line.startswith(f"state {self.name} "):
                self.states.append(int(line.split()[2]))

    def event(self, event):
        self.keep(self.server.tell(f"dev-event {self.name} {event}"))

    def say(self, data, count=1):
        """Twice 50 KB at most: a command is a line. COUNT: so many times that."""
        if count > 1:
            self.keep(self.server.tell(f"dev-say {self.name} {data.hex()} {count}"))
        for at in range(0, len(data) if count == 1 else 0, 50000):
            self.keep(self.server.tell(f"dev-say {self.name} {data[at:at + 50000].hex()}"))

    def left(self):
        lines = self.server.tell(f"dev-left {self.name}")
        self.keep(lines)
        return int(next(line for line in lines if line.startswith("left")).split()[1])

    def next(self, kind):
        """The body of the next message of that KIND to the guest; others are thrown away."""
        deadline = time.monotonic() + 10
        while True:
            if len(self.told) >= HEADER:
                got, size = parse_header(self.told)
                if len(self.told) >= HEADER + size:
                    body, self.told = self.told[HEADER:HEADER + size], self.told[HEADER + size:]
                    if got == kind:
                        return body
                    continue
            assert time.monotonic() < deadline, f"no message {kind}, but {self.told.hex()}"
            self.left()
            time.sleep(0.01)

    def start(self):
        body = self.next(START_STOP)
        assert body[0] == len(body) - 1, body
        return sorted(body[1:])

    def open(self):
        self.event(OPENED)
        assert not any(self.next(CAPABILITIES)), "this test knows of no capabilities"


class Viewer:
    def __init__(self, server, caps=CAPS, number=0, init=True):
        self.main = spice.Main(server.port)
        self.display = spice.Client(server.port)
        self.display.link(self.main.session, spice.DISPLAY, number, channel=caps)
        if init:
            self.display.send_message(INIT, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))

    def next(self):
        """The next message; acknowledges as the server wishes."""
        while True:
            kind, body = self.display.read_message()
            if kind == SET_ACK:
                generation, self.window = struct.unpack("<II", body)
                self.display.send_message(ACK_SYNC, struct.pack("<I", generation))
                self.unacknowledged = 0
            else:
                self.unacknowledged += 1
            if self.unacknowledged == self.window:
                self.display.send_message(ACK)
                self.unacknowledged = 0
            if kind not in NOT_MINE:
                return kind, body

    def expect_surface(self, width, height):
        """All that makes a new surface; then its stream. Returns the stream's id and codec."""
        kind, body = self.next()
        assert kind == SURFACE_CREATE, kind
        assert struct.unpack("<5I", body) == (0, width, height, 32, 3), body.hex()
        rest = {}
        while len(rest) < (3 if OWN_SERVER else 2):  # 0.15.1 does not paint
            kind, body = self.next()
            assert kind in (FILL, MARK, MONITORS) and kind not in rest, kind
            rest[kind] = body
        assert not OWN_SERVER or struct.unpack("<IIIIIBBIHBIII", rest[FILL]) == \
            (0, 0, 0, height, width, 0, 1, 0, 8, 0, 0, 0, 0), rest[FILL].hex()
        assert struct.unpack("<HH7I", rest[MONITORS]) == (1, 1, 0, 0, width, height, 0, 0, 0)
        return self.expect_stream(width, height)

    def expect_stream(self, width, height):
        kind, body = self.next()
        assert kind == STREAM_CREATE, kind
        surface, number, flags, codec = struct.unpack_from("<IIBB", body)
        sizes = struct.unpack_from("<8I", body, 18)
        assert (surface, flags) == (0, 1) and sizes == (width, height, width, height, 0, 0, height, width)
        return number, codec

    def expect_frame(self, number, frame):
        kind, body = self.next()
        assert kind == STREAM_DATA, kind
        got, self.mm_time, size = struct.unpack_from("<III", body)
        assert (got, size) == (number, len(frame)) and body[12:] == frame

    def restart(self, port, width, height, codec=MJPEG):
        """The guest begins anew; returns the stream's id."""
        port.say(format_message(width, height, codec))
        number, got = self.expect_surface(width, height)
        assert got == codec
        return number

    def silent(self, seconds=0.2):
        self.display.socket.settimeout(seconds)
        try:
            kind, _ = self.next()
            raise AssertionError(f"message {kind}")
        except (socket.timeout, TimeoutError):
            self.display.socket.settimeout(10)

    def close(self):
        self.display.close()
        self.main.close()


def channels(main):
    main.send_message(104)  # ATTACH_CHANNELS
    body = main.expect(104)
    count = struct.unpack_from("<I", body)[0]
    return [tuple(body[4 + 2 * i:6 + 2 * i]) for i in range(count)]


server = BareServer(program="device_server", env={"SPICE_DEBUG_ALLOW_MC": "1"})
port = Port(server)
small, large = gray_jpeg(64, 48, 200), gray_jpeg(160, 120, 90)

with tap.case("the channels are there when the guest has opened the port"):
    main = spice.Main(server.port)
    listed = set(channels(main)) & {(2, 0), (4, 0)}
    assert not OWN_SERVER or not listed  # libspice-server 0.15.1 has them before, later ones do not
    assert port.states == [1], port.states
    port.open()
    while len(listed) < 2:
        body = main.expect(104)
        listed |= {tuple(body[4 + 2 * i:6 + 2 * i]) for i in range(struct.unpack_from("<I", body)[0])}
    assert listed == {(2, 0), (4, 0)}, listed
    main.close()

with tap.guard("a client shows a stream"):
    with tap.case("a client makes the guest begin, and the guest's frames reach it as they are"):
        viewer = Viewer(server)
        assert port.start() == [MJPEG]
        number = viewer.restart(port, 64, 48)
        port.say(message(DATA, small))
        viewer.expect_frame(number, small)
        port.say(message(DATA, small) + message(DATA, small[:-2] + b"\0\xff\xd9"))
        viewer.expect_frame(number, small)
        viewer.expect_frame(number, small[:-2] + b"\0\xff\xd9")

    with tap.case("frames come in pieces of any size"):
        data = message(DATA, small) + message(CAPABILITIES, b"\0")
        for at in range(0, len(data), 7):
            port.say(data[at:at + 7])
        viewer.expect_frame(number, small)

    with tap.case("a stream of the same size keeps the surface, one of another gets a new one"):
        port.say(format_message(64, 48))
        assert viewer.next() == (STREAM_DESTROY, struct.pack("<I", number))
        number, codec = viewer.expect_stream(64, 48)
        port.say(format_message(160, 120))
        assert viewer.next() == (STREAM_DESTROY, struct.pack("<I", number))
        assert viewer.next() == (SURFACE_DESTROY, struct.pack("<I", 0))
        number, codec = viewer.expect_surface(160, 120)
        port.say(message(DATA, large))
        viewer.expect_frame(number, large)

    with tap.case("a second client makes the guest begin again, in what both can show"):
        second = Viewer(server, CAPS | CAP_VP8 | CAP_H264)
        got = port.start()
        assert got == [MJPEG], got
        if OWN_SERVER:  # the guest's stream goes on, so it is there at once
            got, codec = second.expect_surface(160, 120)
        port.say(format_message(64, 48) + message(DATA, small))
        for one in (viewer, second):
            while True:
                kind, body = one.next()
                if kind == STREAM_DATA:
                    break
                assert kind in (STREAM_DESTROY, SURFACE_DESTROY, SURFACE_CREATE, FILL, MARK, MONITORS,
                                STREAM_CREATE), kind
            assert body[12:] == small

    with tap.case("the last client's leaving stops the guest, a client of more codecs is told of"):
        viewer.close()
        second.close()
        assert port.start() == []
        port.say(message(DATA, small))  # it may not know yet
        assert port.left() == 0, "what nobody sees waits"
        viewer = Viewer(server, CAPS | CAP_VP8 | CAP_H264 | CAP_VP9)
        assert port.start() == [MJPEG, VP8, H264, VP9]
        old = Viewer(server, CAP_MONITORS)  # knows of no codecs: it is old, and can MJPEG
        assert port.start() == [MJPEG]
        for one in (viewer, old):
            one.close()
        assert port.start() == []

with tap.case("the pointer is the guest's"):
    viewer = Viewer(server)
    port.start()
    cursor = spice.Client(server.port)
    cursor.link(viewer.main.session, spice.CURSOR, 0)
    assert len(cursor.expect(CURSOR_INIT)) == 11, "a shape that nobody has set"
    pixels = bytes(range(64)) * 4
    port.say(message(CURSOR_SET, struct.pack("<HHHHB3x", 8, 8, 3, 4, 0) + pixels))
    body = cursor.expect(CURSOR_SHAPE)
    assert body[4] == 1 and body[-256:] == pixels, body.hex()
    assert struct.unpack("<BHHHH", body[-265:-256]) == (0, 8, 8, 3, 4), body.hex()
    port.say(message(CURSOR_MOVE, struct.pack("<ii", 17, 23)))
    assert cursor.expect(CURSOR_MOVED) == struct.pack("<hh", 17, 23)
    if OWN_SERVER:  # the other cuts off
        port.say(message(CURSOR_MOVE, struct.pack("<ii", 1 << 20, -(1 << 30))))
        assert cursor.expect(CURSOR_MOVED) == struct.pack("<hh", 32767, -32768)
    for kind, bits in (5, 25), (6, 33):  # COLOR24, COLOR32
        port.say(message(CURSOR_SET, struct.pack("<HHHHB3x", 16, 2, 0, 0, kind) + bytes(bits * 4)))
        assert cursor.expect(CURSOR_SHAPE)[-9 - bits * 4] == kind
    cursor.close()
    viewer.close()

hostile = {
    "a message of no type": message(0),
    "a message of an unknown type": message(QUALITY, b"good\0"),
    "a message that only servers send": message(START_STOP, b"\0"),
    "a format of wrong size": message(FORMAT, bytes(13)),
    "a frame of 4 GiB": message(DATA, b"", 0xffffffff),
    "a frame of more than 32 MiB": message(DATA, b"", (32 << 20) + 1),
    "a cursor without a head": message(CURSOR_SET, bytes(11)),
    "a cursor of 5 MiB": message(CURSOR_SET, b"", 5 << 20),
    "a cursor of a type that is not allowed": message(CURSOR_SET, struct.pack("<HHHHB3x", 8, 8, 0, 0, 1) + bytes(16)),
    "a cursor of unknown type": message(CURSOR_SET, struct.pack("<HHHHB3x", 8, 8, 0, 0, 255) + bytes(999)),
    "a cursor wider than allowed": message(CURSOR_SET, struct.pack("<HHHHB3x", 1025, 1, 0, 0, 0) + bytes(4100)),
    "a cursor with too few pixels": message(CURSOR_SET, struct.pack("<HHHHB3x", 8, 8, 0, 0, 0) + bytes(255)),
    "a move of wrong size": message(CURSOR_MOVE, bytes(9)),
    "a device address that is too long": message(DISPLAY_INFO, bytes(12 + 257)),
    "too many capabilities": message(CAPABILITIES, b"", 1025),
}
if OWN_SERVER:  # what the other lets pass
    hostile |= {
        "another version of the protocol": message(FORMAT, struct.pack("<IIB3x", 64, 48, MJPEG), version=2),
        "a picture without width": format_message(0, 48),
        "a picture too high": format_message(64, 16385),
        "a picture of 2^32 - 1 pixels each way": format_message(0xffffffff, 0xffffffff),
        "no codec": format_message(64, 48, 0),
        "an unknown codec": format_message(64, 48, 6),
        "a device address beyond its message": message(DISPLAY_INFO, struct.pack("<III", 0, 0, 9) + b"pci/"),
        "a device address without a head": message(DISPLAY_INFO, bytes(11)),
    }
with tap.case("nonsense is answered with an error, and nothing more is heard until the port is opened anew"):
    viewer = Viewer(server)
    port.start()
    number = viewer.restart(port, 64, 48)
    for name, data in hostile.items():
        tap.say(name)
        port.states.clear()
        port.say(data)
        error = port.next(NOTIFY_ERROR)
        assert error[:4] == bytes(4) and len(error) > 10, error
        error[4:].rstrip(b"\0").decode()
        if OWN_SERVER:  # the other closes the port when more comes
            wait_for(f"the port is closed, after {name}", lambda: port.left() == 0 and port.states == [0])
        port.say(format_message(320, 200) + message(DATA, small) + message(0))
        assert port.left() == 0, "what is not heard waits"
        viewer.silent(0.02)
        port.event(CLOSED)
        assert viewer.next() == (STREAM_DESTROY, struct.pack("<I", number)), name
        assert viewer.next() == (SURFACE_DESTROY, struct.pack("<I", 0)), name
        port.event(OPENED)
        assert port.start() == [MJPEG]
        number = viewer.restart(port, 64, 48)
        port.say(message(DATA, small))
        viewer.expect_frame(number, small)
    viewer.close()
    port.start()

if OWN_SERVER:
    with tap.case("a client that cannot show a codec after all says so, and the guest is asked for another"):
        viewer = Viewer(server, CAPS | CAP_VP8 | CAP_REPORT)
        assert port.start() == [MJPEG, VP8]
        number = viewer.restart(port, 96, 48, VP8)
        failed = struct.pack("<7I", 0, 0, 0, 0, 0xffffffff, 0, 0)
        viewer.display.send_message(REPORT, struct.pack("<I", (number + 1) % 32) + failed)
        viewer.display.send_message(REPORT, struct.pack("<I", number) + failed)
        assert viewer.next() == (STREAM_DESTROY, struct.pack("<I", number))
        assert port.start() == [MJPEG]
        port.say(format_message(96, 48))
        assert viewer.expect_stream(96, 48)[1] == MJPEG
        viewer.close()
        assert port.start() == []

    with tap.case("a client that comes later is shown a stream from the next key frame on"):
        viewer = Viewer(server, CAPS | CAP_VP8)
        port.start()
        number = viewer.restart(port, 64, 48, VP8)
        port.say(message(DATA, b"\0first"))
        viewer.expect_frame(number, b"\0first")
        late = Viewer(server, CAPS | CAP_VP8)
        port.start()
        assert late.expect_surface(64, 48) == (number, VP8)
        port.say(message(DATA, b"\1second"))
        viewer.expect_frame(number, b"\1second")
        port.say(message(DATA, b"\0third"))
        viewer.expect_frame(number, b"\0third")
        late.expect_frame(number, b"\0third")
        viewer.close()
        late.close()
        assert port.start() == []

    with tap.case("while there is no key frame the guest is asked for one again, but not all the time"):
        viewer = Viewer(server, CAPS | CAP_VP8)
        asked = time.monotonic()
        port.start()
        number = viewer.restart(port, 64, 48, VP8)
        late = Viewer(server, CAPS | CAP_VP8)
        port.start()  # because it has come
        late.expect_surface(64, 48)
        while True:
            port.say(message(DATA, b"\1later"))
            viewer.expect_frame(number, b"\1later")
            if len(port.told) > 0:
                break
            assert time.monotonic() - asked < 20, "nobody asks"
            time.sleep(0.1)
        assert port.start() == [MJPEG, VP8]
        assert time.monotonic() - asked > 4, "asked too soon"
        for _ in range(10):
            port.say(message(DATA, b"\1later"))
            viewer.expect_frame(number, b"\1later")
        assert not port.told, "asked again at once"
        port.say(message(DATA, b"\0key"))
        late.expect_frame(number, b"\0key")
        viewer.close()
        late.close()
        assert port.start() == []

with tap.case("what clients say is checked"):
    for kind, body in ((INIT, bytes(3)), (106, b""), (REPORT, bytes(5))):
        viewer = Viewer(server)
        assert port.start()
        viewer.display.send_message(kind, body)
        assert viewer.display.is_closed(), kind
        viewer.close()
        assert port.start() == []

COUNT, SIZE = 100, 100005


def say_frame(port, number, is_key):
    port.say(message(DATA, bytes([not is_key]) + struct.pack("<I", number), SIZE))
    port.say(bytes(1000), (SIZE - 5) // 1000)


def numbers(viewer, last):
    """Of the frames that VIEWER is sent, up to LAST."""
    seen = []
    while not seen or seen[-1] != last:
        kind, body = viewer.next()
        if kind == STREAM_DATA:
            assert len(body) == 12 + SIZE
            seen.append(struct.unpack_from("<I", body, 13)[0])
    return seen


for codec, keys in ((MJPEG, set(range(COUNT))), (VP8, {0, COUNT - 5})) if OWN_SERVER else ():
    with tap.case(f"a client that reads nothing holds up no other, and can go on, codec {codec}"):
        good, slow = (Viewer(server, CAPS | CAP_VP8) for _ in range(2))
        port.start()
        number = good.restart(port, 512, 512, codec)
        seen = []
        for i in range(COUNT):
            say_frame(port, i, i in keys)
            seen += numbers(good, i)
        assert seen == list(range(COUNT)), seen
        seen = numbers(slow, COUNT - 1)
        tap.say(f"the slow client was sent {len(seen)} of {COUNT} frames")
        assert 5 < len(seen) < COUNT, seen
        for before, after in zip(seen, seen[1:]):
            assert after == before + 1 or (after > before and after in keys), (before, after)
        good.close()
        slow.close()
        while port.start():
            pass

with tap.case("the guest waits for a single client that reads nothing"):
    viewer = Viewer(server)
    port.start()
    number = viewer.restart(port, 512, 512)
    for i in range(COUNT):
        say_frame(port, i, True)
    port.say(format_message(64, 48) + message(DATA, small))  # of which nothing may come too early
    assert port.left() > SIZE
    assert numbers(viewer, COUNT - 1) == list(range(COUNT))
    assert viewer.next() == (STREAM_DESTROY, struct.pack("<I", number))
    assert viewer.next() == (SURFACE_DESTROY, struct.pack("<I", 0))
    number, _ = viewer.expect_surface(64, 48)
    viewer.expect_frame(number, small)
    assert port.left() == 0
    viewer.close()
    assert port.start() == []

with tap.case("the agent is told which device the film is of, once it listens"):
    viewer = Viewer(server)  # libspice-server does not listen to the agent of nobody
    assert port.start()
    port.keep(server.tell("add agent vdagent"))
    announce = struct.pack("<IIQI", 1, 6, 0, 8) + struct.pack("<II", 1, 1 << 15)
    server.tell("dev-say agent " + (struct.pack("<II", 1, len(announce)) + announce).hex())
    address = b"pci/0000/02.0\0"
    lines = server.tell("dev-say s " + message(DISPLAY_INFO, struct.pack("<III", 0, 3, len(address)) + address).hex())
    want = struct.pack("<5I", 1, 0, 0, 3, len(address)) + address
    want = struct.pack("<IIQI", 1, 16, 0, len(want)) + want
    assert f"write agent {(struct.pack('<II', 2, len(want)) + want).hex()}" in lines, lines
    if OWN_SERVER:  # told once, when there is room, and of what is true then
        server.tell("dev-room agent 0")
        for number in range(50):
            server.tell("dev-say s " + message(
                DISPLAY_INFO, struct.pack("<III", 0, number, len(address)) + address).hex())
        server.tell("dev-room agent 100000")
        told = [line for line in server.tell("dev-wake agent") if line.startswith("write agent")]
        assert [bytes.fromhex(line.split()[2])[40] for line in told] == [0, 49], told
    viewer.close()
    assert port.start() == []

if OWN_SERVER:  # libspice-server 0.15.1 frees something twice
    with tap.case("the device goes while it is in use"):
        viewer = Viewer(server)
        port.say(message(DATA, b"", 1000) + bytes(500))
        server.tell("dev-remove s")
        assert viewer.display.is_closed()
        viewer.close()
        main = spice.Main(server.port)
        assert not {(2, 0), (4, 0)} & set(channels(main))
        main.close()

with tap.case("spice-gtk shows it"):
    other = BareServer(program="device_server")
    port = Port(other)
    port.open()
    with GtkClient("host=127.0.0.1", f"port={other.port}") as client:
        assert MJPEG in port.start()
        for width, height, gray, frame in (64, 48, 200, small), (160, 120, 90, large):
            want = hashlib.sha256(bytes([gray]) * 3 * width * height).hexdigest()
            port.say(format_message(width, height))
            client.expect(f"display 0 {width} {height}")
            deadline = time.monotonic() + 20
            while client.picture() != want:
                assert time.monotonic() < deadline, f"gray {gray} is not shown"
                port.say(message(DATA, frame))  # again and again: spice-gtk drops what is late
                time.sleep(0.1)
    other.stop()

with tap.case("a display of a card keeps its number, the film's is the next"):
    other = BareServer(program="device_server")
    other.tell("display")
    second = Port(other)
    second.open()
    main = spice.Main(other.port)
    assert {(2, 0), (2, 1), (4, 0), (4, 1)} <= set(channels(main))
    main.close()
    other.stop()

with tap.case("the server ends well, with a client"):
    if OWN_SERVER:
        port = Port(server)
        port.open()
    viewer = Viewer(server)
    server.stop()

tap.finish()
