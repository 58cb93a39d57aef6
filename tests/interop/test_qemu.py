#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock QEMU with its own QXL card runs on our libspice-server.so.1, and Linux guests draw on it.

QEMU 11.1 comes from the tree of tests/guest/chroot.sh, the other one is the host's.
    test_qemu.py [LIBRARY]    another library than that of this build
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guest"))

from bench import BUILDDIR, Bench, Unavailable  # noqa: E402
from cards import QemuCard  # noqa: E402
from qemu import HostQemu, TreeQemu  # noqa: E402
from scenario import live  # noqa: E402
from tap import Skip, Tap, skip_all  # noqa: E402

NAME = "libspice-server.so.1"


def run(tap, kind, kernel, driver, library):
    with Bench() as bench:
        try:
            qemu = kind(bench)
        except Skip as reason:
            with tap.case(f"{kind.__name__} with {driver}"):
                raise reason
            return
        live(tap, bench, QemuCard(bench, qemu, driver, library), kernel)


def main():
    tap = Tap()
    library = os.path.abspath(sys.argv[1] if sys.argv[1:] else f"{BUILDDIR}/lib/{NAME}")
    try:
        for kind, kernel, driver in (
            (TreeQemu, "trixie", "qxl"),
            (HostQemu, "bookworm", "qxl-vga"),
        ):
            with tap.guard(f"{kind.__name__} with {driver}"):
                run(tap, kind, kernel, driver, library)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
