#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""-spice web=on without a browser: one port for files, SPICE clients and WebSockets; hostile visitors."""

import os
import re
import socket
import ssl
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
import spice_client
from cassia import Demo
from tap import Tap
from tls import TlsClient, free_port, make_certificates
from websocket import WebSocket, WebSocketClient, request

tap = Tap()
folder = tempfile.TemporaryDirectory()
page = os.path.join(folder.name, "page")
os.mkdir(page)
with open(os.path.join(page, "spice_auto.html"), "w") as file:
    file.write("<p>the page</p>")
with open(os.path.join(page, "big.js"), "wb") as file:
    file.write(b"0123456789abcdef" * 200_000)
WEB = f"web=on,web-dir={page}"


def exchange(connected, text):
    """Sends TEXT; all that comes until the end."""
    connected.settimeout(20)
    connected.sendall(text)
    answer = b""
    while part := connected.recv(65536):
        answer += part
    return answer


def get(port, path="/", connected=None):
    connected = connected or socket.create_connection(("127.0.0.1", port))
    answer = exchange(connected, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    connected.close()
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), head, body


with Demo("-load", "text", "-frames", "5", spice=f"port=0,{WEB}") as demo:
    demo.read_until("In a browser:  http://127.0.0.1:\\d+/\n", 20)
    with tap.case("files"):
        status, head, body = get(demo.port)
        assert status == 200 and body == b"<p>the page</p>", (head, body)
        assert b"Content-Type: text/html" in head and b"nosniff" in head, head
        status, head, body = get(demo.port, "/big.js")
        assert status == 200 and len(body) == 3_200_000, head
        assert get(demo.port, "/../" + os.path.basename(folder.name))[0] == 404

    with tap.case("a SPICE client and a WebSocket on the same port"):
        demo.screenshot("shot.ppm")
        with spice_client.Main(demo.port) as main:
            assert main.session
        with WebSocketClient(demo.port, pieces=3) as client:
            client.link()
            client.expect(103)
        info = demo.qmp().command("query-spice")
        assert info["port"] == demo.port, info

    with tap.case("the page of another site cannot connect"):
        with socket.create_connection(("127.0.0.1", demo.port)) as connected:
            text = request("dGhlIHNhbXBsZSBub25jZQ==", extra="Origin: http://evil.example\r\n")
            answer = exchange(connected, text)
            assert answer.startswith(b"HTTP/1.1 403"), answer
        with socket.create_connection(("127.0.0.1", demo.port)) as connected:
            connected.settimeout(20)
            connected.sendall(request("dGhlIHNhbXBsZSBub25jZQ==", extra="Origin: http://localhost\r\n"))
            assert connected.recv(12) == b"HTTP/1.1 101"

    with tap.case("visitors who dawdle cost nothing and keep nobody out"):
        slow = []
        for number in range(300):
            visitor = socket.create_connection(("127.0.0.1", demo.port))
            visitor.sendall([b"", b"G", b"GET / HTTP/1.1\r\n", b"RED"][number % 4])
            slow.append(visitor)
        demo.check_idle()
        assert get(demo.port)[0] == 200
        with spice_client.Main(demo.port) as main:
            assert main.session
        for visitor in slow:
            visitor.close()

    with tap.case("who says no more is let go"):
        for text in (b"G", b"GET / HTTP/1.1\r\n"):
            with socket.create_connection(("127.0.0.1", demo.port)) as connected:
                connected.sendall(text)
                connected.shutdown(socket.SHUT_WR)
                connected.settimeout(10)
                try:
                    assert connected.recv(100) == b""
                except ConnectionResetError:  # what was sent has not been read
                    pass
        demo.check_idle()

    with tap.case("requests that are none"):
        with socket.create_connection(("127.0.0.1", demo.port)) as connected:
            assert b" 400 " in exchange(connected, b"GET /" + b"x" * 9000)
        with socket.create_connection(("127.0.0.1", demo.port)) as connected:
            assert b" 400 " in exchange(connected, b"GET x y z\r\n\r\n")
        # One who does not take the answer.
        lazy = socket.create_connection(("127.0.0.1", demo.port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b"GET /big.js HTTP/1.1\r\n\r\n")
        demo.check_idle()
        lazy.close()
        assert get(demo.port)[0] == 200
        assert demo.stop() == 0, demo.errors()

make_certificates(folder.name)
port = free_port()
with Demo("-load", "text", "-frames", "5",
          spice=f"port=0,tls-port={port},x509-dir={folder.name},{WEB}") as demo:
    demo.read_until(f"In a browser:  https://127.0.0.1:{port}/\n", 20)

    def secure(*protocols):
        context = ssl.create_default_context(cafile=os.path.join(folder.name, "ca-cert.pem"))
        if protocols:
            context.set_alpn_protocols(protocols)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                                   server_hostname="localhost")

    with tap.case("files with TLS"):
        connected = secure("h2", "http/1.1")
        assert connected.selected_alpn_protocol() == "http/1.1"
        status, head, body = get(port, "/big.js", connected)
        assert status == 200 and len(body) == 3_200_000, head
        assert get(port, "/nothing", secure("h2", "http/1.1"))[0] == 404

    with tap.case("a SPICE client and a WebSocket with TLS on the same port"):
        with TlsClient(port, folder.name) as client:
            client.link()
            client.expect(103)
        with TlsClient(port, folder.name) as client:
            WebSocket(client)
            client.link()
            client.expect(103)
        demo.screenshot("shot.ppm", uri=f"spice://127.0.0.1:{demo.port}")

    with tap.case("visitors who dawdle with TLS"):
        slow = []
        for number in range(40):
            visitor = socket.create_connection(("127.0.0.1", port))
            visitor.sendall([b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00", b"\x16\x03\x01\xff\xff"]
                            [number % 4])
            slow.append(visitor)
        demo.check_idle()
        with TlsClient(port, folder.name) as client:
            client.link()
        for visitor in slow:
            visitor.close()
        assert demo.stop() == 0, demo.errors()

with tap.case("options"):
    for words, text in (("web=on,web-dir=/nonexistent", "install the package spice-html5"),
                        ("web-dir=/tmp", "web-dir needs web=on"),
                        ("web=on,unix=on,addr=/tmp/x", "browsers do not connect to unix sockets")):
        result = cassia.run("demo", "-spice", words)
        assert result.returncode == 2 and text in result.stderr, (words, result.stderr)
    with Demo("-load", "text", "-frames", "5", spice="port=0,web=off") as demo:
        assert not re.search("In a browser", demo.output), demo.output

folder.cleanup()
tap.finish()
