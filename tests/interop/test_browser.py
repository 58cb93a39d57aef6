#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-spice web=on: spice-html5 in Chromium shows the demo and types to a guest; plain and with TLS."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from browser import Browser
from cassia import Demo
from desktop import wait_for
from input_monitor import KEY_A, KEY_RETURN, KEY_RIGHT, InputMonitor, press
from pictures import difference, read_picture
from tap import Tap, skip_all
from tls import free_port, make_certificates

if not shutil.which("chromium") or not os.path.exists("/usr/share/spice-html5/spice_auto.html"):
    skip_all("not installed: chromium or spice-html5")

tap = Tap()
CANVAS = "document.querySelector('#spice-screen canvas')"


def check_picture(browser, demo, save=None):
    """The page's canvas is what the card shows."""
    dump = demo.path("dump.ppm")
    demo.qmp().command("screendump", filename=dump)
    wanted = read_picture(dump)
    browser.wait_for(f"{CANVAS} && {CANVAS}.width == {wanted.width}", "a canvas")
    last = "no picture"

    def same():
        nonlocal last
        data = browser.evaluate(f"{CANVAS}.toDataURL('image/png')").split(",", 1)[1]
        path = demo.path("canvas.png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        last = difference(wanted, read_picture(path))
        return last is None
    try:
        wait_for(same, "the same picture", 40)
    except AssertionError:
        raise AssertionError(f"{last}; log: {browser.log[-10:]}") from None
    if save and os.environ.get("KEEP_PICTURES"):
        browser.screenshot(os.path.join(os.environ["KEEP_PICTURES"], save))


# The page is there long before the last frame: most of what it shows was drawn before its eyes.
for load in ("desktop", "text", "surfaces"):
    with tap.case(f"the page shows the demo: {load}"), \
            Demo("-load", load, "-frames", "200", "-fps", "60") as demo, Browser() as browser:
        demo.read_until(f"In a browser:  http://127.0.0.1:{demo.port}/\n", 10)
        browser.visit(f"http://127.0.0.1:{demo.port}/")
        browser.wait_for(f"!!{CANVAS}", "a canvas")
        assert "stands still" not in demo.output
        demo.wait_finished()
        check_picture(browser, demo, f"browser-{load}.png")

with tap.case("with TLS"), tempfile.TemporaryDirectory() as folder:
    make_certificates(folder)
    port = free_port()
    with Demo("-frames", "20", "-fps", "60",
              spice=f"port=0,tls-port={port},x509-dir={folder},web=on") as demo, \
            Browser("--ignore-certificate-errors") as browser:
        demo.read_until(f"In a browser:  https://127.0.0.1:{port}/\n", 10)
        browser.visit(f"https://127.0.0.1:{port}/")
        demo.wait_finished()
        check_picture(browser, demo)

with tap.case("keys and the mouse reach the guest"), tempfile.TemporaryDirectory() as folder:
    monitor = InputMonitor(f"{folder}/qmp")
    serve = subprocess.Popen(
        [cassia.PROGRAM, "serve", "-vfio-user", f"{folder}/card", "-input", f"qmp:{folder}/qmp",
         "-device", "qxl-vga", "-spice", "port=0,web=on"], stdout=subprocess.PIPE, text=True)
    try:
        link = next(line.split()[-1] for line in serve.stdout if "In a browser" in line)
        with Browser() as browser:
            browser.visit(link)
            browser.wait_for(f"{CANVAS} && {CANVAS}.width == 720", "the blank screen")
            browser.evaluate(f"{CANVAS}.focus()")
            box = browser.evaluate(f"(r => [r.x, r.y])({CANVAS}.getBoundingClientRect())")
            browser.press("a", "KeyA", "a", 65)
            browser.press("Enter", "Enter", "\r", 13)
            browser.press("ArrowRight", "ArrowRight", None, 39)
            monitor.wait(*press(KEY_A, KEY_RETURN, KEY_RIGHT))
            where = {"x": box[0] + 180, "y": box[1] + 100}
            browser.command("Input.dispatchMouseEvent", type="mouseMoved", **where)
            for kind in ("mousePressed", "mouseReleased"):
                browser.command("Input.dispatchMouseEvent", type=kind, button="left",
                                clickCount=1, **where)
            monitor.wait(("btn", "left", True), ("btn", "left", False))
    finally:
        serve.terminate()
        serve.wait(20)
        serve.stdout.close()

tap.finish()
