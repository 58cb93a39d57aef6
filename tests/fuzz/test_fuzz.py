#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the fuzz targets (fuzz_*.c), each for FUZZ_SECONDS (20) from the seeds that are made here.

By hand, for longer, or one alone:  FUZZ_SECONDS=600 tests/fuzz/test_fuzz.py [TARGET...]
Inputs that fail are kept in the build folder, under fuzz/TARGET; those that found something new stay
in fuzz/corpus/TARGET for the next run."""

import glob
import gzip
import json
import os
import struct
import subprocess
import sys

SRCDIR = os.environ.get("SRCDIR") or os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILDDIR = os.environ.get("BUILDDIR") or os.getcwd()
SHARED = os.environ.get("SHARED") or os.path.join(SRCDIR, "../shared")
sys.path.insert(0, os.path.join(SRCDIR, "tests/support"))

from spice_client import link_message
from tap import Tap

SECONDS = int(os.environ.get("FUZZ_SECONDS", 20))
FUZZ = os.path.join(BUILDDIR, "fuzz")
MEGABYTES = 2048  # of memory that a target may use
tap = Tap()


# --- seeds: sound inputs of each target ---


def stream_seeds():
    for path in glob.glob(os.path.join(SRCDIR, "tests/data/streams/*.gz")):
        with gzip.open(path) as file:
            yield file.read()


def qmp_seeds():
    inet = {"transport": "socket", "type": "inet", "host": "h", "port": "1"}
    addresses = [inet, {"transport": "socket", "type": "unix", "path": "/p"},
                 {"transport": "socket", "type": "vsock", "cid": "2", "port": "3"},
                 {"transport": "socket", "type": "fd", "str": "name"},
                 {"transport": "exec", "args": ["a", "b"]}, {"transport": "exec", "exec-str": "c"},
                 {"transport": "file", "filename": "f", "offset": 4096},
                 {"transport": "rdma", "host": "h", "port": "1"}]
    requests = [{"execute": "echo", "arguments": {"number": 1, "text": "\u20ac\n"}, "id": [1]},
                {"execute": "query-commands"}, {"execute": "nothing"},
                {"execute": "getfd", "arguments": {"fdname": "x"}}]
    for uri in ("tcp:[::1]:4", "unix:/x", "vsock:1:0x2", "fd:3", "fd:n", "exec:true",
                "file:/x,offset=0x1000", "rdma:h:1", "tcp:"):
        requests.append({"execute": "migrate", "arguments": {"uri": uri, "detach": True}})
    for address in addresses:
        requests.append({"execute": "migrate", "arguments": {
            "channels": [{"channel-type": "main", "addr": address}]}})
        requests.append({"execute": "migrate", "arguments": {
            "channel": {"channeltype": "main", "addr": address}}})
    for request in requests:
        yield json.dumps(request).encode() + b"\n"
    yield b"{'execute': 'echo', 'arguments': {'number': 1e3}}\xff[[[[]]]] \"x\" 12 true\n"


def link_seeds():
    def messages(*list_of):
        return b"".join(struct.pack("<HI", kind, len(body)) + body for kind, body in list_of)

    yield b"\0" + link_message()
    yield b"\0" + link_message(1, 2, 0, channel=0xffff) + struct.pack("<I", 1) + bytes(128)
    yield b"\0GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n" \
        b"Sec-WebSocket-Protocol: binary\r\n\r\n"
    pong = (3, struct.pack("<IQ", 1, 2))
    ack = (1, struct.pack("<I", 1))
    agent = struct.pack("<IIQI", 1, 6, 0, 8) + struct.pack("<II", 1, 15)
    monitors = struct.pack("<IIQI", 1, 2, 0, 28) + struct.pack("<IIIIIII", 1, 0, 480, 640, 32, 0, 0)
    yield b"\1" + messages(ack, (2, b""), pong, (101, struct.pack("<I", 4)), (104, b""),
                           (105, struct.pack("<I", 2)), (106, struct.pack("<I", 10)),
                           (107, agent), (107, monitors), (108, struct.pack("<I", 5)))
    yield b"\1" + messages((102, b""), (103, b""), (109, b""), (110, struct.pack("<I", 1)),
                           (4, b""), (5, b"x" * 20), (6, struct.pack("<QIB", 1, 2, 0)))
    yield b"\2" + messages((101, struct.pack("<BQIIi", 1, 1 << 20, 1, 1 << 20, 0)[:14]), ack,
                           (102, struct.pack("<IIIIII", 1, 2, 3, 4, 5, 6)),
                           (103, b"\3"), (104, struct.pack("<BB", 1, 3)))
    yield b"\3" + messages((101, struct.pack("<I", 0x1c)), (102, struct.pack("<I", 0x9c)),
                           (103, struct.pack("<H", 7)), (104, b"\x1c\x9c\xe0\x1d"),
                           (111, struct.pack("<iiH", 1, -1, 0)),
                           (112, struct.pack("<IIHB", 5, 6, 1, 0)),
                           (113, struct.pack("<BH", 1, 1)), (114, struct.pack("<BH", 1, 0)))
    yield b"\4" + messages(ack, pong)
    yield b"\5" + messages(ack, pong)
    yield b"\6" + messages((102, struct.pack("<IH", 1, 1)), (103, struct.pack("<I", 1)),
                           (101, struct.pack("<I", 2) + bytes(200)))
    yield b"\7" + messages((101, struct.pack("<III", 1, 0, 4) + b"name"))
    yield b"\x08" + messages((101, b"data"), (102, struct.pack("<BI", 1, 9) + b"123456789"))
    yield b"\x09" + messages((101, b"data"), (201, b"\1"), (102, b"\1\0\0\0\0"))
    yield b"\x0a" + messages((101, b"data" * 100), (201, b"\2"))


def replay_seeds():
    rects = b"".join(b"surfaces_dest -1\nrect surfaces_rects 0 0 0 0\n" for _ in range(3))
    head = (b"drawable\nrect bbox 1 2 3 4\ntype 1\nnum_rects 1\ndata_chunks 1 16\n"
            b"binary 0 clip_rects 4:\1\0\0\0\nbinary 0 clip_rects 12:\2\0\0\0\3\0\0\0\4\0\0\0\n"
            b"effect 1\nmm_time 7\nself_bitmap 0\nrect self_bitmap_area 0 0 0 0\nsurface_id 5\n")
    yield b"\0" + head + rects + (
        b"type 3\nimage 1\ndescriptor.id 1\ndescriptor.type 0\ndescriptor.flags 2\n"
        b"descriptor.width 2\ndescriptor.height 1\nbitmap.format 5\nbitmap.flags 4\nbitmap.x 2\n"
        b"bitmap.y 1\nbitmap.stride 2\nhas_palette 1\nqp.num_ents 2\nunique 77\nents 255\nents -1\n"
        b"data_chunks 0 2\nbinary 0 bitmap.data 2:\0\1\nrect src_area 0 0 1 2\nrop_descriptor 8\n"
        b"scale_mode 1\nflags 0\npoint -3 4\nimage 0\n")
    yield b"\0" + head + rects + (b"type 1\ntype 1\nu.color 255\nrop_descriptor 8\nflags 0\n"
                                  b"point 0 0\nimage 0\n")
    yield b"\4surface_cmd\nsurface_id 1\ntype 0\nflags 0\nu.surface_create.format 32\n" \
        b"u.surface_create.width 4\nu.surface_create.height 4\nu.surface_create.stride 16\n" \
        b"data 1\nbinary 0 data 4:abcd\n"
    yield b"\2cursor_cmd\ntype 0\nu.set.position.x 1\nu.set.position.y 2\nu.set.visible 1\n"
    yield b"\1update\nrect area 0 0 1 1\nupdate_id 1\nsurface_id 0\n"
    yield b"\3message\ndata_chunks 0 4\nbinary 0 message 4:abcd\n"


def image_seeds():
    for number, pattern in ((0, "quic/*"), (1, "lz/*"), (2, "jpeg/*"), (0, "malformed/*"),
                            (1, "malformed/*")):
        for path in glob.glob(os.path.join(SHARED, "vectors/codecs", pattern)):
            if os.path.getsize(path) < 20000 and not path.endswith(".tsv"):
                with open(path, "rb") as file:
                    yield bytes([number]) + file.read()
    yield b"\0QUIC" + bytes(32)
    yield b"\1  ZL\0\1\0\1" + bytes(40)


def draw_seeds():
    def address(offset):  # as qxl_host_address(): slot 0, generation 3
        return 3 << 48 | offset

    def drawable(kind, rest, clip=0):
        return struct.pack("<QIBBB", 1, 0, 1, kind, 0) + bytes(16) + \
            struct.pack("<iiii", 0, 0, 40, 40) + struct.pack("<IQI", clip, 0, 0) + \
            struct.pack("<iii", -1, -1, -1) + bytes(48) + rest

    mask, solid = bytes(17), struct.pack("<IIQI", 1, 0xff00ff, 0, 0)
    image = struct.pack("<QBBIII", 1, 104, 0, 32, 32, 1)
    kinds = {1: solid + b"\x08\0" + mask,                                          # FILL
             2: bytes(8) + bytes(16) + solid + b"\x08\0\0" + mask,                 # OPAQUE
             3: bytes(8) + struct.pack("<iiii", 0, 0, 32, 32) + b"\x08\0\0" + mask,  # COPY
             4: struct.pack("<ii", 3, 3), 6: mask, 7: mask, 8: mask,
             9: bytes(8) + bytes(16) + solid + b"\xcc\0" + mask,
             10: bytes(8) + struct.pack("<BQ", 0, 0) + solid + bytes(4),
             11: bytes(8) + bytes(16) + solid + solid + bytes(4),
             12: bytes(8) + bytes(16) + struct.pack("<II", 1, 2),
             13: struct.pack("<HBQ", 0, 255, 0) + bytes(16),
             14: struct.pack("<IQQQ", 8, 0, 0, 0) + bytes(80)}
    for kind, rest in kinds.items():
        command = drawable(kind, rest)
        for flags in (1, 2):
            yield bytes([flags]) + command
        for offset in range(0, 0x60000, 0x4000):
            if kind in (2, 3, 9, 10, 11, 12, 13):  # begin with the address of a picture
                at = address(offset + len(command))
                yield b"\1" + drawable(kind, struct.pack("<Q", at) + rest[8:]) + image
    yield b"\0" + struct.pack("<QBhhBQ", 1, 0, 3, 4, 1, 0) + bytes(128)


SEEDS = {"stream": stream_seeds, "qmp": qmp_seeds, "link": link_seeds, "replay": replay_seeds,
         "image": image_seeds, "draw": draw_seeds}


# --- running ---


def build():
    """The targets, in a build of their own: they need clang's instrumentation in every object."""
    os.makedirs(FUZZ, exist_ok=True)
    if not os.path.exists(os.path.join(FUZZ, "Makefile")):
        subprocess.run([os.path.join(SRCDIR, "configure"), "--enable-fuzz"], cwd=FUZZ, check=True,
                       stdout=subprocess.DEVNULL)
    result = subprocess.run(["make", "-j2", "fuzz"], cwd=FUZZ, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]


