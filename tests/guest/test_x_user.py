#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""X.Org with the qxl driver that sets modes by itself, on our card and on QEMU's own.

There is no kernel driver in the guest: X drives the card's ports, rings, slots and surfaces from user
space. Both cards must show the same pictures.
    test_x_user.py [cassia|reference]...    both without arguments
"""

import sys

from bench import Bench, Unavailable
from cards import CassiaCard, QemuCard
from pictures import difference
from tap import Tap, skip_all
from x_guest import XGuest
from x_scenario import session


def run(tap, name):
    with Bench() as bench:
        # X uses no interrupts here, so that QEMU leaves mapped memory alone.
        card = CassiaCard(bench, mmap="on") if name == "cassia" else QemuCard(bench)
        guest = XGuest(bench, "bookworm", card)
        pictures = session(tap, name, guest, by_kernel=False)
        guest.quit()
        if name == "cassia":
            tap.say(card.process.output())
        return pictures


def main():
    tap = Tap()
    names = sys.argv[1:] or ("cassia", "reference")
    pictures = {}
    try:
        for name in names:
            with tap.guard(name):
                pictures[name] = run(tap, name)
    except Unavailable as reason:
        skip_all(reason)
    if len(pictures) == 2:
        for what, picture in pictures["reference"].items():
            with tap.case(f"the same on both cards: {what}"):
                wrong = difference(picture, pictures["cassia"][what])
                if wrong:
                    raise AssertionError(wrong)
    tap.finish()


main()
