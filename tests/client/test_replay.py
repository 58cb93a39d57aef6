#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cassia replay: recorded desktops end with their golden pictures, damaged recordings with an error.

The golden pictures come with the traces: sha256 of a PPM of what a client showed when the session was
recorded. The same script runs on the distribution's server (make check builds it)."""

import glob
import hashlib
import lzma
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from pictures import difference, read_picture
from tap import Skip, Tap

TRACES = os.path.join(os.environ["SHARED"], "traces")
# What was drawn last is in all of these; together they take seconds under a sanitizer.
EXPECTED_COMMANDS = {"guest-console": 416, "source-editor": 1370, "cursor-motion": 7125}

tap = Tap()
folder = tempfile.TemporaryDirectory(prefix="cassia-replay-")
ours = "system" not in cassia.run("--version").stdout


def path(name):
    return os.path.join(folder.name, name)


def trace(name):
    found = os.path.join(TRACES, f"{name}.rec.xz")
    if not os.path.exists(found):
        raise Skip(f"there is no {found}")
    return found


def golden(name):
    with open(os.path.join(TRACES, f"{name}.sha256")) as file:
        return file.read().split()[0]


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data)
    return path(name)


def replay(*arguments, timeout=90):
    return cassia.run("replay", *arguments, "-spice", "port=0", timeout=timeout)


def line_of(text):
    return SMALL[:SMALL.index(text)].count(b"\n") + 1


def check_refused(result, *texts):
    assert result.returncode == 1, f"exit code {result.returncode}: {result.stdout}{result.stderr}"
    for text in texts:
        assert text in result.stderr, f"no '{text}' in: {result.stderr}"


# A recording by hand: a primary of 4x2 pixels, two fills of its left half.
FILL = (b"event %d 0 1 %d\ndrawable\nrect bbox 0 0 2 2\ntype 0\neffect 1\nmm_time 0\nself_bitmap 0\n"
        b"rect self_bitmap_area 0 0 0 0\nsurface_id 0\n"
        + b"surfaces_dest -1\nrect surfaces_rects 0 0 0 0\n" * 3
        + b"type 1\ntype 1\nu.color %d\nrop_descriptor 8\nflags 0\npoint 0 0\nimage 0\n")
HEAD = (b"SPICE_REPLAY 1\nevent 0 1 20 100\n4 2 16 32\n0 1 0 0\nbinary 0 data 32:"
        + bytes(32) + b"\n")
SMALL = HEAD + FILL % (1, 1000000, 0xff0000) + FILL % (2, 301000000, 0x0000ff)
RED, BLUE, BLACK = b"\xff\0\0", b"\0\0\xff", b"\0\0\0"


