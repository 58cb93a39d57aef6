# SPDX-License-Identifier: LGPL-2.1-or-later
"""WebSocket by hand under a SPICE client by hand. Facts: spice-wire.md section 1.7, RFC 6455."""

import base64
import hashlib
import os
import struct

import spice_client

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(key, protocol="binary", extra=""):
    line = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"sec-websocket-KEY: {key}\r\nSec-WebSocket-Version: 13\r\n{line}{extra}\r\n").encode()


def frame(payload, opcode=BINARY, first=None, mask=True, length=None):
    """One frame; FIRST replaces its first byte, LENGTH what it says about the payload's size."""
    size = len(payload) if length is None else length
    head = bytes([0x80 | opcode if first is None else first])
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class WebSocket:
    """Wraps a client: its send() and receive() go through frames."""

    def __init__(self, client, protocol="binary", pieces=0):
        self.raw_send, self.raw_receive = client.send, client.receive
        self.client = client
        self.data = b""
        self.control = []
        key = base64.b64encode(os.urandom(16)).decode()
        text = request(key, protocol)
        for i in range(0, len(text), pieces or len(text)):
            self.raw_send(text[i:i + (pieces or len(text))])
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.raw_receive(1)
        lines = answer.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 101 Switching Protocols", lines
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        expected = base64.b64encode(hashlib.sha1(key.encode() + SUFFIX).digest()).decode()
        assert headers["sec-websocket-accept"] == expected.lower()
        assert headers["upgrade"] == "websocket" and headers["connection"] == "upgrade"
        assert headers.get("sec-websocket-protocol") == ("binary" if protocol else None)
        client.send, client.receive = self.send, self.receive

    def send(self, data):
        self.raw_send(frame(data))

    def read_frame(self):
        first, size = self.raw_receive(2)
        assert first & 0x70 == 0 and not size & 0x80, "the server's frames have no mask"
        if size == 126:
            size = struct.unpack(">H", self.raw_receive(2))[0]
            assert size >= 126
        elif size == 127:
            size = struct.unpack(">Q", self.raw_receive(8))[0]
            assert size >= 65536
        return first, self.raw_receive(size)

    def receive(self, size):
        while len(self.data) < size:
            first, payload = self.read_frame()
            if first == 0x82:
                self.data += payload
            else:
                self.control.append((first, payload))
        data, self.data = self.data[:size], self.data[size:]
        return data


class WebSocketClient(spice_client.Client):
    def __init__(self, port, timeout=10, host="127.0.0.1", **kwargs):
        super().__init__(port, timeout, host)
        self.websocket = WebSocket(self, **kwargs)
