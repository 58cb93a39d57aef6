#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-display sdl under Xvfb: the picture, the keyboard, the mouse, the title, full screen, the end."""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
import desktop
from cassia import Demo
from desktop import Desktop, wait_for
from input_monitor import (KEY_A, KEY_ALT, KEY_CONTROL, KEY_RETURN, KEY_RIGHT, InputMonitor, flat,
                           press)
from pictures import difference, read_picture
from qmp import Qmp, QmpError
from qxl_driver import Driver
from tap import Tap, skip_all
from vfio_user import Client

if desktop.missing():
    skip_all(f"not installed: {desktop.missing()}")
with open(os.path.join(os.environ["BUILDDIR"], "config.h")) as file:
    if "HAVE_SDL" not in file.read():
        skip_all("this build has no SDL2")

tap = Tap()
# What SDL loads and unloads again (X11, OpenGL, D-Bus) keeps memory that no suppression can name.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


class Serve:
    """cassia serve with a window, a blank screen of 720x400 and another monitor for its input."""

    def __init__(self, screen, tablet=True):
        self.folder = tempfile.TemporaryDirectory(prefix="cassia-window-")
        self.monitor = InputMonitor(os.path.join(self.folder.name, "qmp"), tablet)
        self.process = subprocess.Popen(
            [cassia.PROGRAM, "serve", "-vfio-user", os.path.join(self.folder.name, "card"), "-input",
             f"qmp:{self.folder.name}/qmp,tablet={'on' if tablet else 'off'}", "-device",
             "qxl-vga,id=gfx", "-spice", "port=0", "-display", "sdl", "-name", "served", "-qmp",
             f"unix:{self.folder.name}/own"],
            env={**os.environ, **screen.env}, stdout=subprocess.DEVNULL)

        self.qmp = Qmp(os.path.join(self.folder.name, "own"))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.qmp.close()
        self.process.terminate()
        assert self.process.wait(20) == 0
        self.folder.cleanup()


def check_picture(screen, window, demo):
    """The window shows what the card shows, soon."""
    path = demo.path("dump.ppm")
    monitor = demo.qmp()
    last = "no picture"

    def same():
        nonlocal last
        try:
            monitor.command("screendump", filename=path)
        except QmpError as error:  # nothing is shown for a moment after a reset
            last = error
            return False
        last = difference(read_picture(path), screen.picture(window))
        return last is None
    try:
        wait_for(same, "the same picture", 15)
    except AssertionError:
        raise AssertionError(last) from None
    finally:
        monitor.close()


