#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest tests themselves: what they expect of our card they find on QEMU's own, too."""

import sys

from bench import Bench, Unavailable
from cards import QemuCard
from scenario import draw_without_driver, live
from tap import Tap, skip_all


def main():
    tap = Tap()
    try:
        for kernel in sys.argv[1:] or ("bookworm", "trixie"):
            with tap.guard(kernel), Bench() as bench:
                live(tap, bench, QemuCard(bench), kernel)
        with tap.case("a picture without a driver"), Bench() as bench:
            draw_without_driver(bench, QemuCard(bench), "trixie", (800, 600), 7)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