for name, commands in EXPECTED_COMMANDS.items():
    with tap.case(f"{name} ends with the golden picture"):
        result = replay(trace(name), "-screendump-at", f"end,{path('end.ppm')}")
        assert result.returncode == 0, result.stderr
        assert f"{commands} commands replayed" in result.stdout, result.stdout
        with open(path("end.ppm"), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == golden(name)

with tap.case("pictures in between, and an end before the end"):
    small = write("small.rec", SMALL)
    result = replay(small, "-screendump-at", f"2,{path('2.ppm')}", "-screendump-at",
                    f"1,{path('1.png')}", "-screendump-at", f"end,{path('end.ppm')}")
    assert result.returncode == 0 and "2 commands replayed" in result.stdout, result.stderr
    assert read_picture(path("1.png")).pixels == 2 * (RED + RED + BLACK + BLACK)
    for picture in ("2.ppm", "end.ppm"):
        assert read_picture(path(picture)).pixels == 2 * (BLUE + BLUE + BLACK + BLACK)
    result = replay(small, "-until", "1", "-screendump-at", f"end,{path('until.ppm')}")
    assert "1 commands replayed" in result.stdout, result.stdout
    assert read_picture(path("until.ppm")).pixels == 2 * (RED + RED + BLACK + BLACK)

for program in ("xz", "zstd", "gzip"):
    with tap.case(f"a recording packed by {program}"):
        packed = path(f"small.{program}")
        with open(packed, "wb") as file:
            subprocess.run([program, "-c"], input=SMALL, stdout=file, check=True)
        result = replay(packed, "-screendump-at", f"end,{path('packed.ppm')}")
        assert result.returncode == 0, result.stderr
        assert read_picture(path("packed.ppm")).pixels == 2 * (BLUE + BLUE + BLACK + BLACK)

with tap.case("at recorded speed"):
    start = time.monotonic()
    assert replay(small, "-speed", "recorded").returncode == 0
    assert time.monotonic() - start >= 0.3

with tap.case("step by step"):
    result = subprocess.run([cassia.PROGRAM, "replay", small, "-step", "-spice", "port=0",
                             "-screendump-at", f"end,{path('step.ppm')}"],
                            input="\nq\n", capture_output=True, text=True, timeout=30)
    assert "1: fill on surface 0, 2x2 at 0,0" in result.stdout, result.stdout
    assert "1 commands replayed" in result.stdout, result.stdout
    assert read_picture(path("step.ppm")).pixels == 2 * (RED + RED + BLACK + BLACK)

with tap.case("wait for a client, stay for it, end by a signal"):
    process = subprocess.Popen([cassia.PROGRAM, "replay", small, "-wait", "-stay", "-spice", "port=0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        assert "Connect" in process.stdout.readline()
        # It takes whatever picture there is when it has connected.
        subprocess.run(["spicy-screenshot", f"--uri=spice://127.0.0.1:{port}", "-o",
                        path("client.ppm")], capture_output=True, timeout=30)
        assert "2 commands replayed" in process.stdout.readline()
        subprocess.run(["spicy-screenshot", f"--uri=spice://127.0.0.1:{port}", "-o",
                        path("client.ppm")], capture_output=True, timeout=30, check=True)
        assert read_picture(path("client.ppm")).pixels == 2 * (BLUE + BLUE + BLACK + BLACK)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

with tap.case("what is damaged is named with line and reason"):
    check_refused(replay(write("text", b"no recording\n")), "text: line 1:")
    check_refused(replay(write("empty", b"")), "empty: line 1:")
    if ours:  # the distribution's library can crash on these
        check_refused(replay(write("cut", SMALL[:len(HEAD) - 9])), "cut: line 5:",
                      "the recording ends 24 bytes into a piece of 32")
        check_refused(replay(write("word", SMALL.replace(b"u.color 255", b"u.colour 255"))),
                      f"word: line {line_of(b'u.color 255')}: 'u.colour' where 'u.color' belongs")
        check_refused(replay(write("type", SMALL.replace(b"event 2 0 1", b"event 2 0 99"))),
                      f"type: line {line_of(b'event 2 0 1')}: command type 99 is unknown")
        check_refused(replay(write("escape", SMALL.replace(b"u.color 255", b"\x1b[31mX 255"))),
                      "'\\033[31mX' where 'u.color' belongs")

with tap.case("a packed recording that is cut"):
    packed = lzma.compress(SMALL * 50)
    check_refused(replay(write("cut.xz", packed[:len(packed) // 2])), "cut.xz: cannot be unpacked")

with tap.case("what cannot be done"):
    check_refused(replay(path("nowhere")), "nowhere: ", "No such file")
    check_refused(replay(folder.name), folder.name)
    check_refused(replay(small, "-screendump-at", f"3,{path('3.ppm')}"), "only 2 commands, not 3")
    check_refused(replay(write("head", b"SPICE_REPLAY 1\n"), "-screendump-at", "end,/tmp/x"),
                  "there is no screen")
    for arguments in (["-until", "0"], ["-speed", "slow"], ["-screendump-at", "3"], ["-backwards"],
                      ["-screendump-at", "x,y"], [small]):
        result = replay(small, *arguments)
        assert result.returncode == 2 and arguments[0] in result.stderr, (arguments, result.stderr)
    assert cassia.run("replay").returncode == 2

if ours:
    with tap.case("randomly damaged recordings: an error or a picture, nothing else"):
        state = 1
        for number in range(20):
            data = bytearray(SMALL)
            for _ in range(3):
                state = (state * 1103515245 + 12345) % 2**31
                data[15 + state % (len(data) - 15)] = (state >> 16) & 0xff
            result = replay(write("random", bytes(data)), timeout=20)
            assert result.returncode in (0, 1), f"number {number}: {result.returncode} {result.stderr}"

folder.cleanup()
tap.finish()
