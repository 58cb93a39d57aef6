#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""screendump of cards, heads and surfaces; add_client; what query-spice says of passwords."""

import array
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from cassia import Demo
from pictures import difference, read_picture
from qmp import Qmp, QmpError
from tap import Tap
from tls import free_port, make_certificates

tap = Tap()


def refused(qmp, name, pattern, **arguments):
    try:
        qmp.command(name, **arguments)
    except QmpError as error:
        assert re.search(pattern, str(error)), f"{arguments}: {error}"
        return error.kind
    raise AssertionError(f"{name} {arguments} is taken")


with Demo("-load", "surfaces", "-frames", "60", "-fps", "60", "-device", "qxl,id=gfx") as demo:
    qmp = demo.qmp()
    demo.wait_finished()
    path = demo.path("whole.ppm")

    with tap.case("heads"):
        qmp.command("screendump", filename=path, device="gfx")
        whole = read_picture(path)
        qmp.command("screendump", filename=demo.path("head.ppm"), device="gfx", head=0)
        assert difference(whole, read_picture(demo.path("head.ppm"))) is None
        refused(qmp, "screendump", "Head 1 shows nothing", filename=path, device="gfx", head=1)
        refused(qmp, "screendump", "together with 'device'", filename=path, head=0)
        for wrong in (-1, 1 << 31, 1 << 40):
            refused(qmp, "screendump", "'head' expects a number", filename=path, device="gfx",
                    head=wrong)
        assert refused(qmp, "screendump", "'nothing' not found", filename=path,
                       device="nothing") == "DeviceNotFound"

    with tap.case("surfaces"):
        found = {}
        for number in range(1, 40):
            try:
                qmp.command("screendump", filename=path, surface=number)
                found[number] = read_picture(path)
            except QmpError as error:
                assert "has no surface" in str(error), error
        assert found, "a load of surfaces has none"
        # The load keeps pages as large as its screen, and draws on them.
        assert any(picture.width == whole.width and len(set(picture.pixels)) > 20
                   for picture in found.values()), {n: (p.width, p.height) for n, p in found.items()}
        qmp.command("stop")
        number = min(found, key=lambda number: len(found[number].pixels))
        qmp.command("screendump", filename=path, surface=number, format="png")
        assert difference(found[number], read_picture(path)) is None
        qmp.command("cont")
        refused(qmp, "screendump", "exclude each other", filename=path, surface=1, device="gfx",
                head=0)
        refused(qmp, "screendump", "has no surface 5000", filename=path, surface=5000)

    with tap.case("commands behind one that is answered later wait, in order"):
        requests = []
        for number in range(4):
            requests.append({"execute": "screendump", "id": f"dump {number}",
                             "arguments": {"filename": demo.path(f"many-{number}.ppm")}})
            requests.append({"execute": "query-status", "id": f"status {number}"})
            requests.append({"execute": "screendump", "id": f"bad {number}",
                             "arguments": {"filename": "/nonexistent/x"}})
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(30)
        raw.connect(demo.monitor)
        lines = raw.makefile()
        lines.readline()
        raw.sendall(json.dumps({"execute": "qmp_capabilities"}).encode())
        lines.readline()
        raw.sendall("\n".join(json.dumps(request) for request in requests).encode())
        for request in requests:
            reply = json.loads(lines.readline())
            assert reply["id"] == request["id"], (reply, request)
            assert ("error" in reply) == request["id"].startswith("bad"), reply
        for number in range(4):
            assert difference(whole, read_picture(demo.path(f"many-{number}.ppm"))) is None
        # One who leaves before the answer, with more to be read.
        raw.sendall("\n".join(json.dumps(request) for request in requests).encode())
        raw.close()
        assert qmp.command("query-status")["status"] == "running"
        qmp.command("screendump", filename=path)

    with tap.case("a picture is written when the program ends"):
        last = socket.socket(socket.AF_UNIX)
        last.connect(demo.monitor)
        last.sendall(b'{"execute": "qmp_capabilities"}' + json.dumps(
            {"execute": "screendump", "arguments": {"filename": demo.path("last.png"),
                                                    "format": "png"}}).encode()
            + b'{"execute": "query-status"}')
        qmp.command("quit")
        assert demo.process.wait(20) == 0, demo.errors()
        last.close()


