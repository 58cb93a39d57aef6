#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients move from one server to another. Facts: spice-wire.md section 7, server-abi.md 6."""

import os
import shutil
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import spice_client as spice
from bare_server import BareServer
from gtk_client import GtkClient
from tap import Tap
from tls import SUBJECT, TlsClient, free_port, make_certificates

BEGIN, CANCEL, INIT, SWITCH_HOST, END = 101, 102, 103, 111, 112
CONNECTED, CONNECT_ERROR, ATTACH, ARRIVED = 102, 103, 104, 109
SEMI_SEAMLESS = 1

tap = Tap()
folder = tempfile.mkdtemp(prefix="cassia-migration-")
make_certificates(folder)


def migrate(server, text, result=0):
    server.command(text)
    line = server.expect("migrate ")
    assert line == f"migrate {result}", f"{text}: {line}"


def target_of(body):
    """(port, TLS port, host, subject) of a message that says where to go."""
    port, tls_port, host_size, host, subject_size, subject = struct.unpack_from("<HHIIII", body)
    text = body[host:host + host_size]
    assert text[-1:] == b"\0"
    name = body[subject:subject + subject_size]
    assert not subject_size or name[-1:] == b"\0"
    return port, tls_port, text[:-1].decode(), name[:-1].decode()


def capable(port):
    return spice.Main(port, channel=SEMI_SEAMLESS)


source = BareServer()
migrate(source, "migrate-connect host 1 2", -1)
migrate(source, "migrate-end 1", -1)
migrate(source, "migrate-interface")
migrate(source, "migrate-interface", -1)

with tap.case("without clients everything is done at once"):
    migrate(source, "migrate-start", -1)
    migrate(source, "migrate-connect host 1 2")
    assert "migrate-connected" in source.seen
    migrate(source, "migrate-start")
    migrate(source, "migrate-end 1")
    assert "migrate-ended" in source.seen
    migrate(source, "migrate-start", -1)

with tap.case("targets that are none"):
    for text in ("- 1 2", "host -1 -1", "host 70000 -1", "host 1 -5"):
        migrate(source, f"migrate-connect {text}", -1)
        assert "migrate-connected" in source.seen[-2:]

with tap.case("a client is told to connect, and to go when it has"):
    with capable(source.port) as main:
        migrate(source, "migrate-connect target.example 5930 -1")
        assert target_of(main.expect(BEGIN)) == (5930, 0, "target.example", "")
        main.send_message(CONNECTED)
        source.expect("migrate-connected")
        migrate(source, "migrate-end 1")
        assert main.expect(END, SWITCH_HOST, CANCEL) == b""
        main.close()
        source.expect("migrate-ended")

with tap.case("the TLS port and the certificate's subject are told, too"):
    with capable(source.port) as main:
        migrate(source, f"migrate-connect ::1 -1 5931 {SUBJECT}")
        assert target_of(main.expect(BEGIN)) == (0, 5931, "::1", SUBJECT)
        main.send_message(CONNECT_ERROR)
        source.expect("migrate-connected")
        migrate(source, "migrate-end 1")
        assert target_of(main.expect(SWITCH_HOST)) == (0, 5931, "::1", SUBJECT)
    source.expect("migrate-ended")

with tap.case("a client that cannot connect ahead is told where to go in the end"):
    with spice.Main(source.port) as main:
        migrate(source, "migrate-connect host 1 2")
        assert "migrate-connected" in source.seen[-2:]
        migrate(source, "migrate-end 1")
        assert target_of(main.expect(SWITCH_HOST, BEGIN, END))[:2] == (1, 2)
    source.expect("migrate-ended")

with tap.case("the machine stays: who has connected is told to forget it"):
    with capable(source.port) as main:
        migrate(source, "migrate-connect host 1 2")
        main.expect(BEGIN)
        main.send_message(CONNECTED)
        source.expect("migrate-connected")
        migrate(source, "migrate-end 0")
        main.expect(CANCEL)
        main.send_message(ATTACH)
        main.expect(104)

with tap.case("cancelled before the answer: it is told when the answer comes"):
    with capable(source.port) as main:
        migrate(source, "migrate-connect host 1 2")
        main.expect(BEGIN)
        migrate(source, "migrate-end 0")
        assert "migrate-connected" in source.seen[-2:]
        main.send_message(CONNECTED)
        main.expect(CANCEL)

with tap.case("a second target: the answer about the first one does not count"):
    with capable(source.port) as main:
        migrate(source, "migrate-connect one 1 2")
        migrate(source, "migrate-connect two 3 4")
        main.expect(BEGIN)
        assert target_of(main.expect(BEGIN))[2] == "two"
        main.send_message(CONNECT_ERROR)
        main.send_message(CONNECTED)
        main.send_message(ATTACH)
        main.expect(104)
        migrate(source, "migrate-end 1")
        main.expect(END)
    source.expect("migrate-ended")

with tap.case("answers nobody asked for"):
    with capable(source.port) as main:
        main.send_message(CONNECTED)
        main.expect(CANCEL)
        main.send_message(CONNECT_ERROR)
        main.send_message(ARRIVED)
        main.send_message(ATTACH)
        main.expect(104)

with tap.case("a client that leaves instead of answering"):
    with capable(source.port) as main:
        migrate(source, "migrate-connect host 1 2")
        main.expect(BEGIN)
    source.expect("migrate-connected")
    source.expect("event disconnected")
    migrate(source, "migrate-end 1")
    assert "migrate-ended" in source.seen[-2:]

with tap.case("the end without a beginning: clients are disconnected"):
    with capable(source.port) as main:
        migrate(source, "migrate-end 1", -1)
        assert "migrate-ended" in source.seen[-2:]
        assert main.is_closed()

