# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SPICE client by hand: every byte as the caller wants it. Facts: spice-wire.md section 1."""

import hashlib
import os
import socket
import struct
import time

MAIN, DISPLAY, INPUTS, CURSOR = 1, 2, 3, 4
OK, ERROR, INVALID_MAGIC, INVALID_DATA, VERSION_MISMATCH, NEED_SECURED, NEED_UNSECURED, \
    PERMISSION_DENIED, BAD_CONNECTION_ID, CHANNEL_NOT_AVAILABLE = range(10)
AUTH_SELECTION, AUTH_SPICE, AUTH_SASL, MINI_HEADER = 1, 2, 4, 8


class Closed(Exception):
    """The server closed the connection."""


class Refused(Exception):
    """A link error or result other than 0."""

    def __init__(self, code):
        super().__init__(f"refused with {code}")
        self.code = code


def link_message(connection_id=0, channel_type=MAIN, channel_id=0,
                 common=AUTH_SELECTION | MINI_HEADER, channel=0, *, magic=b"REDQ", major=2,
                 minor=2, size=None, common_words=1, channel_words=1, offset=18):
    """A link header and message; the keyword arguments make it wrong."""
    body = struct.pack("<IBBIIIII", connection_id, channel_type, channel_id, common_words,
                       channel_words, offset, common, channel)
    return magic + struct.pack("<III", major, minor, len(body) if size is None else size) + body


def _mgf1(seed, size):
    out = b""
    for counter in range((size + 19) // 20):
        out += hashlib.sha1(seed + struct.pack(">I", counter)).digest()
    return out[:size]


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def encrypt(public_key, text):
    """RSAES-OAEP with SHA-1 under a 162-byte SubjectPublicKeyInfo of an RSA-1024 key."""
    assert public_key[:29].hex() == "30819f300d06092a864886f70d010101050003818d0030818902818100"
    assert public_key[-5:].hex() == "0203010001"
    modulus = int.from_bytes(public_key[29:157], "big")
    assert modulus >> 1023 == 1
    seed = os.urandom(20)
    block = hashlib.sha1(b"").digest()
    block += bytes(128 - 2 * 20 - 2 - len(text)) + b"\1" + text
    masked = _xor(block, _mgf1(seed, len(block)))
    masked_seed = _xor(seed, _mgf1(masked, 20))
    number = int.from_bytes(b"\0" + masked_seed + masked, "big")
    return pow(number, 65537, modulus).to_bytes(128, "big")


class Client:
    """One connection. Reads and writes fail after TIMEOUT seconds."""

    def __init__(self, port, timeout=10, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout)
        self.mini = True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, size):
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed(f"after {len(data)} of {size} bytes")
            data += part
        return data

    def read_reply(self):
        """The link reply: (error, public key, common caps, channel caps as bytes)."""
        magic, major, minor, size = struct.unpack("<4sIII", self.receive(16))
        assert (magic, major, minor) == (b"REDQ", 2, 2), (magic, major, minor)
        body = self.receive(size)
        error = struct.unpack_from("<I", body)[0]
        key = body[4:166]
        common, channel, offset = struct.unpack_from("<III", body, 166)
        if error != OK:
            assert size == 178 and not any(body[4:]), "an error reply holds nothing but the error"
            return error, None, 0, b""
        assert offset == 178 and size == 178 + 4 * (common + channel)
        words = body[178:178 + 4 * common]
        return error, key, struct.unpack("<I", words)[0], body[178 + 4 * common:]

    def link(self, *args, password=b"", mechanism=1, **kwargs):
        """The whole link stage; returns the reply. Raises Refused."""
        message = link_message(*args, **kwargs)
        common = struct.unpack_from("<I", message, 34)[0]
        self.mini = bool(common & MINI_HEADER)
        self.send(message)
        reply = self.read_reply()
        if reply[0] != OK:
            raise Refused(reply[0])
        ticket = encrypt(reply[1], password + b"\0")
        self.send((struct.pack("<I", mechanism) if common & AUTH_SELECTION else b"") + ticket)
        result = struct.unpack("<I", self.receive(4))[0]
        if result != OK:
            raise Refused(result)
        return reply

    def send_message(self, kind, body=b"", size=None):
        size = len(body) if size is None else size
        header = struct.pack("<HI", kind, size) if self.mini else \
            struct.pack("<QHII", 1, kind, size, 0)
        self.send(header + body)

    def read_message(self):
        """(type, body); with full headers the serial is kept in self.serial."""
        if self.mini:
            kind, size = struct.unpack("<HI", self.receive(6))
        else:
            self.serial, kind, size, sub_list = struct.unpack("<QHII", self.receive(18))
            assert sub_list == 0
        return kind, self.receive(size)

    def expect(self, *kinds):
        """The body of the next message of one of KINDS; others are thrown away."""
        while True:
            kind, body = self.read_message()
            if kind in kinds:
                return body

    def next_message(self):
        """(type, body) of the next message that is no PING."""
        while True:
            kind, body = self.read_message()
            if kind != 4:
                return kind, body

    def wait_until_read(self, timeout=10):
        """Until the server has taken all that was sent out of its socket."""
        ends = [f"0100007F:{name[1]:04X}" for name in (self.socket.getsockname(),
                                                      self.socket.getpeername())]
        deadline = time.monotonic() + timeout
        while True:
            with open("/proc/net/tcp", encoding="ascii") as table:
                rows = [line.split() for line in table]
            # What waits to be acknowledged here, and to be read there: tx:rx.
            waits = [row[4].split(":")[number] for number in (0, 1)
                     for row in rows if row[1:3] == (ends if number == 0 else ends[::-1])]
            assert len(waits) == 2, "not connected over the loopback interface"
            if not any(int(count, 16) for count in waits):
                return
            assert time.monotonic() < deadline, f"{waits} bytes are not read"
            time.sleep(0.01)

    def is_closed(self):
        """Reads until the server closes; False when it does not within the timeout."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except socket.timeout:
            return False
        return True


class Main(Client):
    """A session's main connection, up to and including MAIN_INIT."""

    def __init__(self, port, timeout=10, **kwargs):
        super().__init__(port, timeout)
        self.reply = self.link(**kwargs)
        body = self.expect(103)
        (self.session, self.displays, self.modes, self.mode, self.agent, self.tokens, self.time,
         self.ram_hint) = struct.unpack("<8I", body)
