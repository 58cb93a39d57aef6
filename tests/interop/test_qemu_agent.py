#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent in a guest of stock QEMU on our libspice-server.so.1 and a spice-gtk client talk.

The guest runs X.Org on QEMU's own QXL card with Debian's spice-vdagent: pointer, clipboard and
monitors go through our server.
    test_qemu_agent.py [LIBRARY]    another library than that of this build
"""

import os
import re
import sys
import time

from library import OWN, QEMUS, need_own, with_qemu

from bench import Unavailable
from cards import QemuCard
from gtk_client import GtkClient, checksum
from tap import Tap, skip_all
from x_guest import XGuest

TIMEOUT = 90


class AgentGuest(XGuest):
    def qemu_options(self):
        return [
            *super().qemu_options(),
            *("-chardev", "spicevmc,id=agent,name=vdagent"),
            *("-device", "virtserialport,chardev=agent,name=com.redhat.spice.0"),
        ]

    def start_agent(self):
        self.run("mkdir -p /run/spice-vdagentd")
        self.run("spice-vdagentd -x -X -d -d >/tmp/vdagentd.out 2>&1 &")
        self.run("until_ok 30 [ -e /run/spice-vdagentd/spice-vdagent-sock ]")
        self.run("spice-vdagent -x -d >/tmp/vdagent.out 2>&1 &")


def until(guest, command, expected, action=lambda: None):
    """Does the action, again and again, until a command in the guest prints that."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        action()
        said = guest.run(f"{command} 2>&1; true").strip()
        if re.search(expected, said):
            return said
        if time.monotonic() > deadline:
            log = guest.run("tail -n 20 /tmp/vdagentd.out /tmp/vdagent.out; true")
            raise AssertionError(f"{command} says {said!r}, not {expected!r}\n{log}")
        time.sleep(0.3)


def point(client, x, y):
    """X finds the agent's tablet in its own time, and a tablet that stays does not report."""
    client.command("point 5 5")
    client.command(f"point {x} {y}")


def talk(tap, what, guest, client):
    case = lambda name: tap.case(f"{what}: {name}")  # noqa: E731
    with case("X starts and the agent connects"):
        guest.run("load_driver qxl && start_udev")
        guest.start_x("1024x768")
        guest.start_agent()
        client.expect("agent yes", TIMEOUT)
    with case("the client owns the pointer"):
        if not any(line.startswith("mouse client") for line in client.seen):
            client.expect("mouse client", TIMEOUT)
        for x, y in ((123, 45), (1000, 700)):
            until(guest, "xdotool getmouselocation", rf"x:{x} y:{y}\b", lambda: point(client, x, y))
    with case("text is copied in the guest and pasted in the client"):
        guest.run("printf 'from the guest' | xclip -selection clipboard")
        client.expect("offered", TIMEOUT)
        client.command("paste")
        if client.expect("pasted", TIMEOUT) != "pasted from the guest":
            raise AssertionError(client.seen[-1])
    with case("text is copied in the client and pasted in the guest"):
        client.command("copy from the client: äöü €")
        until(guest, "timeout 5 xclip -o -selection clipboard", "^from the client: äöü €$")
    with case("the client's window is resized and the guest follows"):
        preferred = r"\n *800x600 .*\+"
        if re.search(preferred, guest.run("xrandr")):
            raise AssertionError("800x600 is preferred before it was asked for")
        client.command("resize 800 600")
        # Without a desktop nobody but us follows the hint of the driver.
        until(guest, "xrandr", preferred)
        guest.run("xrandr --output $(xrandr | sed -n 's/ connected.*//p' | head -n 1) --mode 800x600")
        client.expect("display 0 800 600", TIMEOUT)
        guest.run("xsetroot -solid '#306080'")
        screen = guest.root_window()
        if (screen.width, screen.height) != (800, 600):
            raise AssertionError(f"the screen has {screen.width}x{screen.height}")
        deadline = time.monotonic() + TIMEOUT
        while client.picture() != checksum(screen):
            if time.monotonic() > deadline:
                raise AssertionError("the client does not show what X does")
            time.sleep(0.3)
    with case("the agent goes and comes back"):
        guest.run("kill $(pidof spice-vdagentd)")
        client.expect("agent no", TIMEOUT)
        guest.run("rm -f /run/spice-vdagentd/spice-vdagent-sock; kill $(pidof spice-vdagent); true")
        guest.start_agent()
        client.expect("agent yes", TIMEOUT)
    with case("the guest shuts down"):
        guest.line.sendall(b"stop_x; poweroff -f\n")
        status = guest.process.popen.wait(TIMEOUT)
        if status != 0:
            raise AssertionError(f"QEMU ended with {status}:\n{guest.process.output()[-2000:]}")


def main():
    tap = Tap()
    library = os.path.abspath(sys.argv[1]) if sys.argv[1:] else OWN
    need_own()

    def run(bench, qemu):
        card = QemuCard(bench, qemu, "qxl-vga", library)
        guest = AgentGuest(bench, kernel, card)
        card.check_started(guest)
        with GtkClient(f"uri={card.uri}") as client:
            talk(tap, f"{kind.__name__}, Linux {guest.release}", guest, client)

    try:
        for kind, kernel in QEMUS:
            with_qemu(tap, kind, run)
    except Unavailable as reason:
        skip_all(reason)
    tap.finish()


main()
