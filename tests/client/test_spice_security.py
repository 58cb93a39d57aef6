#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and WebSocket, by hand and with spice-gtk. Facts: spice-wire.md sections 1.6 and 1.7."""

import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from cassia import Demo
from gtk_client import GtkClient
from tap import Tap
from tls import SUBJECT, TlsClient, free_port, make_certificates
from websocket import CLOSE, PING, WebSocket, WebSocketClient, frame, request

tap = Tap()
folder = tempfile.mkdtemp(prefix="cassia-security-")
make_certificates(folder)
secure_port = free_port()
unix_path = os.path.join(folder, "spice.sock")
server = BareServer(f"--tls-port={secure_port}", f"--tls-folder={folder}", f"--unix={unix_path}",
                    "secret")
port = server.port


def session(client):
    """A session on CLIENT, linked, that works."""
    client.expect(103)
    client.send_message(104)
    assert client.expect(104)


def tls(**kwargs):
    return TlsClient(secure_port, folder, **kwargs)


def link_error(client, **kwargs):
    try:
        client.link(password=b"secret", **kwargs)
    except spice.Refused as refusal:
        return refusal.code
    return 0


def reads_eof(client):
    """The connection ends within a few seconds."""
    try:
        while client.socket.recv(4096):
            pass
    except (ConnectionResetError, ssl.SSLError):
        pass
    return True


with tap.case("TLS 1.2 and 1.3: a session works"):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with tls(version=version) as client:
            client.link(password=b"secret")
            session(client)

with tap.case("a wrong password through TLS: result 7"):
    with tls() as client:
        try:
            client.link(password=b"wrong")
            raise AssertionError("it was accepted")
        except spice.Refused as refusal:
            assert refusal.code == spice.PERMISSION_DENIED

with tap.case("TLS 1.1 and 1.0 are refused"):
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
        try:
            tls(version=version, ciphers="ALL:@SECLEVEL=0").close()
            raise AssertionError(f"{version} was accepted")
        except (ssl.SSLError, ConnectionResetError):
            pass

with tap.case("a plain client on the TLS port hears nothing in plain text, and is dropped"):
    with spice.Client(secure_port) as client:
        client.send(spice.link_message() + bytes(200))
        data = b""
        try:
            while part := client.socket.recv(4096):
                data += part
        except ConnectionResetError:
            pass
        assert b"REDQ" not in data

with tap.case("a TLS client on the plain port is refused with error 2"):
    with spice.Client(port) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert client.read_reply()[0] == spice.INVALID_MAGIC

with tap.case("renegotiation is refused"):
    text = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure_port}",
                           "-tls1_2"], input="R\n", capture_output=True, text=True, timeout=20)
    assert "RENEGOTIATING" in text.stdout + text.stderr, text.stdout[-300:]
    assert "no renegotiation" in text.stderr, text.stderr[-500:]
    assert "Compression: NONE" in text.stdout

with tap.case("many small and one large message through TLS come whole"):
    with tls() as client:
        client.link(password=b"secret")
        client.expect(103)
        client.send(b"".join(struct.pack("<HI", 104, 0) for _ in range(3000)))
        for _ in range(3000):
            client.expect(104)

with tap.case("handshakes that stop anywhere leave nothing behind"):
    for size in range(0, 60, 7):
        with spice.Client(secure_port) as client:
            client.send((b"\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03" + bytes(240))[:size])
    with tls() as client:
        assert link_error(client) == 0

with tap.case("channels that must be secure: error 5 without TLS; error 6 for the opposite"):
    with tls() as main:
        main.link(password=b"secret")
        session_id = struct.unpack_from("<I", main.expect(103))[0]
        inputs = {"connection_id": session_id, "channel_type": spice.INPUTS}
        for mask, plain, secure in ((2, spice.NEED_SECURED, 0), (1, 0, spice.NEED_UNSECURED),
                                    (3, 0, 0)):
            server.command(f"secure inputs {mask}")
            assert server.expect("0") == "0"
            with spice.Client(port) as client:
                assert link_error(client, **inputs) == plain, mask
            time.sleep(0.1)
            with tls() as client:
                assert link_error(client, **inputs) == secure, mask
            time.sleep(0.1)

with tap.case("the default rule holds for channels without one of their own"):
    server.command("secure - 2")
    assert server.expect("0") == "0"
    with spice.Client(port) as client:
        assert link_error(client) == spice.NEED_SECURED
    server.command("secure main 3")
    assert server.expect("0") == "0"
    with spice.Client(port) as client:
        assert link_error(client) == 0
    for text in ("secure - 3", "secure main 3"):
        server.command(text)
        assert server.expect("0") == "0"

