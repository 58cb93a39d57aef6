#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfio-user conformance: every message, byte-exact replies, batches and pieces, regions, reconnects."""

import json
import mmap
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))

from tap import Tap
from vfio_user import (
    Client, Host, message, write_payload, readable, ENOENT, EEXIST, QEMU_CAPABILITIES,
    VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, REGION_INFO, IO_FDS, IRQ_INFO, READ, WRITE, RESET,
    WRITE_MULTI, FEATURE, MIG_READ, MIG_WRITE)

BAR0, BAR1, ROM, IO, BAR4, CONFIG = 0, 1, 2, 3, 4, 7
PORT_IRQ, PORT_SLEEP, PORT_COUNT, PORT_VALUE, PORT_RESETS = 0, 4, 8, 12, 16

tap = Tap()


def negotiation(host):
    with tap.case("VERSION is answered within the request's size"):
        with Client(host.path) as client:
            reply = client.version_reply
            request = 16 + 4 + len(json.dumps(QEMU_CAPABILITIES)) + 1
            assert reply[:4] == b"\0\0\0\0" and 16 + len(reply) <= request and reply[-1] == 0
            answer = json.loads(reply[4:-1])
            assert answer == {"capabilities": {"max_msg_fds": 8, "write_multiple": True}}, answer
    for proposed, expected in ((0, 0), (1, 1), (2, 1), (65535, 1)):
        with tap.case(f"minor version {proposed} is answered with {expected}"):
            with Client(host.path, negotiate=False) as client:
                reply = client.ok(VERSION, struct.pack("<HH", 0, proposed) + b"{}\0")
                assert struct.unpack("<HH", reply[:4]) == (0, expected)
    with tap.case("VERSION without JSON gets no JSON; write_multiple is not announced unasked"):
        with Client(host.path, negotiate=False) as client:
            assert client.version(None) == b"\0\0\0\0"
        with Client(host.path, negotiate=False) as client:
            reply = client.version({"capabilities": {"max_msg_fds": 1, "some_other_key": [1, {}]}})
            assert json.loads(reply[4:-1]) == {"capabilities": {"max_msg_fds": 8}}
    bad = {
        "major 1": struct.pack("<HH", 1, 0), "two bytes": b"\0\0",
        "no JSON": b"\0\0\0\0nonsense\0", "no NUL": b"\0\0\0\0{}", "NUL inside": b"\0\0\0\0{}\0\0",
        "an array": b"\0\0\0\0[]\0", "deep": b"\0\0\0\0" + b"[" * 9 + b"]" * 9 + b"\0",
        "5 KiB": b"\0\0\0\0{\"a\":\"" + b"x" * 5000 + b"\"}\0", "not UTF-8": b"\0\0\0\0{\"\xff\":1}\0",
        "negative": b"\0\0\0\0{\"capabilities\":{\"max_data_xfer_size\":-1}}\0",
        "float": b"\0\0\0\0{\"capabilities\":{\"max_msg_fds\":1.5}}\0",
        "huge": b"\0\0\0\0{\"capabilities\":{\"max_data_xfer_size\":1e99}}\0",
        "duplicate key": b"\0\0\0\0{\"capabilities\":{},\"capabilities\":{}}\0",
        "number for bool": b"\0\0\0\0{\"capabilities\":{\"write_multiple\":1}}\0",
    }
    with tap.case("bad VERSION requests are refused, and a good one after them is not"):
        with Client(host.path, negotiate=False) as client:
            for payload in bad.values():
                client.fails(VERSION, payload)
            client.version()
    with tap.case("a second VERSION is refused and the connection goes on"):
        with Client(host.path) as client:
            client.fails(VERSION, b"\0\0\0\0{}\0")
            client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
    with tap.case("anything before VERSION ends the connection"):
        with Client(host.path, negotiate=False) as client:
            client.send_raw(message(1, GET_INFO, bytes(16)))
            assert client.closed()


