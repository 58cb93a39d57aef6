#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every load: after N frames a SPICE client sees what the card shows, pixel for pixel.

With the distribution's server (a build folder NAME-system beside NAME) the card must also show the
same picture as with ours."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from cassia import Demo
from pictures import difference, read_picture
from tap import Tap

FRAMES = 40

tap = Tap()
loads = re.search(r"^Loads: (.*)$", cassia.run("help", "demo").stdout, re.M).group(1).split(", ")
builddir = os.environ["BUILDDIR"]
other_program = None
if "system" in cassia.run("--version").stdout and builddir.endswith("-system"):
    other_program = os.path.join(builddir[: -len("-system")], "bin/cassia")
    if not os.path.exists(other_program):
        tap.say(f"not compared with our own server: there is no {other_program}")
        other_program = None


def screendump(demo, name):
    demo.wait_finished()
    path = demo.path(name)
    demo.qmp().command("screendump", filename=path)
    return read_picture(path)


def check_same(expected, actual):
    different = difference(expected, actual)
    assert different is None, different


with tap.case("there are loads"):
    assert {"desktop", "text", "video", "surfaces", "cursor"} <= set(loads), loads

for load in loads:
    arguments = ["--load", load, "--fps", "0", "--seed", "7", "--frames", str(FRAMES),
                 "-d", "guest_errors"]
    with Demo(*arguments) as demo:
        with tap.case(f"{load}: a client sees what the card shows"):
            expected = screendump(demo, "dump.ppm")
            assert (expected.width, expected.height) == (1024, 768)
            assert len(set(expected.pixels)) > 10, "the picture is empty"
            check_same(expected, read_picture(demo.screenshot("first.ppm")))
        with tap.case(f"{load}: and so does the next, after stop, cont"):
            qmp = demo.qmp()
            qmp.command("stop")
            qmp.command("cont")
            check_same(expected, read_picture(demo.screenshot("second.ppm")))
            check_same(expected, screendump(demo, "dump2.ppm"))
        with tap.case(f"{load}: the guest made no mistake, and all ends well"):
            assert demo.stop() == 0, demo.errors()
            mistakes = [line for line in demo.errors().splitlines() if "qxl" in line.lower()]
            assert not mistakes, mistakes
    with tap.case(f"{load}: the same seed draws the same, another draws something else"):
        with Demo(*arguments) as again:
            check_same(expected, screendump(again, "dump.ppm"))
        with Demo(*arguments[:-2], "--seed", "8") as seed:
            other = screendump(seed, "dump.ppm")
            assert load == "cursor" or other.pixels != expected.pixels, "the seed changes nothing"
    if other_program:
        with tap.case(f"{load}: the same picture with our own server"):
            with Demo(*arguments, program=other_program) as demo:
                check_same(expected, screendump(demo, "dump.ppm"))
                check_same(expected, read_picture(demo.screenshot("shot.ppm")))
tap.finish()
