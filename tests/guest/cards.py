# SPDX-License-Identifier: LGPL-2.1-or-later
"""The display cards that a guest test can give to its guest, and how each shows its screen."""

import os
import subprocess
import time

from bench import BUILDDIR
from pictures import read_picture
from qemu import TreeQemu

PICTURE_TIMEOUT = 30
DEVICE_ID = "gfx0"


def screenshot(bench, uri):
    """What a SPICE client is shown, as spicy-screenshot of spice-gtk takes it."""
    path = bench.path("client.ppm")
    if os.path.exists(path):
        os.unlink(path)
    run = subprocess.run(
        ["spicy-screenshot", f"--uri={uri}", f"--out-file={path}"],
        capture_output=True,
        text=True,
        timeout=PICTURE_TIMEOUT,
    )
    if run.returncode != 0 or not os.path.exists(path):
        raise RuntimeError(f"spicy-screenshot: status {run.returncode}: {run.stderr.strip()}")
    return read_picture(path)


class CassiaCard:
    """Our card behind a vfio-user socket, with its server and monitor."""

    can_unplug = True

    def __init__(self, bench, name="card", mmap="auto", options=()):
        self.bench = bench
        self.qemu = TreeQemu(bench)
        self.environment = None
        self.socket = bench.path(f"{name}.sock")
        self.monitor = bench.path(f"{name}.qmp")
        self.process = bench.start(
            name,
            [
                os.path.join(BUILDDIR, "bin", "cassia"),
                "serve",
                "--vfio-user",
                f"{self.socket},mmap={mmap}",
                "-spice",
                "addr=127.0.0.1,port=0,disable-ticketing=on",
                "-qmp",
                f"unix:{self.monitor},server=on,wait=off",
                "-d",
                "guest_errors",
                *options,
            ],
        )
        self.uri = self.process.wait_output(r"spice://127\.0\.0\.1:\d+").group(0)
        # The device must be there before QEMU looks for it.
        deadline = time.monotonic() + 10
        while not os.path.exists(self.socket):
            self.process.check_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"cassia does not listen at {self.socket}")
            time.sleep(0.02)

    def device(self):
        """The properties for device_add; -device takes them as JSON."""
        return {
            "driver": "vfio-user-pci",
            "id": DEVICE_ID,
            "socket": {"type": "unix", "path": self.qemu.view(self.socket)},
        }

    def check_started(self, guest):
        del guest
        self.process.check_alive()

    def qemu_options(self):
        return []

    def ask(self, command, *arguments):
        """Runs a command of our monitor, as a user does from the shell; gives what it prints."""
        program = os.path.join(BUILDDIR, "bin", "cassia")
        run = subprocess.run(
            [program, "qmp", self.monitor, command, *arguments],
            capture_output=True,
            text=True,
            timeout=PICTURE_TIMEOUT,
        )
        if run.returncode != 0:
            raise RuntimeError(f"cassia qmp {command}: status {run.returncode}: {run.stderr}")
        return run.stdout

    def screendump(self, guest, kind="ppm"):
        del guest
        path = self.bench.path(f"screendump.{kind}")
        self.ask("screendump", f"filename={path}", f"format={kind}")
        return read_picture(path)


class QemuCard:
    """QEMU's own QXL card and SPICE server, on which the tests prove themselves.

    driver is "qxl" or, for the primary card with a VGA core, "qxl-vga". With a library the card
    stays QEMU's and the server becomes that libspice-server.so.1.
    """

    can_unplug = False  # QEMU 11.1 takes it away from the guest but never finishes

    def __init__(self, bench, qemu=None, driver="qxl", library=None):
        self.bench = bench
        self.qemu = qemu or TreeQemu(bench)
        self.driver = driver
        self.spice = bench.path("spice.sock")
        self.uri = f"spice+unix://{self.spice}"
        self.environment = dict(os.environ)
        self.library = library and self.qemu.reachable(library)
        if library:
            folder = os.path.dirname(self.qemu.view(self.library))
            self.environment["LD_LIBRARY_PATH"] = folder

    def device(self):
        return {"driver": self.driver, "id": DEVICE_ID}

    def check_started(self, guest):
        """QEMU falls back to the distribution's library without a word."""
        loaded = guest.process.mapped_file("libspice-server")
        if self.library and loaded != self.library:
            raise AssertionError(f"QEMU has loaded {loaded}, not {self.library}")

    def qemu_options(self):
        return ["-spice", f"unix=on,addr={self.qemu.view(self.spice)},disable-ticketing=on"]

    def screendump(self, guest, kind="ppm"):
        path = self.bench.path(f"screendump.{kind}")
        guest.qmp.command(
            "screendump", filename=self.qemu.view(path), format=kind, device=DEVICE_ID
        )
        return read_picture(path)
