#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-agent, -port, -webdav, -usbredir: a guest's devices on unix sockets, and spice-gtk at the other end."""

import os
import shutil
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
import guest_agent as ga
from cassia import OWN_SERVER, Demo
from gtk_client import GtkClient
from guest_agent import GuestAgent
from tap import Skip, Tap

tap = Tap()


class AgentClient(GtkClient):
    program = "agent_client"


def read_some(connected, size, timeout=20):
    connected.settimeout(timeout)
    data = b""
    while len(data) < size:
        part = connected.recv(size - len(data))
        assert part, f"closed after {len(data)} of {size} bytes"
        data += part
    return data


def check_closed(connected, timeout=20):
    connected.settimeout(timeout)
    try:
        while connected.recv(65536):
            pass
    except ConnectionResetError:  # with something that nobody has read
        pass


def begin(agent, client, expected="clipboard"):
    """The agent says what it can do, and again when the client asks."""
    agent.announce()
    agent.next(ga.CAPABILITIES)
    agent.announce(ask=False)
    if expected == "silent":
        client.expect("agent silent")  # connected; the next one comes with what it can do
    client.expect(f"agent {expected}")


AGENT = f"/tmp/cassia-agent-{os.getpid()}"
STILL = ("-load", "text", "-frames", "5")

with Demo(*STILL, "-agent", AGENT) as demo, \
        AgentClient(str(demo.port)) as client:
    with tap.case("an agent is there when it says something, not before"):
        client.expect("channel 1 0 opened")
        agent = GuestAgent(ga.connect(AGENT))
        time.sleep(0.3)
        assert not any(line.startswith("agent clip") for line in client.seen), client.seen
        begin(agent, client)

    with tap.case("the clipboard, both ways"):
        client.command("offer from the client")
        _, grab = agent.next(ga.GRAB)
        assert struct.unpack("<I", grab[4:8])[0] == ga.UTF8, grab
        agent.say(ga.REQUEST, struct.pack("<II", 0, ga.UTF8))
        client.expect("request 1")
        _, text = agent.next(ga.CLIPBOARD)
        assert text == struct.pack("<II", 0, ga.UTF8) + b"from the client", text
        agent.say(ga.GRAB, struct.pack("<II", 0, ga.UTF8))
        client.expect("grab 1 1")
        client.command("paste")
        agent.next(ga.REQUEST)
        long_text = "from the guest " * 2000
        agent.say(ga.CLIPBOARD, struct.pack("<II", 0, ga.UTF8) + long_text.encode())
        assert client.expect("clipboard 1") == f"clipboard 1 {long_text}".strip()

    with tap.case("a file of 3 MB"):
        content = os.urandom(3_000_000)
        with open(demo.path("file.bin"), "wb") as file:
            file.write(content)
        client.command(f"send {demo.path('file.bin')}")
        start, got = agent.receive_file()
        assert b"name=file.bin" in start, start
        assert got == content
        client.expect("sent well")

    with tap.case("an agent that does not read makes the client wait, and costs nothing"):
        client.command(f"send {demo.path('file.bin')}")
        _, start = agent.next(ga.XFER_START)
        agent.say(ga.XFER_STATUS, start[:4] + struct.pack("<I", ga.CAN_SEND))
        time.sleep(0.5)
        demo.check_idle()
        got = b""
        while len(got) < len(content):
            got += agent.next(ga.XFER_DATA)[1][12:]
        assert got == content
        agent.say(ga.XFER_STATUS, start[:4] + struct.pack("<I", ga.SUCCESS))
        client.expect("sent well")

    with tap.case("the agent goes and comes again"):
        agent.close()
        client.expect("agent gone")
        agent = GuestAgent(ga.connect(AGENT))
        begin(agent, client)
        client.command("offer again")
        agent.next(ga.GRAB)

    with tap.case("an agent that talks nonsense is let go"):
        if not OWN_SERVER:
            raise Skip("libspice 0.15.1 waits for the end of what such an agent says")
        agent.socket.sendall(struct.pack("<II", 1, 1 << 30) + b"x" * 100)
        client.expect("agent gone")
        check_closed(agent.socket)
        agent.close()
        agent = GuestAgent(ga.connect(AGENT))
        begin(agent, client)

    with tap.case("the client goes: the agent hears of it, and serves the next"):
        client.__exit__()
        agent.next(ga.CLIENT_DISCONNECTED)
        with AgentClient(str(demo.port)) as second:
            agent.next(ga.CAPABILITIES)
            agent.announce(ask=False)
            second.expect("agent clipboard")
            second.command("offer more")
            agent.next(ga.GRAB)
        demo.check_idle()
        agent.close()
        demo.check_idle()
        assert demo.stop() == 0, demo.errors()
        assert not os.path.exists(AGENT), "the socket's file stays"

