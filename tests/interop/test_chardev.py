#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's "-chardev socket" and our -port and -usbredir: what one connects to, the other opens."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from cassia import Demo
from tap import Tap, skip_all

if not shutil.which("qemu-system-x86_64"):
    skip_all("not installed: qemu-system-x86_64")

tap = Tap()
USBREDIR, PORT = 9, 10
DATA, PORT_INIT, PORT_EVENT = 101, 201, 202
OPENED = 0


class Qemu:
    """A machine that gets no further than its firmware."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "pc,accel=tcg",
             "-m", "32", *words], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.terminate()
        self.process.wait(20)


def next_of(channel, *kinds):
    while True:
        kind, body = channel.read_message()
        if kind in kinds:
            return kind, body


for ours, theirs in (("server=on", "server=off,reconnect=1"), ("server=off,reconnect-ms=100",
                                                               "server=on,wait=off")):
    with tempfile.TemporaryDirectory() as folder:
        with Demo("-load", "text", "-frames", "5", "-port", f"name=log,path={folder}/log,{ours}",
                  "-usbredir", f"{folder}/usb,{ours}") as demo:
            with tap.case(f"the firmware's log comes out of a port; here {ours}, there {theirs}"), \
                    spice.Main(demo.port, timeout=30) as main:
                channel = spice.Client(demo.port, timeout=30)
                channel.link(main.session, PORT, 0)
                assert next_of(channel, PORT_INIT)[1].endswith(b"log\0")
                # The firmware is done before anybody has connected, unless QEMU waits.
                waiting = theirs.replace("wait=off", "wait=on")
                with Qemu("-chardev", f"socket,id=log,path={folder}/log,{waiting}", "-device",
                          "isa-debugcon,iobase=0x402,chardev=log"):
                    assert next_of(channel, PORT_EVENT)[1][0] == OPENED
                    log = b""
                    while b"SeaBIOS" not in log:
                        log += next_of(channel, DATA)[1]
                assert next_of(channel, PORT_EVENT)[1][0] != OPENED
                channel.close()

            with tap.case("its USB port greets the client, each time anew"), Qemu(
                    "-usb", "-chardev", f"socket,id=usb,path={folder}/usb,{theirs}", "-device",
                    "usb-redir,chardev=usb"):
                for number in range(2):
                    with spice.Main(demo.port, timeout=30) as main:
                        main.send_message(104)
                        while True:
                            body = next_of(main, 104)[1]
                            if bytes([USBREDIR]) in body[4::2]:
                                break
                        channel = spice.Client(demo.port, timeout=30)
                        channel.link(main.session, USBREDIR, 0)
                        # usb_redir_hello: type 0, length, id; then a version of 64 bytes.
                        hello = b""
                        while len(hello) < 12 + 64:
                            hello += next_of(channel, DATA)[1]
                        kind, length, _ = struct.unpack("<III", hello[:12])
                        assert kind == 0 and length >= 64, hello
                        assert b"qemu usb-redir guest" in hello[12:76], hello
                        channel.close()

tap.finish()
