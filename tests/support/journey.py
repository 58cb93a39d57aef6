# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that moves from one process to the next, and the SPICE clients that follow it."""

import hashlib
import os
import re
import threading
import time

from cassia import Demo
from gtk_client import GtkClient
from migration import booted, wait_status
from migration import state as run_state
from pictures import difference, read_picture
from qmp import Qmp

# Small enough to move often, large enough to hold every load.
CARD = ["-device", "qxl,ram_size_mb=32,vram_size_mb=32"]
MEMORY = ["-m", "16"]
LIMIT = 0.1  # seconds that a monitor may take to answer
# Instrumented programs take their time: ASan's twice, TSan's five times and more.
with open(os.path.join(os.environ["BUILDDIR"], "Makefile")) as makefile:
    SANITIZED = 5 if re.search("-fsanitize=(address|thread)", makefile.read()) else 1


def fingerprint(picture):
    """As gtk_client prints it: blue comes first there."""
    pixels = bytearray(picture.pixels)
    pixels[0::3], pixels[2::3] = pixels[2::3], pixels[0::3]
    return hashlib.sha256(pixels).hexdigest()


def set_capabilities(qmp, **capabilities):
    qmp.command("migrate-set-capabilities", capabilities=[
        {"capability": name.replace("_", "-"), "state": state}
        for name, state in capabilities.items()])


class Follower(GtkClient):
    """A client of which is expected that it never loses its session."""

    def __init__(self, demo, *settings):
        super().__init__("host=127.0.0.1", *(settings or (f"port={demo.port}",)))
        self.expect("display 0")

    def await_picture(self, expected, timeout=20):
        deadline = time.monotonic() + timeout
        while (shown := self.picture()) != expected:
            assert time.monotonic() < deadline, f"the client shows {shown}, not {expected}"
            time.sleep(0.02)

    def complaints(self):
        return [line for line in self.seen if "error" in line or "closed" in line
                or "disconnected" in line]


class Stalls(threading.Thread):
    """How long this machine, or what it runs on, lets a process wait that has something to do."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0
        self.end = False
        self.start()

    def run(self):
        while not self.end:
            start = time.monotonic()
            time.sleep(0.005)
            self.longest = max(self.longest, time.monotonic() - start - 0.005)


class Watch(threading.Thread):
    """Asks monitors all the time and notes how long the slowest answer took."""

    def __init__(self):
        super().__init__(daemon=True)
        self.watched = {}
        self.lock = threading.Lock()
        self.slowest = 0.0
        self.answers = 0
        self.end = False
        self.stalls = Stalls()
        self.start()

    @staticmethod
    def _ask(qmp):
        start = time.monotonic()
        qmp.command("query-status", timeout=120)
        qmp.events.clear()
        return time.monotonic() - start

    def _round(self):
        for monitor in list(self.watched):
            try:
                took = self._ask(self.watched[monitor])
            except OSError:  # it has ended
                self.watched.pop(monitor, None)
                continue
            self.slowest = max(self.slowest, took)
            self.answers += 1

    def run(self):
        while not self.end:
            with self.lock:
                self._round()
            time.sleep(0.005)

    def add(self, *demos):
        for demo in demos:
            qmp = Qmp(demo.monitor)
            with self.lock:
                self.watched[demo.monitor] = qmp

    def check(self):
        assert self.answers, "nobody was asked"
        # Several threads have a part in an answer, and each waits for its turn.
        crowd = max(1, os.getloadavg()[0] / os.cpu_count()) * SANITIZED
        allowed = LIMIT * crowd + 2 * self.stalls.longest
        assert self.slowest <= allowed, \
            f"a monitor took {self.slowest * 1000:.0f} ms to answer; {allowed * 1000:.0f} are allowed"

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.end = self.stalls.end = True
        self.join(10)


class Journey:
    """SPICE is added to -spice on all sides; TLS_PORT gives each side a port of its own for TLS;
    TARGET is what clients are told besides the port."""

    def __init__(self, *arguments, spice="", env=None, target=None, tls_port=None):
        self.arguments = [*CARD, *MEMORY, "-d", "guest_errors", *arguments]
        self.spice, self.env, self.tls_port = spice, env, tls_port
        self.target = target or {"hostname": "127.0.0.1"}
        self.moves = 0
        self.here = self.there = None
        self.here = self._start()
        self.qmp = self.here.qmp() if "-S" in arguments else booted(self.here)

    def _start(self, *arguments):
        spice, tls_port = "port=0" + self.spice, None
        if self.tls_port:
            tls_port = self.tls_port()
            spice += f",tls-port={tls_port}"
        demo = Demo(*self.arguments, *arguments, spice=spice, env=self.env)
        demo.tls_port = tls_port
        return demo

    def start_target(self, *arguments, uri=None):
        self.there = self._start("-incoming", uri or f"unix:{self.here.path('guest')}", *arguments)
        return self.there

    def port_of(self, demo):
        return {"tls-port": demo.tls_port} if demo.tls_port else {"port": demo.port}

    def ask_clients(self, demo=None, **target):
        """Gives what SPICE_CLIENT_MIGRATE_READY says."""
        start = time.monotonic()
        self.qmp.command("client_migrate_info", protocol="spice",
                         **{**self.target, **self.port_of(demo or self.there), **target})
        took = time.monotonic() - start
        event = self.qmp.wait_event("SPICE_CLIENT_MIGRATE_READY", 20)["data"]
        event["took"] = took
        return event

    def migrate(self):
        self.qmp.command("migrate", uri=f"unix:{self.here.path('guest')}")

    def dump(self, demo, qmp):
        path = demo.path("dump.ppm")
        qmp.command("screendump", filename=path)
        return read_picture(path)

    def move(self, clients=(), outcome="connected"):
        """There, with every picture compared: client and card, before and after."""
        there = self.start_target("-S")
        other = there.qmp()
        set_capabilities(self.qmp, events=True, pause_before_switchover=True)
        ready = self.ask_clients()
        assert ready["outcome"] in (outcome, "unknown"), ready
        self.migrate()
        wait_status(self.qmp, "pre-switchover")
        before = self.dump(self.here, self.qmp)
        shown = fingerprint(before)
        for client in clients:
            client.await_picture(shown)
        self.qmp.command("migrate-continue", state="pre-switchover")
        info = wait_status(self.qmp, "completed")
        different = difference(before, self.dump(there, other))
        assert different is None, f"the card shows something else at the target: {different}"
        if ready["outcome"] != "no-client":
            self.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
        for client in clients:
            client.expect("migration none")
            client.await_picture(shown)
            assert not client.complaints(), client.complaints()
        other.command("cont")
        other.wait_event("GUEST_MEMORY_CHECKED", 60)
        self.finish_move(there, other)
        return info

    def finish_move(self, there, qmp):
        """What has left is ended, and had no complaints."""
        self.here.stop()
        self.check_errors(self.here)
        self.here.__exit__()
        self.here, self.qmp, self.there = there, qmp, None
        self.moves += 1

    @staticmethod
    def check_errors(demo):
        wrong = [line for line in demo.errors().splitlines()
                 if "qxl-" in line or "guest" in line or "Sanitizer" in line or "runtime" in line
                 or "CRITICAL" in line]
        assert not wrong, wrong

    def draws(self):
        """The guest goes on: its picture changes."""
        first = self.dump(self.here, self.qmp)
        for _ in range(200):
            time.sleep(0.05)
            if difference(first, self.dump(self.here, self.qmp)) is not None:
                return
        raise AssertionError("the guest does not go on")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for demo in self.here, self.there:
            if demo:
                demo.__exit__()
