# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest agent by hand, on a socket that is its virtio port. Facts: spice-wire.md section 6."""

import socket
import struct
import time

CLIPBOARD, CAPABILITIES, GRAB, REQUEST, RELEASE, XFER_START, XFER_STATUS, XFER_DATA = \
    4, 6, 7, 8, 9, 10, 11, 12
CLIENT_DISCONNECTED = 13
CAP_MOUSE, CAP_MONITORS, CAP_REPLY, CAP_BY_DEMAND, CAP_SELECTION = 0, 1, 2, 5, 6
UTF8 = 1
CAN_SEND, SUCCESS = 0, 3


class GuestAgent:
    """CONNECTED: its socket. Chunks go to the client (port 1)."""

    def __init__(self, connected, timeout=20):
        self.socket = connected
        self.timeout = timeout
        self.chunks = b""
        self.messages = b""

    def say(self, kind, data=b""):
        message = struct.pack("<IIQI", 1, kind, 0, len(data)) + data
        for start in range(0, len(message), 2048):
            part = message[start:start + 2048]
            self.socket.sendall(struct.pack("<II", 1, len(part)) + part)

    def announce(self, ask=True):
        caps = 1 << CAP_MOUSE | 1 << CAP_MONITORS | 1 << CAP_REPLY | 1 << CAP_BY_DEMAND | \
            1 << CAP_SELECTION
        self.say(CAPABILITIES, struct.pack("<II", ask, caps))

    def _take(self, buffer, size, deadline):
        while len(getattr(self, buffer)) < size:
            if buffer == "chunks":
                self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionError("the agent's socket was closed")
                self.chunks += data
            else:
                port, length = struct.unpack("<II", self._take("chunks", 8, deadline))
                assert port in (1, 2), port
                self.messages += self._take("chunks", length, deadline)
        held = getattr(self, buffer)
        setattr(self, buffer, held[size:])
        return held[:size]

    def next(self, *kinds):
        """The next message of one of these kinds: (kind, data). Others are passed over."""
        deadline = time.monotonic() + self.timeout
        while True:
            protocol, kind, _, size = struct.unpack("<IIQI", self._take("messages", 20, deadline))
            assert protocol == 1, protocol
            data = self._take("messages", size, deadline)
            if kind in kinds:
                return kind, data

    def receive_file(self):
        """Takes a file; its description and content."""
        _, start = self.next(XFER_START)
        number = start[:4]
        self.say(XFER_STATUS, number + struct.pack("<I", CAN_SEND))
        size = int(start.split(b"size=")[1].split(b"\n")[0])
        content = b""
        while len(content) < size:
            _, part = self.next(XFER_DATA)
            assert part[:4] == number and struct.unpack("<Q", part[4:12])[0] == len(part) - 12
            content += part[12:]
        self.say(XFER_STATUS, number + struct.pack("<I", SUCCESS))
        return start[4:], content

    def close(self):
        self.socket.close()


def connect(path, timeout=20):
    deadline = time.monotonic() + timeout
    while True:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.connect(path)
            return connected
        except (FileNotFoundError, ConnectionRefusedError):
            connected.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
