#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What moving a guest costs, on this machine over loopback, with a client that follows.

    tests/bench/migration.py BUILD [MOVES] [--seamless] [DEMO-OPTION...]

64 + 64 MiB of card memory, 256 MiB of main memory, load desktop, 30 frames a second. Prints medians and
extremes: how long the guest stood still; how many bytes went over the wire, as a multiple of what the
guest's memory takes when it is saved once while it stands still; how long the client saw nothing new,
beside the same without a move.
"""

import os
import pathlib
import re
import statistics
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 1.0  # of drawing, in which the client's longest wait is looked for

build = os.path.abspath(sys.argv[1])
moves = int(sys.argv[2]) if len(sys.argv) > 2 else 20
os.environ.update(SRCDIR=str(SOURCE), BUILDDIR=build)
sys.path.insert(0, str(SOURCE / "tests/support"))
from cassia import Demo  # noqa: E402
from gtk_client import GtkClient  # noqa: E402
from journey import wait_status  # noqa: E402

SEAMLESS = "--seamless" in sys.argv
OPTIONS = ["--load", "desktop", "-m", "256", *(a for a in sys.argv[3:] if a != "--seamless")]
SPICE = f"port=0,seamless-migration={'on' if SEAMLESS else 'off'}"


def gap(client):
    """Milliseconds."""
    client.command("gap")
    return int(client.expect("gap").split()[1]) / 1000


def saved_size(qmp, demo):
    """Of the whole guest, each page once."""
    path = demo.path("saved")
    qmp.command("stop")
    qmp.command("migrate-set-parameters", **{"max-bandwidth": 0})
    qmp.command("migrate", uri=f"file:{path}")
    wait_status(qmp, "completed")
    size = os.path.getsize(path)
    os.unlink(path)
    return size


def say(name, values, unit):
    print(f"{name:28} median {statistics.median(values):7.2f}  least {min(values):7.2f}  "
          f"most {max(values):7.2f} {unit}", flush=True)


downtimes, sizes, ratios, totals, waits, usual = [], [], [], [], [], []
here = Demo(*OPTIONS, spice=SPICE)
try:
    qmp = here.qmp()
    with GtkClient("host=127.0.0.1", f"port={here.port}") as client:
        client.expect("display 0")
        for _ in range(moves):
            there = Demo(*OPTIONS, "-incoming", "tcp:127.0.0.1:0", spice=SPICE)
            address = re.search(r"Waiting for a guest at (\S+)", there.output).group(1)
            time.sleep(SECONDS)
            gap(client)
            time.sleep(SECONDS)
            usual.append(gap(client))
            qmp.command("migrate-set-parameters", **{"max-bandwidth": 0})
            qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                        port=there.port)
            qmp.wait_event("SPICE_CLIENT_MIGRATE_READY")
            qmp.command("migrate", uri=address)
            info = wait_status(qmp, "completed")
            qmp.wait_event("SPICE_MIGRATE_COMPLETED")
            time.sleep(SECONDS)
            waits.append(gap(client))
            downtimes.append(info["downtime"])
            totals.append(info["total-time"])
            here.__exit__()
            here, qmp = there, there.qmp()
            sent = info["ram"]["transferred"]
            sizes.append(sent / (1 << 20))
        ratios.append(sent / saved_size(qmp, here))
finally:
    here.__exit__()

say("guest stood still", downtimes, "ms")
say("whole move", totals, "ms")
say("sent", sizes, "MiB")
say("client saw nothing new", waits, "ms")
say("the same without a move", usual, "ms")
say("bytes, of one save (last)", ratios, "times")
