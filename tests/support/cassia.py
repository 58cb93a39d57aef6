# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs build/bin/cassia: as a demo with a monitor, or once."""

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

from qmp import Qmp

PROGRAM = os.path.join(os.environ["BUILDDIR"], "bin/cassia")
with open(os.path.join(os.environ["BUILDDIR"], "config.h")) as config:
    CONFIG = config.read()  # what the build has: "HAVE_OPUS" in it or not
# Else the card is on the distribution's libspice-server.
OWN_SERVER = "HAVE_EMBEDDED_SPICE" in CONFIG


def run(*arguments, timeout=30):
    """Runs the program to its end; the result has returncode, stdout, stderr."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout)


class Demo:
    """A demo on a free port with a monitor, in a folder of its own. A context manager."""

    def __init__(self, *arguments, spice="port=0", program=PROGRAM, env=None, wait=True):
        self.folder = tempfile.mkdtemp(prefix="cassia-demo-")
        self.monitor = os.path.join(self.folder, "monitor")
        self.log = open(os.path.join(self.folder, "errors"), "w+")
        self.output = ""
        self.process = subprocess.Popen(
            [program, "demo", *arguments, "-spice", spice,
             "-qmp", f"unix:{self.monitor},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **(env or {})})
        if wait:
            self.read_until("Connect with:.*\n", 30)
        found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", self.output)
        self.port = int(found.group(1)) if found else None

    def read_until(self, pattern, timeout):
        """Collects output until it matches."""
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.output):
            left = deadline - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(left, 0))[0]
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise AssertionError(f"no '{pattern}' in time; output: {self.output!r}, "
                                     f"errors: {self.errors()!r}")
            self.output += data.decode()

    def wait_finished(self, timeout=60):
        """Until --frames N have been drawn."""
        self.read_until("stands still", timeout)

    def errors(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def qmp(self):
        return Qmp(self.monitor)

    def cpu_ticks(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def check_idle(self, tries=10):
        """Soon a second passes in which it needs next to no time of a processor."""
        for _ in range(tries):
            before = self.cpu_ticks()
            time.sleep(1)
            used = self.cpu_ticks() - before
            if used <= 5:
                return
        raise AssertionError(f"{used} ticks of CPU in a second without anything to do")

    def path(self, name):
        return os.path.join(self.folder, name)

    def screenshot(self, name, timeout=30, uri=None):
        """What a SPICE client sees, as the path of a PPM file."""
        path = self.path(name)
        result = subprocess.run(
            ["spicy-screenshot", f"--uri={uri or f'spice://127.0.0.1:{self.port}'}", "-o", path],
            capture_output=True, text=True, timeout=timeout)
        assert os.path.exists(path), f"spicy-screenshot: {result.stdout} {result.stderr}"
        return path

    def stop(self, how=signal.SIGTERM, timeout=30):
        """Ends the program if it still runs; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {timeout} s after signal {how}")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        try:
            self.stop(timeout=10)
        finally:
            self.process.stdout.close()
            self.log.close()
            shutil.rmtree(self.folder, ignore_errors=True)
