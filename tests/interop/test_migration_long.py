#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests of moving guests and clients at length: many moves in a row under each load, faults at
many moments of a migration, and those that take half a minute to be noticed. MOVES=50 POINTS=20 makes
them as long as they were when they were written; that takes a quarter of an hour."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from tap import Tap

tap = Tap()


def run(script, **settings):
    """Each of SCRIPT's cases is one here."""
    path = os.path.join(os.environ["SRCDIR"], "tests/client", script)
    output = subprocess.run([path], env={**os.environ, **settings}, stdout=subprocess.PIPE,
                            text=True, timeout=3600).stdout
    for line in output.splitlines():
        if found := re.match(r"(ok|not ok) \d+ - (.*)", line):
            tap.result(found.group(1) == "ok", found.group(2))
        elif not line.startswith("1.."):
            tap.say(line.lstrip("# "))
    if not re.search(r"^1\.\.\d+$", output, re.M):
        tap.result(False, f"{script} came to its end")


run("test_migration_clients.py", MOVES=os.environ.get("MOVES", "8"))
run("test_migration_faults.py", POINTS=os.environ.get("POINTS", "8"), LONG="1")
tap.finish()
