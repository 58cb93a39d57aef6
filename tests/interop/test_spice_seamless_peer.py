#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients take their state from our server to libspice-server, and from there to ours."""

import os
import struct
import subprocess
import sys
import tempfile

SRCDIR = os.environ["SRCDIR"]
sys.path.insert(0, os.path.join(SRCDIR, "tests/support"))
import spice_client as spice
from bare_server import BareServer
from gtk_client import GtkClient
from moving import HEIGHT, Screen, WIDTH, draw, migrate, move, shows
from tap import Attempt, Tap, skip_all
from traveller import Traveller, VMC

MODULES = ("spice-server", "glib-2.0", "pixman-1")
SUPPORT = ("core_loop.c", "host_devices.c", "loopback.c", "qxl_host.c", "server_library.c")
OURS = "bare_server", "device_server"

if subprocess.run(["pkg-config", "--exists", *MODULES], check=False).returncode:
    skip_all("libspice-server-dev is not installed")


def compile_for_peer(folder, name):
    """NAME of tests/client, linked with the distribution's library."""
    program = os.path.join(folder, name)
    flags, libs = (subprocess.run(["pkg-config", option, *MODULES], check=True, text=True,
                                  capture_output=True).stdout.split()
                   for option in ("--cflags", "--libs"))
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-w", f"-I{SRCDIR}", *flags,
                    f"{SRCDIR}/tests/client/{name}.c",
                    *(f"{SRCDIR}/tests/support/{source}" for source in SUPPORT),
                    "-o", program, *libs, "-ldl", "-lpthread"], check=True)
    return program


tap = Tap()
folder = tempfile.TemporaryDirectory(prefix="cassia-peer-")
PEER = [compile_for_peer(folder.name, name) for name in OURS]
ROUTES = {"ours to peer": (OURS, PEER), "peer to ours": (PEER, OURS), "peer to peer": (PEER, PEER)}

def there_and_back(report, name, first, second):
    with report.case(f"spice-gtk, {name} and back"):
        servers = []

        def start(program, *options):
            server = BareServer("--seamless", *options, program=program)
            migrate(server, "migrate-interface")
            server.command("expect-display" if options else "display 0")
            if not options:
                server.command("start")
            return server

        here = start(first[0])
        screen = Screen()
        draw(here, screen, 0, 0, WIDTH, HEIGHT, 0x123456)
        with GtkClient("host=127.0.0.1", f"port={here.port}") as client:
            client.expect("display 0 320 200")
            for step in range(4):
                draw(here, screen, 10 * step, 20, 60, 60, 0x10101 * step)
                shows(client, screen)
                there = start((second if step % 2 == 0 else first)[0], "--no-start")
                move(client, here, there, screen)
                here.stop()
                here = there
            shown = [line for line in client.seen if "display" in line]
            assert shown == ["display 0 320 200"], f"it was drawn anew: {shown}"
        here.stop()


for name, (first, second) in ROUTES.items():
    # The peer now and then takes what a client brings for unexpected, and waits for ever.
    for chances in (1, 0):
        attempt = Attempt()
        there_and_back(attempt, name, first, second)
        if not attempt.failed or not chances:
            attempt.tell(tap)
            break
        attempt.tell_as_comment(tap)

# Devices, to the byte.

CLIPBOARD, AGENT_DATA, START, SAY = 4, 109, 106, 107
MAIN, USB = (spice.MAIN, 0), (VMC, 0)


def message(data):
    return struct.pack("<IIQI", 1, CLIPBOARD, 0, len(data)) + data


def chunk(data):
    return struct.pack("<II", 1, len(data)) + data


def written(server, count, device):
    """All that the guest's device has got, COUNT bytes at least."""
    while True:
        lines = [line.split() for line in server.seen if line.startswith(f"write {device} ")]
        data = bytes.fromhex("".join(words[2] for words in lines))
        if len(data) >= count:
            return data
        server.next_line()


for name, (first, second) in ROUTES.items():
    # In the middle of a message's header the peer forgets how long the chunk is.
    for split in (0, 5, 8 + 40):
        with tap.case(f"agent and USB, {name}, {split} bytes into the guest's chunk"):
            source, target = (BareServer(program=program[1]) for program in (first, second))
            target.tell("stop")
            for server in (source, target):
                server.tell("add usb usbredir")
            source.tell("add agent vdagent")
            client = Traveller(source.port, {USB: 0})
            client.main.send_message(START, struct.pack("<I", 1000))
            client.main.send_message(104)
            client.main.expect(104)
            source.tell("dev-room agent 5")
            source.tell("dev-room usb 2")
            client.main.send_message(SAY, message(b"one"))
            client.links[USB].send_message(101, b"abc")
            assert len(written(source, 2, "usb")) == 2
            said = chunk(message(bytes(range(90))))
            if split:
                source.tell(f"dev-say agent {said[:split].hex()}")
            source.tell(f"migrate {target.port}")
            client.prepare()
            source.expect("migrate-connected")
            source.tell("stop")
            source.tell("migrate-end")
            client.links[USB].send_message(101, b"de")
            client.move()
            target.tell("start")
            target.tell("add agent vdagent")  # as QEMU does, when the guest opens its port
            target.tell(f"dev-say agent {said[split:].hex()}")
            heard = b"".join(body for kind, body in client.last.get(MAIN, []) if kind == AGENT_DATA)
            while len(heard) < len(said) - 8:
                heard += client.main.expect(AGENT_DATA)
            assert heard == said[8:]
            assert written(target, 3, "usb") == b"cde"
            client.main.send_message(SAY, message(b"two"))
            assert written(target, 26 + 31, "agent") == \
                (chunk(message(b"one")) + chunk(message(b"two")))[5:]
            client.close()
            source.stop()
            target.stop()

folder.cleanup()
tap.finish()