def information(host):
    with Client(host.path) as client:
        with tap.case("GET_INFO; longer requests are tolerated, short argsz is not"):
            for size in (16, 32):
                reply = client.ok(GET_INFO, struct.pack("<I", size) + bytes(size - 4))
                assert reply == struct.pack("<IIII", 16, 3, 9, 5), reply.hex()
            client.fails(GET_INFO, struct.pack("<IIII", 12, 0, 0, 0))
            client.fails(GET_INFO, bytes(8))
        with tap.case("REGION_INFO of every region, nothing mappable with mmap=off"):
            sizes = [1 << 20, 64 << 10, 8 << 10, 32, 2 << 20, 0, 0, 256, 0]
            for index, size in enumerate(sizes):
                assert client.region_info(index) == (3 if size else 0, size, 0), index
            assert not client.fds
            client.fails(REGION_INFO, struct.pack("<IIIIQQ", 32, 0, 9, 0, 0, 0))
            client.fails(REGION_INFO, struct.pack("<IIIIQQ", 31, 0, 0, 0, 0, 0))
            client.fails(REGION_INFO, bytes(31))
        with tap.case("REGION_IO_FDS succeeds with none"):
            reply = client.ok(IO_FDS, struct.pack("<IIII", 1000, 0, IO, 0))
            assert reply == struct.pack("<IIII", 16, 0, IO, 0) and not client.fds
            client.fails(IO_FDS, struct.pack("<IIII", 16, 0, 9, 0))
        with tap.case("IRQ_INFO: INTx only, no ERR interrupt"):
            for index in range(5):
                reply = client.ok(IRQ_INFO, struct.pack("<IIII", 16, 0, index, 0))
                assert reply == struct.pack("<IIII", 16, 7 if index == 0 else 0, index,
                                            1 if index == 0 else 0)
            client.fails(IRQ_INFO, struct.pack("<IIII", 16, 0, 5, 0))
        with tap.case("unknown and one-way commands are refused and the connection goes on"):
            for command in (0, 11, 12, 14, 19, 99, 65535):
                client.fails(command, b"x" * 100)
            for command in (MIG_READ, MIG_WRITE):
                client.fails(command, struct.pack("<II", 16, 8) + bytes(8))
            client.fails(MIG_READ)


def regions(host):
    with Client(host.path) as client:
        with tap.case("memory: every size and alignment, at both ends"):
            pattern = bytes(range(1, 18))
            for size in (1, 2, 4, 8, 16, 17):
                for offset in (0, 1, 3, 100, (1 << 20) - size):
                    client.write(BAR0, offset, pattern[:size])
                    assert client.read(BAR0, offset, size) == pattern[:size]
        with tap.case("memory: 1 MiB in one message, and a byte more is refused"):
            block = os.urandom(1 << 20)
            client.write(BAR4, 4096, block)
            assert client.read(BAR4, 4096, 1 << 20) == block
            client.fails(READ, struct.pack("<QII", 0, BAR4, (1 << 20) + 1))
        with tap.case("accesses outside are refused, also with sums that wrap"):
            for region, offset, count in ((BAR0, 1 << 20, 1), (BAR0, (1 << 20) - 1, 2),
                                          (BAR0, 2**64 - 1, 2), (BAR0, 0, 2**32 - 1), (5, 0, 1),
                                          (6, 0, 1), (8, 0, 1), (9, 0, 1), (0xdeadbeef, 0, 1),
                                          (CONFIG, 255, 2), (CONFIG, 2**64 - 4, 8), (IO, 32, 1)):
                client.fails(READ, struct.pack("<QII", offset, region, count))
                data = bytes(min(count, 16))
                client.fails(WRITE, struct.pack("<QII", offset, region, count) + data)
            client.fails(WRITE, struct.pack("<QII", 0, BAR0, 9) + bytes(8))
            client.fails(READ, bytes(15))
        with tap.case("an empty access succeeds"):
            assert client.read(BAR0, 1 << 20, 0) == b""
            client.write(CONFIG, 256, b"")
        with tap.case("the read-only BAR keeps its contents"):
            client.write(ROM, 0, b"\xff" * 100)
            assert client.read(ROM, 0, 8192) == bytes(i % 251 for i in range(8192))
        with tap.case("ports: 1, 2 and 4 bytes reach the device, others are refused"):
            client.write(IO, PORT_VALUE, b"\x11")
            assert client.read_u32(IO, PORT_VALUE) == 0x11
            client.write(IO, PORT_VALUE, b"\x34\x12")
            assert client.read(IO, PORT_VALUE, 2) == b"\x34\x12"
            client.write(IO, PORT_VALUE, b"\x78\x56\x34\x12")
            assert client.read_u32(IO, PORT_VALUE) == 0x12345678
            for size in (3, 5, 8):
                client.fails(WRITE, write_payload(IO, 0, bytes(size)))
        with tap.case("configuration space: identity, BAR types, sizing, command bits"):
            image = client.read(CONFIG, 0, 256)
            assert struct.unpack_from("<HH", image) == (0x1b36, 0x100)
            assert [image[0x10 + 4 * i] & 0xf for i in range(6)] == [0, 0, 0, 1, 0xc, 0]
            assert image[0x3d] == 1
            client.write(CONFIG, 0x10, b"\xff" * 4)
            assert client.read_u32(CONFIG, 0x10) == 0xfff00000
            client.write(CONFIG, 0x1c, b"\xff" * 4)
            assert client.read_u32(CONFIG, 0x1c) == 0xffffffe1
            client.write(CONFIG, 0x04, b"\x03\x01")
            assert client.read(CONFIG, 0x04, 2) == b"\x03\x01"
            client.write(CONFIG, 0x00, b"\0\0\0\0")
            assert client.read_u32(CONFIG, 0) == 0x01001b36


