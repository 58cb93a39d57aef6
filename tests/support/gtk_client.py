# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs tests/client/gtk_client, a client made of spice-gtk, and reads what it prints."""

import hashlib
import os
import queue
import subprocess
import threading
import time


def checksum(picture):
    """What GtkClient.picture() gives for a picture of pictures.py."""
    pixels = bytearray(picture.pixels)
    pixels[0::3], pixels[2::3] = picture.pixels[2::3], picture.pixels[0::3]
    return hashlib.sha256(pixels).hexdigest()


class GtkClient:
    """SETTINGS: properties of a SpiceSession as NAME=VALUE."""

    program = "gtk_client"

    def __init__(self, *settings):
        program = os.path.join(os.environ["BUILDDIR"], "tests/client", self.program)
        # spice-gtk calls a password that the server refuses critical.
        env = {name: value for name, value in os.environ.items() if name != "G_DEBUG"}
        self.process = subprocess.Popen([program, *settings], env=env, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, bufsize=1)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def expect(self, start, timeout=20):
        """The next line that begins with START; those before it are kept in self.seen."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no '{start}' but {self.seen[-8:]}") from None
            self.seen.append(line)
            if line.startswith(start):
                return line

    def command(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def picture(self, display=0):
        """Checksum of what that display shows."""
        self.command(f"picture {display}")
        return self.expect("picture").split()[1]

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.process.kill()
        self.process.wait(10)
