#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program from outside: usage, exit codes, addresses, run state, background, signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from cassia import Demo
from gtk_client import GtkClient
from qmp import Qmp
from tap import Tap
from tls import SUBJECT, free_port, make_certificates

tap = Tap()


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


with tap.case("help and version"):
    done = cassia.run("--version")
    assert done.returncode == 0 and re.match(r"cassia \d+\.\d+\.\d+ \(\w+ SPICE server\)", done.stdout)
    for arguments in (["help"], ["--help"]):
        done = cassia.run(*arguments)
        assert done.returncode == 0 and not done.stderr, done
        assert all(f"cassia {name}" in done.stdout for name in ("demo", "serve", "qmp")), done
    for name, option in (("demo", "-load NAME"), ("serve", "-vfio-user PATH"),
                         ("qmp", "-wait EVENT")):
        texts = {cassia.run("help", name).stdout, cassia.run(name, "--help").stdout}
        assert len(texts) == 1 and option in texts.pop()

with tap.case("wrong usage: exit code 2, and the text names what is wrong"):
    for arguments, pattern in (
            ([], "cassia demo"),
            (["nosuch"], "unknown command 'nosuch'"),
            (["help", "nosuch"], "unknown command 'nosuch'"),
            (["demo", "word"], "'word' is not an option"),
            (["demo", "-nosuch"], "'-nosuch'"),
            (["demo", "--load"], "-load: needs a value"),
            (["demo", "--load", "nosuch"], "-load: 'nosuch' is not one of: desktop, "),
            (["demo", "--fps", "fast"], "-fps: 'fast'"),
            (["demo", "--frames", "-1"], "-frames: '-1'"),
            (["demo", "-device", "virtio-gpu"], "-device: driver: 'virtio-gpu'"),
            (["demo", "-device", "qxl", "-device", "qxl"], "-device: the demo drives one card"),
            (["demo", "-spice", "tls-port=1,x509-dir=/nonexistent"],
             "cannot read /nonexistent/ca-cert.pem"),
            (["demo", "-spice", "port=0,addr=0.0.0.0"], "everybody who reaches"),
            (["demo", "-spice", "port=0,password-secret=x"], "secret,id=x"),
            (["demo", "-display", "gtk"], "-display: 'gtk' is not available"),
            (["serve"], "needs --vfio-user PATH"),
            (["serve", "--vfio-user", "/x,mmap=maybe"], "-vfio-user: mmap: 'maybe'"),
            (["serve", "--vfio-user", "/x", "-input", "/y"], "-input: '/y' is not qmp:PATH"),
            (["serve", "--vfio-user", "/x", "-device", "qxl", "-device", "qxl"], "one for each"),
            (["serve", "--load", "text"], "'--load'")):
        done = cassia.run(*arguments)
        assert done.returncode == 2, (arguments, done)
        assert re.search(pattern, done.stderr), (arguments, done.stderr)

with tap.case("failures at run time: exit code 1"), socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    done = cassia.run("demo", "-spice", f"port={port}")
    assert done.returncode == 1 and str(port) in done.stderr, done
    done = cassia.run("demo", "-spice", "unix=on,addr=/nonexistent/s")
    assert done.returncode == 1 and "/nonexistent/s" in done.stderr, done
    done = cassia.run("demo", "-spice", "port=0", "-qmp", "unix:/nonexistent/q")
    assert done.returncode == 1 and "/nonexistent/q" in done.stderr, done
    done = cassia.run("serve", "-spice", "port=0", "--vfio-user", "/nonexistent/v")
    assert done.returncode == 1 and "/nonexistent/v" in done.stderr, done
    done = cassia.run("demo", "-spice", "port=0", "-device", "qxl,vram_size_mb=65536")
    assert done.returncode in (1, 2) and "-device: " in done.stderr, done

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    with tap.case(f"{number.name} ends it cleanly"), Demo("--load", "text") as demo:
        line = f"remote-viewer spice://127.0.0.1:{demo.port}\n"
        assert line in demo.output and demo.port > 0, demo.output
        qmp = demo.qmp()
        assert demo.stop(number) == 0, demo.errors()
        assert qmp.wait_event("SHUTDOWN")["data"]["reason"] == "host-signal"
        assert not os.path.exists(demo.monitor)

with tap.case("two demos side by side"):
    with Demo("--load", "text") as one, Demo("--load", "text") as two:
        assert one.port != two.port
        for demo in (one, two):
            assert demo.qmp().command("query-status")["running"]

with tap.case("-S waits for cont"), Demo("--load", "text", "--frames", "3", "-S") as demo:
    qmp = demo.qmp()
    assert qmp.command("query-status") == {"status": "prelaunch", "running": False}
    done = cassia.run("qmp", demo.monitor, "screendump", f"filename={demo.path('x')}")
    assert done.returncode == 1 and "shows nothing" in done.stderr, done
    assert "stands still" not in demo.output
    qmp.command("cont")
    qmp.wait_event("RESUME")
    demo.wait_finished()
    assert qmp.command("query-status")["status"] == "running"

