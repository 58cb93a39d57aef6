#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that follow a guest from process to process: spice-gtk never loses its session, and sees
what the card shows before and after. MOVES and LOADS in the environment change how often what moves."""

import os
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
import cassia
import spice_client as spice
from cassia import OWN_SERVER, Demo
from gtk_client import GtkClient
from journey import Follower, Journey, Watch, run_state, set_capabilities, wait_status
from migration import refused
from tap import Skip, Tap
from tls import SUBJECT, free_port, make_certificates

LOADS = os.environ.get("LOADS", "desktop,text,video,surfaces,cursor,chaos").split(",")
MOVES = int(os.environ.get("MOVES", "2"))
BEGIN, CANCEL, SWITCH_HOST, END = 101, 102, 111, 112
ATTACH_CHANNELS, CHANNELS_LIST = 104, 104
CONNECTED, CONNECT_ERROR = 102, 103
SEMI_SEAMLESS = 1
MANY = {"SPICE_DEBUG_ALLOW_MC": "1"}

tap = Tap()
folder = tempfile.mkdtemp(prefix="cassia-moves-")
make_certificates(folder)


def need_own_server():
    """libspice-server says nothing to clients that have not answered its pings, as ours here."""
    if not OWN_SERVER:
        raise Skip("libspice-server waits for this client's answers to its pings")


def journey(load, moves, *arguments, clients=1, settings=None, **named):
    with Journey("--load", load, "--seed", "5", *arguments, **named) as trip:
        followers = []
        try:
            for _ in range(clients):
                followers.append(Follower(trip.here, *(settings(trip.here) if settings else ())))
            for _ in range(moves):
                trip.move(followers, "connected" if followers else "no-client")
            Journey.check_errors(trip.here)
        finally:
            for client in followers:
                client.__exit__()


# --- what moves ---

# libspice-server 0.15.1 runs out of stack when chaos has let enough drawing wait.
for load in LOADS if OWN_SERVER else [load for load in LOADS if load != "chaos"]:
    with tap.case(f"{load}: {MOVES} moves in a row, a client follows"):
        journey(load, MOVES)

with tap.case("with TLS and the certificate's subject"):
    journey("desktop", MOVES, spice=f",x509-dir={folder}", tls_port=free_port,
            target={"hostname": "127.0.0.1", "cert-subject": SUBJECT},
            settings=lambda demo: (f"tls-port={demo.tls_port}", f"ca-file={folder}/ca-cert.pem",
                                   "verify=subject", f"cert-subject={SUBJECT}"))

with tap.case("seamless-migration=on"):
    journey("desktop", MOVES, spice=",seamless-migration=on")

with tap.case("with a password"):
    journey("text", MOVES, spice=",password=sesame",
            settings=lambda demo: (f"port={demo.port}", "password=sesame"))

with tap.case("two clients"):
    journey("desktop", MOVES, clients=2, env=MANY)

if OWN_SERVER:  # libspice-server 0.15.1 does not survive it
    with tap.case("two clients, seamless-migration=on"):
        journey("desktop", MOVES, clients=2, env=MANY, spice=",seamless-migration=on")

with tap.case("no client"):
    journey("text", MOVES, clients=0)

with tap.case("a client that cannot connect ahead is told where to go in the end"):
    need_own_server()
    with Journey("--load", "text") as trip, spice.Main(trip.here.port) as main:
        trip.start_target()
        ready = trip.ask_clients()
        if OWN_SERVER:  # only it says what became of each client
            assert ready["outcome"] == "error", ready
            assert "cannot connect ahead" in ready["clients"][0]["reason"], ready
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        body = main.expect(SWITCH_HOST, BEGIN, END)
        assert struct.unpack_from("<H", body)[0] == trip.there.port
        main.close()
        trip.qmp.wait_event("SPICE_MIGRATE_COMPLETED")

with tap.case("nobody was told where to go: the client stays and looks at what was"):
    with Journey("--load", "text") as trip, Follower(trip.here) as client:
        trip.start_target()
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        wait_status(trip.qmp, "completed")
        client.picture()
        assert not client.complaints(), client.complaints()

# --- asking ---

with tap.case("client_migrate_info: what is wrong is named"):
    with Demo("-S") as demo:
        ask = demo.qmp().command
        good = {"protocol": "spice", "hostname": "127.0.0.1", "port": 1}
        refused(ask, "'protocol' expects 'spice'", "client_migrate_info",
                **{**good, "protocol": "vnc"})
        refused(ask, "'port/tls-port' is missing", "client_migrate_info", protocol="spice",
                hostname="127.0.0.1")
        refused(ask, "'hostname'", "client_migrate_info", **{**good, "hostname": ""})
        for port in 0, -1, 65536:
            refused(ask, "'port' expects an integer in the range of 1 to 65535",
                    "client_migrate_info", **{**good, "port": port})
        refused(ask, "'tls-port' expects", "client_migrate_info", **good, **{"tls-port": 1 << 40})
        refused(ask, "hostname", "client_migrate_info", protocol="spice", port=1)

with tap.case("no client: ready at once; cancelling nothing is no error"):
    with Journey("-S") as trip:
        trip.start_target()
        trip.qmp.command("client_migrate_cancel")
        ready = trip.ask_clients()
        assert ready["outcome"] == "no-client" and ready["clients"] == [], ready
        trip.qmp.command("client_migrate_cancel")
        trip.qmp.command("client_migrate_cancel")

with tap.case("each client's outcome: connected, error"):
    with Journey(env=MANY) as trip, Follower(trip.here) as one:
        trip.start_target()
        ready = trip.ask_clients()
        assert ready["took"] < 1, ready
        assert len(ready["clients"]) == 1, ready
        if OWN_SERVER:
            assert ready["outcome"] == ready["clients"][0]["outcome"] == "connected", ready
        # Another target, where nobody is: the first one counts no more.
        ready = trip.ask_clients(port=free_port())
        if OWN_SERVER:
            assert ready["outcome"] == "error", ready
            assert "could not connect" in ready["clients"][0]["reason"], ready
        with spice.Main(trip.here.port, channel=SEMI_SEAMLESS) as other:
            trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                             port=trip.there.port)
            other.expect(BEGIN)
            other.send_message(CONNECT_ERROR)
            ready = trip.qmp.wait_event("SPICE_CLIENT_MIGRATE_READY")["data"]
            assert len(ready["clients"]) == 2, ready
            if OWN_SERVER:
                assert sorted(c["outcome"] for c in ready["clients"]) == ["connected", "error"], \
                    ready
                assert ready["outcome"] == "error"
            trip.qmp.command("client_migrate_cancel")
        one.picture()
        assert not one.complaints(), one.complaints()

with tap.case("asking does not wait for a client that does not answer; cancelled, it is free again"):
    need_own_server()
    with Journey("--load", "text") as trip, \
            spice.Main(trip.here.port, channel=SEMI_SEAMLESS) as silent:
        trip.start_target()
        start = time.monotonic()
        trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         port=trip.there.port)
        trip.qmp.command("query-status")
        assert time.monotonic() - start < 2
        silent.expect(BEGIN)
        trip.qmp.command("client_migrate_cancel")
        silent.send_message(CONNECTED)  # too late
        silent.expect(CANCEL)
        silent.send_message(CONNECTED)  # and again, out of the blue
        silent.send_message(CONNECT_ERROR)
        silent.send_message(ATTACH_CHANNELS)
        silent.expect(CHANNELS_LIST)  # behind all of that
        trip.qmp.command("query-status")
        assert not [e for e in trip.qmp.events if e["event"].startswith("SPICE_CLIENT_MIGRATE")]
        # The next question is asked and answered as if nothing had been.
        trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         port=trip.there.port)
        silent.expect(BEGIN)
        silent.send_message(CONNECTED)
        ready = trip.qmp.wait_event("SPICE_CLIENT_MIGRATE_READY")["data"]
        assert ready["outcome"] in ("connected", "unknown"), ready
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        silent.expect(END)
        silent.close()
        trip.qmp.wait_event("SPICE_MIGRATE_COMPLETED")

with tap.case("migrate before clients are ready: the guest is not stopped until they are"):
    need_own_server()
    with Journey("--load", "desktop") as trip, Watch() as watch, \
            spice.Main(trip.here.port, channel=SEMI_SEAMLESS) as slow:
        there = trip.start_target()
        watch.add(trip.here, there)
        trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         port=there.port)
        slow.expect(BEGIN)
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        deadline = time.monotonic() + 20
        while not trip.qmp.command("query-migrate").get("ram", {}).get("dirty-sync-count"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        trip.draws()
        assert wait_status(trip.qmp, "active")
        slow.send_message(CONNECTED)
        slow.expect(END)
        slow.close()
        wait_status(trip.qmp, "completed")
        watch.check()

with tap.case("migrate while a client never answers: after 10 s the guest goes without it"):
    need_own_server()
    with Journey("--load", "text") as trip, \
            spice.Main(trip.here.port, timeout=20, channel=SEMI_SEAMLESS) as silent:
        trip.start_target()
        start = time.monotonic()
        trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         port=trip.there.port)
        silent.expect(BEGIN)
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        ready = trip.qmp.wait_event("SPICE_CLIENT_MIGRATE_READY")["data"]
        assert 9 < time.monotonic() - start < 15
        assert ready["outcome"] in ("timeout", "unknown"), ready
        silent.expect(SWITCH_HOST)
        wait_status(trip.qmp, "completed")

with tap.case("migrate_cancel while clients are waited for: all stays"):
    need_own_server()
    with Journey("--load", "text") as trip, \
            spice.Main(trip.here.port, channel=SEMI_SEAMLESS) as slow:
        trip.start_target()
        trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         port=trip.there.port)
        slow.expect(BEGIN)
        trip.qmp.command("migrate", uri=f"unix:{trip.here.path('guest')}")
        wait_status(trip.qmp, "active")
        trip.qmp.command("migrate_cancel")
        wait_status(trip.qmp, "cancelled")
        slow.send_message(CONNECTED)
        slow.expect(CANCEL)
        assert run_state(trip.qmp) == "running"
        trip.draws()

# --- the demonstration ---

with tap.case("demo --migrate: moves, and says that nothing was lost"):
    import re
    import subprocess
    run = subprocess.Popen([cassia.PROGRAM, "demo", "--migrate", "3", "-m", "8", "-spice",
                            "port=0"], stdout=subprocess.PIPE, text=True)
    try:
        port = re.search(r":(\d+)$", run.stdout.readline().strip()).group(1)
        with GtkClient("host=127.0.0.1", f"port={port}") as client:
            client.expect("display 0")
            output = run.stdout.read()
            assert run.wait(60) == 0, output
        rows = re.findall(r"^ +\d+  (?:connected|unknown) .* same .* pages right$", output, re.M)
        assert len(rows) == 3 and "3 moves, downtime: median" in output, output
    finally:
        run.kill()
        run.stdout.close()

with tap.case("demo --migrate refuses what two instances cannot share"):
    for words in (["-incoming", "defer"], ["-qmp", "unix:/tmp/q"], ["-S"], ["-daemonize"]):
        result = cassia.run("demo", "--migrate", "1", *words)
        assert result.returncode == 2 and words[0] in result.stderr, result.stderr

shutil.rmtree(folder, ignore_errors=True)
tap.finish()
