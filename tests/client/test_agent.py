#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest agent between a scripted guest and clients by hand, spice-wire.md section 6."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from cassia import OWN_SERVER
from tap import Tap, skip_all

AGENT_START, AGENT_DATA, AGENT_TOKEN, MOUSE_MODE_REQUEST = 106, 107, 108, 105
CONNECTED, DISCONNECTED, DATA, TOKEN, CONNECTED_TOKENS, MOUSE_MODE = 107, 108, 109, 110, 115, 105
PING, CHANNELS_LIST = 4, 104
CAP_TOKENS = 4  # AGENT_CONNECTED_TOKENS, bit 2
MOUSE_STATE, MONITORS_CONFIG, CLIPBOARD, CAPABILITIES, GRAB, REQUEST, RELEASE, XFER_START, \
    XFER_STATUS, XFER_DATA, CLIENT_DISCONNECTED, GRAPHICS_DEVICE_INFO = \
    1, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 16
ALL = 0xffffffff

if not OWN_SERVER:
    skip_all("libspice 0.15.1 does not survive what clients and guests do here")

tap = Tap()
server = BareServer(program="device_server")
port = server.port


def message(kind, data=b"", protocol=1, size=None):
    return struct.pack("<IIQI", protocol, kind, 0, len(data) if size is None else size) + data


def chunk(data, to=1):
    return struct.pack("<II", to, len(data)) + data


def next_of(main):
    while True:
        kind, body = main.read_message()
        if kind not in (PING, MOUSE_MODE, CHANNELS_LIST, 7):
            return kind, body


def written(size):
    """SIZE bytes that the guest got."""
    data = b""
    while len(data) < size:
        data += bytes.fromhex(server.expect("write").split()[2])
    assert len(data) == size, (len(data), size, data)
    return data


def say(data, count=1):
    server.tell(f"dev-say agent {data.hex()} {count}")


def is_silent(main):
    """Nothing but an answer to a request comes."""
    main.send_message(104)
    while True:
        kind, _ = main.read_message()
        if kind == CHANNELS_LIST:
            return True
        if kind not in (PING, MOUSE_MODE, 7):
            return False


with tap.case("without an agent what is sent to it is lost, without harm"):
    main = spice.Main(port, channel=CAP_TOKENS)
    assert main.agent == 0 and main.tokens == 10
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    for _ in range(30):
        main.send_message(AGENT_DATA, bytes(2048))
    main.send_message(AGENT_TOKEN, struct.pack("<I", ALL))
    assert is_silent(main)

with tap.case("an agent comes: clients are told, the host as well"):
    assert server.tell("add agent vdagent") == ["state agent 1", "added 0 1"]
    assert next_of(main) == (CONNECTED_TOKENS, struct.pack("<I", 10))
    with spice.Main(port) as other:
        assert other.agent == 1
    main.is_closed()
    server.tell("dev-remove agent")

with tap.case("a client without the capability is told in the old way"):
    main = spice.Main(port)
    server.tell("add agent vdagent")
    assert next_of(main) == (CONNECTED, b"")
    main.close()

with tap.case("a second agent is refused"):
    assert server.tell("add agent2 vdagent") == ["added 0 0"]

main = spice.Main(port, channel=CAP_TOKENS)

with tap.case("messages pass once the client has started, and not before"):
    say(chunk(message(CLIPBOARD, b"too early")))
    main.send_message(AGENT_DATA, message(CLIPBOARD, b"too early"))
    assert is_silent(main)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    main.send_message(AGENT_DATA, message(CLIPBOARD, b"to the guest"))
    want = chunk(message(CLIPBOARD, b"to the guest"))
    assert written(len(want)) == want
    say(chunk(message(CLIPBOARD, b"to the client")))
    assert next_of(main) == (DATA, message(CLIPBOARD, b"to the client"))

