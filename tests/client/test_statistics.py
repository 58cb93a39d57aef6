#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""query-spice-stats and replay --stats: what the server says it sent is what a client counts."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from qmp import QmpError
from spice_client import DISPLAY, Client, Closed, Main
from tap import Tap

SET_ACK, PING, ACK_SYNC, ACK, PONG, INIT = 3, 4, 1, 2, 3, 101
FRAMES = 40

tap = Tap()
ours = "system" not in cassia.run("--version").stdout


class Display(Client):
    """A display connection that counts and acknowledges what it gets."""

    def __init__(self, demo, session):
        super().__init__(demo.port, 60)
        self.link(session, DISPLAY)
        self.count = self.bytes = self.pictures = self.window = self.to_ack = 0
        self.send_message(INIT, struct.pack("<BqBi", 0, 1 << 24, 0, 1 << 22))

    def take(self):
        kind, body = self.read_message()
        self.count += 1
        self.bytes += len(body) + 6
        if kind == SET_ACK:
            generation, self.window = struct.unpack("<II", body)
            self.to_ack = self.window
            self.send_message(ACK_SYNC, struct.pack("<I", generation))
            return
        if kind == PING:
            self.send_message(PONG, body[:12])
        self.to_ack -= 1
        if self.to_ack == 0:
            self.to_ack = self.window
            self.send_message(ACK)


def statistics(qmp):
    return qmp.command("query-spice-stats")["displays"]


if not ours:
    with tap.case("a server that keeps no statistics is named"):
        with cassia.Demo() as demo:
            try:
                demo.qmp().command("query-spice-stats")
                raise AssertionError("there is an answer")
            except QmpError as error:
                assert "keeps no statistics" in str(error), error
        refused = cassia.run("replay", "/dev/null", "--stats")
        assert refused.returncode == 1 and "keeps no statistics" in refused.stderr, refused
    tap.finish()

with tap.case("messages, bytes and commands are those of the client and the guest"):
    with cassia.Demo("-S", "-load", "desktop", "-fps", "0", "-frames", str(FRAMES)) as demo:
        qmp = demo.qmp()
        assert statistics(qmp) == []
        with Main(demo.port) as main, Display(demo, main.session) as display:
            main.send_message(104)  # ATTACH_CHANNELS
            while not statistics(qmp):
                display.take()
            qmp.command("cont")
            deadline = time.monotonic() + 60
            while True:
                [one] = statistics(qmp)
                finished = qmp.command("query-status")["status"] == "running" and \
                    one["commands"] > FRAMES and one["queue-length"] == 0
                if finished and display.count == one["messages"]:
                    time.sleep(0.2)
                    if statistics(qmp) == [one]:
                        break
                while display.count < one["messages"]:
                    display.take()
                assert time.monotonic() < deadline, one
            demo.wait_finished()
            drawn = int(re.search(r"\((\d+) commands\)", demo.output).group(1))
            assert one["connection-id"] == main.session and one["channel-id"] == 0, one
            assert one["bytes"] == display.bytes, (one, display.bytes)
            assert drawn * 0.8 <= one["commands"] <= drawn, (one, drawn)  # some are not drawing
            assert one["hidden"] + one["passed-on"] <= one["commands"], one
            assert 0 < sum(c["bytes-out"] for c in one["codecs"]) < one["bytes"], one
            assert all(c["bytes-in"] >= c["images"] for c in one["codecs"]), one
            assert one["acks"] > 0 and 0 < one["ack-mean-ns"] <= one["ack-max-ns"], one
        while statistics(qmp):
            assert time.monotonic() < deadline, "the client that left is still counted"

with tap.case("cassia replay --stats shows the same in a table"), tempfile.TemporaryDirectory() as folder:
    recording = os.path.join(folder, "recording")
    with cassia.Demo("-load", "text", "-fps", "0", "-frames", "20", "-record", recording) as demo:
        demo.wait_finished()
    replay = subprocess.Popen([cassia.PROGRAM, "replay", recording, "--wait", "--stats",
                               "-spice", "port=0"], stdout=subprocess.PIPE, text=True)
    try:
        demo.port = int(re.search(r"127\.0\.0\.1:(\d+)", replay.stdout.readline()).group(1))
        with Main(demo.port) as main, Display(demo, main.session) as display:
            try:
                while True:
                    display.take()
            except Closed:
                pass
        output = replay.communicate(timeout=60)[0]
    finally:
        replay.kill()
    found = re.search(rf"client {main.session:08x}, display 0: (\d+) messages, (\d+) KiB\n", output)
    assert found, output
    assert [int(n) for n in found.groups()] == [display.count, display.bytes // 1024], \
        (output, display.count, display.bytes)
    assert "drawn by the guest" in output and "pictures as" in output, output

tap.finish()
