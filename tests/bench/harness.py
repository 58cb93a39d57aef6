# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measuring harness of $SHARED/replay (../shared beside the project), and recordings."""

import lzma
import os
import pathlib
import shutil
import socket
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("SHARED", SOURCE.parent / "shared"))
TRACES = SHARED / "traces"
PEER = "/usr/lib/x86_64-linux-gnu/libspice-server.so.1"
ENDINGS = (".rec", ".rec.xz", ".rec.zst")


def have_harness():
    return (SHARED / "replay" / "replay.c").exists()


def build_harness(work):
    """A copy in the folder WORK, built; where it is."""
    place = pathlib.Path(work) / "replay"
    shutil.copytree(SHARED / "replay", place, ignore=lambda folder, names: [n for n in names if "." not in n
                                                                            and n != "Makefile"])
    subprocess.run(["make", "-s", "-C", place], check=True)
    return place


def recordings(folders):
    """All of the FOLDERS, in the order of their names."""
    return sorted(t for f in folders for t in pathlib.Path(f).iterdir() if t.name.endswith(ENDINGS))


def title(trace):
    name = pathlib.Path(trace).name
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name


def unpack(trace, folder):
    """TRACE itself, or its contents in a file in FOLDER."""
    trace = pathlib.Path(trace)
    if trace.suffix == ".rec":
        return trace
    plain = pathlib.Path(folder) / f"{title(trace)}.rec"
    if trace.suffix == ".xz":
        plain.write_bytes(lzma.decompress(trace.read_bytes()))
    else:
        with open(plain, "wb") as out:
            subprocess.run(["zstd", "-dcq", trace], stdout=out, check=True)
    return plain


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def progress(text=""):
    """On standard error, in the place of what was there."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)
