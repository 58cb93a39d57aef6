#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The link stage against a client by hand, spice-wire.md sections 1.2 to 1.4 and 8.2."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from tap import Tap

tap = Tap()
server = BareServer("secret")
port = server.port


def refused_with(code, message):
    with spice.Client(port) as client:
        client.send(message)
        error = client.read_reply()[0]
        assert error == code, f"error {error} instead of {code}"
        assert client.is_closed(), "the connection stays open"


def result_of(**kwargs):
    with spice.Client(port) as client:
        try:
            client.link(**kwargs)
        except spice.Refused as refusal:
            assert client.is_closed()
            return refusal.code
        return 0


def session_works(password=b"secret"):
    with spice.Main(port, password=password) as main:
        main.send_message(104)
        assert main.expect(104)


bad_links = {
    "wrong magic": (spice.INVALID_MAGIC, spice.link_message(magic=b"RED?")),
    "an HTTP request": (spice.INVALID_MAGIC, b"GET / HTTP/1.1\r\n\r\n"),
    "four wrong bytes and no more": (spice.INVALID_MAGIC, b"\x16\x03\x01\x02"),
    "major version 1": (spice.VERSION_MISMATCH, spice.link_message(major=1)),
    "major version 3": (spice.VERSION_MISMATCH, spice.link_message(major=3)),
    "size 17": (spice.INVALID_DATA, spice.link_message(size=17)),
    "size 0": (spice.INVALID_DATA, spice.link_message(size=0)),
    "size 4097": (spice.INVALID_DATA, spice.link_message(size=4097) + bytes(5000)),
    "size 2^32-1": (spice.INVALID_DATA, spice.link_message(size=0xffffffff)),
    "1025 capability words": (spice.INVALID_DATA, spice.link_message(common_words=1025)),
    "capability counts that wrap": (spice.INVALID_DATA, spice.link_message(
        common_words=0x80000000, channel_words=0x80000000)),
    "capability words beyond the end": (spice.INVALID_DATA, spice.link_message(channel_words=2)),
    "capabilities inside the fixed part": (spice.INVALID_DATA, spice.link_message(offset=17)),
    "capability offset beyond the end": (spice.INVALID_DATA, spice.link_message(offset=27)),
    "capability offset 2^32-1": (spice.INVALID_DATA, spice.link_message(offset=0xffffffff)),
    "a channel type that is not there": (spice.CHANNEL_NOT_AVAILABLE,
                                         spice.link_message(channel_type=77)),
    "a channel id that is not there": (spice.CHANNEL_NOT_AVAILABLE,
                                       spice.link_message(channel_type=spice.INPUTS,
                                                          channel_id=1)),
}
for name, (code, message) in bad_links.items():
    with tap.case(f"{name}: error {code}"):
        refused_with(code, message)

with tap.case("major version 0: closed without an answer"):
    with spice.Client(port) as client:
        client.send(spice.link_message(major=0))
        try:
            client.receive(1)
            raise AssertionError("there was an answer")
        except spice.Closed:
            pass

with tap.case("the minor version does not matter"):
    assert result_of(password=b"secret", minor=77) == 0

with tap.case("a message in single bytes is understood"):
    with spice.Client(port) as client:
        for byte in spice.link_message():
            client.send(bytes([byte]))
            time.sleep(0.001)
        assert client.read_reply()[0] == 0

with tap.case("capabilities: words without meaning, none at all, far behind"):
    words = struct.pack("<IBBIII", 0, 1, 0, 3, 4, 18) + struct.pack("<7I", 9, 1, 2, 3, 4, 5, 6)
    for body in (words, struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18),
                 struct.pack("<IBBIII", 0, 1, 0, 1, 0, 4092) + bytes(4092 - 18 + 4)):
        with spice.Client(port) as client:
            client.send(b"REDQ" + struct.pack("<III", 2, 2, len(body)) + body)
            assert client.read_reply()[0] == 0

with tap.case("the reply announces what there is"):
    with spice.Client(port) as client:
        error, key, common, channel = client.link(password=b"secret")
        assert common == spice.AUTH_SELECTION | spice.AUTH_SPICE | spice.MINI_HEADER, common
        caps = struct.unpack("<I", channel)[0]
        assert caps & 3 == 3, "SEMI_SEAMLESS_MIGRATE and NAME_AND_UUID"

with tap.case("wrong, empty, longer, shorter password: result 7"):
    for password in (b"wrong", b"", b"secret1", b"secre", b"SECRET", b"s" * 84):
        assert result_of(password=password) == spice.PERMISSION_DENIED, password

with tap.case("the right password, and what follows its NUL does not count"):
    assert result_of(password=b"secret") == 0
    assert result_of(password=b"secret\0more") == 0

