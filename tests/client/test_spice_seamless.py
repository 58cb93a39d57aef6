#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that take their state to another server. Facts: spice-wire.md sections 7.4, 7.6, 7.7."""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from gtk_client import GtkClient
from moving import HEIGHT, Screen, WIDTH, draw, migrate, move, shows
from tap import Tap
from traveller import ACK, CARRIED, MAIN_CAPS, NACK, PORT, SMARTCARD, Traveller, VMC

SET_ACK = 3
SURFACE_CREATE, SURFACE_DESTROY, DRAW_COPY, DRAW_FILL, INVAL_PALETTES, INVAL_PIXMAPS, MARK = \
    314, 315, 304, 302, 108, 106, 102
MAIN, DISPLAY, INPUTS, CURSOR = [(kind, 0) for kind in
                                 (spice.MAIN, spice.DISPLAY, spice.INPUTS, spice.CURSOR)]
DRAWN = DRAW_COPY, DRAW_FILL
DISPLAY_CAPS = 0xf
tap = Tap()


def source_and_target(*options):
    """A running one with an off-screen surface, and one that waits for the machine."""
    source = BareServer("--seamless", *options)
    target = BareServer("--seamless", "--no-start", *options)
    migrate(source, "migrate-interface")
    migrate(target, "migrate-interface")
    target.command("expect-display")
    source.command("display 0")
    source.command("start")
    source.command("create")
    source.command("fill 5 0 0 64 48 c0ffee")
    source.command("fill 5 3 3 9 9 123456")
    return source, target


def traveller(source):
    client = Traveller(source.port, {DISPLAY: DISPLAY_CAPS, INPUTS: 0, CURSOR: 0})
    client.links[DISPLAY].send_message(101, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))
    client.links[DISPLAY].expect(MARK)
    return client


def leave(source, target, client):
    migrate(source, f"migrate-connect 127.0.0.1 {target.port} -1")
    client.prepare()
    source.expect("migrate-connected")
    source.command("stop")
    source.expect("stopped")
    migrate(source, "migrate-end 1")


def pixels_of(top, left, bottom, right):
    return {(y, x) for y in range(top, bottom) for x in range(left, right)}


with tap.case("what each channel gives its client to take along"):
    source, target = source_and_target()
    screen = Screen()
    target.command("bring-display")
    with traveller(source) as client:
        client.links[INPUTS].expect(101)
        for _ in range(7):
            client.links[INPUTS].send_message(111, struct.pack("<iiH", 1, 1, 0))
        client.links[INPUTS].expect(111)
        leave(source, target, client)
        for key in client.links:
            client.collect(key)
        assert client.flags == {MAIN: 3, DISPLAY: 3, INPUTS: 3, CURSOR: 0}, client.flags
        assert client.states[INPUTS] == b"ICMD" + struct.pack("<IH", 1, 7 % 4)
        assert client.states[MAIN] == b"MNMD" + struct.pack("<II", 1, 1) + bytes(53), \
            "no agent: 65 bytes"
        state = client.states[DISPLAY]
        assert state[:8] == b"DCMD\1\0\0\0" and len(state) == 84 + 4
        serial, slow, cache, pixels, freezer = struct.unpack_from("<QBBqB", state, 8)
        assert (slow, cache, pixels, freezer) == (0, 1, 1 << 20, 1)
        assert serial > 3
        dictionary, window, encoders, number, at = struct.unpack_from("<BIIQI", state, 59)
        assert (dictionary, window) == (1, 1 << 20)
        assert struct.unpack_from("<2I", state, at) == (1, 0), "one surface, the primary"
        for key in client.links:
            client.arrive(key)
        source.expect("migrate-ended")
        target.command("start")
        client.links[INPUTS].expect(102)
        kind, _ = client.links[DISPLAY].read_message()
        assert kind == SET_ACK
        assert client.links[DISPLAY].read_message()[0] == INVAL_PALETTES
        assert client.links[DISPLAY].read_message()[0] == INVAL_PIXMAPS
    source.stop()
    target.stop()

