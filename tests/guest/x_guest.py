# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest with X.Org, X programs and the SPICE agent, from the archive that desktop.sh makes."""

import gzip
import socket
import time

from guest import SLOTS, Guest, GuestError
from pictures import read_xwd

PORT = "test.out"


class XGuest(Guest):
    """What guest_desktop.sh defines can be run once the guest is there."""

    memory = "1G"
    # Without KVM one copy of a window out of the card's memory may take very long.
    parameters = "nosoftlockup"
    base = "desktop/root.cpio"
    files = ("guest_desktop.sh",)
    drivers = ("qxl", "virtio_pci", "virtio_console", "uinput", "evdev", "psmouse")

    def __init__(self, bench, kernel, card):
        self.port_path = bench.path("port.sock")
        super().__init__(bench, kernel, card)
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(self.port_path)
        for driver in self.drivers[1:]:
            self.run(f"load_driver {driver}")

    def qemu_options(self):
        return [
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=port,path={self.card.qemu.view(self.port_path)},server=on,wait=off"),
            *("-device", f"virtserialport,chardev=port,name={PORT}"),
        ]

    def fetch(self, path, timeout=60):
        """The contents of a file of the guest."""
        self.run(f"gzip -1 -c {path} > /tmp/fetched")
        size = int(self.run("stat -c %s /tmp/fetched"))
        self.line.sendall(f'cat /tmp/fetched >"$(port {PORT})"\n'.encode())
        data = b""
        deadline = time.monotonic() + timeout
        while len(data) < size:
            self.port.settimeout(max(0.01, deadline - time.monotonic()))
            part = self.port.recv(1 << 20)
            if not part:
                raise GuestError(f"the guest's port closed after {len(data)} bytes of {size}")
            data += part
        self._end_command("cat", timeout)
        return gzip.decompress(data)

    def start_x(self, size="1024x768", driver="qxl"):
        """Starts X.Org on the card and gives its log."""
        try:
            self.run(f"start_x {SLOTS[0]} {driver} {size}", timeout=180)
        except GuestError as error:
            log = self.run("tail -n 40 /tmp/X.log; cat /tmp/X.out")
            raise GuestError(f"X does not start: {error}\n{log}") from None
        return self.run("cat /tmp/X.log")

    def wait_window(self, name):
        self.run(f"until_ok 60 xwininfo -name '{name}'", timeout=180)

    def start_terminal(self, name, program, options=""):
        """An xterm in which a shell runs the program; returns when all it prints is there.

        Titles are set in the order of the text, so that a title says what has been drawn.
        """
        self.run(
            f"xterm -T '{name} begins' {options} -e sh -c"
            f" \"{program}; printf '\\\\033]0;{name}\\\\007'; exec sleep 100000\""
            f" >/tmp/xterm.out 2>&1 &"
        )
        self.wait_window(name)

    def root_window(self):
        """The picture of the root window with all that is on it, as the X server says it is."""
        self.run("xwd -root -silent -out /tmp/root.xwd")
        return read_xwd(self.fetch("/tmp/root.xwd"))
