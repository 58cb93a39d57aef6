#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What moving a guest that scrolls text costs, beside stock QEMU, in turns in one run.

    tests/bench/migration_qemu.py BUILD [ROUNDS]

Each round moves a Linux guest of QEMU 11.1 and of QEMU 7.2, with its own QXL card, on our
libspice-server and on the distribution's (tests/interop/test_qemu_migration.py: 512 MiB, under
emulation), and the guest of cassia (tests/bench/migration.py: load text, with as much of its memory in use), with
seamless-migration off and on and a client that follows. Prints medians and, in brackets, each one's ratio
to QEMU 11.1 on the distribution's library.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BASE = "TreeQemu, system"
MOVES = 4  # of cassia in each round
NAMES = ("stood still, ms", "whole move, ms", "MiB", "client saw nothing new, ms")
QEMU_LINE = re.compile(
    r"# (\w+, \w+), seamless-migration=(\w+): downtime (\d+) ms of (\d+) ms, ([\d.]+) MiB;"
    r".*frame: (\d+) ms"
)

build = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
environment = {**os.environ, "SRCDIR": str(SOURCE), "BUILDDIR": build}
figures = {}  # (who, seamless) -> one list for each name


def note(who, seamless, values):
    lists = figures.setdefault((who, seamless), [[] for _ in NAMES])
    for found, value in zip(lists, values):
        found.append(float(value))


def run(*command):
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=1800
    ).stdout


for _ in range(rounds):
    for line in run(SOURCE / "tests/interop/test_qemu_migration.py").splitlines():
        if found := QEMU_LINE.match(line):
            who, seamless, *values = found.groups()
            note(who, seamless, values)
    for seamless in ("off", "on"):
        options = ["--load", "text", "-m", "352", *["--seamless"] * (seamless == "on")]
        said = run(SOURCE / "tests/bench/migration.py", build, str(MOVES), *options)
        # The first lines are those of NAMES.
        note("cassia", seamless, re.findall(r"median +([\d.]+)", said)[: len(NAMES)])

for seamless in ("off", "on"):
    print(f"\nseamless-migration={seamless}", *NAMES, sep=" | ")
    base = [statistics.median(values) for values in figures[BASE, seamless]]
    for who, how in figures:
        if how == seamless:
            medians = [statistics.median(values) for values in figures[who, how]]
            print(who, *(f"{m:.0f} ({m / b:.2f})" for m, b in zip(medians, base)), sep=" | ")