def posted(host):
    with Client(host.path) as client:
        with tap.case("posted writes get no answer, are in order, and errors stay silent"):
            for i in range(1000):
                client.post(WRITE, write_payload(BAR0, 64, struct.pack("<I", i)))
            client.post(WRITE, write_payload(BAR0, 1 << 20, b"x"))
            client.post(99, b"")
            assert client.read_u32(BAR0, 64) == 999
        with tap.case("WRITE_MULTI, posted and answered, with ports among memory"):
            entries = [(BAR1, 8 * i, struct.pack("<Q", i * i)) for i in range(200)]
            entries.append((IO, PORT_VALUE, struct.pack("<I", 77)))
            body = struct.pack("<Q", len(entries))
            for region, offset, data in entries:
                body += struct.pack("<QII", offset, region, len(data)) + data.ljust(8, b"\0")
            client.post(WRITE_MULTI, body)
            assert client.read(BAR1, 0, 1600) == b"".join(data for _, _, data in entries[:200])
            assert client.read_u32(IO, PORT_VALUE) == 77
            assert client.ok(WRITE_MULTI, body) == struct.pack("<Q", 201)
            assert client.ok(WRITE_MULTI, bytes(8)) == bytes(8)
        with tap.case("WRITE_MULTI with wrong counts and sizes is refused"):
            entry = struct.pack("<QII", 0, BAR1, 4) + bytes(8)
            client.fails(WRITE_MULTI, struct.pack("<Q", 2) + entry)
            client.fails(WRITE_MULTI, struct.pack("<Q", 2**64 // 24 + 1) + entry)
            client.fails(WRITE_MULTI, struct.pack("<Q", 2**63) + entry)
            client.fails(WRITE_MULTI, struct.pack("<Q", 1) + struct.pack("<QII", 0, BAR1, 9) + bytes(8))
            client.fails(WRITE_MULTI, bytes(7))


def dma(host):
    def window(address, size, offset=0, flags=3):
        return struct.pack("<IIQQQ", 32, flags, offset, address, size)

    def unmap(address, size, flags=0):
        return struct.pack("<IIQQ", 24, flags, address, size)

    with Client(host.path) as client:
        with tap.case("DMA_MAP and UNMAP: header-only and echoed answers, overlaps, wraps, unknown"):
            assert client.ok(DMA_MAP, window(0x1000, 0x2000)) == b""
            assert client.ok(DMA_MAP, window(0x4000, 0x1000)) == b""
            for address, size in ((0x1000, 0x2000), (0, 0x1001), (0x2fff, 1), (0x2000, 0x3000),
                                  (0, 2**64 - 1), (0x4fff, 0x10)):
                client.fails(DMA_MAP, window(address, size), errno=EEXIST)
            for address, size in ((0xfffffffffffff000, 0x2000), (0x10000, 0), (2, 2**64 - 1)):
                client.fails(DMA_MAP, window(address, size))
            client.ok(DMA_MAP, window(0xfffffffffffff000, 0x1000))
            client.ok(DMA_MAP, window(0x3000, 0x1000))
            client.fails(DMA_MAP, window(0x10000, 0x1000, offset=2**64 - 1))
            client.fails(DMA_MAP, window(0x10000, 0x1000, flags=0x10))
            client.fails(DMA_UNMAP, unmap(0x1000, 0x1000), errno=ENOENT)
            client.fails(DMA_UNMAP, unmap(0x1001, 0x2000), errno=ENOENT)
            client.fails(DMA_UNMAP, unmap(0x9000, 0x2000), errno=ENOENT)
            assert client.ok(DMA_UNMAP, unmap(0x1000, 0x2000)) == unmap(0x1000, 0x2000)
            client.fails(DMA_UNMAP, unmap(0x1000, 0x2000), errno=ENOENT)
            client.fails(DMA_UNMAP, unmap(0x4000, 0x1000, flags=1))
            client.fails(DMA_UNMAP, unmap(0x4000, 0x1000, flags=2))
            client.ok(DMA_UNMAP, unmap(0, 0, flags=2))
            client.fails(DMA_UNMAP, unmap(0x4000, 0x1000), errno=ENOENT)
            client.fails(DMA_MAP, bytes(31))
        with tap.case("the number of windows is limited with ENOSPC"):
            batch = b"".join(message(i & 0xffff, DMA_MAP, window(i << 13, 0x1000))
                             for i in range(65535))
            sender = threading.Thread(target=client.socket.sendall, args=(batch,))
            sender.start()
            for i in range(65535):
                assert client.receive(i & 0xffff, DMA_MAP) == (0, b"")
            sender.join()
            client.fails(DMA_MAP, window(65535 << 13, 0x1000), errno=28)
            client.ok(DMA_UNMAP, unmap(0, 0, flags=2))
    with tap.case("descriptors are closed at once, also those of refused messages"):
        with Client(host.path) as client:
            before = host.open_fds()
            with open("/dev/null", "rb") as file:
                for i in range(20):
                    client.ok(DMA_MAP, window(i << 12, 0x1000), fds=[file.fileno()])
                client.fails(DMA_MAP, window(99 << 12, 0x1000), fds=[file.fileno()] * 2)
                client.fails(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0), fds=[file.fileno()])
                client.fails(99, b"", fds=[file.fileno()] * 16)
                client.fails(99, b"", fds=[file.fileno()] * 40)
                client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
            assert host.open_fds() == before
    with Client(host.path) as client:
        with tap.case("dirty logging: nothing is ever dirty, reports have the right size"):
            def logging(feature, operation, data, argsz=None):
                size = 8 + len(data) if argsz is None else argsz
                return struct.pack("<II", size, feature | operation) + data
            get, put, probe = 1 << 16, 1 << 17, 1 << 18
            client.ok(DMA_MAP, window(0x100000, 65 << 12))
            report = struct.pack("<QQQ", 0x100000, 65 << 12, 4096)
            client.fails(FEATURE, logging(8, get, report, 48))
            start = struct.pack("<QII", 4096, 1, 0) + struct.pack("<QQ", 0x100000, 65 << 12)
            assert client.ok(FEATURE, logging(6, put, start)) == logging(6, put, start)
            assert client.ok(FEATURE, logging(8, get, report, 200)) == \
                logging(8, get, report, 48) + bytes(16)
            client.fails(FEATURE, logging(8, get, report, 47))
            client.fails(FEATURE, logging(8, get, struct.pack("<QQQ", 0x100000, 4096, 4096), 200),
                         errno=ENOENT)
            for page in (0, 1, 512, 4097, 12288):
                client.fails(FEATURE, logging(8, get, struct.pack("<QQQ", 0x100000, 65 << 12, page), 200))
                client.fails(FEATURE, logging(6, put, struct.pack("<QII", page, 0, 0)))
            client.fails(FEATURE, logging(6, put, struct.pack("<QII", 4096, 2, 0) + bytes(16)))
            client.fails(FEATURE, logging(6, put, struct.pack("<QII", 4096, 2**32 - 1, 0) + bytes(16)))
            assert client.ok(FEATURE, logging(7, put, b"")) == logging(7, put, b"")
            client.fails(FEATURE, logging(8, get, report, 200))
            for feature, operation in ((6, put), (7, put), (8, get)):
                client.ok(FEATURE, logging(feature, probe | operation, b""))
                client.ok(FEATURE, logging(feature, probe, b""))
                client.fails(FEATURE, logging(feature, probe | get | put, b""))
                client.fails(FEATURE, logging(feature, 0, b""))
                client.fails(FEATURE, logging(feature, operation | 1 << 19, report, 200))
        with tap.case("migration features are refused"):
            for feature in (0, 1, 2, 3, 9, 0xffff):
                for operation in (get, put, probe, probe | get):
                    client.fails(FEATURE, logging(feature, operation, bytes(8)))
            client.fails(FEATURE, bytes(7))


def framing(host):
    with Client(host.path) as client:
        with tap.case("messages in single bytes, and many in one piece"):
            for byte in message(7, WRITE, write_payload(BAR0, 16, b"abcd")):
                client.send_raw(bytes([byte]))
            assert client.receive(7, WRITE)[0] == 0
            batch = b"".join(message(i, READ, struct.pack("<QII", 16, BAR0, 4)) for i in range(500))
            client.send_raw(batch)
            for i in range(500):
                assert client.receive(i, READ)[1][16:] == b"abcd"
        with tap.case("every split of two glued messages"):
            data = message(1, WRITE, write_payload(BAR0, 32, b"12345678")) + \
                message(2, READ, struct.pack("<QII", 32, BAR0, 8))
            for cut in range(1, len(data)):
                client.send_raw(data[:cut])
                time.sleep(0.001)
                client.send_raw(data[cut:])
                assert client.receive(1, WRITE)[0] == 0
                assert client.receive(2, READ)[1][16:] == b"12345678"
        with tap.case("descriptors belong to the message they came with, in every batch"):
            event = os.eventfd(0, os.EFD_NONBLOCK)
            plain = message(3, DMA_UNMAP, struct.pack("<IIQQ", 24, 2, 0, 0))
            irq = message(4, 8, struct.pack("<IIIII", 20, 0x24, 0, 0, 1))
            for cut in range(1, len(irq)):
                client.send_raw(plain + plain)
                client.send_raw(irq[:cut], [event])
                client.send_raw(irq[cut:] + plain)
                for ident, command in ((3, DMA_UNMAP), (3, DMA_UNMAP), (4, 8), (3, DMA_UNMAP)):
                    error, _ = client.receive(ident, command)
                    assert error == 0, f"cut at {cut}: command {command} errno {error}"
            client.set_irqs(0x21, count=1)
            assert readable(event, 1), "the last eventfd was not bound"
            os.close(event)
        with tap.case("a client that does not read is waited for, and gets every answer"):
            count = 3000
            batch = b"".join(message(i, READ, struct.pack("<QII", 0, BAR0, 4096)) for i in range(count))
            sender = threading.Thread(target=client.socket.sendall, args=(batch,))
            sender.start()
            time.sleep(0.5)
            for i in range(count):
                assert len(client.receive(i, READ)[1]) == 4112
            sender.join()
    for name, data in (("size 15", message(1, READ, size=15)), ("size 0", message(1, READ, size=0)),
                       ("size 200 MiB", message(1, WRITE, bytes(64), size=200 << 20)),
                       ("size 1 MiB + 33", message(1, WRITE, bytes(64), size=(1 << 20) + 33)),
                       ("a reply", message(1, READ, bytes(16), flags=1)),
                       ("type 2", message(1, READ, bytes(16), flags=2))):
        with tap.case(f"a header with {name} ends the connection, another works"):
            with Client(host.path) as client:
                client.send_raw(data)
                assert client.closed()
            with Client(host.path) as client:
                client.read(BAR0, 0, 4)


def connections(host):
    with tap.case("a second client is refused while the first goes on"):
        with Client(host.path) as client:
            with Client(host.path, negotiate=False) as other:
                assert other.closed()
            client.read(BAR0, 0, 4)
    with tap.case("a client that says nothing gives way after 2 s"):
        with Client(host.path, negotiate=False) as silent:
            time.sleep(3)
            with Client(host.path) as client:
                client.read(BAR0, 0, 4)
            assert silent.closed()
    with tap.case("disconnecting at any byte: the card is reset, windows are gone, no descriptor leaks"):
        with Client(host.path) as client:
            before = host.open_fds()
            resets = client.read_u32(IO, PORT_RESETS)
        data = message(1, DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0x1000, 0x1000)) + \
            message(2, WRITE, write_payload(BAR0, 0, b"dirt"))
        with open("/dev/null", "rb") as file:
            for cut in range(1, len(data) + 1):
                client = Client(host.path)
                client.send_raw(data[:cut], [file.fileno()])
                client.close()
        with Client(host.path) as client:
            assert client.read(BAR0, 0, 4) == bytes(4)
            assert client.read_u32(IO, PORT_RESETS) == resets + len(data) + 1
            client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0x1000, 0x1000))
            assert host.settled_fds(before) == before
    with tap.case("RESET: power-on state, twice in a row, DMA windows kept, no payload"):
        with Client(host.path) as client:
            client.ok(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0x1000, 0x1000))
            client.write(BAR0, 0, b"dirt")
            client.write(CONFIG, 4, b"\x07\x00")
            resets = client.read_u32(IO, PORT_RESETS)
            assert client.ok(RESET) == b"" and client.ok(RESET) == b""
            assert client.read(BAR0, 0, 4) == bytes(4)
            assert client.read(CONFIG, 4, 2) == b"\0\0"
            assert client.read_u32(IO, PORT_RESETS) == resets + 2
            client.ok(DMA_UNMAP, struct.pack("<IIQQ", 24, 0, 0x1000, 0x1000))


