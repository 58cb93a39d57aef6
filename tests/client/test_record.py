#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-record: what a demo records is replayed with the same picture, by both servers.

The distribution's server takes part when this is its build folder or one beside this has it
(NAME-system); it then replays our recording, and we replay its."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from cassia import Demo
from pictures import difference, read_picture
from tap import Tap

FRAMES = 100

tap = Tap()
folder = tempfile.TemporaryDirectory(prefix="cassia-record-")
recording, shown = os.path.join(folder.name, "rec"), os.path.join(folder.name, "shown.ppm")
builddir = os.environ["BUILDDIR"]
programs = [cassia.PROGRAM]
for name in (f"{builddir}-system", builddir.removesuffix("-system")):
    program = os.path.join(name, "bin/cassia")
    if name != builddir and os.path.exists(program):
        programs.append(program)
if len(programs) == 1:
    tap.say("one server only: there is no build folder with the other one beside this")


def record(program, load):
    with Demo("-load", load, "-frames", str(FRAMES), "-fps", "0", "-record", recording,
              program=program) as demo:
        demo.wait_finished()
        demo.qmp().command("screendump", filename=shown)
        assert demo.stop() == 0
        assert "record" not in demo.errors(), demo.errors()


def check_replay(program):
    replayed = os.path.join(folder.name, "replayed.ppm")
    cassia.PROGRAM = program
    result = cassia.run("replay", recording, "-screendump-at", f"end,{replayed}", "-spice", "port=0")
    assert result.returncode == 0, result.stderr
    different = difference(read_picture(shown), read_picture(replayed))
    assert different is None, different


for recorder in programs:
    for load in ("desktop", "surfaces", "cursor"):
        with tap.case(f"{load} by {recorder}"):
            record(recorder, load)
            for player in programs:
                check_replay(player)

with tap.case("a file that cannot be written"):
    cassia.PROGRAM = programs[0]
    result = cassia.run("demo", "-record", "/nowhere/at/all", "-spice", "port=0")
    assert result.returncode == 1 and "-record: /nowhere/at/all" in result.stderr, result

folder.cleanup()
tap.finish()
