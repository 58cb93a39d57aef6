# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chromium without a screen, driven by the DevTools protocol through a pipe."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class Browser:
    """One page. A context manager."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="cassia-browser-")
        to_read, self.output = os.pipe()
        self.input, to_write = os.pipe()
        # It reads commands from descriptor 3 and writes to 4.
        script = f"exec 3<&{to_read} 4>&{to_write}; exec chromium \"$@\""
        self.process = subprocess.Popen(
            ["bash", "-c", script, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking",
             "--no-first-run", "--hide-scrollbars", "--window-size=1200,1000", "--mute-audio",
             f"--user-data-dir={self.folder}", "--remote-debugging-pipe", *options, "about:blank"],
            pass_fds=[to_read, to_write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.number = 0
        self.buffer = b""
        self.session = None
        self.log = []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        self.command("Page.enable")
        self.command("Runtime.enable")

    def _receive(self, deadline):
        while b"\0" not in self.buffer:
            left = max(deadline - time.monotonic(), 0)
            ready = select.select([self.input], [], [], left)[0]
            data = os.read(self.input, 1 << 20) if ready else b""
            if not data:
                raise AssertionError(f"the browser does not answer; its log: {self.log[-10:]}")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def command(self, method, timeout=60, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.output, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            message = self._receive(deadline)
            if message.get("id") == self.number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            if message.get("method") == "Runtime.consoleAPICalled":
                self.log.append([str(a.get("value", a.get("description")))
                                 for a in message["params"]["args"]])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.log.append(message["params"]["exceptionDetails"].get("exception",
                                                                          {}).get("description"))

    def visit(self, address):
        result = self.command("Page.navigate", url=address)
        assert "errorText" not in result, f"{address}: {result['errorText']}"

    def evaluate(self, expression):
        """The value of a JavaScript expression; promises are waited for."""
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True,
                              awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression, what, timeout=40):
        """Until a JavaScript expression is true; returns its value."""
        deadline = time.monotonic() + timeout
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}; log: {self.log[-10:]}")
            time.sleep(0.1)

    def screenshot(self, path):
        """What a person would see, as a PNG file."""
        import base64
        data = self.command("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def press(self, key, code, text=None, number=0):
        """A key goes down and up. KEY, CODE: as DOM events have them; NUMBER: keyCode."""
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.command("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown",
                     **common, **({"text": text} if text else {}))
        self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        os.close(self.output)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        shutil.rmtree(self.folder, ignore_errors=True)
