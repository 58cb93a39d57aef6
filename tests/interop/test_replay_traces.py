#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cassia replay of every recorded desktop: the last picture is the golden one, and a picture on the
way is the one with which the recording ends when it is cut there.

tests/client/test_replay.py does three of them and all else that the command can do."""

import glob
import hashlib
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from tap import Tap

TRACES = os.path.join(os.environ["SHARED"], "traces")

tap = Tap()
traces = sorted(glob.glob(os.path.join(TRACES, "*.rec.xz")))
if not traces:
    print(f"1..0 # SKIP no recorded desktops in {TRACES}")
    sys.exit(0)

with tempfile.TemporaryDirectory(prefix="cassia-replay-") as folder:

    def replay(trace, *arguments):
        """What it said, and the last picture's hash."""
        end = os.path.join(folder, "end.ppm")
        result = cassia.run("replay", trace, "-spice", "port=0", "-screendump-at", f"end,{end}", *arguments,
                            timeout=200)
        assert result.returncode == 0, result.stderr
        return int(re.search(r"(\d+) commands replayed", result.stdout).group(1)), digest(end)

    def digest(path):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    for trace in traces:
        name = os.path.basename(trace)[:-len(".rec.xz")]
        middle = os.path.join(folder, "middle.ppm")
        commands = 0
        with tap.case(f"{name} ends with the golden picture"):
            commands, picture = replay(trace)
            with open(os.path.join(TRACES, f"{name}.sha256")) as file:
                assert picture == file.read().split()[0], picture
        with tap.case(f"{name} on the way"):
            # Not later: the composite one has a thousand surfaces by then, and none for the picture.
            third = commands // 3
            assert third > 0, "it was not replayed"
            whole, _ = replay(trace, "-screendump-at", f"{third},{middle}")
            assert whole == commands, whole
            cut, picture = replay(trace, "-until", str(third))
            assert cut == third, cut
            assert digest(middle) == picture

tap.finish()
