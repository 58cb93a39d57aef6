#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a client waits for what a guest has drawn, and what a second, slow client changes about that.

    tests/bench/delay.py BUILD [--runs N] [--speed X] [TRACE...]

Plays recordings at their own speed (X times it) into our server and the distribution's in turns, with
the harness of $SHARED/replay: the delay of a burst of commands is the time from its last command to
the arrival of the last byte of what it painted. Prints for each recording the median and the 99th
percentile over the bursts of all N runs, in milliseconds, with one client, and with another one
beside it that reads a KiB a second. "Stalls": the client had not been shown the end ten seconds after
it was due. A TRACE is a name in $SHARED/traces or a file.
"""

import argparse
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import spice_client as spice  # noqa: E402
from harness import (PEER, TRACES, build_harness, free_port, have_harness, progress, recordings, title,  # noqa: E402
                     unpack)

SLOW_BYTES, SLOW_PAUSE = 1024, 1.0  # bytes at a time, seconds
PATIENCE = 10  # seconds
STALLS = [math.inf]
PERCENT = (50, 99)
MAIN_INIT, ATTACH_CHANNELS, DISPLAY_INIT = 103, 104, 101


class SlowClient:
    """One with a main and a display channel that reads what it is shown a little at a time."""

    def __init__(self, port):
        self.channels = []
        self.over = threading.Event()
        main = self.connect(port)
        main.link()
        session = struct.unpack_from("<I", main.expect(MAIN_INIT))[0]
        main.send_message(ATTACH_CHANNELS)
        self.display = self.connect(port)
        self.display.link(session, spice.DISPLAY)
        self.display.send_message(DISPLAY_INIT, struct.pack("<BqBI", 1, 1 << 20, 1, 1 << 20))
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def connect(self, port):
        self.channels.append(spice.Client(port))
        return self.channels[-1]

    def read(self):
        while not self.over.wait(SLOW_PAUSE):
            try:
                self.display.socket.recv(SLOW_BYTES)
            except OSError:
                return

    def close(self):
        self.over.set()
        self.reader.join()
        for channel in self.channels:
            channel.close()


def seconds_of(harness, trace):
    told = subprocess.run([harness / "traceinfo", trace], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"^seconds ([\d.]+)", told, re.M).group(1))


def delays(harness, library, trace, slow, speed, work):
    """Of every burst, in milliseconds; STALLS."""
    port = str(free_port())
    pushed, seen = pathlib.Path(work) / "pushed.txt", pathlib.Path(work) / "seen.txt"
    limit = math.ceil(seconds_of(harness, trace) / speed) + PATIENCE
    environment = dict(os.environ, LD_LIBRARY_PATH=str(pathlib.Path(library).parent), SPICE_DEBUG_ALLOW_MC="1")
    beside = None
    with open(f"{work}/errors.txt", "w+") as errors:
        server = subprocess.Popen([harness / "replay", "-p", port, "-c", "auto_glz", "-s", "off", "-t", "280",
                                   "--speed", str(speed), "--latency", pushed, trace],
                                  env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            for line in server.stdout:
                if line.startswith("ready"):
                    break
            beside = SlowClient(int(port)) if slow else None
            client = subprocess.run([harness / "sink", "-p", port, "-t", str(limit), "--markers", seen],
                                    stdout=subprocess.PIPE, stderr=errors, text=True, timeout=limit + 30)
            if "end marker" not in client.stdout:
                return STALLS
            server.communicate(timeout=20)
        finally:
            server.kill()
            server.communicate()
            if beside:
                beside.close()
        if client.returncode != 0 or not pushed.exists():
            errors.seek(0)
            sys.exit(f"{trace} on {library}: not shown to the end\n{errors.read()}")
    arrived = {int(line.split()[0]): int(line.split()[1]) for line in seen.read_text().splitlines()}
    waits, last = [], None
    for line in reversed(pushed.read_text().splitlines()):
        number, _, at = map(int, line.split()[:3])
        last = arrived.get(number, last)  # a later picture may have covered what shows that it came
        if last is not None:
            waits.append((last - at) / 1e6)
    return waits


def percentile(values, percent):
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def shown(value):
    return "stalls" if math.isinf(value) else f"{value:.2f}"


def ratio(a, b):
    return "-" if math.isinf(a) or math.isinf(b) or b == 0 else f"{a / b:.2f}"


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("traces", nargs="*", metavar="TRACE")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--speed", type=float, default=1.0)
    chosen = parser.parse_intermixed_args()
    chosen.libraries = [os.path.abspath(f"{chosen.build}/lib/libspice-server.so.1"), PEER]
    for library in chosen.libraries:
        if not os.path.exists(library):
            parser.error(f"there is no {library}")
    if not have_harness():
        parser.error("the harness $SHARED/replay is not there; SHARED names the folder it is in")
    chosen.traces = [pathlib.Path(t) if os.path.exists(t) else TRACES / f"{t}.rec.xz" for t in chosen.traces] or \
        recordings([TRACES])
    for trace in chosen.traces:
        if not trace.exists():
            parser.error(f"there is no recording {trace}")
    return chosen


def main():
    chosen = options()
    print("| trace | " + " | ".join(f"{who}: p{p} ours | peer | ratio" for who in ("alone", "slow one beside")
                                    for p in PERCENT) + " | p99 grows: ours | peer |")
    print("|---|" + "---|" * (2 * 3 * len(PERCENT) + 2))
    with tempfile.TemporaryDirectory(prefix="cassia-delay-") as work:
        harness = build_harness(work)
        for trace in chosen.traces:
            plain = unpack(trace, work)
            cells, ends = [], []
            for slow in False, True:
                waits = [[], []]
                for number in range(chosen.runs):
                    for whose, library in enumerate(chosen.libraries):
                        progress(f"{title(trace)}{' with a slow client' * slow}, run {number + 1}")
                        waits[whose] += delays(harness, library, plain, slow, chosen.speed, work)
                        time.sleep(0.1)
                for p in PERCENT:
                    ours, peer = (percentile(w, p) for w in waits)
                    cells.append(f"{shown(ours)} | {shown(peer)} | {ratio(ours, peer)}")
                ends.append([percentile(w, PERCENT[-1]) for w in waits])
            progress()
            grown = " | ".join(ratio(with_slow, alone) for alone, with_slow in zip(*ends))
            print(f"| {title(trace)} | " + " | ".join(cells) + f" | {grown} |", flush=True)
            if plain != trace:
                plain.unlink()


if __name__ == "__main__":
    main()