def mapping():
    host = Host("on", devices=2)
    with tap.case("mmap=on: memory BARs come with a descriptor, ports and ROM never"):
        with Client(host.path) as client:
            flags = [client.region_info(i)[0] for i in range(9)]
            assert flags == [7, 7, 3, 3, 7, 0, 0, 3, 0], flags
            assert len(client.fds) == 3
    with tap.case("a mapping and messages show the same memory, at the region's offset"):
        with Client(host.path) as client:
            _, size, offset = client.region_info(BAR1)
            with mmap.mmap(client.fds[0], size, offset=offset) as memory:
                memory[100:104] = b"map!"
                assert client.read(BAR1, 100, 4) == b"map!"
                client.write(BAR1, 200, b"msg!")
                assert memory[200:204] == b"msg!"
    with tap.case("two devices in one process know nothing of each other"):
        with Client(host.paths[0]) as one, Client(host.paths[1]) as two:
            one.write(BAR0, 0, b"one.")
            two.write(BAR0, 0, b"two.")
            assert one.read(BAR0, 0, 4) == b"one." and two.read(BAR0, 0, 4) == b"two."
            two.ok(RESET)
            assert one.read(BAR0, 0, 4) == b"one."
    with tap.case("the hosts end by themselves and remove their sockets"):
        host.close()
    host = Host("auto")
    with tap.case("mmap=auto does not map for a client without KVM"):
        with Client(host.path) as client:
            assert client.region_info(BAR0)[0] == 3
    host.close()