with tap.case("copy and paste, files: switched off"), \
        Demo(*STILL, "-agent", AGENT,
             spice="port=0,disable-copy-paste=on,disable-agent-file-xfer=on") as demo, \
        AgentClient(str(demo.port)) as client:
    agent = GuestAgent(ga.connect(AGENT))
    begin(agent, client, "silent")
    client.command(f"send {demo.path('errors')}")
    assert client.expect("sent") != "sent well"
    agent.close()

folder = f"/tmp/cassia-ports-{os.getpid()}"
os.makedirs(folder)
with Demo(*STILL, "-port", f"name=org.example.a,path={folder}/a", "-port",
          f"name=org.example.b,path={folder}/b,server=off,reconnect-ms=100", "-webdav", f"{folder}/dav",
          "-usbredir", f"{folder}/usb") as demo:
    with open(os.path.join(folder, "shared.txt"), "w") as file:
        file.write("what is shared")
    listener = socket.socket(socket.AF_UNIX)

    with tap.case("without anybody nothing happens"):
        demo.check_idle()
        early = ga.connect(f"{folder}/a")
        early.sendall(b"hello from the guest\n")
        demo.check_idle()

    with AgentClient(str(demo.port), folder) as client:
        with tap.case("a port: what the guest says, what the client says"):
            client.expect("port org.example.a opened")
            client.expect("data org.example.a hello from the guest")
            client.command("say org.example.a hello from the client")
            client.expect("said 22")
            assert read_some(early, 22) == b"hello from the client\n"

        with tap.case("a port: closed and opened"):
            early.close()
            client.expect("port org.example.a closed")
            again = ga.connect(f"{folder}/a")
            client.expect("port org.example.a opened")

        with tap.case("a port that connects waits for the other side, and comes back to it"):
            for number in range(2):
                listener = socket.socket(socket.AF_UNIX)
                listener.settimeout(20)
                listener.bind(f"{folder}/b")
                listener.listen()
                guest = listener.accept()[0]
                client.expect("port org.example.b opened")
                guest.sendall(b"number %d\n" % number)
                client.expect(f"data org.example.b number {number}")
                listener.close()
                os.unlink(f"{folder}/b")
                guest.close()
                client.expect("port org.example.b closed")

        with tap.case("a guest that does not read: the client's data waits"):
            for number in range(1000):
                client.command(f"say org.example.a {number:0>1000}")
            demo.check_idle()
            data = read_some(again, 1000 * 1001)
            assert data == b"".join(b"%01000d\n" % number for number in range(1000))

        with tap.case("the shared folder, as spice-gtk serves it"):
            dav = ga.connect(f"{folder}/dav")
            client.expect("port org.spice-space.webdav.0 opened")
            request = b"GET /shared.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
            dav.sendall(struct.pack("<qH", 7, len(request)) + request)
            answer = b""
            while b"what is shared" not in answer:
                number, size = struct.unpack("<qH", read_some(dav, 10))
                assert number == 7 and size, (number, size)
                answer += read_some(dav, size)
            assert answer.startswith(b"HTTP/1.1 200"), answer

        with tap.case("a USB port is a channel while the guest is there"):
            assert not any("channel 9" in line for line in client.seen), client.seen
            usb = ga.connect(f"{folder}/usb")
            client.expect("channel 9 0 opened")
            usb.close()
            client.expect("channel 9 0 closed")
            usb = ga.connect(f"{folder}/usb")
            client.expect("channel 9")

    with tap.case("when the client leaves, the guest sees its devices closed"):
        for connected in (again, dav, usb):
            check_closed(connected)
            connected.close()
        demo.check_idle()

    with tap.case("one client after the other finds the port"):
        for number in range(3):
            with AgentClient(str(demo.port)) as client:
                guest = ga.connect(f"{folder}/a")
                client.expect("port org.example.a opened")
                guest.sendall(b"for %d\n" % number)
                client.expect(f"data org.example.a for {number}")
            check_closed(guest)
        assert demo.stop() == 0, demo.errors()

with tap.case("options"):
    for words, text in (
            (("-agent", f"{folder}/x", "-agent", f"{folder}/y"), "-agent: a guest has one agent"),
            (("-agent", "name=a,path=b"), "-agent: takes no name"),
            (("-port", f"{folder}/x"), "-port: needs name=NAME"),
            (("-port", f"name=org.spice-space.webdav.0,path={folder}/x"), "there is -webdav"),
            (("-usbredir", "/nonexistent/x"), "-usbredir: cannot listen on /nonexistent/x"),
            (("-usbredir", "x" * 200), "too long for a unix socket"),
            (("-webdav", f"{folder}/x,reconnect-ms=0"), "reconnect-ms: '0' is not a number from 1")):
        result = cassia.run("demo", "-spice", "port=0", *words)
        assert result.returncode in (1, 2) and text in result.stderr, (words, result.stderr)

shutil.rmtree(folder)
tap.finish()
