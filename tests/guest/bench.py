# SPDX-License-Identifier: LGPL-2.1-or-later
"""The folder and the processes of one guest test.

A Bench is a folder that the host and the tree of chroot.sh see, with the processes started for the
test. Times are in seconds; QEMU runs under TCG, so that the limits are wide everywhere.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SRCDIR = os.path.abspath(os.environ.get("SRCDIR", os.path.join(os.path.dirname(__file__), "../..")))
BUILDDIR = os.path.abspath(os.environ.get("BUILDDIR", os.path.join(SRCDIR, "build")))
sys.path.insert(0, os.path.join(SRCDIR, "tests", "support"))

from tap import Skip  # noqa: E402

GUEST = os.path.join(SRCDIR, "tests", "guest")


class Unavailable(Skip):
    """The machine cannot run guest tests at all: no cached tree and no mirror to make it from."""


def prepare_tree():
    """The folder that chroot.sh made, now or earlier."""
    script = os.path.join(GUEST, "chroot.sh")
    made = subprocess.run([script], capture_output=True, text=True, timeout=1800)
    if made.returncode == 77:
        raise Unavailable(f"no Debian mirror within reach, no cached tree: {made.stderr.strip()}")
    if made.returncode != 0:
        raise RuntimeError(made.stderr.strip())
    return made.stdout.strip()


def _die_with_parent():
    """In a child: no guest or server may outlive a test that was killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


class Process:
    """A child with its output in a file, ended with the bench."""

    def __init__(self, name, arguments, log, env=None):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self.popen = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                preexec_fn=_die_with_parent,
            )

    def output(self):
        with open(self.log, "r", errors="replace") as log:
            return log.read()

    def check_alive(self):
        status = self.popen.poll()
        if status is not None:
            raise RuntimeError(f"{self.name} ended with status {status}:\n{self.output()[-3000:]}")

    def wait_output(self, pattern, timeout=20):
        """Waits until the pattern is in the output and gives the match."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.output())
            if match:
                return match
            self.check_alive()
            if time.monotonic() > deadline:
                tail = self.output()[-3000:]
                raise TimeoutError(f"{self.name} did not print {pattern!r}:\n{tail}")
            time.sleep(0.05)

    def mapped_file(self, name):
        """The path of the mapped file with that name in it, as the process sees it; or None."""
        with open(f"/proc/{self.popen.pid}/maps") as maps:
            paths = [line.split()[-1] for line in maps if name in line]
        return paths[0] if paths else None

    def end(self, timeout=10):
        """SIGTERM, and SIGKILL to what does not obey; gives the exit status."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        return self.popen.wait()


class Bench:
    """Use as a context manager."""

    def __init__(self):
        self.tree = prepare_tree()
        self.folder = tempfile.mkdtemp(prefix="cassia-guest-", dir=os.path.join(self.tree, "tmp"))
        self.processes = []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, arguments, env=None):
        process = Process(name, arguments, self.path(f"{name}-{len(self.processes)}.log"), env)
        self.processes.append(process)
        return process

    def end(self, process):
        self.processes.remove(process)
        return process.end()
