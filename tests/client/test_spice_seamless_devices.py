#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What devices and their clients have said goes along to another server, to the byte."""

import contextlib
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
import stream_port
from bare_server import BareServer
from tap import Tap
from traveller import PORT, SMARTCARD, Traveller, VMC

CONNECTED_OLD, DISCONNECTED, DATA, TOKEN, CONNECTED = 107, 108, 109, 110, 115
ATTACH, START, SAY, GIVE = 104, 106, 107, 108
CHANNELS = 104
CLIPBOARD, DISCONNECT = 4, 9
MAIN = (spice.MAIN, 0)
tap = Tap()


def message(kind, data):
    return struct.pack("<IIQI", 1, kind, 0, len(data)) + data


def chunk(data, port=1):
    return struct.pack("<II", port, len(data)) + data


@contextlib.contextmanager
def pair(*devices, channels=None, target_devices=None):
    """Two servers with DEVICES and a client with CHANNELS at the first; the machine stands still
    at the second."""
    source, target = (BareServer(program="device_server") for _ in range(2))
    target.tell("stop")
    for device in devices:
        assert "added 0 1" in source.tell(f"add {device}")
    for device in devices if target_devices is None else target_devices:
        assert "added 0 1" in target.tell(f"add {device}")
    client = Traveller(source.port, channels)
    try:
        yield source, target, client
    finally:
        client.close()
    source.stop()
    target.stop()


def leave(source, target, client):
    source.tell(f"migrate {target.port}")
    client.prepare()
    source.expect("migrate-connected")
    source.tell("stop")
    assert "0" in source.tell("migrate-end")


def move(source, target, client):
    leave(source, target, client)
    client.move()


def start(client, tokens=100):
    client.main.send_message(START, struct.pack("<I", tokens))
    client.main.send_message(ATTACH)
    client.main.expect(CHANNELS)  # so START has been heard


def written(server, count, device="agent"):
    """COUNT bytes that the guest has got."""
    data = b""
    while len(data) < count:
        data += bytes.fromhex(server.expect(f"write {device}").split()[2])
    assert len(data) == count
    return data


def heard(client, count):
    data = b"".join(body for kind, body in client.last.pop(MAIN, []) if kind == DATA)
    while len(data) < count:
        data += client.main.expect(DATA)
    assert len(data) == count
    return data


AGENT = "agent vdagent"
said = message(CLIPBOARD, bytes(range(100)))
for split in (0, 3, 8, 9, 8 + 19, 8 + 20, 8 + 21, 8 + 119, 8 + 120):
    with tap.case(f"the guest has said {split} bytes of a chunk when the machine goes"):
        with pair(AGENT) as (source, target, client):
            start(client)
            text = chunk(said) + chunk(message(CLIPBOARD, b"after it"))
            if split:
                source.tell(f"dev-say agent {text[:split].hex()}")
            move(source, target, client)
            target.tell("start")
            target.tell(f"dev-say agent {text[split:].hex()}")
            assert heard(client, len(said) + 28) == said + message(CLIPBOARD, b"after it")

with tap.case("a message of several chunks"):
    with pair(AGENT) as (source, target, client):
        start(client)
        whole = message(CLIPBOARD, bytes(5000))
        source.tell(f"dev-say agent {chunk(whole[:2048]).hex()}")
        move(source, target, client)
        target.tell("start")
        target.tell(f"dev-say agent {(chunk(whole[2048:4096]) + chunk(whole[4096:])).hex()}")
        assert heard(client, len(whole)) == whole

with tap.case("what a client without tokens was to be told"):
    with pair(AGENT) as (source, target, client):
        start(client, 1)
        for _ in range(3):
            source.tell(f"dev-say agent {chunk(said).hex()}")
        leave(source, target, client)
        assert heard(client, 3 * len(said)) == 3 * said
        client.move()
        target.tell("start")
        target.tell(f"dev-say agent {chunk(said).hex()}")
        client.main.send_message(GIVE, struct.pack("<I", 1))
        assert heard(client, len(said)) == said

with tap.case("what the guest had not taken, what the client says last, and its tokens"):
    with pair(AGENT) as (source, target, client):
        start(client)
        source.tell("dev-room agent 5")
        for number in range(4):
            client.main.send_message(SAY, message(CLIPBOARD, bytes([number])))
        assert written(source, 5) == chunk(message(CLIPBOARD, b"\0"))[:5]
        leave(source, target, client)
        client.main.send_message(SAY, message(CLIPBOARD, b"\4"))
        client.move()
        target.tell("start")
        expected = b"".join(chunk(message(CLIPBOARD, bytes([number]))) for number in range(5))
        assert written(target, len(expected) - 5) == expected[5:]
        for number in range(5, 105):
            if number % 5 == 0:
                assert client.main.expect(TOKEN) == struct.pack("<I", 5)
            client.main.send_message(SAY, message(CLIPBOARD, bytes([number])))
        assert written(target, 100 * 29)[-1] == 104

