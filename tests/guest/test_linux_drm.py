#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linux guests of two ages draw on our card with their own DRM driver, and a SPICE client sees it.

The card is a vfio-user-pci device of QEMU 11.1.
    test_linux_drm.py [bookworm|trixie|mapped]...    all without arguments
"""

import sys

from bench import Bench, Unavailable
from cards import CassiaCard
from scenario import draw_without_driver, live
from tap import Tap, skip_all


def run_kernel(tap, kernel):
    with Bench() as bench:
        card = CassiaCard(bench)
        live(tap, bench, card, kernel)
        with tap.case(f"{kernel}: the card is there when the guest is gone, and ends when told"):
            card.process.check_alive()
            card.ask("query-status")
            status = bench.end(card.process)
            if status != 0:
                raise AssertionError(f"cassia ended with status {status}:\n{card.process.output()}")
        tap.say(card.process.output())


def run_mapped(tap):
    """With mmap=on the guest reaches the card's memory without us, until its first interrupt.

    From then on QEMU without KVM traps each access and waits for its answer; a driver would take
    minutes to draw its screen.
    """
    for mmap, size in (("on", (800, 600)), ("off", (160, 120))):
        with tap.case(f"a picture without a driver, mmap={mmap}"), Bench() as bench:
            card = CassiaCard(bench, mmap=mmap)
            store, load = draw_without_driver(bench, card, "trixie", size, 7)
            tap.say(f"mmap={mmap}: a store took {store} ns, a load {load} ns")
            # One system call takes longer than this limit, an access to memory a tenth of it.
            if (load < 1000) != (mmap == "on"):
                raise AssertionError(f"a load took {load} ns")


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
