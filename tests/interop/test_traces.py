#!/usr/bin/env python3
"""Recorded desktops, played into our libspice-server.so.1, look right in a real client.

Every trace of $SHARED/traces goes through the measuring harness of $SHARED/replay (which is built in
a folder of its own here): its client, on spice-gtk's library, must end with the golden picture, byte
for byte. As fast as the server takes commands, so that slow moments of the client are in it too.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

MODES = ["off", "lz4", "lz", "quic", "auto_glz", "glz"]
# With LZ4 libspice-server itself sends 8-bit alpha pictures that spice-gtk cannot decode, so this
# trace has no golden picture in that mode by the peer; ours must have the same one all the same.
shared = pathlib.Path(os.environ["SHARED"])
library = pathlib.Path(os.environ["BUILDDIR"]) / "lib"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


if not (library / "libspice-server.so.1").exists():
    skip("this build has no libspice-server.so.1 (--with-spice-server=system)")
traces = sorted((shared / "traces").glob("*.rec.xz"))
if not traces or not (shared / "replay" / "replay.c").exists():
    skip(f"no recorded traces and harness in {shared}")

with tempfile.TemporaryDirectory(prefix="cassia-traces-") as work:
    harness = pathlib.Path(work) / "replay"
    shutil.copytree(shared / "replay", harness)
    subprocess.run(["make", "-s", "-C", harness], check=True)
    env = dict(os.environ, REPLAY_CACHE=work)
    names = subprocess.run([harness / "run.sh", "-H"], capture_output=True, text=True,
                           check=True).stdout.rstrip("\n").split("\t")
    print(f"1..{len(traces) * len(MODES)}")
    number = 0
    for trace in traces:
        for mode in MODES:
            number += 1
            run = subprocess.run([harness / "run.sh", "-c", mode, "-p", str(free_port()), trace, library],
                                 capture_output=True, text=True, env=env)
            row = dict(zip(names, run.stdout.rstrip("\n").split("\t")))
            good = run.returncode == 0 and row.get("golden") == "yes" and row.get("end") == "marker" \
                and str(library) in row.get("library", "")
            print(f"{'ok' if good else 'not ok'} {number} - {trace.name} -c {mode}", flush=True)
            if not good:
                for line in (run.stdout + run.stderr).splitlines():
                    print(f"# {line}")