with tap.case("the client is inside a message"):
    with pair(AGENT) as (source, target, client):
        start(client)
        whole = message(CLIPBOARD, bytes(3000))
        client.main.send_message(SAY, whole[:2048])
        assert written(source, 2056) == chunk(whole[:2048])
        move(source, target, client)
        target.tell("start")
        client.main.send_message(SAY, whole[2048:])
        assert written(target, 8 + len(whole) - 2048) == chunk(whole[2048:])

with tap.case("the agent's device comes to the target after the client"):
    with pair(AGENT, target_devices=()) as (source, target, client):
        start(client)
        source.tell(f"dev-say agent {chunk(said)[:50].hex()}")
        move(source, target, client)
        target.tell("start")
        target.tell("add agent vdagent")
        target.tell(f"dev-say agent {chunk(said)[50:].hex()}")
        assert heard(client, len(said)) == said
        client.main.send_message(SAY, said)
        assert written(target, 8 + len(said)) == chunk(said)

with tap.case("an agent at the target only"):
    with pair(target_devices=(AGENT,)) as (source, target, client):
        assert not client.main.agent
        move(source, target, client)
        assert client.main.expect(CONNECTED, DISCONNECTED) == struct.pack("<I", 10)
        start(client)
        target.tell("start")
        target.tell(f"dev-say agent {chunk(said).hex()}")
        assert heard(client, len(said)) == said

with tap.case("an agent that leaves, or leaves and comes, while the client is on its way"):
    for again in (False, True):
        with pair(AGENT) as (source, target, client):
            start(client)
            leave(source, target, client)
            target.tell("dev-remove agent")
            if again:
                target.tell("add agent vdagent")
            client.move()
            client.main.expect(DISCONNECTED)
            if again:
                client.main.expect(CONNECTED)

with tap.case("where something is forbidden, what was under way is not passed on unseen"):
    with pair(AGENT) as (source, target, client):
        start(client)
        whole = message(CLIPBOARD, bytes(3000))
        client.main.send_message(SAY, whole[:2048])
        written(source, 2056)
        target.tell("agent-copypaste 0")
        move(source, target, client)
        client.main.expect(DISCONNECTED)
        client.main.expect(CONNECTED)
        target.expect("state agent 0")
        target.expect("state agent 1")
        target.tell("start")
        client.main.send_message(START, struct.pack("<I", 9))
        client.main.send_message(SAY, message(CLIPBOARD, b"secret"))
        client.main.send_message(SAY, message(3, bytes(4)))
        assert written(target, 8 + 24) == chunk(message(3, bytes(4)))

with tap.case("USB: bytes in both directions, none lost, none twice"):
    with pair("usb usbredir", channels={(VMC, 0): 0}) as (source, target, client):
        usb = client.links[VMC, 0]
        source.expect("state usb 1")
        source.tell("dev-say usb 0102")
        assert usb.expect(101) == b"\1\2"
        source.tell("dev-room usb 3")
        usb.send_message(101, b"abcdefg")
        assert written(source, 3, "usb") == b"abc"
        leave(source, target, client)
        usb.send_message(101, b"hij")
        client.move()
        target.tell("start")
        usb = client.links[VMC, 0]
        usb.send_message(101, b"klm")
        assert written(target, 10, "usb") == b"defghijklm"
        target.tell("dev-say usb 0304")
        assert usb.expect(101) == b"\3\4"
        assert client.states[VMC, 0][:13] == b"SVMD" + struct.pack("<IIB", 1, 1, 1)

with tap.case("a port whose guest takes nothing, with more than its client may queue"):
    with pair("port port org.test.port", channels={(PORT, 0): 0}) as (source, target, client):
        port = client.links[PORT, 0]
        source.tell("dev-room port 0")
        for _ in range(3):
            port.send_message(101, bytes(500 * 1024))
        source.tell(f"migrate {target.port}")
        client.prepare()
        source.expect("migrate-connected")
        source.tell("stop")
        source.tell("migrate-end")
        client.move()
        target.tell("dev-quiet port")
        target.tell("start")
        client.links[PORT, 0].send_message(101, b"x")
        deadline = time.monotonic() + 10
        while f"taken {1500 * 1024 + 1} " not in " ".join(target.tell("dev-taken port")):
            assert time.monotonic() < deadline, target.seen[-3:]
            time.sleep(0.02)