with tap.case("a ticket that cannot be decrypted: result 7"):
    for ticket in (bytes(128), b"\xff" * 128, os.urandom(128)):
        with spice.Client(port) as client:
            client.send(spice.link_message())
            client.read_reply()
            client.send(struct.pack("<I", 1) + ticket)
            assert struct.unpack("<I", client.receive(4))[0] == spice.PERMISSION_DENIED
            assert client.is_closed()

with tap.case("mechanisms that were not offered: result 7"):
    for mechanism in (0, 2, 3, 0xffffffff):
        assert result_of(password=b"secret", mechanism=mechanism) == spice.PERMISSION_DENIED

with tap.case("without AUTH_SELECTION the ticket comes at once"):
    assert result_of(password=b"secret", common=spice.MINI_HEADER) == 0
    assert result_of(password=b"wrong", common=spice.MINI_HEADER) == spice.PERMISSION_DENIED

with tap.case("other channels need a session's id: result 8"):
    for connection_id in (0, 12345):
        assert result_of(password=b"secret", connection_id=connection_id,
                         channel_type=spice.INPUTS) == spice.BAD_CONNECTION_ID

with tap.case("a main channel with another server's session id passes, and hears nothing"):
    with spice.Client(port, timeout=0.3) as client:
        client.link(password=b"secret", connection_id=7)
        assert not client.is_closed()

with tap.case("the password counts before the session's id"):
    assert result_of(password=b"wrong", connection_id=7) == spice.PERMISSION_DENIED

with tap.case("the session's id does not replace the password"):
    with spice.Main(port, password=b"secret") as main:
        assert result_of(password=b"wrong", connection_id=main.session,
                         channel_type=spice.INPUTS) == spice.PERMISSION_DENIED

with tap.case("a password that has expired, and one that has not"):
    server.command("ticket 3 short")
    assert server.expect("0") == "0"
    assert result_of(password=b"short") == 0
    time.sleep(3.1)
    assert result_of(password=b"short") == spice.PERMISSION_DENIED
    server.command("ticket 60 longer")
    assert server.expect("0") == "0"
    assert result_of(password=b"longer") == 0

with tap.case("passwords of 60 bytes work, those of 61 are refused and change nothing"):
    server.command("ticket 0 " + "p" * 60)
    assert server.expect("0") == "0"
    server.command("ticket 0 " + "q" * 61)
    assert server.expect("-1") == "-1"
    assert result_of(password=b"p" * 60) == 0
    assert result_of(password=b"q" * 61) == spice.PERMISSION_DENIED
    assert result_of(password=b"p" * 61) == spice.PERMISSION_DENIED
    server.command("ticket 0 secret")
    assert server.expect("0") == "0"

with tap.case("a channel that must be secure: error 5"):
    server.command("secure inputs 2")
    assert server.expect("0") == "0"
    refused_with(spice.NEED_SECURED, spice.link_message(channel_type=spice.INPUTS))

with tap.case("clients that leave at every byte of the link stage"):
    whole = spice.link_message() + struct.pack("<I", 1) + bytes(128)
    for size in range(0, len(whole), 3):
        with spice.Client(port) as client:
            client.send(whole[:size])
    session_works()

with tap.case("64 half-open links: one more drops the oldest, and sessions still begin"):
    links = [spice.Client(port) for _ in range(64)]
    links[0].send(spice.link_message()[:10])
    server.expect("event connected")
    for link in links[1:]:
        server.expect("event connected")
    session_works()
    assert links[0].is_closed(), "the oldest is still there"
    links[63].send(spice.link_message())
    assert links[63].read_reply()[0] == 0, "the newest has gone"
    for link in links:
        link.close()

with tap.case("a slow peer is dropped after 15 s, and nobody waits for it"):
    slow = spice.Client(port, timeout=30)
    start = time.monotonic()
    slow.send(b"REDQ")
    session_works()
    assert slow.is_closed()
    taken = time.monotonic() - start
    assert 14 < taken < 25, f"{taken:.1f} s"

with tap.case("every connection's events have the same pointer, and an end"):
    server.command("ticket 0 secret")
    server.expect("0")
    session_works()

    def alive():
        pointers = {}
        events = [line.split() for line in server.seen if line.startswith("event")]
        for _, kind, pointer, connection, channel_type, _ in events:
            if kind == "connected":
                assert pointer not in pointers
                assert (connection, channel_type) == ("00000000", "0")
                pointers[pointer] = "connected"
            elif kind == "initialized":
                assert pointers[pointer] == "connected" and connection != "00000000"
                pointers[pointer] = "initialized"
            else:
                del pointers[pointer]
        return pointers

    deadline = time.monotonic() + 20
    while True:
        server.command("clients")
        clients = server.devices(1)
        if clients == ["0"] and not alive():
            break
        assert time.monotonic() < deadline, (clients, alive())
        time.sleep(0.05)

with tap.case("the server ends well"):
    server.stop()

tap.finish()
