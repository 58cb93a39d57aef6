# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs tests/client/bare_server or device_server and reads what it prints."""

import os
import queue
import subprocess
import threading
import time


class BareServer:
    def __init__(self, *arguments, env=None, program="bare_server"):
        program = os.path.join(os.environ["BUILDDIR"], "tests/client", program)
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1,
                                        env={**os.environ, **(env or {})})
        self.lines = queue.Queue()
        self.errors = []
        self.seen = []
        self.readers = [threading.Thread(target=self._read_lines, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()
        self.port = int(self.expect("port").split()[1])

    def _read_lines(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip())

    def next_line(self, timeout=10):
        line = self.lines.get(timeout=timeout)
        self.seen.append(line)
        return line

    def expect(self, start, timeout=10):
        """The next line that begins with START; those before it are kept in self.seen."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self.next_line(max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no '{start}' but {self.seen[-5:]} {self.errors[-20:]}")
            if line.startswith(start):
                return line

    def devices(self, count, timeout=10):
        """The next COUNT lines that are not channel events."""
        lines = []
        while len(lines) < count:
            line = self.next_line(timeout)
            if not line.startswith("event"):
                lines.append(line)
        return lines

    def command(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def tell(self, text):
        """A command for device_server; the lines that it and its devices print until it is done."""
        self.command(text)
        lines = []
        while True:
            line = self.next_line()
            if line == "done " + text.split()[0]:
                return lines
            lines.append(line)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Ends the server; it must end well (sanitizers make it fail otherwise)."""
        self.process.stdin.close()
        status = self.process.wait(20)
        for reader in self.readers:
            reader.join(5)
        assert status == 0, f"exit status {status}: " + "\n".join(self.errors[-60:])
