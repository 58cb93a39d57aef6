# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the QMP monitors of QEMU and of cassia."""

import json
import socket
import time


class QmpError(Exception):
    """An error reply; its class is in .kind."""

    def __init__(self, error):
        super().__init__(f"{error.get('class')}: {error.get('desc')}")
        self.kind = error.get("class")


class Qmp:
    def __init__(self, path, timeout=20):
        """Connects to the unix socket at path, waiting for it, and enters command mode."""
        deadline = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.socket.close()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nobody listens at {path}") from None
                time.sleep(0.05)
        self.events = []
        self.buffer = b""
        self.greeting = self._receive(deadline)["QMP"]
        self.command("qmp_capabilities")

    def close(self):
        self.socket.close()

    def _receive(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the monitor did not answer in time")
            self.socket.settimeout(left)
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the monitor closed the connection")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, timeout=30, **arguments):
        """Runs a command and gives its return value."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            message = self._receive(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(message["error"])
            else:
                return message["return"]

    def wait_event(self, name, timeout=30):
        """Takes the oldest event of that name that was not taken yet, waiting for it if needed."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            message = self._receive(deadline)
            if "event" in message:
                self.events.append(message)