with tap.case("the user is warned about keys in plain text, and not with TLS"):
    for client, warned in ((spice.Client(port), True), (tls(), False)):
        with client as main:
            main.link(password=b"secret")
            session_id = struct.unpack_from("<I", main.expect(103))[0]
            other = spice.Client(port) if warned else tls()
            with other:
                other.link(password=b"secret", connection_id=session_id,
                           channel_type=spice.INPUTS)
                main.socket.settimeout(0.5)
                try:
                    assert warned == (b"insecure" in main.expect(7))
                except (socket.timeout, TimeoutError):
                    assert not warned

# WebSocket.

with tap.case("WebSocket: a session works, with and without a subprotocol"):
    for protocol in ("binary", "binary, base64", None):
        with WebSocketClient(port, protocol=protocol) as client:
            client.link(password=b"secret")
            session(client)

with tap.case("WebSocket through TLS"):
    with tls() as client:
        WebSocket(client)
        client.link(password=b"secret")
        session(client)

with tap.case("a request in single bytes"):
    with WebSocketClient(port, pieces=1) as client:
        client.link(password=b"secret")
        session(client)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
with tap.case("a request and first frames in one piece"):
    with spice.Client(port) as client:
        client.send(request(KEY) + frame(spice.link_message()[:5]) + frame(b"", 9)
                    + frame(spice.link_message()[5:], mask=False))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.receive(1)
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        assert client.receive(2) == b"\x8a\0", "a pong"
        assert client.receive(4)[:1] == b"\x82"
        assert client.receive(4) == b"REDQ"

bad_requests = {
    "no key": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a short key": request("c2hvcnQ="),
    "a subprotocol that is not there": request(KEY, "base64"),
    "a POST": request(KEY).replace(b"GET", b"POST"),
    "HTTP/1.0": request(KEY).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a line without a colon": request(KEY, extra="nonsense\r\n"),
    "a NUL": request(KEY, extra="X: \0\r\n"),
    "9000 bytes without an end": b"GET /" + b"a" * 9000,
}
for name, text in bad_requests.items():
    with tap.case(f"WebSocket request with {name}: error 2"):
        with spice.Client(port) as client:
            client.send(text)
            assert client.read_reply()[0] == spice.INVALID_MAGIC
            assert client.is_closed()

with tap.case("frames of every size, fragments, pings in between"):
    with WebSocketClient(port) as client:
        raw = client.websocket.raw_send
        message = spice.link_message()
        raw(frame(message[:1], first=0x02) + frame(b"ping!", PING) + frame(b"", first=0x00)
            + frame(message[1:9], first=0x00) + frame(message[9:], first=0x80))
        key = client.read_reply()[1]
        client.send(struct.pack("<I", 1) + spice.encrypt(key, b"secret\0"))
        assert client.receive(4) == bytes(4)
        client.expect(103)
        assert client.websocket.control == [(0x8a, b"ping!")]
        raw(frame(struct.pack("<HI", 104, 0) * 200))
        raw(frame(struct.pack("<HI", 104, 0) * 20000))
        for _ in range(20200):
            client.expect(104)

with tap.case("a close frame is answered, and ends the connection"):
    with WebSocketClient(port) as client:
        client.link(password=b"secret")
        client.expect(103)
        client.websocket.raw_send(frame(struct.pack(">H", 1000), CLOSE))
        while True:
            first, _ = client.websocket.read_frame()
            if first == 0x88:
                break
        assert reads_eof(client)

bad_frames = {
    "reserved bits": frame(b"x", first=0xc2),
    "an unknown opcode": frame(b"x", first=0x83),
    "a long ping": frame(b"x" * 126, PING),
    "a fragmented ping": frame(b"x", first=0x09),
    "a continuation of nothing": frame(b"x", first=0x80),
    "a new message inside of one": frame(b"RE", first=0x02) + frame(b"DQ", first=0x82),
    "a size of 2^63": b"\x82\xff" + struct.pack(">Q", 1 << 63) + bytes(4),
    "other bytes than a SPICE header": frame(b"GET / HT"),
}
for name, data in bad_frames.items():
    with tap.case(f"WebSocket with {name}: closed"):
        with WebSocketClient(port) as client:
            client.websocket.raw_send(data)
            assert reads_eof(client)

# spice-gtk.

server.command("display 0")


def gtk_session(*settings):
    """A session of spice-gtk until it shows the display, and its end."""
    with GtkClient(*settings) as client:
        client.expect("display 0 320 200")


def gtk_fails(*settings):
    """Nothing is shown; what the main channel says instead."""
    with GtkClient(*settings) as client:
        line = client.expect("main")
        assert line != "main opened", line
        return line


