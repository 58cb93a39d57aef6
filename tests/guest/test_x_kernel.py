#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""X.Org with the qxl driver on top of the kernel's qxl driver, on our card."""

import sys

from bench import Bench, Unavailable
from cards import CassiaCard, QemuCard
from tap import Tap, skip_all
from x_guest import XGuest
from x_scenario import session


def main():
    tap = Tap()
    reference = sys.argv[1:] == ["reference"]
    try:
        with tap.guard("X with the kernel's driver"), Bench() as bench:
            card = QemuCard(bench) if reference else CassiaCard(bench)
            guest = XGuest(bench, "bookworm", card)
            # Without KVM each word that X reads from the card is a message: a small screen.
            session(tap, "kernel mode setting", guest, by_kernel=True, size="640x480")
            with tap.case("the guest's kernel had nothing to complain about"):
                complaints = guest.complaints()
                if complaints:
                    raise AssertionError("\n".join(complaints))
                guest.quit()
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