with tap.case("name and UUID"), Demo("-name", "guest=a box", "-uuid",
                                     "01234567-89ab-cdef-0123-456789abcdef") as demo:
    qmp = demo.qmp()
    assert qmp.command("query-name") == {"name": "a box"}
    assert qmp.command("query-uuid") == {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}

with tap.case("a unix socket instead of a port"):
    path = f"/tmp/cassia-test-{os.getpid()}.spice"
    with Demo("--load", "text", "--frames", "3", spice=f"unix=on,addr={path}") as demo:
        assert f"remote-viewer spice+unix://{path}\n" in demo.output, demo.output
        demo.wait_finished()
        demo.screenshot("a.ppm", uri=f"spice+unix://{path}")
        demo.stop()
    assert not os.path.exists(path)

with tap.case("a card with an id and other properties"):
    with Demo("--load", "text", "--frames", "3", "-device",
              "qxl,id=card,ram_size_mb=32,vram_size_mb=16,vram64_size_mb=64,revision=4") as demo:
        demo.wait_finished()
        demo.qmp().command("screendump", filename=demo.path("a"), device="card", head=0)

with tap.case("spice-gtk connects where the line for remote-viewer says, with TLS"), \
        tempfile.TemporaryDirectory(prefix="cassia-pki-") as folder:
    make_certificates(folder)
    for plain in ("port=0,", ""):
        port = free_port()
        options = f"{plain}tls-port={port},x509-dir={folder},disable-ticketing=on"
        with Demo("--load", "text", "-frames", "3", spice=options) as demo:
            address = re.search("Connect with:  remote-viewer '(.*)'\n", demo.output).group(1)
            assert address == f"spice://127.0.0.1:{demo.port}?tls-port={port}", demo.output
            with GtkClient(f"uri={address}", f"ca-file={folder}/ca-cert.pem",
                           "verify=subject", f"cert-subject={SUBJECT}") as client:
                client.expect("display 0 1024 768")

with tap.case("background: ready when the parent ends, pid file and log"):
    with Demo("--load", "text", wait=False) as scratch:  # only for its folder
        monitor, pidfile, log = (scratch.path(name) for name in ("m", "pid", "log"))
        options = ["demo", "--load", "text", "-spice", "port=0", "-qmp", f"unix:{monitor}",
                   "-pidfile", pidfile, "-D", log, "-d", "guest_errors"]
        done = cassia.run(*options, "-daemonize")
        assert done.returncode == 0 and "Connect with:" in done.stdout, done
        with open(pidfile) as file:
            pid = int(file.read())
        try:
            assert Qmp(monitor).command("query-status")["running"]
            again = cassia.run(*options[:-6], "-pidfile", pidfile)
            assert again.returncode == 1, again
            again = cassia.run("demo", "-spice", "port=0", "-pidfile", pidfile, "-daemonize")
            assert again.returncode == 1 and "another running process" in again.stderr, again
            assert os.path.exists(log) and os.path.exists(pidfile)
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(pidfile), "the pid file stays")
        assert not os.path.exists(monitor)

with tap.case("background: a failure reaches the caller"):
    done = cassia.run("demo", "-daemonize", "-spice", "port=0,addr=192.0.2.1,password=x")
    assert done.returncode == 1 and "192.0.2.1" in done.stderr, done

with tap.case("serve: several cards, QEMU's words, clean end"):
    folder = f"/tmp/cassia-test-{os.getpid()}"
    os.mkdir(folder)
    paths = [os.path.join(folder, name) for name in ("one", "two")]
    process = subprocess.Popen(
        [cassia.PROGRAM, "serve", "-spice", "port=0", "--vfio-user", f"{paths[0]},mmap=off",
         "--vfio-user", paths[1], "-qmp", f"unix:{folder}/q"],
        stdout=subprocess.PIPE, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        for number, path in enumerate(paths):
            assert lines[number] == (
                f"Card {number} for QEMU:  -device '{{\"driver\":\"vfio-user-pci\","
                f"\"id\":\"gfx{number}\",\"socket\":{{\"type\":\"unix\",\"path\":\"{path}\"}}}}'\n"
            ), lines
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
        assert lines[3].startswith("Connect with:  remote-viewer spice://127.0.0.1:"), lines
        assert Qmp(f"{folder}/q").command("query-status")["running"]
        process.terminate()
        assert process.wait(20) == 0
        assert not any(map(os.path.exists, paths)), "socket files stay"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for path in (*paths, f"{folder}/q"):
            if os.path.exists(path):
                os.unlink(path)
        os.rmdir(folder)

tap.finish()
