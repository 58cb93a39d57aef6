# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop without a screen (Xvfb, openbox), its windows, and a user's hands (xdotool)."""

import os
import re
import shutil
import subprocess
import time

from pictures import read_ppm

TOOLS = ("Xvfb", "openbox", "xprop", "xwininfo", "xdotool", "import")


def missing():
    """The tools that are not installed, as text; empty when all are there."""
    return ", ".join(tool for tool in TOOLS if not shutil.which(tool))


def wait_for(condition, what, timeout=20):
    """Until CONDITION() is true; returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.05)


class Desktop:
    """A context manager; .env is what programs on it need."""

    def __init__(self, width=1400, height=1000):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten",
             "tcp", "-noreset"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb does not start"
        # Plain pixels: no OpenGL library, with threads of its own, comes into the process.
        self.env = {"DISPLAY": f":{number}", "SDL_VIDEODRIVER": "x11",
                    "SDL_RENDER_DRIVER": "software", "SDL_FRAMEBUFFER_ACCELERATION": "0"}

        self.manager = subprocess.Popen(["openbox", "--sm-disable", "--config-file", "/dev/null"],
                                        env={**os.environ, **self.env}, stderr=subprocess.DEVNULL)
        # It owns the root window's name once it works.
        wait_for(lambda: b"_NET_SUPPORTING_WM_CHECK(WINDOW)" in self.run(
            "xprop", "-root", "_NET_SUPPORTING_WM_CHECK").stdout, "no window manager")

    def run(self, *words, **options):
        return subprocess.run(words, env={**os.environ, **self.env}, capture_output=True,
                              timeout=20, **options)

    def do(self, *words):
        result = self.run("xdotool", *words, text=True)
        assert result.returncode == 0, f"xdotool {words}: {result.stderr}"
        return result.stdout.strip()

    def windows(self, name):
        """Ids of the visible windows whose titles contain NAME, by title."""
        found = self.run("xdotool", "search", "--onlyvisible", "--name", name, text=True)
        return sorted(found.stdout.split(), key=self.title)

    def window(self, name):
        return wait_for(lambda: self.windows(name), f"no window '{name}'")[0]

    def title(self, window):
        return self.run("xdotool", "getwindowname", window, text=True).stdout.strip()

    def geometry(self, window):
        """x, y, width, height on the screen, without the window manager's frame"""
        text = self.run("xwininfo", "-id", window, text=True).stdout
        return tuple(int(re.search(rf"{name}: +(-?\d+)", text).group(1)) for name in
                     ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height"))

    def settled(self, window):
        """The geometry once the window manager has left it alone for a while."""
        def twice():
            before = self.geometry(window)
            time.sleep(0.4)
            return before if self.geometry(window) == before else None
        return wait_for(twice, "the window keeps moving")

    def picture(self, window):
        """What the screen shows where WINDOW is."""
        data = self.run("import", "-silent", "-window", "root", "-depth", "8", "ppm:-").stdout
        return read_ppm(data).crop(*self.geometry(window))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for process in (self.manager, self.process):
            process.terminate()
            process.wait(10)
