#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linux guests of two ages draw on our card with their own DRM driver, and a SPICE client sees it.

The card is a vfio-user-pci device of QEMU 11.1.
    test_linux_drm.py [bookworm|trixie|mapped]...    all without arguments
"""

import sys

from bench import Bench, Unavailable
from cards import CassiaCard
from guest import Guest
from scenario import live
from screen import expect_pattern
from tap import Tap, skip_all


def run_kernel(tap, kernel):
    with Bench() as bench:
        card = CassiaCard(bench)
        live(tap, bench, card, kernel)
        with tap.case(f"{kernel}: the card is there when the guest is gone, and ends when told"):
            card.process.check_alive()
            card.screendump(None)
            status = bench.end(card.process)
            if status != 0:
                raise AssertionError(f"cassia ended with status {status}:\n{card.process.output()}")
        tap.say(card.process.output())


def run_mapped(tap):
    """The guest's accesses go straight to the memory of the card until its first interrupt."""
    with Bench() as bench:
        card = CassiaCard(bench, mmap="on")
        with tap.case("trixie: a picture through mapped memory"):
            guest = Guest(bench, "trixie", card)
            guest.run("load_driver", timeout=180)
            expect_pattern(guest, 7)
            guest.quit()


def main():
    tap = Tap()
    try:
        for name in sys.argv[1:] or ("bookworm", "trixie", "mapped"):
            with tap.guard(name):
                run_mapped(tap) if name == "mapped" else run_kernel(tap, name)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