with tap.case("chunks in pieces and several at once; those to the server are its own"):
    whole = chunk(message(CLIPBOARD, b"1")) + chunk(message(3, b"22"), 2) + \
        chunk(message(CLIPBOARD, b"333"))
    for byte in whole:
        server.command(f"dev-say agent {byte:02x}")
    assert next_of(main) == (DATA, message(CLIPBOARD, b"1"))
    assert next_of(main) == (DATA, message(CLIPBOARD, b"333"))
    for _ in whole:
        server.expect("done")

with tap.case("long messages go in chunks of 2048 bytes"):
    long = message(CLIPBOARD, bytes(range(256)) * 30)
    pieces = [long[i:i + 2048] for i in range(0, len(long), 2048)]
    for piece in pieces:
        main.send_message(AGENT_DATA, piece)
    want = b"".join(chunk(piece) for piece in pieces)
    assert written(len(want)) == want
    say(want)
    got = [next_of(main) for _ in range(len(pieces) + 1)]
    assert [body for kind, body in got if kind == DATA] == pieces
    assert [body for kind, body in got if kind == TOKEN] == [struct.pack("<I", 5)]

with tap.case("tokens come back five at a time, when the guest has taken the data"):
    main.close()
    server.expect("write")
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    server.tell("dev-room agent 0")
    for i in range(10):
        main.send_message(AGENT_DATA, message(CLIPBOARD, bytes([i])))
    assert is_silent(main)
    server.tell("dev-room agent -1")
    lines = server.tell("dev-wake agent")
    got = bytes.fromhex("".join(line.split()[2] for line in lines))
    assert got == b"".join(chunk(message(CLIPBOARD, bytes([i]))) for i in range(10))
    assert [next_of(main) for _ in range(2)] == [(TOKEN, struct.pack("<I", 5))] * 2

with tap.case("data without a token ends the session"):
    server.tell("dev-room agent 0")
    for i in range(11):
        main.send_message(AGENT_DATA, message(CLIPBOARD, b"x"))
    assert main.is_closed()
    server.tell("dev-room agent -1")
    server.tell("dev-wake agent")

with tap.case("the last client leaves: the agent is told"):
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    main.send_message(AGENT_DATA, message(CLIPBOARD, b"y"))
    want = chunk(message(CLIPBOARD, b"y"))
    while server.expect("write").split()[2] != want.hex():
        pass
    main.close()
    assert server.expect("write").split()[2] == chunk(message(CLIENT_DISCONNECTED), 2).hex()

with tap.case("a client's tokens: no more than it gives, the guest has to wait"):
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", 2))
    assert is_silent(main)
    say(b"".join(chunk(message(CLIPBOARD, bytes([i]))) for i in range(40)))
    for i in range(2):
        assert next_of(main) == (DATA, message(CLIPBOARD, bytes([i])))
    assert is_silent(main)
    left = int(server.tell("dev-left agent")[0].split()[1])
    assert left >= 30 * 29, f"{left} bytes wait in the guest, the server holds the rest"
    main.send_message(AGENT_TOKEN, struct.pack("<I", 3))
    for i in range(2, 5):
        assert next_of(main) == (DATA, message(CLIPBOARD, bytes([i])))
    assert is_silent(main)
    main.send_message(AGENT_TOKEN, struct.pack("<I", ALL))
    main.send_message(AGENT_TOKEN, struct.pack("<I", ALL))
    for i in range(5, 40):
        assert next_of(main) == (DATA, message(CLIPBOARD, bytes([i]))), i
    assert server.tell("dev-left agent") == ["left 0"]