with tap.case("the target draws only what is new"):
    source, target = source_and_target()
    with traveller(source) as client:
        source.command("copy 9 9")
        while struct.unpack_from("<5i", client.links[DISPLAY].expect(*DRAWN))[:3] != (0, 9, 9):
            pass
        leave(source, target, client)
        target.command("paint 5 0 0 64 48 c0ffee")
        target.command("paint 5 3 3 9 9 123456")
        target.command("bring-display")
        target.command("start")
        # Before the client has come, and after.
        target.command("fill 0 10 10 20 20 ff0000")
        target.command("update")
        target.expect("updated")
        client.move()
        target.command("copy 100 100")
        target.command("fill 0 0 0 1 1 1")
        new = pixels_of(10, 10, 20, 20) | pixels_of(100, 100, 148, 164) | pixels_of(0, 0, 1, 1)
        kinds, drawn = [], set()
        while not new <= drawn:
            kind, body = client.links[DISPLAY].read_message()
            kinds.append(kind)
            if kind in DRAWN:
                drawn |= pixels_of(*struct.unpack_from("<4i", body, 4))
        # What is near may go out as one picture.
        assert len(drawn) <= len(new) + 20 * 20, (len(new), len(drawn))
        assert SURFACE_CREATE not in kinds and MARK not in kinds, kinds
    source.stop()
    target.stop()

def image_type(client):
    """Of the next picture."""
    body = client.links[DISPLAY].expect(DRAW_COPY)
    assert body[20] == 0, "a picture with a clip"
    return body[struct.unpack_from("<I", body, 21)[0] + 8]


with tap.case("what a client prefers"):
    source, target = source_and_target()
    target.command("paint 5 0 0 64 48 c0ffee")
    target.command("paint 5 3 3 9 9 123456")
    target.command("bring-display")
    with traveller(source) as client:
        source.command("copy 9 9")
        assert image_type(client) != 0, "compressed by itself"
        client.links[DISPLAY].send_message(103, b"\1")  # pictures as they are
        client.links[DISPLAY].send_message(105, b"\2\3\1")  # codecs
        for x in range(100, 200):  # the first ones may come before it has heard of it
            source.command(f"copy {x} 9")
            if image_type(client) == 0:
                break
        assert x < 199
        leave(source, target, client)
        for key in client.links:
            client.collect(key)
        state = client.states[DISPLAY]
        assert state[80:88] == b"PREF\1\2\3\1" and len(state) == 96, state
        for key in client.links:
            client.arrive(key)
        target.command("start")
        target.command("copy 100 100")
        assert image_type(client) == 0
    source.stop()
    target.stop()

with tap.case("a picture that the target replaces before the client has come"):
    source, target = source_and_target()
    with traveller(source) as client:
        leave(source, target, client)
        target.command("bring-display")
        target.command("start")
        target.command("no-picture")
        target.command("bring-display")
        target.command("update")
        target.expect("updated")
        client.move()
        display = client.links[DISPLAY]
        assert struct.unpack("<I", display.expect(SURFACE_DESTROY, SURFACE_CREATE)) == (0,)
        assert struct.unpack_from("<I", display.expect(SURFACE_DESTROY, SURFACE_CREATE)) == (0,)
        display.expect(MARK)
    source.stop()
    target.stop()

# States as they should be.
GOOD = {
    DISPLAY: b"DCMD" + struct.pack("<IQBBqB4QBIIQI", 1, 9, 0, 1, 1 << 20, 1, 0, 0, 0, 0, 1,
                                   1 << 20, 4, 0, 80) + struct.pack("<2I", 1, 0),
    INPUTS: b"ICMD" + struct.pack("<IH", 1, 0),
    MAIN: b"MNMD" + struct.pack("<II", 1, 1) + bytes(53),
}
LIST, LIST_AT = 80, 76  # of surfaces, and the field that says where it begins


def surfaces(*ids, count=None):
    return GOOD[DISPLAY][:LIST] + struct.pack("<I", len(ids) if count is None else count) + \
        struct.pack(f"<{len(ids)}I", *ids)


