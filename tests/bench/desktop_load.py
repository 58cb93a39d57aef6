#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The `desktop` load on our server and on the distribution's, in turns.

    tests/bench/desktop_load.py BUILD SYSTEM-BUILD [RUNS] [FRAMES] [IDLE-SECONDS]

BUILD and SYSTEM-BUILD are build folders with and without our server (--with-spice-server=system).
Prints the medians of RUNS runs: commands a second as fast as the guest draws, and the processor time
of the server's threads (all but the guest's own), without and with a client that is connected
throughout; then the processor time of ten (IDLE-SECONDS) idle seconds. The client is the headless one of
$SHARED/replay (../shared beside the project), so without it there are only the first figures.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from harness import build_harness, have_harness

TICK = os.sysconf("SC_CLK_TCK")


def server_seconds(pid):
    """Processor time of all threads but the guest's."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() != "soft-guest":
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def run(build, frames, idle_seconds, sink, work):
    monitor = f"{work}/monitor.sock"
    process = subprocess.Popen(
        [f"{build}/bin/cassia", "demo", "-S", "-load", "desktop", "-fps", "0", "-frames", str(frames),
         "-spice", "port=0", "-qmp", f"unix:{monitor},server=on,wait=off"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    client = None
    try:
        for line in process.stdout:
            found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", line)
            if found and sink:
                client = subprocess.Popen([sink, "-p", found.group(1), "-t", "120", "-o", "/dev/null"],
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if "Connect with" in line:
                break
        time.sleep(1.0)
        before, start = server_seconds(process.pid), time.monotonic()
        subprocess.run([f"{build}/bin/cassia", "qmp", monitor, "cont"], check=True,
                       stdout=subprocess.DEVNULL)
        for line in process.stdout:
            found = re.search(r"\((\d+) commands\)", line)
            if found:
                break
        wall = time.monotonic() - start
        seconds = server_seconds(process.pid) - before
        idle_from = server_seconds(process.pid)
        time.sleep(idle_seconds if not sink else 0)
        idle = server_seconds(process.pid) - idle_from
        return int(found.group(1)) / wall, seconds, idle
    finally:
        if client:
            client.kill()
            client.wait()
        process.kill()
        process.wait()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    builds = {"ours": sys.argv[1], "system": sys.argv[2]}
    runs, frames, idle_seconds = (int(given) for given in sys.argv[3:] + ["5", "6000", "10"][len(sys.argv) - 3:])
    with tempfile.TemporaryDirectory(prefix="cassia-load-") as work:
        sinks = [None]
        if have_harness():
            sinks.append(build_harness(work) / "sink")
        print(f"{'client':8}{'figure':24}{'ours':>12}{'system':>12}{'ratio':>8}")
        for sink in sinks:
            rows = {name: [] for name in builds}
            for _ in range(runs):
                for name, build in builds.items():
                    rows[name].append(run(build, frames, idle_seconds, sink, work))
            figures = ["commands/s", "server CPU, s"] + ([] if sink else [f"CPU of {idle_seconds} idle s, s"])
            for i, figure in enumerate(figures):
                ours, system = (statistics.median(row[i] for row in rows[name]) for name in builds)
                ratio = f"{ours / system:8.2f}" if system else "       -"
                print(f"{'one' if sink else 'none':8}{figure:24}{ours:12.2f}{system:12.2f}{ratio}", flush=True)


if __name__ == "__main__":
    main()