with tap.case("a client that reads nothing does not fill our memory"):
    deaf = spice.Main(port, channel=CAP_TOKENS)
    deaf.send_message(AGENT_START, struct.pack("<I", ALL))
    assert is_silent(deaf)
    big = chunk(message(CLIPBOARD, bytes(2028)))
    say(big, 6000)
    time.sleep(0.2)
    total = 6000 * len(big)
    left = int(server.tell("dev-left agent")[0].split()[1])
    assert left > total - 11 * 1024 * 1024, (left, total)
    deaf.close()
    deadline = time.monotonic() + 5
    while server.tell("dev-left agent") != ["left 0"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.tell("dev-left agent") == ["left 0"]
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    assert is_silent(main)

with tap.case("copy and paste forbidden: dropped both ways, long messages to the end"):
    server.tell("agent-copypaste 0")
    seen = len(server.seen)
    for kind in (CLIPBOARD, GRAB, REQUEST, RELEASE):
        main.send_message(AGENT_DATA, message(kind, bytes(2000), size=4000))
        main.send_message(AGENT_DATA, bytes(2000))
        say(chunk(message(kind, bytes(1000), size=3000)) + chunk(bytes(2000)))
    main.send_message(AGENT_DATA, message(XFER_START, b"file"))
    assert written(8 + 24) == chunk(message(XFER_START, b"file"))
    say(chunk(message(XFER_STATUS, b"ok")))
    got = [next_of(main) for _ in range(2)]
    assert sorted(got) == [(DATA, message(XFER_STATUS, b"ok")), (TOKEN, struct.pack("<I", 5))], got
    server.tell("agent-copypaste 1")

with tap.case("file transfer forbidden"):
    server.tell("agent-files 0")
    for kind in (XFER_START, XFER_DATA):
        main.send_message(AGENT_DATA, message(kind, b"file"))
    say(chunk(message(XFER_STATUS, b"no")))
    main.send_message(AGENT_DATA, message(GRAB, b"clip"))
    assert written(8 + 24) == chunk(message(GRAB, b"clip"))
    server.tell("agent-files 1")

with tap.case("the agent's capabilities show what is forbidden"):
    def announce(word):
        return message(CAPABILITIES, struct.pack("<III", 1, word, 0))

    def announced(copy, files, word):
        server.tell(f"agent-copypaste {copy}")
        server.tell(f"agent-files {files}")
        say(chunk(announce(word)))
        while True:
            kind, body = next_of(main)
            if kind == DATA:
                return struct.unpack_from("<I", body, 24)[0]
    assert announced(1, 1, 0x7ff) == 0x7ff
    assert announced(0, 1, 0x7ff) == 0x7ff & ~0x68
    assert announced(1, 0, 0x7ff) == 0x7ff | 0x2000
    assert announced(0, 0, 0) == 0x2000
    server.tell("agent-copypaste 0")
    say(chunk(message(CAPABILITIES, struct.pack("<I", 0))))
    assert next_of(main) == (DATA, message(CAPABILITIES, bytes(4))), "no word to change"
    split = announce(0xffffffff)
    say(chunk(split[:25]) + chunk(split[25:]))
    got = next_of(main)[1] + next_of(main)[1]
    assert struct.unpack_from("<I", got, 24)[0] == 0xffffffff & ~0x68
    server.tell("agent-copypaste 1")
    server.tell("agent-files 1")

with tap.case("the agent learns which display is which device, if it wants to"):
    server.tell("display")
    lines = server.tell("device-info pci/0000/02.0 3 2")
    body = struct.pack("<I", 2) + b"".join(
        struct.pack("<IIII", 0, monitor, 3 + monitor, 14) + b"pci/0000/02.0\0"
        for monitor in range(2))
    want = chunk(message(GRAPHICS_DEVICE_INFO, body), 2)
    assert [line.split()[2] for line in lines if line.startswith("write")] == [want.hex()], lines

with tap.case("monitors: to the displays if they want them, else to the agent"):
    config = struct.pack("<II", 2, 1) + struct.pack("<IIIii", 600, 800, 32, 0, 0) + \
        struct.pack("<IIIii", 768, 1024, 32, 800, 0)
    main.send_message(AGENT_DATA, message(MONITORS_CONFIG, config))
    want = chunk(message(MONITORS_CONFIG, config))
    assert written(len(want)) == want
    server.tell("monitors 1")
    main.send_message(AGENT_DATA, message(MONITORS_CONFIG, config))
    assert server.expect("monitors") == "monitors 2 1 800x600 1024x768"
    whole = message(MONITORS_CONFIG, config)
    main.send_message(AGENT_DATA, whole[:30])
    main.send_message(AGENT_DATA, whole[30:])
    assert server.expect("monitors") == "monitors 2 1 800x600 1024x768"
    sizes = struct.pack("<II", 1, 3) + struct.pack("<IIIii", 600, 800, 32, 0, 0) + \
        struct.pack("<HH", 200, 300)
    main.send_message(AGENT_DATA, message(MONITORS_CONFIG, sizes))
    assert server.expect("monitors") == "monitors 1 3 800x600"

with tap.case("the pointer: client mode with an agent, one state at a time under way"):
    main.close()
    server.expect("write")
    main = spice.Main(port, channel=CAP_TOKENS)
    assert main.modes == 3, "allowed without a tablet"
    inputs = spice.Client(port)
    inputs.link(main.session, spice.INPUTS)
    main.send_message(MOUSE_MODE_REQUEST, struct.pack("<H", 2))
    assert main.expect(MOUSE_MODE) == struct.pack("<HH", 3, 2)

    def state(x, y, buttons, display=0):
        return chunk(message(MOUSE_STATE, struct.pack("<IIIB", x, y, buttons, display)), 2)

    inputs.send_message(112, struct.pack("<IIHB", 10, 20, 0, 1))
    assert written(41) == state(10, 20, 0, 1)
    server.tell("dev-room agent 0")
    for x in range(100):
        inputs.send_message(112, struct.pack("<IIHB", x, 5, 0, 0))
    inputs.send_message(113, struct.pack("<BH", 1, 1))
    inputs.send_message(114, struct.pack("<BH", 1, 0))
    inputs.send_message(113, struct.pack("<BH", 4, 0))
    inputs.send_message(114, struct.pack("<BH", 4, 0))
    inputs.send_message(112, struct.pack("<IIHB", 0xffffffff, 7, 6, 0))
    acks = 0
    while acks < 25:
        acks += inputs.read_message()[0] == 111
    inputs.wait_until_read()
    server.tell("dev-room agent -1")
    lines = server.tell("dev-wake agent")
    got = [bytes.fromhex(line.split()[2]) for line in lines]
    want = [state(0, 5, 0), state(99, 5, 0), state(99, 5, 2), state(99, 5, 0), state(99, 5, 16),
            state(99, 5, 0), state(65535, 7, 12)]
    assert got == want, got

with tap.case("agent mouse switched off: server mode; on again: allowed again"):
    server.tell("agent-mouse 0")
    assert main.expect(MOUSE_MODE) == struct.pack("<HH", 1, 1)
    server.tell("agent-mouse 1")
    assert main.expect(MOUSE_MODE) == struct.pack("<HH", 3, 1)

bad = {
    "another protocol": message(CLIPBOARD, b"x", protocol=2),
    "a header in pieces": message(CLIPBOARD, b"x")[:19],
    "an empty chunk": b"",
    "more than its size": message(CLIPBOARD, b"xx", size=1),
    "monitors without their count": message(MONITORS_CONFIG, bytes(7)),
    "more monitors than there are": message(MONITORS_CONFIG, struct.pack("<II", 2, 0) + bytes(20)),
    "4 G monitors": message(MONITORS_CONFIG, struct.pack("<II", ALL, 0) + bytes(20)),
    "physical sizes that are not there": message(MONITORS_CONFIG,
                                                 struct.pack("<II", 1, 2) + bytes(20)),
}
for name, data in bad.items():
    with tap.case(f"from a client: {name}: the session ends"):
        main = spice.Main(port, channel=CAP_TOKENS)
        main.send_message(AGENT_START, struct.pack("<I", ALL))
        main.send_message(AGENT_DATA, data)
        assert main.is_closed()

with tap.case("a monitors message without end: the session ends"):
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    try:
        main.send_message(AGENT_DATA, message(MONITORS_CONFIG, bytes(2000), size=ALL))
        for _ in range(9):
            main.send_message(AGENT_DATA, bytes(2048))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert main.is_closed()

for name, data in {"a port that does not exist": chunk(b"x", 3),
                   "a chunk of 2049 bytes": chunk(bytes(2049)),
                   "a chunk of 4 GiB": struct.pack("<II", 1, ALL),
                   "another protocol": chunk(message(CLIPBOARD, b"x", protocol=7)),
                   "a header in pieces": chunk(message(CLIPBOARD, b"x")[:10])}.items():
    with tap.case(f"from the guest: {name}: the agent is disconnected, until a new one comes"):
        main = spice.Main(port, channel=CAP_TOKENS)
        assert main.agent == 1
        main.send_message(AGENT_START, struct.pack("<I", ALL))
        assert is_silent(main)
        assert "state agent 0" in server.tell("dev-say agent " + data.hex())
        assert next_of(main) == (DISCONNECTED, bytes(4))
        server.tell("dev-say agent " + chunk(message(CLIPBOARD, b"x")).hex())
        main.send_message(AGENT_DATA, message(CLIPBOARD, b"x"))
        assert is_silent(main)
        assert server.tell("dev-remove agent") == ["removed 0"]
        assert server.tell("add agent vdagent") == ["state agent 1", "added 0 1"]
        assert next_of(main) == (CONNECTED_TOKENS, struct.pack("<I", 10))
        main.send_message(AGENT_START, struct.pack("<I", ALL))
        main.send_message(AGENT_DATA, message(CLIPBOARD, b"x"))
        assert written(29) == chunk(message(CLIPBOARD, b"x"))
        main.close()
        server.expect("write")

with tap.case("the agent leaves from inside read(), in the middle of everything"):
    main = spice.Main(port, channel=CAP_TOKENS)
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    main.send_message(AGENT_DATA, message(CLIPBOARD, b"", size=100))
    written(28)
    server.tell("dev-removes agent")
    server.tell("dev-wake agent")
    assert next_of(main) == (DISCONNECTED, bytes(4))
    server.tell("add agent vdagent")
    assert next_of(main)[0] == CONNECTED_TOKENS
    main.send_message(AGENT_START, struct.pack("<I", ALL))
    main.send_message(AGENT_DATA, message(CLIPBOARD, b"new"))
    assert written(31) == chunk(message(CLIPBOARD, b"new"))

server.stop()

with tap.case("two clients: everybody hears the guest, one at a time is heard"):
    server = BareServer(program="device_server", env={"SPICE_DEBUG_ALLOW_MC": "1"})
    port = server.port
    server.tell("add agent vdagent")
    one, two = (spice.Main(port, channel=CAP_TOKENS) for _ in range(2))
    for client in (one, two):
        client.send_message(AGENT_START, struct.pack("<I", ALL))
        assert is_silent(client)
    say(chunk(message(CLIPBOARD, b"both")))
    assert next_of(one) == next_of(two) == (DATA, message(CLIPBOARD, b"both"))
    one.send_message(AGENT_DATA, message(CLIPBOARD, b"one ", size=8))
    assert written(32) == chunk(message(CLIPBOARD, b"one ", size=8))
    two.send_message(AGENT_DATA, message(CLIPBOARD, b"two"))
    assert is_silent(two)
    one.send_message(AGENT_DATA, b"rest")
    assert written(12 + 31) == chunk(b"rest") + chunk(message(CLIPBOARD, b"two"))

with tap.case("one leaves in the middle of a message: the guest forgets it, the other goes on"):
    one.send_message(AGENT_DATA, message(CLIPBOARD, b"half", size=8))
    written(32)
    two.send_message(AGENT_DATA, message(CLIPBOARD, b"next"))
    assert is_silent(two)
    one.close()
    want = chunk(message(CLIENT_DISCONNECTED), 2) + chunk(message(CLIPBOARD, b"next"))
    assert written(len(want)) == want
    server.stop()

tap.finish()
