#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that move between processes: every load, every way there, and everything that goes wrong.

Whatever happens, exactly one side runs the guest, and it is the guest that it was."""

import functools
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
import migration
from cassia import OWN_SERVER, Demo
from migration import CARD, address, picture, refused, source, state, target, wait_status
from pictures import difference, read_picture
from tap import Tap

LOADS = ["desktop", "text", "video", "surfaces", "cursor"]
if OWN_SERVER:  # libspice-server 0.15.1 runs out of stack with it
    LOADS.append("chaos")
draws = functools.partial(migration.draws, tries=100)
booted = functools.partial(migration.booted, tries=100)
tap = Tap()


def no_complaints(*demos):
    for demo in demos:
        wrong = [line for line in demo.errors().splitlines()
                 if "qxl-" in line or "guest" in line or "Sanitizer" in line or "runtime" in line]
        assert not wrong, wrong


# --- the guest arrives ---

for load in LOADS:
    with tap.case(f"{load}: the picture arrives, the guest goes on"):
        # -S: the target shows what came before the guest changes it.
        with source(load=load) as a, target("tcp:127.0.0.1:0", "-S") as b:
            left, right = booted(a), b.qmp()
            assert state(right) == "inmigrate"
            left.command("migrate", uri=address(b))
            info = wait_status(left, "completed")
            assert info["ram"]["remaining"] == 0 and info["downtime"] < 10000, info
            wait_status(right, "completed")
            assert state(left) == "postmigrate" and state(right) == "paused"
            before = picture(left, a, "before.ppm")
            different = difference(before, picture(right, b, "after.ppm"))
            assert different is None, different
            different = difference(before, read_picture(b.screenshot("client.ppm")))
            assert different is None, f"a client sees something else: {different}"
            right.command("cont")
            draws(right, b)
            no_complaints(a, b)

with tap.case("ten migrations in a row draw the same frames as none"):
    frames = "400"
    with source("--frames", frames, load="desktop") as plain:
        plain.wait_finished()
        expected = picture(plain.qmp(), plain, "expected.ppm")
    here = source("--frames", frames, load="desktop", fps="60")
    try:
        qmp = here.qmp()
        for number in range(10):
            there = target()
            qmp.command("migrate", uri=address(there))
            wait_status(qmp, "completed")
            here.stop()
            no_complaints(here)
            here.__exit__()
            here, qmp = there, there.qmp()
            assert state(qmp) == "running"
        # On a slow machine the guest may have finished before its last journey.
        deadline = time.monotonic() + 60
        while (different := difference(expected, picture(qmp, here, "actual.ppm"))) is not None:
            assert time.monotonic() < deadline, different
            time.sleep(0.2)
        no_complaints(here)
    finally:
        here.__exit__()

with tap.case("a guest that stands still arrives standing still"):
    with source() as a, target() as b:
        left, right = booted(a), b.qmp()
        left.command("stop")
        left.command("migrate", uri=address(b))
        wait_status(left, "completed")
        assert state(right) == "paused"
        different = difference(picture(left, a, "a.ppm"), picture(right, b, "b.ppm"))
        assert different is None, different

with tap.case("a card in VGA mode, of a guest that has not booted"):
    card = ["-device", "qxl-vga,ram_size_mb=32,vram_size_mb=32"]
    with Demo("-S", *card) as a, target(card=card) as b:
        a.qmp().command("migrate", uri=address(b))
        wait_status(a.qmp(), "completed")
        right = b.qmp()
        assert state(right) == "paused"
        right.command("cont")
        draws(right, b)

# --- ways ---

with tap.case("over a unix socket, with migrate-incoming, events and channels"):
    with source() as a, target("defer") as b:
        left, right = booted(a), b.qmp()
        for qmp in left, right:
            qmp.command("migrate-set-capabilities",
                        capabilities=[{"capability": "events", "state": True}])
        path = b.path("way")
        right.command("migrate-incoming", uri=f"unix:{path}")
        refused(right.command, "already been started", "migrate-incoming", uri=f"unix:{path}")
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "socket", "type": "unix", "path": path}}])
        for status in "setup", "active", "device", "completed":
            event = left.wait_event("MIGRATION")
            assert event["data"]["status"] == status, event
        wait_status(right, "completed")
        assert state(right) == "running"
        draws(right, b)

with tap.case("through a file, and twice from the same file"):
    with source() as a:
        left = booted(a)
        path = a.path("saved")
        left.command("migrate", channel={"channeltype": "main", "addr": {
            "transport": "file", "filename": path}})
        wait_status(left, "completed")
        assert state(left) == "postmigrate"
        expected = picture(left, a, "expected.ppm")
        for _ in range(2):
            with target(f"file:{path}", "-S") as b:
                right = b.qmp()
                wait_status(right, "completed")
                assert difference(expected, picture(right, b, "actual.ppm")) is None
        left.command("cont")  # the guest may be taken back
        draws(left, a)

with tap.case("a guest that was stopped is saved so; file and guest go on when they are told to"):
    with source() as a:
        left = booted(a)
        left.command("stop")
        path = a.path("saved")
        left.command("migrate", uri=f"file:{path}")
        wait_status(left, "completed")
        expected = picture(left, a, "expected.ppm")
        left.command("cont")
        draws(left, a)
        # A second snapshot replaces the first only where it is written.
        left.command("migrate", uri=f"file:{a.path('later')}")
        wait_status(left, "completed")
        with target(f"file:{path}") as b:
            right = b.qmp()
            wait_status(right, "completed")
            assert state(right) == "paused"
            assert difference(expected, picture(right, b, "actual.ppm")) is None
            right.command("cont")
            draws(right, b)
        with target(f"file:{a.path('later')}") as c:
            wait_status(c.qmp(), "completed")
            assert state(c.qmp()) == "running"
            draws(c.qmp(), c)

with tap.case("through commands"):
    with source() as a:
        left = booted(a)
        path = a.path("saved")
        left.command("migrate", uri=f"exec:gzip -1 > {path}")
        wait_status(left, "completed")
        with target(f"exec:gunzip -c < {path}") as b:
            right = b.qmp()
            wait_status(right, "completed")
            draws(right, b)

with tap.case("pause-before-switchover, and parameters"):
    with source() as a, target() as b:
        left = booted(a)
        left.command("migrate-set-capabilities",
                     capabilities=[{"capability": "pause-before-switchover", "state": True}])
        left.command("migrate-set-parameters", **{"max-bandwidth": 0, "downtime-limit": 1000})
        assert left.command("query-migrate-parameters")["downtime-limit"] == 1000
        left.command("migrate-set-parameters", **{"throttle-trigger-threshold": 70,
                                                  "avail-switchover-bandwidth": 1 << 30})
        assert left.command("query-migrate-parameters")["throttle-trigger-threshold"] == 70
        refused(left.command, "'zero-page-detection' does not accept value 'multifd'",
                "migrate-set-parameters", **{"zero-page-detection": "multifd"})
        refused(left.command, "'downtime-limit' expects", "migrate-set-parameters",
                **{"downtime-limit": -1})
        refused(left.command, "'postcopy-ram' is not available", "migrate-set-capabilities",
                capabilities=[{"capability": "postcopy-ram", "state": True}])
        left.command("migrate", uri=address(b))
        wait_status(left, "pre-switchover")
        assert state(left) == "finish-migrate"
        refused(left.command, "leaving", "cont")
        refused(left.command, "in progress", "migrate", uri=address(b))
        left.command("migrate-continue", state="pre-switchover")
        info = wait_status(left, "completed")
        assert {"downtime", "setup-time", "total-time", "ram"} <= set(info), info
        # The members that QEMU's RAM figures always have.
        assert set(info["ram"]) == {
            "transferred", "remaining", "total", "duplicate", "normal", "normal-bytes",
            "dirty-pages-rate", "mbps", "dirty-sync-count", "postcopy-requests", "page-size",
            "multifd-bytes", "pages-per-second", "precopy-bytes", "downtime-bytes",
            "postcopy-bytes", "dirty-sync-missed-zero-copy"}, info
        ram = info["ram"]
        assert ram["precopy-bytes"] + ram["downtime-bytes"] == ram["transferred"], ram
        draws(b.qmp(), b)

with tap.case("zero pages may be sent like others, and a target need not confirm"):
    with source() as a, target() as b:
        left = booted(a)
        capabilities = {c["capability"]: c["state"]
                        for c in left.command("query-migrate-capabilities")}
        assert capabilities["return-path"] is True
        left.command("migrate-set-capabilities",
                     capabilities=[{"capability": "return-path", "state": False}])
        left.command("migrate-set-parameters", **{"zero-page-detection": "none",
                                                  "max-bandwidth": 0})
        left.command("migrate", uri=address(b))
        info = wait_status(left, "completed")
        assert info["ram"]["duplicate"] == 0, info
        wait_status(b.qmp(), "completed")
        draws(b.qmp(), b)

with tap.case("auto-converge slows a guest down that writes too fast, and it comes through"):
    with source(load="video") as a, target() as b:
        left = booted(a)
        left.command("migrate-set-capabilities",
                     capabilities=[{"capability": "auto-converge", "state": True}])
        left.command("migrate-set-parameters",
                     **{"max-bandwidth": 30 << 20, "downtime-limit": 20,
                        "cpu-throttle-initial": 50, "cpu-throttle-increment": 40})
        left.command("migrate", uri=address(b))
        info = {}
        deadline = time.monotonic() + 30
        while not info.get("cpu-throttle-percentage"):
            info = left.command("query-migrate")
            assert info["status"] in ("setup", "active"), info
            assert time.monotonic() < deadline, info
            time.sleep(0.02)
        left.command("migrate-set-parameters", **{"max-bandwidth": 0, "downtime-limit": 2000})
        wait_status(left, "completed")
        draws(b.qmp(), b)

# --- what is refused ---

with tap.case("wrong arguments are named"):
    with source() as a:
        left = a.qmp()
        inet = {"transport": "socket", "type": "inet", "host": "127.0.0.1", "port": "1"}
        refused(left.command, "neither 'uri' or 'channels'", "migrate")
        refused(left.command, "'uri' and 'channels' arguments are mutually exclusive", "migrate",
                uri="tcp:127.0.0.1:1", channels=[{"channel-type": "main", "addr": inet}])
        refused(left.command, "'uri' and 'channel' arguments are mutually exclusive", "migrate",
                uri="tcp:127.0.0.1:1", channel={"channeltype": "main", "addr": inet})
        refused(left.command, "unknown migration protocol: carrier:pigeon", "migrate",
                uri="carrier:pigeon")
        refused(left.command, "exactly one entry", "migrate", channels=[])
        refused(left.command, "'port' is missing", "migrate", channels=[
            {"channel-type": "main", "addr": {"transport": "socket", "type": "inet",
                                              "host": "h"}}])
        refused(left.command, "port 'x' is not a number", "migrate", uri="tcp:127.0.0.1:x")
        refused(left.command, "'-incoming' was not specified", "migrate-incoming", uri="unix:/x")
        assert left.command("query-migrate") == {}
        result = cassia.run("demo", "-incoming", "pigeon:1", timeout=20)
        assert result.returncode == 2 and "unknown migration protocol" in result.stderr, result

with tap.case("nobody there: the guest goes on"):
    with source() as a:
        left = booted(a)
        left.command("migrate", uri=f"unix:{a.path('nobody')}")
        info = wait_status(left, "failed")
        assert "cannot connect to unix:" in info["error-desc"], info
        assert state(left) == "running"
        draws(left, a)

for option, text in (("vram_size_mb=64,ram_size_mb=32", "target's vram_size_mb is 64, source has 32"),
                     ("ram_size_mb=64,vram_size_mb=32", "target's ram_size_mb is 64, source has 32"),
                     ("revision=4,ram_size_mb=32,vram_size_mb=32",
                      "target's revision is 4, source has 5")):
    with tap.case(f"a target with {option}: both say why, the source goes on"):
        with source() as a, target(card=["-device", f"qxl,{option}"]) as b:
            left = booted(a)
            left.command("migrate", uri=address(b))
            info = wait_status(left, "failed")
            assert text in info["error-desc"], info
            assert b.process.wait(20) == 1
            assert text in b.errors(), b.errors()
            assert state(left) == "running"
            draws(left, a)

# --- what goes wrong ---

with tap.case("cancelled at ten moments: the source goes on, and can still move"):
    with source() as a:
        left = booted(a)
        left.command("migrate-set-parameters", **{"max-bandwidth": 5 << 20})
        for moment in range(10):
            with target() as b:
                left.command("migrate", uri=address(b))
                time.sleep(moment * 0.03)
                right = b.qmp()
                if moment == 9:
                    wait_status(right, "active")
                # Too early, and the target has heard of nothing yet.
                heard = right.command("query-migrate").get("status") == "active"
                left.command("migrate_cancel")
                wait_status(left, "cancelled")
                assert state(left) == "running"
                if heard:
                    assert b.process.wait(20) == 1
        draws(left, a)
        left.command("migrate-set-parameters", **{"max-bandwidth": 0})
        with target() as b:
            left.command("migrate", uri=address(b))
            wait_status(left, "completed")
            draws(b.qmp(), b)
            no_complaints(a, b)

with tap.case("cancelled while the guest stands still before the switch"):
    with source() as a, target() as b:
        left = booted(a)
        left.command("migrate-set-capabilities",
                     capabilities=[{"capability": "pause-before-switchover", "state": True}])
        left.command("migrate", uri=address(b))
        wait_status(left, "pre-switchover")
        left.command("migrate_cancel")
        wait_status(left, "cancelled")
        assert b.process.wait(20) == 1
        assert state(left) == "running"
        draws(left, a)

with tap.case("the target killed at ten moments: the source goes on"):
    with source() as a:
        left = booted(a)
        left.command("migrate-set-parameters", **{"max-bandwidth": 5 << 20})
        for moment in range(10):
            with target() as b:
                left.command("migrate", uri=address(b))
                time.sleep(moment * 0.03)
                b.stop(signal.SIGKILL)
                wait_status(left, "failed")
                assert state(left) == "running"
        draws(left, a)
        no_complaints(a)

with tap.case("the source killed: the target does not run half a guest"):
    with source() as a, target("defer") as b:
        left, right = booted(a), b.qmp()
        path = b.path("way")
        right.command("migrate-incoming", uri=f"unix:{path}", **{"exit-on-error": False})
        left.command("migrate-set-parameters", **{"max-bandwidth": 5 << 20})
        left.command("migrate", uri=f"unix:{path}")
        wait_status(right, "active")
        a.stop(signal.SIGKILL)
        info = wait_status(right, "failed")
        assert "in the middle" in info["error-desc"], info
        assert state(right) == "inmigrate"
        # It is as new: another guest may come.
        with source(load="text") as c:
            other = booted(c)
            right.command("migrate-incoming", uri=f"unix:{path}")
            other.command("migrate", uri=f"unix:{path}")
            wait_status(other, "completed")
            draws(right, b)

with tap.case("a disk that is full"):
    with source() as a:
        left = booted(a)
        left.command("migrate", uri="file:/dev/full")
        info = wait_status(left, "failed")
        assert "No space left" in info["error-desc"], info
        left.command("migrate", uri="exec:head -c 100000 > /dev/null; exit 3")
        info = wait_status(left, "failed")
        assert "cannot send" in info["error-desc"] or "exit code 3" in info["error-desc"], info
        assert state(left) == "running"
        draws(left, a)

with tap.case("damaged files are refused"):
    with source(load="text") as a:
        left = booted(a)
        path = a.path("saved")
        left.command("migrate", uri=f"file:{path}")
        wait_status(left, "completed")
        with open(path, "rb") as file:
            good = file.read()
        for at in 3, 40, len(good) // 2, len(good) - 3000, len(good) - 4:
            with open(path, "wb") as file:
                file.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            with target(f"file:{path}") as b:
                assert b.process.wait(20) == 1
                assert "the incoming migration failed" in b.errors(), b.errors()
        with open(path, "wb") as file:
            file.write(good[: len(good) // 3])
        with target(f"file:{path}") as b:
            assert b.process.wait(20) == 1
            assert "in the middle" in b.errors(), b.errors()

with tap.case("strangers at the door do not end the waiting"):
    with source() as a, target() as b:
        port = address(b).rsplit(":", 1)[1]
        subprocess.run(["sh", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], check=False,
                       executable="/bin/bash", stderr=subprocess.DEVNULL)
        import socket
        with socket.create_connection(("127.0.0.1", int(port))) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
        left = booted(a)
        left.command("migrate", uri=address(b))
        wait_status(left, "completed")
        draws(b.qmp(), b)

tap.finish()
