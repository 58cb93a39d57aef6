#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The monitor: protocol, hostile clients, commands, events."""

import json
import os
import re
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
from cassia import Demo
from pictures import difference, read_picture
from qmp import QmpError
from tap import Tap

tap = Tap()


class Raw:
    """A monitor's socket, byte by byte."""

    def __init__(self, path, negotiate=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.buffer = b""
        self.greeting = self.read()
        if negotiate:
            self.ask({"execute": "qmp_capabilities"})

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def read(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), line
        return json.loads(line)

    def ask(self, data):
        self.send(data)
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.socket.close()


def error_of(reply, kind="GenericError"):
    assert set(reply) - {"id"} == {"error"}, reply
    assert reply["error"]["class"] == kind, reply
    assert set(reply["error"]) == {"class", "desc"}, reply
    return reply["error"]["desc"]


def check_error(raw, request, pattern, kind="GenericError"):
    text = error_of(raw.ask(request), kind)
    assert re.search(pattern, text), f"{request!r}: {text!r} does not match {pattern!r}"


def send_fds(raw, request, *fds):
    socket.send_fds(raw.socket, [json.dumps(request).encode() + b"\n"], fds)
    return raw.read()


def descriptors(demo):
    def getfd(name):
        return {"execute": "getfd", "arguments": {"fdname": name}}

    def opened():
        return len(os.listdir(f"/proc/{demo.process.pid}/fd"))

    def settles(count):
        deadline = time.monotonic() + 10
        while opened() != count:
            assert time.monotonic() < deadline, f"{opened()} descriptors are open, not {count}"
            time.sleep(0.02)

    with Raw(demo.monitor) as raw, open(os.devnull, "rb") as file:
        before = opened()
        check_error(raw, getfd("a"), "No file descriptor supplied")
        assert send_fds(raw, getfd("a"), file.fileno()) == {"return": {}}
        assert opened() == before + 1
        # The same name again takes the place of the first.
        assert send_fds(raw, getfd("a"), file.fileno()) == {"return": {}}
        assert opened() == before + 1
        assert "digit" in error_of(send_fds(raw, getfd("1a"), file.fileno()))
        assert "digit" in error_of(send_fds(raw, getfd(""), file.fileno()))
        assert opened() == before + 1
        check_error(raw, {"execute": "closefd", "arguments": {"fdname": "b"}}, "'b' not found")
        assert raw.ask({"execute": "closefd", "arguments": {"fdname": "a"}}) == {"return": {}}
        assert opened() == before
        # More than there is room for; they go with their session.
        for number in range(30):
            send_fds(raw, {"execute": "query-name"}, file.fileno(), file.fileno())
        assert opened() == before + 16, opened() - before
        for number in range(16):
            assert raw.ask(getfd(f"n{number}")) == {"return": {}}
        assert "Too many" in error_of(send_fds(raw, getfd("more"), file.fileno()))
        send_fds(raw, {"execute": "query-name"}, file.fileno())
        assert opened() == before + 17
        names = {item["name"] for item in raw.ask({"execute": "query-commands"})["return"]}
        assert {"getfd", "closefd"} <= names
    settles(before - 1)
    # A name belongs to the client that gave it.
    with Raw(demo.monitor) as one, Raw(demo.monitor) as other, open(os.devnull, "rb") as file:
        assert send_fds(one, getfd("mine"), file.fileno()) == {"return": {}}
        check_error(other, {"execute": "closefd", "arguments": {"fdname": "mine"}}, "not found")
        check_error(other, {"execute": "migrate", "arguments": {"uri": "fd:mine"}}, "not found")


def protocol(demo):
    with tap.case("the socket is for its owner only"):
        assert stat.S_IMODE(os.stat(demo.monitor).st_mode) == 0o600
    with tap.case("greeting"), Raw(demo.monitor, negotiate=False) as raw:
        assert set(raw.greeting) == {"QMP"}
        assert raw.greeting["QMP"]["capabilities"] == []
        version = raw.greeting["QMP"]["version"]
        assert set(version) == {"qemu", "package"}
        assert all(isinstance(version["qemu"][key], int) for key in ("major", "minor", "micro"))
    with tap.case("negotiation comes first, and once"), Raw(demo.monitor, negotiate=False) as raw:
        check_error(raw, {"execute": "query-status"}, "Expecting capabilities negotiation",
                    "CommandNotFound")
        check_error(raw, {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}, "oob")
        check_error(raw, {"execute": "query-status"}, "Expecting", "CommandNotFound")
        reply = raw.ask({"execute": "qmp_capabilities", "arguments": {"enable": []}})
        assert reply == {"return": {}}, reply
        check_error(raw, {"execute": "qmp_capabilities"}, "already complete", "CommandNotFound")
    with tap.case("ids of every kind come back"), Raw(demo.monitor) as raw:
        for ident in (1, "x", None, {"a": [1, 2.5]}, [], True, ""):
            reply = raw.ask({"execute": "query-name", "id": ident})
            assert reply == {"return": {}, "id": ident}, reply
            reply = raw.ask({"execute": "no-such", "id": ident})
            assert "id" in reply and reply["id"] == ident, reply
        assert "id" not in raw.ask({"execute": "query-name"})
    with tap.case("pipelined, glued and split requests"), Raw(demo.monitor) as raw:
        count = 300
        raw.send(b"".join(json.dumps({"execute": "query-status", "id": i}).encode()
                          for i in range(count)))
        assert [raw.read()["id"] for _ in range(count)] == list(range(count))
        for byte in b'{"execute"\n:\n"query-name", "id": 7}':
            raw.send(bytes([byte]))
        assert raw.read() == {"return": {}, "id": 7}
    with tap.case("wrong requests are answered by name"), Raw(demo.monitor) as raw:
        for request, pattern in (
                ([], "must be a JSON object"),
                (b'"text"\n', "must be a JSON object"),
                ({}, "lacks member 'execute'"),
                ({"execute": 1}, "'execute' must be a string"),
                ({"execute": "query-name", "arguments": []}, "'arguments' must be an object"),
                ({"execute": "query-name", "extra": 1}, "'extra' is unexpected"),
                ({"execute": "query-name", "arguments": {"x": 1}}, "'x' is unexpected"),
                ({"execute": "screendump"}, "'filename' is missing"),
                ({"execute": "screendump", "arguments": {"filename": 1}},
                 "'filename', expected: string"),
                ({"execute": "screendump", "arguments": {"filename": "x", "format": "gif"}},
                 "'format' does not accept value 'gif'"),
                ({"execute": "screendump", "arguments": {"filename": "x", "head": 0}},
                 "'head' must be specified together with 'device'"),
                ({"execute": "screendump", "arguments": {"filename": "/nonexistent/x"}},
                 "/nonexistent/x"),
                ({"execute": "screendump", "arguments": {"filename": "/dev/null"}},
                 "no regular file"),
                ({"execute": "set_password", "arguments": {"protocol": "vnc", "password": "x"}},
                 "does not accept value 'vnc'"),
                ({"execute": "set_password", "arguments": {"protocol": "spice",
                                                           "password": "x" * 60}}, "at most 59"),
                ({"execute": "expire_password", "arguments": {"protocol": "spice",
                                                              "time": "soon"}}, "'soon'"),
                (b'{"execute": "query-name",}\n', "JSON parse error"),
                (b'{"execute": "a", "execute": "b"}\n', "JSON parse error"),
                (b'{"execute": "\\ud800"}\n', "JSON parse error"),
                (b'{"execute": "\xc3\x28"}\n', "JSON parse error"),
                (b'{"execute": "que\x00ry"}\n', "JSON parse error"),
                (b'{"execute": "query-name", "id": 1e999}\n', "JSON parse error"),
                (b"hello\n", "JSON parse error"),
                (b"{]}\n", "JSON parse error")):
            check_error(raw, request, pattern)
            reply = raw.ask(b'\n{"execute": "query-name"}\n')
            if "error" in reply:  # what was left of the line counts as another text
                reply = raw.read()
            assert reply == {"return": {}}, (request, reply)
        check_error(raw, {"execute": "no-such"}, "no-such has not been found", "CommandNotFound")
        check_error(raw, {"execute": "screendump", "arguments": {"filename": "x", "device": "no"}},
                    "'no' not found", "DeviceNotFound")


def hostile(demo):
    with tap.case("long, deep and binary input"), Raw(demo.monitor) as raw:
        raw.send(b'{"execute": "' + b"x" * (2 << 20) + b'"}\n')
        assert "1048576 bytes" in error_of(raw.read())
        raw.send(b"[" * 100000 + b"\n")
        assert "64 levels" in error_of(raw.read())
        raw.send(b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"\n")
        assert "64 levels" in error_of(raw.read())
        raw.send(b'{"execute": "query-na' + b"\xff" + b'{"execute": "query-name"}')
        error_of(raw.read())
        assert raw.read() == {"return": {}}
    with tap.case("getfd, closefd: descriptors sent along get names"):
        descriptors(demo)
    with tap.case("random bytes"), Raw(demo.monitor) as raw:
        state = 1
        noise = bytearray()
        for _ in range(20000):
            state = (state * 1103515245 + 12345) & 0x7fffffff
            noise.append(b'{}[]":,\\\n\xff ab01'[(state >> 16) % 15])
        raw.send(bytes(noise) + b'\n\xff\n{"execute": "query-name", "id": "end"}\n')
        while raw.read().get("id") != "end":
            pass
    with tap.case("a client that does not read is slowed down, others are not"):
        with Raw(demo.monitor) as lazy, Raw(demo.monitor) as other:
            lazy.socket.settimeout(0.2)
            request = b'{"execute": "query-commands"}\n' * 1000
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += lazy.socket.send(request)
            except socket.timeout:
                pass
            assert sent < 64 << 20, "the monitor reads without end"
            start = time.monotonic()
            assert other.ask({"execute": "query-name"}) == {"return": {}}
            assert time.monotonic() - start < 5
    with tap.case("clients that leave in the middle"):
        for data in (b"", b'{"execute":', b'{"execute": "query-commands"}' * 500, b"\xff"):
            with Raw(demo.monitor) as raw:
                raw.send(data)
        with Raw(demo.monitor) as raw:
            assert raw.ask({"execute": "query-name"}) == {"return": {}}
    with tap.case("events for clients that have just left"), Raw(demo.monitor) as stayer:
        for _ in range(20):
            crowd = [Raw(demo.monitor) for _ in range(5)]
            stayer.send(b'{"execute": "stop"}{"execute": "cont"}')
            for raw in crowd:
                raw.socket.close()
        replies = 0
        while replies < 40:
            replies += "return" in stayer.read()
    with tap.case("too many clients are told so"):
        crowd = []
        try:
            for _ in range(16):
                crowd.append(Raw(demo.monitor))
            extra = socket.socket(socket.AF_UNIX)
            extra.settimeout(10)
            extra.connect(demo.monitor)
            assert "Too many" in error_of(json.loads(extra.recv(4096)))
            extra.close()
        finally:
            for raw in crowd:
                raw.socket.close()
        for _ in range(100):  # the closed ones make room again
            try:
                with Raw(demo.monitor) as raw:
                    assert raw.ask({"execute": "query-name"}) == {"return": {}}
                break
            except (KeyError, AssertionError, ConnectionError, BrokenPipeError):
                time.sleep(0.05)
        else:
            raise AssertionError("no room again")


def commands(demo):
    qmp = demo.qmp()
    other = demo.qmp()
    demo.wait_finished()
    with tap.case("query-version, query-commands, query-spice"):
        assert qmp.command("query-version") == qmp.greeting["version"]
        names = {entry["name"] for entry in qmp.command("query-commands")}
        assert {"qmp_capabilities", "query-version", "query-commands", "query-status",
                "query-spice", "stop", "cont", "system_reset", "screendump", "quit"} <= names
        spice = qmp.command("query-spice")
        assert spice["enabled"] is True and spice["auth"] == "none" and spice["channels"] == []
        assert (spice["host"], spice["port"]) == ("127.0.0.1", demo.port)
        assert spice["mouse-mode"] in ("server", "client")
    with tap.case("stop and cont tell every monitor, once"):
        assert qmp.command("query-status") == {"status": "running", "running": True}
        qmp.command("stop")
        qmp.command("stop")
        assert qmp.command("query-status") == {"status": "paused", "running": False}
        qmp.command("cont")
        qmp.command("cont")
        assert qmp.command("query-status") == {"status": "running", "running": True}
        for monitor in (qmp, other):
            event = monitor.wait_event("RESUME")
            assert abs(event["timestamp"]["seconds"] - time.time()) < 60
            assert 0 <= event["timestamp"]["microseconds"] < 1000000
            monitor.wait_event("STOP")
            assert not [e for e in monitor.events if e["event"] in ("STOP", "RESUME")]
    with tap.case("screendump: format by argument, the same picture, also while stopped"):
        qmp.command("screendump", filename=demo.path("a.png"), format="png")
        qmp.command("screendump", filename=demo.path("b"))
        qmp.command("stop")
        qmp.command("screendump", filename=demo.path("c"), format="ppm")
        qmp.command("cont")
        with open(demo.path("a.png"), "rb") as a, open(demo.path("b"), "rb") as b:
            assert a.read(4) == b"\x89PNG" and b.read(2) == b"P6"
        first = read_picture(demo.path("b"))
        assert len(set(first.pixels)) > 10, "the picture is empty"
        for name in ("a.png", "c"):
            different = difference(first, read_picture(demo.path(name)))
            assert different is None, different
    with tap.case("system_reset starts the guest again"):
        demo.output = ""
        qmp.command("system_reset")
        assert qmp.wait_event("RESET")["data"] == {"guest": False,
                                                   "reason": "host-qmp-system-reset"}
        demo.wait_finished()
        qmp.command("screendump", filename=demo.path("d"))
        different = difference(read_picture(demo.path("b")), read_picture(demo.path("d")))
        assert different is None, different
    with tap.case("SPICE events and channels in QEMU's form"):
        demo.screenshot("shot.ppm")
        connected = qmp.wait_event("SPICE_CONNECTED")["data"]
        initialized = qmp.wait_event("SPICE_INITIALIZED")["data"]
        disconnected = qmp.wait_event("SPICE_DISCONNECTED")["data"]
        assert set(connected["client"]) == {"host", "port", "family"}
        assert connected["server"] == {"host": "127.0.0.1", "port": str(demo.port),
                                       "family": "ipv4"}
        assert initialized["server"] == {**connected["server"], "auth": "none"}
        assert initialized["client"].items() >= {**connected["client"], "channel-type": 1,
                                                 "channel-id": 0, "tls": False}.items()
        assert initialized["client"]["connection-id"] != 0
        assert set(disconnected) == {"client", "server"}
        deadline = time.monotonic() + 10
        while qmp.command("query-spice")["channels"]:
            assert time.monotonic() < deadline, "channels stay in query-spice"
            time.sleep(0.05)
    with tap.case("a password set by the monitor is required at once"):
        qmp.command("set_password", protocol="spice", password="open sesame")
        assert qmp.command("query-spice")["auth"] == "spice"
        qmp.command("expire_password", protocol="spice", time="+600")
        demo.screenshot("with.ppm", uri=f"spice://127.0.0.1:{demo.port}?password=open%20sesame")
        qmp.events.clear()
        for expire in (None, "now"):
            if expire:
                qmp.command("expire_password", protocol="spice", time=expire)
            password = "open%20sesame" if expire else "wrong"
            try:
                demo.screenshot(f"{password}-{expire}.ppm", timeout=10,
                                uri=f"spice://127.0.0.1:{demo.port}?password={password}")
            except Exception:
                continue
            raise AssertionError("let in")
    with tap.case("cassia qmp"):
        done = cassia.run("qmp", demo.monitor, "query-status")
        assert done.returncode == 0 and json.loads(done.stdout)["status"] == "running", done
        done = cassia.run("qmp", f"unix:{demo.monitor}", "screendump",
                          f"filename={demo.path('e.png')}", "format=png")
        assert done.returncode == 0 and done.stdout == "{}\n", done
        assert read_picture(demo.path("e.png")).width == 1024
        done = cassia.run("qmp", demo.monitor, "no-such")
        assert done.returncode == 1 and "CommandNotFound" in done.stderr and not done.stdout, done
        done = cassia.run("qmp", "--wait", "RESET", demo.monitor, "system_reset")
        assert done.returncode == 0 and '"RESET"' in done.stdout, done
        done = cassia.run("qmp", "--timeout", "1", "--wait", "NEVER", demo.monitor)
        assert done.returncode == 1 and "in time" in done.stderr, done
        done = cassia.run("qmp", demo.monitor, "screendump", "filename:=1")
        assert done.returncode == 1 and "expected: string" in done.stderr, done
        for wrong in (["qmp"], ["qmp", demo.monitor], ["qmp", demo.monitor, "stop", "word"],
                      ["qmp", demo.monitor, "stop", "a:=}"], ["qmp", "--timeout", "0", "x", "y"]):
            done = cassia.run(*wrong)
            assert done.returncode == 2 and done.stderr, (wrong, done)
        done = cassia.run("qmp", demo.path("nobody"), "stop")
        assert done.returncode == 1 and demo.path("nobody") in done.stderr, done
    with tap.case("quit: the reply, the event, the end"):
        qmp.events.clear()
        assert qmp.command("quit") == {}
        assert qmp.wait_event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}
        assert other.wait_event("SHUTDOWN")
        assert demo.process.wait(20) == 0, demo.errors()
        assert not os.path.exists(demo.monitor), "the socket file stays"


with Demo("--load", "text", "--frames", "5", "--fps", "0") as running, \
        tap.guard("a demo with a monitor"):
    running.wait_finished()  # or there may be no screen yet
    protocol(running)
    hostile(running)
    commands(running)
tap.finish()