with Desktop() as screen:
    for load in ("desktop", "surfaces"):
        with tap.case(f"the picture of {load}"), \
                Demo("-load", load, "-frames", "40", "-fps", "60", "-display", "sdl", "-name",
                     "pictured", env=screen.env) as demo:
            screen.do("mousemove", "1399", "999")
            window = screen.window("pictured")
            demo.wait_finished()
            check_picture(screen, window, demo)
            assert screen.geometry(window)[2:] == (1024, 768), screen.geometry(window)
            assert screen.title(window) == "pictured (running)", screen.title(window)
            # Moved, and with a picture that is replaced.
            screen.do("windowmove", window, "10", "20")
            check_picture(screen, window, demo)
            demo.qmp().command("stop")
            wait_for(lambda: screen.title(window) == "pictured (paused)", "paused in the title")
            demo.qmp().command("cont")
            wait_for(lambda: screen.title(window) == "pictured (running)", "running in the title")
            if load == "desktop":
                demo.check_idle()
            demo.qmp().command("system_reset")
            check_picture(screen, window, demo)
            assert demo.stop() == 0, demo.errors()

    with tap.case("paused before it begins"), \
            Demo("-S", "-display", "sdl", "-name", "early", env=screen.env) as demo:
        window = screen.window("early")
        wait_for(lambda: screen.title(window) == "early (prelaunch)", "prelaunch in the title")
        assert demo.stop() == 0, demo.errors()

    # SDL's own wake-up, still on its way when its window had gone, ended the program now and then.
    with tap.case("closed as soon as it is open, again and again"):
        for number in range(8):
            with Demo("-S", "-display", "sdl", "-name", f"brief{number}", env=screen.env) as demo:
                if number % 3:
                    screen.window(f"brief{number}")
                assert demo.stop() == 0, demo.errors()

    with tap.case("keys and the mouse reach the guest"), Serve(screen) as serve:
        window = screen.window("served")
        wait_for(lambda: screen.geometry(window)[2:] == (720, 400), "720x400")
        screen.do("windowfocus", window)
        x, y = screen.settled(window)[:2]
        screen.do("mousemove", str(x + 360), str(y + 200))
        time.sleep(0.3)
        serve.monitor.events.clear()
        screen.do("key", "a", "Return", "Right")
        serve.monitor.wait(*press(KEY_A, KEY_RETURN, KEY_RIGHT))
        screen.do("click", "1", "click", "3", "click", "2")
        serve.monitor.wait(("btn", "left", True), ("btn", "left", False), ("btn", "right", True),
                           ("btn", "right", False), ("btn", "middle", True),
                           ("btn", "middle", False))
        screen.do("click", "4", "click", "5")
        serve.monitor.wait(("btn", "wheel-up", True), ("btn", "wheel-up", False),
                           ("btn", "wheel-down", True), ("btn", "wheel-down", False))
        # Positions are fractions of the screen, 0 to 0x7fff.
        screen.do("mousemove", str(x + 180), str(y + 300))
        wait_for(lambda: [e for e in serve.monitor.events if e["type"] == "abs"], "a position")
        last = dict(flat(e)[1:] for e in serve.monitor.events if e["type"] == "abs")
        assert abs(last["x"] - 0x7fff * 180 / 719) < 60, last
        assert abs(last["y"] - 0x7fff * 300 / 399) < 100, last

        # The window's own keys do not reach the guest, the others do, and go up.
        serve.monitor.events.clear()
        screen.do("keydown", "Control_L", "keydown", "Alt_L", "key", "g", "keyup", "Alt_L", "keyup",
                  "Control_L")
        serve.monitor.wait(("key", KEY_CONTROL, True), ("key", KEY_ALT, True),
                           ("key", KEY_ALT, False), ("key", KEY_CONTROL, False))
        wait_for(lambda: "releases the mouse" in screen.title(window), "the grab in the title")
        # The mouse stays inside, and the keys come even so.
        for target in (("1390", "990"), ("0", "0")):
            screen.do("mousemove", *target)
            where = dict(line.split("=") for line in
                         screen.do("getmouselocation", "--shell").splitlines())
            assert x <= int(where["X"]) < x + 720 and y <= int(where["Y"]) < y + 400, where
        wait_for(lambda: ("abs", "x", 0) in serve.monitor.seen("abs"), "the left edge")
        serve.monitor.events.clear()
        screen.do("key", "a")
        serve.monitor.wait(*press(KEY_A))
        screen.do("key", "ctrl+alt+g")
        wait_for(lambda: "releases" not in screen.title(window), "the end of the grab in the title")
        screen.do("mousemove", "0", "0")
        assert "X=0" in screen.do("getmouselocation", "--shell").splitlines()
        screen.do("key", "ctrl+alt+f")
        wait_for(lambda: screen.geometry(window) == (0, 0, 1400, 1000), "full screen")
        screen.do("key", "ctrl+alt+f")
        wait_for(lambda: screen.geometry(window)[2:] == (720, 400), "a window again")

    with tap.case("a guest without a tablet: the mouse is grabbed and moves"), \
            Serve(screen, tablet=False) as serve:
        window = screen.window("served")
        wait_for(lambda: screen.geometry(window)[2:] == (720, 400), "720x400")
        screen.do("windowfocus", window)
        x, y = screen.settled(window)[:2]
        screen.do("mousemove", str(x + 360), str(y + 200), "click", "1")  # takes the mouse
        wait_for(lambda: "releases the mouse" in screen.title(window), "the grab in the title")
        assert not serve.monitor.seen("rel", "abs", "btn"), serve.monitor.events
        # Farther than the window is wide.
        for _ in range(50):
            screen.do("mousemove_relative", "--", "-20", "10")

        def moved():
            seen = serve.monitor.seen("rel")
            return [sum(by for _, axis, by in seen if axis == name) for name in ("x", "y")]
        wait_for(lambda: moved() == [-1000, 500], "all of the movement")
        screen.do("click", "3")
        serve.monitor.wait(("btn", "right", True), ("btn", "right", False))
        assert not serve.monitor.seen("abs"), serve.monitor.events
        screen.do("key", "ctrl+alt+g")
        wait_for(lambda: "releases" not in screen.title(window), "the end of the grab in the title")
        serve.monitor.events.clear()
        screen.do("mousemove", "0", "0", "mousemove", str(x + 10), str(y + 10))
        screen.do("key", "a")
        serve.monitor.wait(*press(KEY_A))
        assert not serve.monitor.seen("rel", "abs"), serve.monitor.events

    with tap.case("a window for each head"), Serve(screen) as serve, \
            Client(os.path.join(serve.folder.name, "card")) as client:
        driver = Driver(client)
        driver.boot(800, 600)
        for number, color in enumerate((0xc04040, 0x40c040, 0x4040c0, 0xc0c040)):
            driver.fill(0, (200 * number, 50 * number, 200 * number + 200, 600), color)
        dump = os.path.join(serve.folder.name, "dump.ppm")

        def check_heads(*heads):
            driver.heads(*heads)
            titles = [f"served, screen {number + 1} (running)" for number in range(len(heads))] \
                if len(heads) > 1 else ["served (running)"]
            wait_for(lambda: [screen.title(window) for window in screen.windows("served")] == titles,
                     f"windows {titles}")
            windows = screen.windows("served")
            for number, (window, head) in enumerate(zip(windows, heads)):
                wait_for(lambda: screen.geometry(window)[2:] == head[2:], f"the size of {head}")
                screen.do("windowmove", window, str(10 + 500 * (number % 2)), str(100 * number))
                screen.do("windowraise", window)
                screen.settled(window)
                serve.qmp.command("screendump", filename=dump, device="gfx", head=number)
                wanted = read_picture(dump)
                assert (wanted.width, wanted.height) == head[2:], (wanted.width, wanted.height)
                wait_for(lambda: difference(wanted, screen.picture(window)) is None,
                         f"the picture of {head}")
            return windows

        screen.do("mousemove", "1399", "999")
        check_heads((0, 0, 800, 600))
        windows = check_heads((0, 0, 400, 600), (400, 100, 300, 400))
        # The mouse is where it is on the whole picture.
        x, y = screen.geometry(windows[1])[:2]
        serve.monitor.events.clear()
        screen.do("mousemove", str(x + 100), str(y + 50))
        wait_for(lambda: len(serve.monitor.seen("abs")) >= 2, "a position")
        last = dict(event[1:] for event in serve.monitor.seen("abs"))
        assert abs(last["x"] - 0x7fff * 500 / 799) < 60, last
        assert abs(last["y"] - 0x7fff * 150 / 599) < 60, last
        screen.do("mousemove", "1399", "999")
        check_heads((0, 0, 800, 600))
        check_heads((0, 0, 200, 200), (200, 0, 300, 300), (500, 300, 250, 250))

    with tap.case("closing the window ends the program"), \
            Demo("-display", "sdl", "-name", "closing", env=screen.env) as demo:
        window = screen.window("closing")
        screen.do("windowfocus", "--sync", window, "key", "alt+F4")
        assert demo.process.wait(20) == 0

with tap.case("several cards"):
    result = cassia.run("serve", "-vfio-user", "/tmp/cassia-window-a", "-vfio-user",
                        "/tmp/cassia-window-b", "-display", "sdl", "-spice", "port=0")
    assert result.returncode == 2 and "shows one card, and there are 2" in result.stderr, result

with tap.case("without a desktop"):
    env = {"DISPLAY": ":no", "SDL_VIDEODRIVER": "x11"}
    result = subprocess.run([cassia.PROGRAM, "demo", "-display", "sdl", "-spice", "port=0"],
                            env={**os.environ, **env}, capture_output=True, text=True, timeout=20)
    assert result.returncode == 1, result
    assert "-display sdl: there is no desktop" in result.stderr, result.stderr

tap.finish()