ticket = ("host=localhost", "password=secret")
ca = f"ca-file={folder}/ca-cert.pem"
secure = (*ticket, f"tls-port={secure_port}", ca)
with tap.case("spice-gtk with ticket and without TLS"):
    gtk_session(*ticket, f"port={port}")
with tap.case("spice-gtk with a wrong ticket fails"):
    assert gtk_fails("host=localhost", "password=wrong", f"port={port}") == "main error-auth"
with tap.case("spice-gtk with TLS, by host name"):
    gtk_session(*secure, "verify=hostname")
with tap.case("spice-gtk with TLS, by host subject"):
    gtk_session(*secure, "verify=subject", f"cert-subject={SUBJECT}")
with tap.case("spice-gtk with TLS and another host subject fails"):
    assert gtk_fails(*secure, "verify=subject", f"cert-subject={SUBJECT}x") == "main error-tls"
with tap.case("spice-gtk changes to TLS for the channels that must be secure"):
    server.command("secure - 2")
    server.expect("0")
    gtk_session(*secure, f"port={port}")
    with GtkClient(*ticket, f"port={port}") as client:
        assert client.expect("channel 2 0") == "channel 2 0 error-connect"
    server.command("secure - 3")
    server.expect("0")
with tap.case("spice-gtk at a unix socket"):
    gtk_session(f"unix-path={unix_path}", "password=secret")

with tap.case("the server ends well"):
    server.stop()

# Other settings.

with tap.case("IPv6, an encrypted key, DH parameters and a cipher list"):
    dh = os.path.join(folder, "dh.pem")
    subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                    "group:ffdhe2048", "-out", dh], check=True, capture_output=True)
    port6 = free_port("::1")
    server = BareServer(f"--tls-port={port6}", f"--tls-folder={folder}", f"--tls-dh={dh}",
                        "--address=::1", "--tls-password=key secret",
                        "--tls-ciphers=DHE-RSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256")
    with TlsClient(port6, folder, host="::1", version=ssl.TLSVersion.TLSv1_2) as client:
        assert client.socket.cipher()[0] == "DHE-RSA-AES256-GCM-SHA384"
        client.link()
        client.expect(103)
    with TlsClient(port6, folder, host="::1") as client:
        assert client.socket.cipher()[0] == "TLS_AES_128_GCM_SHA256"
    server.command("display 0")
    gtk_session("host=::1", f"tls-port={port6}", ca, "verify=subject", f"cert-subject={SUBJECT}")
    server.stop()

broken = {
    "no such file": ("--tls-folder=/nonexistent", "certificate file '/nonexistent/server-cert.pem'"),
    "a wrong key password": ("--tls-password=wrong", "private key file"),
    "no such cipher": ("--tls-ciphers=nonsense", "cipher list 'nonsense'"),
    "DH parameters that are none": (f"--tls-dh={folder}/ca-cert.pem", "DH parameter file"),
}
for name, (option, expected) in broken.items():
    with tap.case(f"TLS settings with {name}: the server does not start and says why"):
        run = subprocess.run([os.path.join(os.environ["BUILDDIR"], "tests/client/bare_server"),
                              f"--tls-port={free_port()}", f"--tls-folder={folder}", option],
                             capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
        assert run.returncode == 1 and expected in run.stderr + run.stdout, run.stderr + run.stdout

# The program.

with tap.case("cassia demo with TLS: only the channels that are named need it"):
    demo_tls = free_port()
    with Demo(spice=f"port=0,tls-port={demo_tls},x509-dir={folder},tls-channel=inputs,"
              "tls-channel=cursor") as demo:
        with spice.Client(demo.port) as client:
            assert link_error(client) == 0
        for channel in (spice.INPUTS, spice.CURSOR):
            with spice.Client(demo.port) as client:
                assert link_error(client, channel_type=channel) == spice.NEED_SECURED
        with GtkClient("host=localhost", f"port={demo.port}", f"tls-port={demo_tls}", ca) as client:
            client.expect("display 0")
            if "channel 3 0 opened" not in client.seen:
                client.expect("channel 3 0 opened")

with tap.case("cassia demo with a TLS port alone: nothing in plain text"):
    with Demo(spice=f"tls-port={demo_tls},x509-dir={folder},"
              f"x509-key-file={folder}/server-key-enc.pem,x509-key-password=key secret") as demo:
        with spice.Client(demo.port) as client:
            assert link_error(client) == spice.NEED_SECURED
        with TlsClient(demo_tls, folder) as client:
            assert link_error(client) == 0

shutil.rmtree(folder, ignore_errors=True)
tap.finish()
