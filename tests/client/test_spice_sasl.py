#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SASL by hand and with spice-gtk. Facts: spice-wire.md section 1.5."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from gtk_client import GtkClient
from tap import Tap, skip_all
from tls import TlsClient, free_port, make_certificates

with open(os.path.join(os.environ["BUILDDIR"], "config.h")) as config:
    if "HAVE_SASL 1" not in config.read():
        skip_all("built without SASL (libsasl2-dev)")
saslpasswd = shutil.which("saslpasswd2") or "/usr/sbin/saslpasswd2"
if not os.path.exists(saslpasswd):
    skip_all("saslpasswd2 is not installed (sasl2-bin)")

tap = Tap()
folder = tempfile.mkdtemp(prefix="cassia-sasl-")
database = os.path.join(folder, "sasldb")
make_certificates(folder)
with open(os.path.join(folder, "spice.conf"), "w") as conf:
    conf.write("mech_list: DIGEST-MD5 SCRAM-SHA-256 PLAIN\n"
               f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\n")
subprocess.run([saslpasswd, "-p", "-c", "-f", database, "-a", "spice", "fred"], input=b"flintstone",
               check=True)
secure_port = free_port()
server = BareServer("--sasl", f"--tls-port={secure_port}", f"--tls-folder={folder}",
                    env={"SASL_CONF_PATH": folder, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                         + ":fast_unwind_on_malloc=0"})  # for suppressions: a plugin leaks
port = server.port


def begin(client, common=spice.AUTH_SELECTION | spice.AUTH_SASL | spice.MINI_HEADER, mechanism=2):
    client.send(spice.link_message(common=common))
    error, key, caps, _ = client.read_reply()
    assert error == 0 and not any(key), "a key for tickets nobody asks for"
    assert caps & spice.AUTH_SASL and not caps & spice.AUTH_SPICE
    client.send(struct.pack("<I", mechanism))


def mechanisms(client):
    begin(client)
    size = struct.unpack("<I", client.receive(4))[0]
    assert size <= 300
    text = client.receive(size).decode()
    assert text.startswith(",") and text.endswith(",") and "\0" not in text, text
    return text.strip(",").split(",")


def choose(client, name, data=None):
    client.send(struct.pack("<I", len(name)) + name)
    client.send(struct.pack("<I", 0) if data is None
                else struct.pack("<I", len(data) + 1) + data + b"\0")


def refused(client):
    """What cannot begin is answered as a bad link is."""
    assert client.read_reply()[0] == spice.INVALID_DATA
    assert client.is_closed()


def failed(client):
    """Nothing more is said."""
    try:
        client.receive(1)
        raise AssertionError("there was an answer")
    except spice.Closed:
        pass


with tap.case("without TLS only what protects the stream is offered"):
    with spice.Client(port) as client:
        assert mechanisms(client) == ["DIGEST-MD5"]

with tap.case("with TLS passwords may be told, and nobody stays anonymous"):
    with TlsClient(secure_port, folder) as client:
        offered = mechanisms(client)
        assert "PLAIN" in offered and "ANONYMOUS" not in offered, offered

with tap.case("PLAIN through TLS: a session works"):
    with TlsClient(secure_port, folder) as client:
        mechanisms(client)
        choose(client, b"PLAIN", b"\0fred\0flintstone")
        assert client.receive(4 + 1 + 4) == struct.pack("<IBI", 0, 1, 0)
        assert client.receive(4) == bytes(4)
        client.expect(103)

with tap.case("PLAIN through TLS with a wrong password is refused"):
    with TlsClient(secure_port, folder) as client:
        mechanisms(client)
        choose(client, b"PLAIN", b"\0fred\0rubble")
        failed(client)

with tap.case("mechanisms that were not offered are refused, also parts and lists of some"):
    for name in (b"PLAIN", b"DIGEST", b"DIGEST-MD5,", b",", b"DIGEST-MD5\0", b"x" * 100):
        with spice.Client(port) as client:
            mechanisms(client)
            choose(client, name, b"\0fred\0flintstone")
            if name == b"DIGEST-MD5\0":
                continue  # the name ends at its NUL
            refused(client)

with tap.case("bad lengths: closed"):
    for data in (struct.pack("<I", 0), struct.pack("<I", 101), struct.pack("<I", 0xffffffff),
                 struct.pack("<I", 10) + b"DIGEST-MD5" + struct.pack("<I", 1024 * 1024 + 1),
                 struct.pack("<I", 10) + b"DIGEST-MD5" + struct.pack("<I", 0xffffffff)):
        with spice.Client(port) as client:
            mechanisms(client)
            client.send(data)
            (failed if len(data) == 4 else refused)(client)

with tap.case("garbage in the second step is refused"):
    with spice.Client(port) as client:
        mechanisms(client)
        choose(client, b"DIGEST-MD5")
        size = struct.unpack("<I", client.receive(4))[0]
        challenge = client.receive(size + 1)
        assert b"nonce=" in challenge and challenge[-2:] == b"\0\0", challenge
        client.send(struct.pack("<I", 2000) + os.urandom(2000))
        failed(client)
    with spice.Client(port) as client:
        mechanisms(client)
        choose(client, b"DIGEST-MD5")
        client.receive(struct.unpack("<I", client.receive(4))[0] + 1)
        client.send(struct.pack("<I", 1024 * 1024 + 1))
        failed(client)

with tap.case("a ticket instead of SASL: result 7; without AUTH_SELECTION: error 4"):
    with spice.Client(port) as client:
        begin(client, mechanism=1)
        client.send(bytes(128))
        assert struct.unpack("<I", client.receive(4))[0] == spice.PERMISSION_DENIED
    with spice.Client(port) as client:
        client.send(spice.link_message(common=spice.MINI_HEADER))
        assert client.read_reply()[0] == spice.VERSION_MISMATCH

server.command("display 0")
with tap.case("spice-gtk with DIGEST-MD5, whose layer protects everything"):
    with GtkClient("host=127.0.0.1", f"port={port}", "username=fred",
                   "password=flintstone") as client:
        client.expect("display 0 320 200")
        assert client.picture() != "none"
with tap.case("spice-gtk with a wrong password fails"):
    with GtkClient("host=127.0.0.1", f"port={port}", "username=fred", "password=rubble") as client:
        assert client.expect("main") == "main error-auth"
with tap.case("spice-gtk with SASL through TLS"):
    with GtkClient("host=127.0.0.1", f"tls-port={secure_port}", f"ca-file={folder}/ca-cert.pem",
                   "verify=subject", "cert-subject=C=XX,O=Cassia tests,CN=server.example",
                   "username=fred", "password=flintstone") as client:
        client.expect("display 0 320 200")

with tap.case("the server ends well"):
    server.stop()

shutil.rmtree(folder, ignore_errors=True)
tap.finish()