def hand_over(qmp, fd, **arguments):
    """getfd, then add_client."""
    socket.send_fds(qmp.socket, [json.dumps({"execute": "getfd",
                                             "arguments": {"fdname": "client"}}).encode()], [fd])
    reply = qmp._receive(time.monotonic() + 10)
    assert reply == {"return": {}}, reply
    return qmp.command("add_client", protocol="spice", fdname="client", **arguments)




with tempfile.TemporaryDirectory() as folder:
    make_certificates(folder)
    with Demo("-frames", "5", spice=f"port=0,tls-port={free_port()},x509-dir={folder},password=x") \
            as demo:
        qmp = demo.qmp()

        with tap.case("query-spice"):
            info = qmp.command("query-spice")
            assert info["auth"] == "spice" and info["port"] == demo.port and info["tls-port"], info

        with tap.case("add_client refuses what is no client"):
            refused(qmp, "add_client", "does not accept value 'vnc'", protocol="vnc", fdname="a")
            refused(qmp, "add_client", "'a'", protocol="spice", fdname="a")
            with open("/dev/null") as file:
                try:
                    hand_over(qmp, file.fileno())
                    raise AssertionError("/dev/null is a client")
                except QmpError as error:
                    assert "stream socket" in str(error), error

        for tls in (False, True):
            with tap.case(f"add_client, with{'' if tls else 'out'} TLS"):
                ours, theirs = socket.socketpair()
                hand_over(qmp, theirs.fileno(), skipauth=True, tls=tls)
                theirs.close()
                if tls:
                    context = ssl.create_default_context(
                        cafile=os.path.join(folder, "ca-cert.pem"))
                    ours.settimeout(10)
                    ours = context.wrap_socket(ours, server_hostname="localhost")
                qmp.wait_event("SPICE_CONNECTED")
                ours.sendall(b"REDQ" + array.array("I", [2, 2, 18, 0]).tobytes()
                             + bytes([1, 0]) + array.array("I", [0, 0, 18]).tobytes())
                assert ours.recv(4) == b"REDQ"
                ours.close()
                qmp.wait_event("SPICE_DISCONNECTED")

with tap.case("add_client tls without tls-port"), Demo("-frames", "5") as demo:
    ours, theirs = socket.socketpair()
    try:
        hand_over(demo.qmp(), theirs.fileno(), tls=True)
        raise AssertionError("taken")
    except QmpError as error:
        assert "needs the option -spice tls-port" in str(error), error

with open(os.path.join(os.environ["BUILDDIR"], "config.h")) as config:
    has_sasl = "HAVE_SASL" in config.read()
if has_sasl:
    with tap.case("SASL"), Demo("-frames", "5", spice="port=0,sasl=on") as demo:
        qmp = demo.qmp()
        assert qmp.command("query-spice")["auth"] == "sasl"
        refused(qmp, "set_password", "authenticate by SASL", protocol="spice", password="a")
        refused(qmp, "expire_password", "authenticate by SASL", protocol="spice", time="now")

with tap.case("two cards by their ids"), tempfile.TemporaryDirectory() as folder:
    serve = subprocess.Popen(
        [cassia.PROGRAM, "serve", "-vfio-user", f"{folder}/a", "-vfio-user", f"{folder}/b", "-device",
         "qxl-vga,id=one", "-device", "qxl,id=two", "-spice", "port=0", "-qmp", f"unix:{folder}/q"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        qmp = Qmp(f"{folder}/q")
        qmp.command("screendump", filename=f"{folder}/one.ppm", device="one", head=0)
        assert read_picture(f"{folder}/one.ppm").width == 720
        refused(qmp, "screendump", "shows nothing: its guest has set no mode",
                filename=f"{folder}/two.ppm", device="two")
    finally:
        serve.terminate()
        serve.wait(20)

tap.finish()