def at(state, offset, form, value):
    size = struct.calcsize(form)
    return state[:offset] + struct.pack(form, value) + state[offset + size:]


with tap.case("states that the target does not take"):
    display, main = GOOD[DISPLAY], GOOD[MAIN]
    device = at(at(main, 12, "<B", 1), 57, "<I", 0)
    bad = {
        DISPLAY: [b"", b"DCMD", display[:79], display[:83], at(display, 0, "<I", 1),
                  at(display, 4, "<I", 2), at(display, 18, "<q", -1),
                  at(display, 18, "<q", 1 << 40), at(display, 60, "<i", -5),
                  at(display, 76, "<I", 0xffffffff), at(display, 76, "<I", 85),
                  surfaces(0, 0), surfaces(1 << 20), surfaces(0, count=2),
                  surfaces(count=0xffffffff), surfaces(0, count=0x40000001),
                  display + bytes(64 * 1024)],
        INPUTS: [b"", b"ICMD\1\0\0\0", b"DCMD\1\0\0\0\0\0", b"ICMD\2\0\0\0\0\0"],
        MAIN: [b"", main[:64], at(main, 8, "<I", 2), at(device, 21, "<I", 1 << 31),
               at(device, 29, "<I", 0xfffffff0) + bytes(8), at(device, 34, "<I", 9),
               at(at(device, 34, "<I", 8), 38, "<I", 3), at(device, 47, "<I", 20),
               at(device, 47, "<I", 0xffffffff), at(device, 59, "<B", 9),
               at(at(device, 21, "<I", 1), 25, "<I", 2)],
    }
    source, target = source_and_target()
    target.command("bring-display")
    target.command("start")
    for key, states in bad.items():
        for number, state in enumerate([*states, None]):
            with Traveller(source.port, {DISPLAY: DISPLAY_CAPS, INPUTS: 0, CURSOR: 0}) as client:
                assert client.connect(target.port) == ACK
                link = client.next[key]
                if state is None:
                    link.send_message(103 if key == INPUTS else 101, bytes(14))
                else:
                    link.send_message(CARRIED, state)
                link.socket.settimeout(5)
                assert link.is_closed(), f"{key}, state {number} was taken"
    with Traveller(source.port, {DISPLAY: DISPLAY_CAPS, INPUTS: 0, CURSOR: 0}) as client:
        assert client.connect(target.port) == ACK
        for key, state in GOOD.items():
            client.next[key].send_message(CARRIED, state)
        client.next[INPUTS].expect(102)
        client.next[DISPLAY].expect(*DRAWN)
    # The states of other servers: acknowledgements that are owed, lossy rectangles.
    with Traveller(source.port, {DISPLAY: DISPLAY_CAPS, INPUTS: 0}) as client:
        assert client.connect(target.port) == ACK
        client.next[MAIN].send_message(CARRIED, main)
        client.next[INPUTS].send_message(CARRIED, b"ICMD" + struct.pack("<IH", 1, 65535))
        assert [client.next[INPUTS].read_message()[0] for _ in range(6)] == \
            [101, 111, 111, 111, 111, 102]
        client.next[DISPLAY].send_message(CARRIED, surfaces(0, 1, 2, 3, 4, count=1))
        client.next[DISPLAY].expect(*DRAWN)
    target.stop()
    source.stop()

