#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock QEMU's other cards, without QXL, on our libspice-server.so.1: Linux guests are seen.

    test_qemu_cards.py [LIBRARY]    another library than that of this build
"""

import os
import sys

from library import OWN, QEMUS, need_own, with_qemu

from bench import Unavailable
from cards import QemuCard
from guest import Guest
from scenario import TEXT
from screen import expect_pattern, expect_text
from tap import Tap, skip_all

CARDS = {"VGA": "bochs", "virtio-vga": "virtio-gpu"}  # and the kernel's drivers


class OtherGuest(Guest):
    drivers = ("virtio_pci", *CARDS.values())


def main():
    tap = Tap()
    library = os.path.abspath(sys.argv[1]) if sys.argv[1:] else OWN
    need_own()

    def run(bench, qemu):
        card = QemuCard(bench, qemu, driver, library)
        guest = OtherGuest(bench, kernel, card)
        with tap.case(f"{kind.__name__}, Linux {guest.release}, {driver}"):
            card.check_started(guest)
            guest.run("load_driver virtio_pci")
            guest.run(f"load_driver {CARDS[driver]}")
            expect_text(guest, TEXT)
            expect_pattern(guest, 1)
            guest.line.sendall(b"poweroff -f\n")
            status = guest.process.popen.wait(60)
            if status != 0:
                raise AssertionError(f"QEMU ended with {status}:\n{guest.process.output()}")

    try:
        for kind, kernel in QEMUS:
            for driver in CARDS:
                with_qemu(tap, kind, run)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