with tap.case("a smart card: its reader stays plugged in"):
    def vsc(kind, reader, data=b"", order="<"):
        return struct.pack(order + "III", kind, reader, len(data)) + data

    with pair("card smartcard", channels={(SMARTCARD, 0): 0}) as (source, target, client):
        card = client.links[SMARTCARD, 0]
        card.send_message(101, vsc(3, 0xffffffff, b"reader"))
        assert written(source, 18, "card") == vsc(3, 0, b"reader", ">")
        answer = vsc(7, 0, b"answer", ">")
        source.tell("dev-room card 2")
        card.send_message(101, vsc(7, 0, b"question"))
        assert written(source, 2, "card") == vsc(7, 0, b"question", ">")[:2]
        source.tell(f"dev-say card {answer[:15].hex()}")
        leave(source, target, client)
        target.tell(f"dev-say card {answer[15:].hex()}")
        client.move()
        target.expect("state card 1")
        target.tell("start")
        assert written(target, 18, "card") == vsc(7, 0, b"question", ">")[2:]
        card = client.links[SMARTCARD, 0]
        assert card.expect(101) == vsc(7, 0, b"answer")

with tap.case("states of devices that are not taken"):
    base = struct.pack("<IBIIIII", 1, 1, 0xffffffff, 0xffffffff, 0, 0, 0)

    def device(**fields):
        names = ("version", "connected", "client", "send", "size", "tokens", "at")
        values = dict(zip(names, (1, 1, 0xffffffff, 0xffffffff, 0, 0, 0)), **fields)
        return struct.pack("<IBIIIII", *values.values())

    smart = device() + struct.pack("<BII", 1, 0, 0)
    bad = {
        (VMC, 0): [b"", base[:24], device(version=2), device(size=1, at=33), device(size=1 << 31),
                   device(size=4, at=0xfffffffe), device(tokens=1),
                   device(size=17 << 20, at=33) + bytes(17 << 20)],
        (SMARTCARD, 0): [b"", device(), smart[:-1], smart[:26] + struct.pack("<II", 1, 42),
                         smart[:26] + struct.pack("<II", 12, 42) + vsc(7, 0, b"", ">"),
                         smart[:26] + struct.pack("<II", 13, 42) + vsc(7, 0, b"", ">") + b"x",
                         smart[:26] + struct.pack("<III", 12, 42, 7) + b"\0\0\0\0\xff\xff\xff\xff"],
    }
    source, target = (BareServer(program="device_server") for _ in range(2))
    for server in (source, target):
        server.tell("add usb usbredir")
        server.tell("add card smartcard")
    for key, states in bad.items():
        magic = b"SVMD" if key[0] == VMC else b"SCMD"
        for number, state in enumerate(states):
            with Traveller(source.port, {key: 0}) as client:
                client.connect(target.port)
                with contextlib.suppress(ConnectionError):
                    client.next[key].send_message(5, magic + struct.pack("<I", 1) + state)
                assert client.next[key].is_closed(), f"{key}, state {number} was taken"
    source.stop()
    target.stop()

FILM = f"film port {stream_port.NAME}"
DISPLAY = (spice.DISPLAY, 0)
SURFACE_CREATE, SURFACE_DESTROY, STREAM_CREATE, STREAM_DATA, STREAM_DESTROY = 314, 315, 122, 123, 125


def told(server, count):
    """That the film's guest is to begin for COUNT codecs, however often it has been told others."""
    data = b""
    while True:
        while len(data) >= 8 and len(data) >= 8 + (size := stream_port.parse_header(data)[1]):
            kind, body, data = data[2], data[8:8 + size], data[8 + size:]
            if kind == stream_port.START_STOP and body[0] == count:
                return
        data += bytes.fromhex(server.expect("write film").split()[2])


with tap.case("a film goes on after the guest has begun anew, on a surface of its own"):
    with pair(FILM, channels={}) as (source, target, client):
        for server in (source, target):
            server.tell("dev-event film 0")
        caps = 1 << 1 | 1 << 8 | 1 << 9  # monitors, several codecs, MJPEG
        client.channels[DISPLAY] = caps
        client.links[DISPLAY] = client._link(source.port, *DISPLAY, caps)
        client.links[DISPLAY].send_message(101, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))
        told(source, 1)
        frame = stream_port.message(stream_port.DATA, b"picture")
        source.tell(f"dev-say film {(stream_port.format_message(64, 48) + frame).hex()}")
        assert client.links[DISPLAY].expect(STREAM_DATA)[12:] == b"picture"
        move(source, target, client)
        assert client.flags[DISPLAY] == 0, "it takes nothing along"
        left = [kind for kind, _ in client.last[DISPLAY]]
        assert left == [STREAM_DESTROY, SURFACE_DESTROY], left
        target.command("start")
        told(target, 1)
        target.tell(f"dev-say film {(stream_port.format_message(32, 16) + frame).hex()}")
        link = client.links[DISPLAY]
        assert struct.unpack_from("<III", link.expect(SURFACE_CREATE)) == (0, 32, 16)
        link.expect(STREAM_CREATE)
        assert link.expect(STREAM_DATA)[12:] == b"picture"

tap.finish()