with tap.case("damaged records of what a client prefers"):
    def preferring(record):
        state = GOOD[DISPLAY]
        return at(state[:LIST], LIST_AT, "<I", LIST + len(record)) + record + state[LIST:]

    def picture_after(state):
        """Pictures that the client gets then, "raw" or "compressed"; or "refused"."""
        with Traveller(source.port, {DISPLAY: DISPLAY_CAPS}) as client:
            assert client.connect(target.port) == ACK
            client.links[DISPLAY] = client.next[DISPLAY]
            client.next[DISPLAY].send_message(CARRIED, state)
            try:
                client.next[DISPLAY].read_message()
            except (spice.Closed, ConnectionResetError):
                return "refused"
            return "raw" if image_type(client) == 0 else "compressed"

    source, target = source_and_target()
    target.command("paint 5 3 3 9 9 123456")
    target.command("bring-display")
    target.command("start")
    target.command("copy 100 100")
    target.command("update")
    target.expect("updated")
    codecs = bytes(range(255))
    records = {
        "raw": [b"PREF\1\0", b"PREF\1\0 and more", b"PREF\1\3\0\377\2", b"PREF\1\377" + codecs],
        "compressed": [b"", b"P", b"PRE", b"ferp\1\0", b"FERP\1\0", bytes(4),
                       b"PREF\0\0", b"PREF\10\0", b"PREF\377\1\1"],
        "refused": [b"PREF", b"PREF\1", b"PREF\1\1", b"PREF\1\4\1\2\3", b"PREF\0\1",
                    b"PREF\1\377" + codecs[:254]],
    }
    for outcome, group in records.items():
        for record in group:
            assert picture_after(preferring(record)) == outcome, record
    whole = preferring(b"PREF\1\2\3\1")
    assert picture_after(whole) == "raw"
    for size in range(LIST, len(whole)):
        assert picture_after(whole[:size]) == "refused", f"{size} bytes"
    assert picture_after(at(whole, LIST_AT, "<I", LIST - 8)) == "compressed"
    for inside in range(LIST, LIST + 6):
        assert picture_after(at(whole, LIST_AT, "<I", inside)) == "refused", inside
    target.stop()
    source.stop()

with tap.case("marks and states out of place"):
    source = BareServer("--seamless")
    source.command("display 0")
    for kind, body in ((4, b""), (5, b"MNMD" + struct.pack("<II", 1, 1) + bytes(53))):
        with Traveller(source.port, {INPUTS: 0}) as client:
            client.main.send_message(kind, body)
            assert client.main.is_closed()
        with Traveller(source.port, {INPUTS: 0}) as client:
            client.links[INPUTS].send_message(kind, body[:40])
            assert client.links[INPUTS].is_closed()
    with spice.Main(source.port, channel=MAIN_CAPS) as main:
        main.send_message(110, struct.pack("<I", 1))
        assert main.is_closed(), "it has not come from anywhere"
    source.stop()

with tap.case("a newer client, or a server that may not: it starts anew"):
    source = BareServer("--seamless")
    for options, version in ((("--seamless",), 2), ((), 1)):
        target = BareServer(*options)
        with Traveller(source.port) as client:
            assert client.connect(target.port, version) == NACK
            client.next[MAIN].send_message(109)
            client.next[MAIN].expect(103)
        target.stop()
    source.stop()

with tap.case("a client that never brings its state is disconnected, the others are not"):
    source, target = source_and_target()
    target.command("bring-display")
    with Traveller(source.port, {INPUTS: 0}) as client:
        assert client.connect(target.port) == ACK
        client.next[INPUTS].close()
        client.next[MAIN].send_message(CARRIED, b"MNMD" + struct.pack("<II", 1, 1) + bytes(53))
        client.next[MAIN].expect(105)
        target.command("clients")
        assert target.devices(1)[0] in ("1",), target.seen[-3:]
    target.stop()
    source.stop()

# spice-gtk.

with tap.case("spice-gtk travels; nothing is drawn anew"):
    here = BareServer("--seamless")
    here.command("display 0")
    here.command("start")
    migrate(here, "migrate-interface")
    screen = Screen()
    draw(here, screen, 0, 0, WIDTH, HEIGHT, 0x123456)
    with GtkClient("host=127.0.0.1", f"port={here.port}") as client:
        client.expect("display 0 320 200")
        for step in range(6):
            draw(here, screen, 10 * step, 20, 60, 60, 0x10101 * step)
            shows(client, screen)
            there = BareServer("--seamless", "--no-start")
            migrate(there, "migrate-interface")
            there.command("expect-display")
            move(client, here, there, screen)
            here.stop()
            here = there
        shown = [line for line in client.seen if "display" in line]
        assert shown == ["display 0 320 200"], shown
    here.stop()

tap.finish()