def patience(host):
    with tap.case("a port write that takes 4.8 s is answered before 5 s, and its effect still comes"):
        with Client(host.path) as client:
            count = client.read_u32(IO, PORT_COUNT)
            start = time.monotonic()
            client.write(IO, PORT_SLEEP, struct.pack("<I", 4800))
            took = time.monotonic() - start
            assert 2.5 < took < 4.6, f"{took:.2f} s"
            assert client.read_u32(IO, PORT_COUNT) == count
            client.write(BAR0, 0, b"meanwhile")
            client.write(IO, PORT_VALUE, b"\x05")
            assert client.read_u32(IO, PORT_COUNT) == count + 2 and client.read_u32(IO, PORT_VALUE) == 5
    with tap.case("what was sent behind a port write of 4.8 s is answered when that is"):
        with Client(host.path) as client:
            client.write(BAR0, 0, b"abcd")
            client.send_raw(message(1, WRITE, write_payload(IO, PORT_SLEEP, struct.pack("<I", 4800))) +
                            message(2, READ, struct.pack("<QII", 0, BAR0, 4)) +
                            message(3, WRITE, write_payload(IO, PORT_VALUE, b"\x09")) +
                            message(4, READ, struct.pack("<QII", PORT_VALUE, IO, 1)))
            start = time.monotonic()
            assert client.receive(1, WRITE)[0] == 0
            assert client.receive(2, READ)[1][16:] == b"abcd"
            assert 2.5 < time.monotonic() - start < 4.6
            assert client.receive(3, WRITE)[0] == 0
            assert client.receive(4, READ)[1][16:] == b"\x09"
    with tap.case("a client that goes during a port write of 1 s: the next is served after it"):
        client = Client(host.path)
        client.send_raw(message(1, WRITE, write_payload(IO, PORT_SLEEP, struct.pack("<I", 1000))))
        client.close()
        with Client(host.path) as client:
            assert client.read(BAR0, 0, 4) == bytes(4)
    with tap.case("a stopped engine holds ports back, answers memory, and catches up"):
        with Client(host.path) as client:
            client.write(IO, PORT_VALUE, b"\x01")
            host.command("stop")
            client.write(BAR0, 0, b"memory")
            start = time.monotonic()
            client.write(IO, PORT_VALUE, b"\x02")
            assert 2.5 < time.monotonic() - start < 5
            assert client.read_u32(IO, PORT_VALUE) == 1
            host.command("start")
            client.write(IO, PORT_SLEEP, b"\0")
            assert client.read_u32(IO, PORT_VALUE) == 2


main = Host("off")
negotiation(main)
information(main)
regions(main)
posted(main)
dma(main)
framing(main)
connections(main)
patience(main)
mapping()
with tap.case("the host ends by itself"):
    main.close()
tap.finish()