with tap.case("migrate_switch: at once and without an answer"):
    with spice.Main(source.port) as main:
        migrate(source, "migrate-info host 7 -1")
        migrate(source, "migrate-switch")
        assert target_of(main.expect(SWITCH_HOST)) == (7, 0, "host", "")

with tap.case("no answer within 10 s, and no leaving within 10 s"):
    with capable(source.port) as main:
        start = time.monotonic()
        migrate(source, "migrate-connect host 1 2")
        source.expect("migrate-connected", 15)
        assert 9.5 < time.monotonic() - start < 14
        main.send_message(CONNECTED)
        main.expect(CANCEL)
        migrate(source, "migrate-end 1")
        main.expect(SWITCH_HOST)
        start = time.monotonic()
        source.expect("migrate-ended", 15)
        assert 9.5 < time.monotonic() - start < 14
        assert main.is_closed()

# The target.

target = BareServer("--no-start", "ticket")
target.command("display 0")


def silent(client):
    client.socket.settimeout(0.3)
    try:
        client.socket.recv(1)
        return False
    except (socket.timeout, TimeoutError):
        client.socket.settimeout(10)
        return True


def arriving(connection_id=4711, **kwargs):
    client = spice.Client(target.port)
    client.link(password=b"ticket", connection_id=connection_id, channel=SEMI_SEAMLESS, **kwargs)
    return client


with tap.case("an arriving client hears nothing until it says that it has come"):
    main = arriving()
    assert silent(main)
    inputs = arriving(channel_type=spice.INPUTS)
    display = arriving(channel_type=spice.DISPLAY)
    display.send_message(101, struct.pack("<BqBi", 1, 1 << 20, 1, 1 << 20))
    assert silent(inputs) and silent(display) and silent(main)
    main.send_message(ATTACH)
    target.command("start")
    assert silent(main)
    main.send_message(ARRIVED)
    kind, body = main.read_message()
    assert kind == INIT and struct.unpack_from("<I", body)[0] == 4711
    inputs.expect(101)
    display.expect(314)
    for client in (inputs, display, main):
        client.close()

with tap.case("the same connection twice: the second is closed, the first one counts"):
    with arriving() as main, arriving(channel_type=spice.INPUTS) as one, \
            arriving(channel_type=spice.INPUTS) as two:
        assert two.is_closed()
        main.send_message(ARRIVED)
        one.expect(101)

with tap.case("an arriving client that leaves takes all its connections with it"):
    with arriving() as main, arriving(channel_type=spice.INPUTS) as inputs:
        main.close()
        assert inputs.is_closed()

with tap.case("an arriving client needs the password"):
    with spice.Client(target.port) as client:
        try:
            client.link(password=b"wrong", connection_id=4711)
            raise AssertionError("it was accepted")
        except spice.Refused as refusal:
            assert refusal.code == spice.PERMISSION_DENIED

with tap.case("agent data before arriving: closed"):
    with arriving() as main:
        main.send_message(107, b"x")
        assert main.is_closed()

target.stop()
source.stop()

# spice-gtk there and back.


def pair(*options):
    servers = []
    for _ in range(2):
        tls_port = free_port()
        server = BareServer(f"--tls-port={tls_port}", f"--tls-folder={folder}", *options)
        server.tls_port = tls_port
        server.command("display 0")
        migrate(server, "migrate-interface")
        servers.append(server)
    return servers


def move(client, here, there, where):
    before = client.picture()
    migrate(here, f"migrate-connect {where(there)}")
    here.expect("migrate-connected")
    migrate(here, "migrate-end 1")
    here.expect("migrate-ended")
    client.expect("migration none")
    deadline = time.monotonic() + 10
    while client.picture() != before:
        assert time.monotonic() < deadline, "the picture is not what it was"
        time.sleep(0.05)
    assert not [line for line in client.seen if "error" in line or line == "disconnected"], \
        client.seen


def journey(where, *settings):
    one, two = pair()
    with GtkClient(*(setting(one) for setting in settings)) as client:
        client.expect("display 0 320 200")
        for _ in range(3):
            move(client, one, two, where)
            move(client, two, one, where)
        here = [line for line in one.seen if "initialized" in line]
        assert len({line.split()[3] for line in here}) == 1, "always the same session"
    one.stop()
    two.stop()


with tap.case("spice-gtk moves six times and never disconnects"):
    journey(lambda server: f"127.0.0.1 {server.port} -1", lambda s: "host=127.0.0.1",
            lambda s: f"port={s.port}")

with tap.case("the same with TLS and the certificate's subject"):
    journey(lambda server: f"127.0.0.1 -1 {server.tls_port} {SUBJECT}",
            lambda s: "host=127.0.0.1", lambda s: f"tls-port={s.tls_port}",
            lambda s: f"ca-file={folder}/ca-cert.pem", lambda s: "verify=subject",
            lambda s: f"cert-subject={SUBJECT}")

with tap.case("spice-gtk cannot reach the target: it stays, and is told to switch in the end"):
    one, two = pair()
    with GtkClient("host=127.0.0.1", f"port={one.port}") as client:
        client.expect("display 0 320 200")
        migrate(one, f"migrate-connect 127.0.0.1 {free_port()} -1")
        one.expect("migrate-connected", 15)
        client.picture()
        migrate(one, f"migrate-connect 127.0.0.1 {two.port} -1")
        one.expect("migrate-connected", 15)
        migrate(one, "migrate-end 0")
        client.picture()
        migrate(one, f"migrate-connect 127.0.0.1 {free_port()} -1")
        one.expect("migrate-connected", 15)
        migrate(one, "migrate-end 1")
        one.expect("migrate-ended", 15)
    one.stop()
    two.stop()

shutil.rmtree(folder, ignore_errors=True)
tap.finish()
