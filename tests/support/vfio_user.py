# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vfio-user client for tests, written from the protocol's description, and the host it talks to."""

import array
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, REGION_INFO, IO_FDS, IRQ_INFO, SET_IRQS = range(1, 9)
READ, WRITE, DMA_READ, DMA_WRITE, RESET = range(9, 14)
WRITE_MULTI, FEATURE, MIG_READ, MIG_WRITE = range(15, 19)
NO_REPLY = 0x10
EINVAL, ENOENT, EEXIST = 22, 2, 17

QEMU_CAPABILITIES = {"capabilities": {
    "pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, "max_data_xfer_size": 1048576,
    "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, "write_multiple": True}}


class Closed(Exception):
    """The server closed the connection."""


def message(ident, command, payload=b"", flags=0, size=None):
    return struct.pack("<HHIII", ident, command, 16 + len(payload) if size is None else size,
                       flags, 0) + payload


def write_payload(region, offset, data):
    return struct.pack("<QII", offset, region, len(data)) + data


class Client:
    """One connection. Replies are checked to the letter: id, command, type, length, error."""

    def __init__(self, path, negotiate=True, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.ident = 190
        self.fds = []
        if negotiate:
            self.version_reply = self.version()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        self.socket.close()

    def next_ident(self):
        self.ident = (self.ident + 1) & 0xffff
        return self.ident

    def send_raw(self, data, fds=()):
        if fds:
            sent = self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                 array.array("i", fds))])
            data = data[sent:]
        if data:
            self.socket.sendall(data)

    def receive_exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                part, ancillary, _, _ = self.socket.recvmsg(count - len(data), socket.CMSG_SPACE(64))
            except ConnectionResetError:
                raise Closed() from None
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", content[:len(content) // 4 * 4])
            if not part:
                raise Closed()
            data += part
        return data

    def receive(self, ident, command):
        """One reply: (errno, payload)."""
        got_ident, got_command, size, flags, error = struct.unpack("<HHIII", self.receive_exactly(16))
        payload = self.receive_exactly(size - 16)
        assert (got_ident, got_command) == (ident, command), \
            f"reply to {got_ident}/{got_command}, expected {ident}/{command}"
        if flags == 0x21:
            assert error and not payload, "an error reply has an errno and no payload"
            return error, b""
        assert flags == 1 and error == 0, f"reply flags {flags:#x} error {error}"
        return 0, payload

    def request(self, command, payload=b"", fds=(), flags=0):
        ident = self.next_ident()
        self.send_raw(message(ident, command, payload, flags), fds)
        return self.receive(ident, command)

    def ok(self, command, payload=b"", fds=()):
        error, reply = self.request(command, payload, fds)
        assert error == 0, f"command {command}: errno {error}"
        return reply

    def fails(self, command, payload=b"", fds=(), errno=EINVAL):
        error, _ = self.request(command, payload, fds)
        assert error == errno, f"command {command} {payload[:40].hex()}: errno {error}, not {errno}"

    def post(self, command, payload):
        self.send_raw(message(self.next_ident(), command, payload, NO_REPLY))

    def version(self, capabilities=QEMU_CAPABILITIES):
        text = b"" if capabilities is None else json.dumps(capabilities).encode() + b"\0"
        return self.ok(VERSION, struct.pack("<HH", 0, 0) + text)

    def read(self, region, offset, count):
        reply = self.ok(READ, struct.pack("<QII", offset, region, count))
        assert reply[:16] == struct.pack("<QII", offset, region, count)
        assert len(reply) == 16 + count
        return reply[16:]

    def write(self, region, offset, data):
        reply = self.ok(WRITE, write_payload(region, offset, data))
        assert reply == struct.pack("<QII", offset, region, len(data))

    def read_u32(self, region, offset):
        return struct.unpack("<I", self.read(region, offset, 4))[0]

    def region_info(self, index):
        """(flags, size, offset) of a region; its descriptor, if any, is appended to fds."""
        reply = self.ok(REGION_INFO, struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0))
        assert len(reply) == 32
        argsz, flags, got, cap_offset, size, offset = struct.unpack("<IIIIQQ", reply)
        assert (argsz, got, cap_offset) == (32, index, 0)
        return flags, size, offset

    def set_irqs(self, flags, index=0, start=0, count=1, data=b"", fds=()):
        return self.request(SET_IRQS, struct.pack("<IIIII", 20 + len(data), flags, index, start,
                                                  count) + data, fds)[0]

    def closed(self, timeout=5):
        """Does the server close the connection?"""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False


def readable(fd, seconds):
    return bool(select.select([fd], [], [], seconds)[0])


class Host:
    """The program that serves test devices (tests/client/vfio_user_host.c)."""

    def __init__(self, mmap="off", devices=1):
        self.folder = tempfile.mkdtemp(prefix="vfio-user-")
        self.paths = [os.path.join(self.folder, f"card{i}.sock") for i in range(devices)]
        self.path = self.paths[0]
        program = os.path.join(os.environ["BUILDDIR"], "tests/client/vfio_user_host")
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.process = subprocess.Popen([program, mmap, *self.paths], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.lines = []
        self.news = threading.Condition()
        threading.Thread(target=self.collect, daemon=True).start()
        self.wait_line("listening")

    def collect(self):
        for line in self.process.stdout:
            text = line.decode().strip()
            with self.news:
                # GLib writes its messages to standard output, too.
                self.lines.append(text)
                self.news.notify_all()

    def wait_line(self, text, timeout=20):
        """Waits for a line and removes it, with all that came before it."""
        with self.news:
            found = self.news.wait_for(lambda: text in self.lines, timeout)
            assert found, f"the host did not say '{text}' but {self.lines}"
            del self.lines[:self.lines.index(text) + 1]

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        self.wait_line("ok")

    def open_fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settled_fds(self, expected, timeout=5):
        """Waits until the host has so many descriptors open; returns how many it has."""
        end = time.monotonic() + timeout
        while self.open_fds() != expected and time.monotonic() < end:
            time.sleep(0.01)
        return self.open_fds()

    def close(self):
        """Ends the program; it must end by itself, with status 0 and without its sockets."""
        try:
            self.process.stdin.close()
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "did not end"
        self.log.seek(0)
        errors = self.log.read().decode(errors="replace")
        left = [path for path in self.paths if os.path.exists(path)]
        shutil.rmtree(self.folder)
        assert status == 0, f"the host ended with {status}: {errors[-2000:]}"
        assert not left, f"left over: {left}"
