#!/usr/bin/env python3
"""Xspice on our libspice-server.so.1: X programs look as they do with the distribution's.

The same session runs with each library: a logo and a terminal full of text, before and after short
runs of x11perf and rendercheck. A client (spicy-screenshot) must come to show what X itself says is on
its root window (xwd), and both libraries must have shown the same.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import tap  # noqa: E402

SYSTEM = "/usr/lib/x86_64-linux-gnu"
OWN = os.path.join(os.environ["BUILDDIR"], "lib")
# Debian's driver does not apply the defaults of its options (Mbytes): without these it has no memory.
MEMORY = {"QXL_FRAME_BUFFER_SIZE": "16", "QXL_SURFACE_BUFFER_SIZE": "64",
          "QXL_COMMAND_BUFFER_SIZE": "64", "QXL_NUM_HEADS": "1"}
TOOLS = ["Xspice", "spicy-screenshot", "xterm", "xlogo", "xwd", "x11perf", "xwininfo", "convert"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Session:
    """An Xspice on one library."""

    def __init__(self, library, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.log = open(self.folder / "log", "wb")
        self.programs = []
        display = next(n for n in range(40, 200) if not os.path.exists(f"/tmp/.X11-unix/X{n}")
                       and not os.path.exists(f"/tmp/.X{n}-lock"))
        self.environment = dict(os.environ, DISPLAY=f":{display}", HOME=str(self.folder))
        self.xspice = subprocess.Popen(
            ["Xspice", "--config", "/etc/X11/spiceqxl.xorg.conf", "--port", str(self.port),
             "--disable-ticketing", f":{display}", "-noreset", "-nolisten", "tcp"],
            env=dict(os.environ, LD_LIBRARY_PATH=library, **MEMORY), cwd=folder,
            stdout=self.log, stderr=self.log)
        self.until(lambda: self.x("xwininfo", "-root").returncode == 0, "X does not start")

    def x(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=25)

    def start(self, name, *command):
        self.programs.append(subprocess.Popen(command, env=self.environment, stdout=self.log,
                                              stderr=self.log))
        self.until(lambda: name in self.x("xwininfo", "-root", "-tree").stdout.decode(),
                   f"no window of {name}")

    def until(self, condition, failure, seconds=15):
        end = time.monotonic() + seconds
        while not condition():
            if self.xspice.poll() is not None or time.monotonic() > end:
                text = (self.folder / "log").read_text(errors="replace")
                raise AssertionError(f"{failure}:\n{text[-1500:]}")
            time.sleep(0.1)

    def loaded(self):
        """The server libraries that X and what started it have mapped."""
        pids = [self.xspice.pid] + [int(pid) for pid in subprocess.run(
            ["pgrep", "-P", str(self.xspice.pid)], capture_output=True).stdout.split()]
        maps = "".join(pathlib.Path(f"/proc/{pid}/maps").read_text() for pid in pids)
        return {line.split()[-1] for line in maps.splitlines() if "/libspice-server.so" in line}

    def picture(self):
        """What a client shows, once that is what X shows."""
        seen, shown = self.folder / "seen.ppm", self.folder / "shown.xwd"

        def agree():
            self.x("xwd", "-root", "-silent", "-out", str(shown))
            self.x("spicy-screenshot", f"--uri=spice://127.0.0.1:{self.port}",
                   f"--out-file={seen}")
            root = self.x("convert", f"xwd:{shown}", "-depth", "8", "ppm:-").stdout
            return seen.exists() and seen.read_bytes()[-1024 * 768 * 3:] == root[-1024 * 768 * 3:]

        self.until(agree, "the client does not show what X does", 20)
        return seen.read_bytes()

    def finish(self):
        for program in self.programs + [self.xspice]:
            program.terminate()
        for program in self.programs + [self.xspice]:
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self.log.close()


def run(library, name, pictures, out):
    with tempfile.TemporaryDirectory(prefix="cassia-xspice-") as folder:
        session = Session(library, folder)
        try:
            with out.case(f"{name}: X runs on it"):
                loaded = session.loaded()
                assert loaded and all(path.startswith(library + "/") for path in loaded), loaded
            with out.case(f"{name}: a logo and a terminal"):
                session.start("xlogo", "xlogo", "-geometry", "200x200+20+20", "-fg", "#c04020",
                              "-bg", "#e0e8f0")
                session.start("xterm", "xterm", "-T", "xterm", "-geometry", "80x24+300+40", "-fg",
                              "#103050", "-e", "sh", "-c", "seq -s ' ' 1 700; exec sleep 100")
                picture = session.picture()[-1024 * 768 * 3:]
                colours = {picture[i:i + 3] for i in range(0, len(picture), 3)}
                assert {b"\xc0\x40\x20", b"\xe0\xe8\xf0", b"\x10\x30\x50"} <= colours
                pictures[name, "programs"] = picture
            with out.case(f"{name}: after x11perf"):
                perf = session.x("x11perf", "-repeat", "1", "-time", "1", "-reps", "50", "-rect100",
                                 "-copywinwin100", "-copypixwin100", "-ftext", "-putimage100",
                                 "-shmput100", "-scroll500", "-magpixwin100")
                assert perf.returncode == 0, perf.stderr.decode()
                pictures[name, "x11perf"] = session.picture()
            if shutil.which("rendercheck"):
                with out.case(f"{name}: rendercheck"):
                    check = session.x("rendercheck", "-t", "fill,dcoords,scoords,mcoords,tscoords,"
                                      "tmcoords,triangles,repeat", "-f", "a8r8g8b8,x8r8g8b8,a8")
                    text = check.stdout.decode()
                    passed = [line for line in text.splitlines() if "tests passed of" in line]
                    assert passed, text[-1500:] + check.stderr.decode()
                    out.say(passed[-1])
                    pictures[name, "rendercheck"] = passed[-1]
        finally:
            session.finish()


missing = [tool for tool in TOOLS if shutil.which(tool) is None]
if missing:
    tap.skip_all("missing: " + " ".join(missing))
if not os.path.exists(OWN + "/libspice-server.so.1"):
    tap.skip_all("this build has no libspice-server.so.1 (--with-spice-server=system)")
out = tap.Tap()
pictures = {}
for name, library in ("ours", OWN), ("the distribution's", SYSTEM):
    with out.guard(name):
        run(library, name, pictures, out)
for what in sorted({what for _, what in pictures}):
    with out.case(f"{what} look the same with both"):
        assert pictures["ours", what] == pictures["the distribution's", what]
out.finish()