def run(name):
    folders = [os.path.join(FUZZ, "corpus", name), os.path.join(FUZZ, "seeds", name),
               os.path.join(FUZZ, "found", name)]
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
    count = 0
    for count, seed in enumerate(SEEDS[name](), 1):
        with open(os.path.join(folders[1], f"{count:04}"), "wb") as file:
            file.write(seed)
    assert count, f"there are no seeds for {name}"
    result = subprocess.run(
        [os.path.join(FUZZ, f"tests/fuzz/fuzz_{name}"), f"-max_total_time={SECONDS}", "-timeout=20",
         f"-rss_limit_mb={MEGABYTES}", "-max_len=2000000", "-len_control=20",
         "-print_final_stats=1", f"-artifact_prefix={folders[2]}/", folders[0], folders[1]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", timeout=SECONDS + 120,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1",
             "LSAN_OPTIONS": f"suppressions={SRCDIR}/tests/support/leaks.supp"})
    assert result.returncode == 0, result.stdout[-6000:]
    stats = [line.split()[-1] for line in result.stdout.splitlines()
             if "number_of_executed_units" in line]
    tap.say(f"{name}: {stats[0]} inputs, {len(os.listdir(folders[0]))} of them kept")
    assert int(stats[0]) >= count, "not even every seed was tried"


with tap.case("the fuzz targets build"):
    build()
for target in sys.argv[1:] or sorted(SEEDS):
    with tap.case(f"{target}: {SECONDS} s without a finding"):
        run(target)
tap.finish()
