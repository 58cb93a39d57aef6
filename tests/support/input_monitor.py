# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another monitor's QMP socket, to which "-input qmp:PATH" sends keys and mouse."""

import json
import socket
import threading

from desktop import wait_for

# QEMU's numbers for keys: set 1, with 0x80 for what follows an e0 byte.
KEY_A, KEY_RETURN, KEY_RIGHT, KEY_CONTROL, KEY_ALT = 30, 28, 0xcd, 29, 56


def press(*keys):
    return [("key", key, down) for key in keys for down in (True, False)]


def flat(event):
    data = event["data"]
    if event["type"] == "key":
        return "key", data["key"]["data"], data["down"]
    if event["type"] == "btn":
        return "btn", data["button"], data["down"]
    return event["type"], data["axis"], data["value"]


class InputMonitor:
    """Remembers the input it is sent. ABSOLUTE: its guest's mouse is a tablet."""

    def __init__(self, path, absolute=True):
        self.events = []
        self.absolute = absolute
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.listener.accept()[0].makefile("rw")
            print('{"QMP": {"version": {}, "capabilities": []}}', file=client, flush=True)
            for line in client:
                request = json.loads(line)
                for event in request.get("arguments", {}).get("events", []):
                    self.events.append(event)
                answer = {"return": {}, **({"id": request["id"]} if "id" in request else {})}
                if request["execute"] == "query-mice":
                    answer["return"] = [{"name": "mouse", "index": 0, "current": True,
                                         "absolute": self.absolute}]
                print(json.dumps(answer), file=client, flush=True)

    def seen(self, *kinds):
        return [flat(event) for event in list(self.events) if flat(event)[0] in kinds]

    def wait(self, *wanted):
        """Until the events of one kind that came are those wanted; then forgets them."""
        kinds = {event[0] for event in wanted}
        try:
            wait_for(lambda: self.seen(*kinds) == list(wanted), "events")
        except AssertionError:
            raise AssertionError(f"wanted {wanted}, got {self.seen(*kinds)}") from None
        self.events.clear()
