# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Linux guest in which two cassias run, "a" and "b", with RDMA and vsock between them."""

import contextlib
import json
import os
import re
import shutil
import time

from bench import BUILDDIR
from cards import DEVICE_ID
from guest import Guest, GuestError
from qemu import TreeQemu
from tap import Skip

ADDRESS = "10.0.0.1"
CARD = "qxl,ram_size_mb=16,vram_size_mb=32"
PROVIDER = "/usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav34.so"
TIMEOUT = 120


class NoCard:
    """Nobody looks at this guest. Random numbers are always welcome."""

    environment = None

    def __init__(self, bench):
        self.qemu = TreeQemu(bench)

    def device(self):
        return {"driver": "virtio-rng-pci", "id": DEVICE_ID}

    def qemu_options(self):
        return []


def _rdma_tool():
    tool = shutil.which("rdma", path="/usr/bin:/usr/sbin:/bin:/sbin")
    if not tool or not os.path.exists(PROVIDER):
        raise Skip("iproute2 or ibverbs-providers is not installed on this machine")
    return tool


class MovingGuest(Guest):
    parameters = "nosoftlockup"  # a busy host may keep the guest waiting
    drivers = ("crc32_generic", "dummy", "rdma_rxe", "rdma_ucm", "vsock_loopback")
    host_files = (PROVIDER, "/etc/libibverbs.d/rxe.driver")

    def __init__(self, bench):
        self.programs = (os.path.join(BUILDDIR, "bin", "cassia"), _rdma_tool())
        super().__init__(bench, "trixie", NoCard(bench))
        for driver in self.drivers:
            self.run(f"load_driver {driver}")
        self.run(f"ip link set lo up; ip addr add {ADDRESS}/24 dev dummy0; ip link set dummy0 up")
        self.run("rdma link add rxe0 type rxe netdev dummy0")

    def ask(self, side, command, wait=None, **arguments):
        """A command of the monitor of that side, and what it answers or the event it waits for."""
        words = [f"'{name}:={json.dumps(value)}'" for name, value in arguments.items()]
        options = ["--wait", wait] if wait else []
        line = " ".join(["cassia qmp", *options, f"/tmp/{side}.qmp", command, *words])
        # The answer is on one line or on many, and the event's data, if any, after it.
        return json.loads(re.split(r"\n(?=[{\[])", self.run(f"{line} 2>&1", TIMEOUT).strip())[-1])

    def _until(self, side, condition, what):
        """Calls CONDITION until it is true, and gives that; WHAT() says what is wrong else."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                result = condition()
                if result:
                    return result
                reason = ""
            except GuestError as error:
                reason = str(error).splitlines()[0]
            if time.monotonic() > deadline or not self._lives(side):
                said = self.run(f"cat /tmp/{side}.log")
                raise AssertionError(f"cassia {side}: {what()} {reason}\nit said:\n{said}")
            time.sleep(0.1)

    def _lives(self, side):
        return self.run(f"kill -0 $(cat /tmp/{side}.pid) 2>/dev/null && echo yes; true").strip()

    @contextlib.contextmanager
    def _demo(self, side, options):
        self.run(
            f"rm -f /tmp/{side}.*; cassia demo -qmp unix:/tmp/{side}.qmp,server=on,wait=off -m 4"
            f" -spice port=0,disable-ticketing=on -device {CARD} {options}"
            f" >/tmp/{side}.log 2>&1 & echo $! >/tmp/{side}.pid"
        )
        self._until(
            side, lambda: self.ask(side, "query-status"), lambda: "its monitor does not answer"
        )
        yield
        pid = f"$(cat /tmp/{side}.pid)"
        self.run(f"kill {pid} 2>/dev/null; while kill -0 {pid} 2>/dev/null; do sleep 0.1; done; true")

    def source(self):
        return self._demo("a", "--fps 4")

    def target(self, uri):
        return self._demo("b", f"-incoming {uri} -S")

    def wait_status(self, side, status):
        """What query-migrate says as soon as it has that status."""
        last = {}

        def reached():
            last.update(self.ask(side, "query-migrate"))
            return last if last.get("status") == status else None

        return self._until(side, reached, lambda: f"its migration is not '{status}': {last}")

    def wait_sending(self, side):
        """Waits until some of the guest's memory has left."""
        self._until(
            side,
            lambda: self.ask(side, "query-migrate").get("ram", {}).get("transferred", 0) > 100000,
            lambda: "nothing leaves",
        )

    def expect_drawing(self, side):
        """Two pictures that differ."""
        self.ask(side, "screendump", filename=f"/tmp/{side}.first")

        def differs():
            self.ask(side, "screendump", filename=f"/tmp/{side}.later")
            return self.run(f"cmp -s /tmp/{side}.first /tmp/{side}.later || echo yes; true").strip()

        self._until(side, differs, lambda: "its picture does not change")
