# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of a Linux guest with a card, one test case for each thing that can happen in it.

After each of them every pixel is compared with what the guest should have drawn, both in the
monitor's picture and in that of a SPICE client.
"""

import re

from guest import SLOTS, Guest, pci_folder
from screen import expect_pattern, expect_screen, expect_text, pattern

TEXT = [
    "The quick brown fox jumps over the lazy dog 0123456789",
    "",
    r"\033[1;31mbold red\033[0m, \033[33;44mbrown on blue\033[0m, \033[7mreversed\033[0m",
    "~}|{`_^]@?>=<;:/.-,+*)(&$#!",
]

# Linux 6.1's qxl does not free its interrupt when it lets go of a card, whoever made the card: the
# next interrupt on that line calls a function that is gone. There the card must come back with
# another interrupt line, in another slot.
LEAKS_INTERRUPT = {"bookworm": True, "trixie": False}


def replug(guest, old, new):
    """Takes the card out of one slot and puts it into another, or the same."""
    line = guest.interrupt_line(old)
    guest.unplug()
    if guest.has_slot(old):
        raise AssertionError("the guest still has the card after it was unplugged")
    guest.plug(new)
    if old != new and guest.interrupt_line(new) == line:
        raise RuntimeError(f"slots {old} and {new} share interrupt line {line}")


def live(tap, bench, card, kernel):
    """Boots the kernel with the card and goes through it all."""
    leaks_interrupt = LEAKS_INTERRUPT[kernel]
    first, second = SLOTS if leaks_interrupt else (SLOTS[0], SLOTS[0])
    guest = Guest(bench, kernel, card)
    case = lambda what: tap.case(f"Linux {guest.release}: {what}")  # noqa: E731

    with case("the driver takes the card"):
        card.check_started(guest)
        guest.run("load_driver")
        guest.frame_buffer()
    with case("the text console"):
        expect_text(guest, TEXT)
    with case("a picture"):
        expect_pattern(guest, 1)
    with case("another picture over it"):
        expect_pattern(guest, 2)
    with case("the text console comes back"):
        expect_text(guest, TEXT[:1])
    if card.can_unplug or not leaks_interrupt:
        with case("the driver is unloaded and loaded again"):
            guest.run("unload_driver")
            if leaks_interrupt:
                replug(guest, first, second)
            guest.run("load_driver && bind_console")
            expect_text(guest, TEXT)
            expect_pattern(guest, 3)
    with case("the machine is reset"):
        guest.reset()
        guest.run("load_driver")
        expect_text(guest, TEXT)
        expect_pattern(guest, 4)
    if card.can_unplug:
        with case("the card is unplugged and plugged in while the driver has it"):
            guest.run("unbind_console")
            replug(guest, second, first)
            guest.wait_frame_buffer()
            expect_pattern(guest, 5)
    with case("the guest reboots"):
        guest.reboot()
        guest.run("load_driver")
        expect_text(guest, TEXT)
        expect_pattern(guest, 6)
    with case("the guest's kernel had nothing to complain about"):
        complaints = guest.complaints()
        if complaints:
            raise AssertionError("\n".join(complaints))
        guest.quit()


def draw_without_driver(bench, card, kernel, size, seed):
    """A program in the guest draws into the card's memory before any interrupt.

    Gives the nanoseconds for a store and for a load of four bytes.
    """
    width, height = size
    guest = Guest(bench, kernel, card)
    said = guest.run(f"guest_bar {pci_folder(SLOTS[0])} {width} {height} {seed}", timeout=180)
    expect_screen(guest, pattern(width, height, seed))
    guest.quit()
    return tuple(map(int, re.match(r"store (\d+) load (\d+)\n", said).groups()))
