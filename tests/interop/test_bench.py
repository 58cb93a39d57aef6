#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scripts of tests/bench still measure: each once, with as little to do as it takes.

What they say is not looked at, a busy machine may say anything, but that it is numbers, and that the
charts are charts."""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests", "support"))

from library import OWN, need_own  # noqa: E402
from tap import Tap  # noqa: E402

need_own()
BENCH = os.path.join(os.path.abspath(os.environ["SRCDIR"]), "tests", "bench")
BUILD = os.path.dirname(os.path.dirname(OWN))
TRACE = "video-small"
NUMBER = re.compile(r"-?\d+(\.\d+)?")
SVG = "{http://www.w3.org/2000/svg}"

tap = Tap()


def run(script, *arguments):
    """What it prints."""
    result = subprocess.run([os.path.join(BENCH, script), *arguments], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"exit code {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def check_rows(output, begin, count, numbers):
    """At least COUNT lines that begin with BEGIN, each with so many NUMBERS behind it."""
    rows = [line[re.match(begin, line).end():] for line in output.splitlines() if re.match(begin, line)]
    assert len(rows) >= count, output
    for row in rows:
        assert len(NUMBER.findall(row)) >= numbers, f"'{row}' in\n{output}"


def check_chart(path, dots):
    drawn = xml.parse(path).getroot()
    assert drawn.tag == SVG + "svg", drawn.tag
    found = list(drawn.iter(SVG + "circle"))
    assert len(found) >= dots, len(found)
    width, height = (float(drawn.get(side)) for side in ("width", "height"))
    for dot in found:
        assert 0 <= float(dot.get("cx")) <= width and 0 <= float(dot.get("cy")) <= height, dot.attrib
    for line in drawn.iter(SVG + "polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width and 0 <= y <= height, line.attrib


with tempfile.TemporaryDirectory(prefix="cassia-bench-") as out:
    traces = os.path.join(out, "traces")
    os.mkdir(traces)
    for ending in ".rec.xz", ".sha256":
        source = os.path.join(os.environ["SHARED"], "traces", TRACE + ending)
        if os.path.exists(source):
            os.symlink(os.path.abspath(source), os.path.join(traces, TRACE + ending))

    with tap.case("cost_growth.py"):
        told = run("cost_growth.py", BUILD, "--runs", "1", "--frames", "4", "--steps", "first-and-last",
                   "--axes", "clients,surfaces", "--out", out)
        check_rows(told, r"\| [\d,]+ (clients|surfaces) ", 4, 12)
        check_rows(told, "(clients|surfaces) x ", 8, 3)
        check_chart(os.path.join(out, "growth.svg"), 2 * 4 * 4)
    with tap.case("delay.py"):
        check_rows(run("delay.py", BUILD, "--runs", "1", "--speed", "8", TRACE), rf"\| {TRACE} ", 1, 7)
    with tap.case("desktop_load.py"):
        told = run("desktop_load.py", BUILD, BUILD, "1", "200", "1")
        check_rows(told, "none +", 3, 2)
        check_rows(told, "one +", 2, 2)
    with tap.case("recorded_desktops.py"):
        told = run("recorded_desktops.py", "--library", os.path.dirname(OWN), "--traces", traces, "--modes", "auto_glz",
                   "--out", out)
        check_rows(told, rf"\| {TRACE} \| auto_glz ", 1, 4)
        check_chart(os.path.join(out, "chart.svg"), 4)
    with tap.case("rendering.py"):
        check_rows(run("rendering.py", BUILD, "1", TRACE), TRACE, 1, 6)
    with tap.case("migration.py"):
        check_rows(run("migration.py", BUILD, "1"), "(guest|whole|client|the same|bytes)", 5, 3)
    with tap.case("vfio_user_migration.py"):
        check_rows(run("vfio_user_migration.py", BUILD, "1"), "(stop-copy|pre-copy)", 3, 6)
tap.finish()
