#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock QEMU migrates a Linux guest that scrolls text, and a spice-gtk client goes along.

The card is QEMU's own; its server is our libspice-server.so.1 and, for figures to compare with, the
distribution's. Each guest moves twice: with seamless-migration off, then on. The client must stay
connected throughout and show what the guest's console holds afterwards.

Now and then QEMU 7.2 damages the guest when it moves it under emulation: its kernel stops, or its
serial port loses what was in the FIFO; seen with both libraries. So there a journey that failed is
made once more; what went wrong the first time is printed.
    test_qemu_migration.py [ours|system]...    both without arguments
"""

import sys
import time

from library import OWN, QEMUS, HostQemu, need_own, with_qemu

from bench import Unavailable
from cards import QemuCard
from gtk_client import GtkClient, checksum
from guest import Guest
from pictures import difference
from screen import Console
from tap import Attempt, Tap, skip_all
from tls import free_port

TIMEOUT = 120
SCROLL = (
    "n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); echo line $n; usleep 20000; done >/dev/tty1;"
    " echo $n >/tmp/lines"
)


class TcpCard(QemuCard):
    """Clients can only be sent to a host and a port."""

    def __init__(self, bench, qemu, library, seamless):
        super().__init__(bench, qemu, "qxl-vga", library)
        self.port = free_port()
        self.uri = f"spice://127.0.0.1:{self.port}"
        self.seamless = seamless

    def qemu_options(self):
        return [
            "-spice",
            f"port={self.port},addr=127.0.0.1,disable-ticketing=on,seamless-migration={self.seamless}",
        ]


def gap(client):
    """The longest time without drawing since the last call, in ms."""
    client.command("gap")
    return int(client.expect("gap").split()[1]) // 1000


def alive(client):
    """The client has never lost its server."""
    wrong = [line for line in client.seen if "disconnected" in line or "error" in line]
    if wrong or client.process.poll() is not None:
        raise AssertionError(f"the client saw {wrong}: {client.seen[-20:]}")


def move(tap, what, source, target, client):
    """Moves the guest and the client; says how long each stood still."""
    port = target.card.port
    incoming = source.bench.path(f"incoming-{port}.sock")
    target.qmp.command("migrate-incoming", uri=f"unix:{target.card.qemu.view(incoming)}")
    gap(client)
    time.sleep(2)
    before = gap(client)
    seen = len(client.seen)
    source.qmp.command(
        "client_migrate_info", timeout=60, protocol="spice", hostname="127.0.0.1", port=port
    )
    source.qmp.command("migrate", uri=f"unix:{source.card.qemu.view(incoming)}")
    deadline = time.monotonic() + TIMEOUT
    while True:
        state = source.qmp.command("query-migrate")
        if state.get("status") == "completed":
            break
        if state.get("status") in ("failed", "cancelled") or time.monotonic() > deadline:
            raise AssertionError(f"{state}\n{source.process.output()}\n{target.process.output()}")
        time.sleep(0.1)
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", TIMEOUT)
    client.expect("migration none", TIMEOUT)
    source.quit()
    time.sleep(2)
    longest = gap(client)
    alive(client)
    # A main channel that starts anew looks for the agent again; one that goes on does not.
    seamless = not any(line.startswith("agent") for line in client.seen[seen:])
    if seamless != (source.card.seamless == target.card.seamless == "on"):
        raise AssertionError(f"the client saw {client.seen[seen:]}")
    tap.say(
        f"{what}: downtime {state['downtime']} ms of {state['total-time']} ms,"
        f" {state['ram']['transferred'] / (1 << 20):.1f} MiB; the client's longest"
        f" time without a frame: {longest} ms, {before} ms before"
    )


def check_screen(guest, client):
    """Guest, monitor and client agree about the console, once it stands still."""
    guest.run("touch /tmp/stop; until [ -e /tmp/lines ]; do usleep 100000; done")
    console = Console(guest)
    last = [line for line in console.text() if line][-1]
    if last != "line " + guest.run("cat /tmp/lines").strip():
        raise AssertionError(f"the console ends with {last!r}")
    expected = console.picture(*guest.frame_buffer())
    deadline = time.monotonic() + TIMEOUT
    while True:
        wrong = difference(expected, guest.card.screendump(guest))
        if not wrong and client.picture() == checksum(expected):
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"screendump: {wrong or 'right'}; the client: {client.seen[-10:]}")
        time.sleep(0.3)
    guest.run(f"rm /tmp/stop /tmp/lines; ({SCROLL}) &")


def journey(tap, what, bench, qemu, kernel, library):
    cards = [TcpCard(bench, qemu, library, seamless) for seamless in ("off", "on", "on")]
    with tap.case(f"{what}: a guest scrolls and a client looks"):
        guest = Guest(bench, kernel, cards[0])
        cards[0].check_started(guest)
        guest.run("load_driver qxl && printf '\\033[?25l' >/dev/tty1")
        guest.run(f"({SCROLL}) &")
        client = GtkClient("host=127.0.0.1", f"port={cards[0].port}")
        client.expect("display 0", TIMEOUT)
    with client:
        for card, seamless in zip(cards[1:], ("off", "on")):
            with tap.case(f"{what}: it moves, seamless-migration={seamless}"):
                target = Guest(bench, kernel, card, source=guest)
                move(tap, f"{what}, seamless-migration={seamless}", guest, target, client)
                guest = target
                check_screen(guest, client)
                alive(client)
    guest.quit()


def main():
    tap = Tap()
    need_own()
    names = sys.argv[1:] or ("ours", "system")
    try:
        for kind, kernel in QEMUS:
            for name in names:
                library = OWN if name == "ours" else None
                what = f"{kind.__name__}, {name}"
                for chances in (1, 0) if kind is HostQemu else (0,):
                    attempt = Attempt()
                    with_qemu(
                        attempt,
                        kind,
                        lambda bench, qemu: journey(attempt, what, bench, qemu, kernel, library),
                    )
                    if not attempt.failed or not chances:
                        attempt.tell(tap)
                        break
                    attempt.tell_as_comment(tap)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
