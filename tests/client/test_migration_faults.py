#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong while a guest moves and a client is to follow it: targets that die, links that
break, disks that fill up, clients that vanish. Always exactly one side runs the guest, nothing of it is
lost, the client stays, and the monitor answers all the time. POINTS in the environment: at how many
moments of a migration; with LONG, faults that take half a minute to be noticed, too."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from cassia import OWN_SERVER, Demo
from journey import Follower, Journey, Watch, run_state, set_capabilities, wait_status
from qmp import Qmp
from tap import Skip, Tap

POINTS = int(os.environ.get("POINTS", "3"))
LONG = bool(os.environ.get("LONG"))
PACE = 12 << 20  # bytes a second: a migration takes about a second then

tap = Tap()


class Link:
    """A proxy before a target, for faults of the network."""

    def __init__(self, target_path):
        self.target = target_path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets = []
        self.silent = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            source = self.listener.accept()[0]
        except OSError:
            return
        target = socket.socket(socket.AF_UNIX)
        target.connect(self.target)
        self.sockets = [source, target]
        for one, other in (source, target), (target, source):
            threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one, other):
        try:
            while data := one.recv(65536):
                if self.silent.is_set():
                    return
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        for end in self.sockets:
            end.close()


def slow_down(trip):
    trip.qmp.command("migrate-set-parameters", **{"max-bandwidth": PACE})


def one_runs(trip):
    """The source does, and the target, if it still exists, does not."""
    assert run_state(trip.qmp) == "running"
    if trip.there.process.poll() is None:
        try:
            assert run_state(Qmp(trip.there.monitor)) in ("inmigrate", "prelaunch", "paused")
        except (OSError, TimeoutError):
            pass  # it is about to end


def end_target(trip):
    trip.there.process.kill()
    trip.there.__exit__()
    trip.there = None


def moments():
    """Of a migration; none near the end, as not all take equally long."""
    return [(number + 0.5) / (POINTS + 0.5) for number in range(POINTS)]


def duration(trip):
    """How long a migration takes here, in seconds; it is cancelled in the end."""
    set_capabilities(trip.qmp, events=True, pause_before_switchover=True)
    trip.start_target()
    start = time.monotonic()
    trip.migrate()
    wait_status(trip.qmp, "pre-switchover")
    took = time.monotonic() - start
    trip.qmp.command("migrate_cancel")
    wait_status(trip.qmp, "cancelled")
    end_target(trip)
    set_capabilities(trip.qmp, pause_before_switchover=False)
    return took


def still_whole(trip, client):
    """The guest goes on, and can still move with all it has; so can the client."""
    trip.draws()
    assert not client.complaints(), client.complaints()
    set_capabilities(trip.qmp, pause_before_switchover=False)
    trip.qmp.command("migrate-set-parameters", **{"max-bandwidth": 0})
    client.seen.clear()
    client.lines.queue.clear()
    trip.move([client])
    trip.draws()


def survives(name, fault, *arguments):
    """FAULT(trip, after) makes something go wrong so many seconds after the migration began."""
    with tap.case(name):
        with Journey("--load", "desktop", *arguments) as trip, Watch() as watch, \
                Follower(trip.here) as client:
            watch.add(trip.here)
            slow_down(trip)
            took = min(duration(trip), duration(trip))  # the first takes longer
            for moment in moments():
                trip.start_target()
                trip.ask_clients()
                fault(trip, moment * took)
                one_runs(trip)
                assert not client.complaints(), client.complaints()
                end_target(trip)
            watch.check()
            still_whole(trip, client)


# --- the other side, the way there ---

def kill_target(trip, after):
    trip.migrate()
    time.sleep(after)
    trip.there.process.kill()
    info = wait_status(trip.qmp, "failed")
    assert info["error-desc"], info


def cancel(trip, after):
    trip.migrate()
    time.sleep(after)
    trip.qmp.command("migrate_cancel")
    wait_status(trip.qmp, "cancelled")


def cut(trip, after):
    link = Link(trip.here.path("guest"))
    try:
        trip.qmp.command("migrate", uri=link.uri)
        time.sleep(after)
        link.cut()
        wait_status(trip.qmp, "failed")
    finally:
        link.close()


survives(f"the target is killed at {POINTS} moments", kill_target)
survives(f"cancelled at {POINTS} moments", cancel)
survives(f"the link is cut at {POINTS} moments", cut)

with tap.case("the target is killed while the guest stands still"):
    with Journey("--load", "desktop") as trip, Follower(trip.here) as client:
        set_capabilities(trip.qmp, events=True, pause_before_switchover=True)
        trip.start_target()
        trip.ask_clients()
        trip.migrate()
        wait_status(trip.qmp, "pre-switchover")
        trip.there.process.kill()
        trip.there.process.wait()
        trip.qmp.command("migrate-continue", state="pre-switchover")
        wait_status(trip.qmp, "failed")
        one_runs(trip)
        end_target(trip)
        still_whole(trip, client)

with tap.case("a target with other memory: named, and the guest stays"):
    with Journey("--load", "text") as trip, Follower(trip.here) as client:
        trip.there = Demo(*trip.arguments, "-m", "32", "-incoming",
                          f"unix:{trip.here.path('guest')}", spice="port=0")
        trip.there.tls_port = None
        trip.ask_clients()
        trip.migrate()
        info = wait_status(trip.qmp, "failed")
        assert "(-m) has 32 MiB, the source's 16" in info["error-desc"], info
        one_runs(trip)
        end_target(trip)
        still_whole(trip, client)

with tap.case("a disk that fills up: the file is removed, the guest goes on"):
    folder = tempfile.mkdtemp(prefix="cassia-full-")
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False,
                          capture_output=True).returncode:
            raise Skip("no file system can be mounted here")
        with Journey("--load", "text") as trip, Follower(trip.here) as client:
            trip.qmp.command("migrate", uri=f"file:{folder}/guest")
            info = wait_status(trip.qmp, "failed")
            assert "No space left" in info["error-desc"], info
            assert os.listdir(folder) == []
            assert run_state(trip.qmp) == "running"
            still_whole(trip, client)
    finally:
        subprocess.run(["umount", folder], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)

if LONG:
    with tap.case("a target that stops taking anything: given up after half a minute"):
        with Journey("--load", "desktop") as trip, Watch() as watch, \
                Follower(trip.here) as client:
            watch.add(trip.here)
            trip.start_target()
            trip.ask_clients()
            trip.there.process.send_signal(signal.SIGSTOP)
            trip.migrate()
            info = wait_status(trip.qmp, "failed", timeout=60)
            assert "taken nothing" in info["error-desc"] or "did not answer" in info["error-desc"]
            assert run_state(trip.qmp) == "running"
            watch.check()
            end_target(trip)
            still_whole(trip, client)

    with tap.case("a network that swallows everything: given up after half a minute"):
        with Journey("--load", "desktop") as trip, Follower(trip.here) as client:
            slow_down(trip)
            trip.start_target()
            link = Link(trip.here.path("guest"))
            trip.qmp.command("migrate", uri=link.uri)
            time.sleep(0.3)
            link.silent.set()
            wait_status(trip.qmp, "failed", timeout=90)
            one_runs(trip)
            link.close()
            end_target(trip)
            still_whole(trip, client)

# --- the client ---

STEPS = ["before it is asked", "when it has been asked", "when it has connected",
         "when the guest stands still", "when the guest has left"]


def lose_client(step, lose):
    """LOSE(client) at that step; what happens to the guest does not depend on it."""
    with Journey("--load", "text") as trip, Watch() as watch, Follower(trip.here) as client:
        there = trip.start_target()
        other = there.qmp()
        watch.add(trip.here, there)
        set_capabilities(trip.qmp, events=True, pause_before_switchover=True)
        if step == 0:
            lose(client)
        if step == 1:
            trip.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                             port=there.port)
            lose(client)
            trip.qmp.wait_event("SPICE_CLIENT_MIGRATE_READY", 20)
        else:
            trip.ask_clients()
        if step == 2:
            lose(client)
        trip.migrate()
        wait_status(trip.qmp, "pre-switchover")
        if step == 3:
            lose(client)
        trip.qmp.command("migrate-continue", state="pre-switchover")
        wait_status(trip.qmp, "completed")
        if step == 4:
            lose(client)
        trip.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
        other.wait_event("GUEST_MEMORY_CHECKED", 60)
        assert run_state(other) == "running" and run_state(trip.qmp) == "postmigrate"
        watch.check()
        trip.finish_move(there, other)
        trip.draws()
        # Whoever comes next is served.
        with Follower(trip.here) as next_client:
            next_client.picture()


for step, text in enumerate(STEPS):
    with tap.case(f"the client is killed {text}"):
        if step == 4 and not OWN_SERVER:
            raise Skip("libspice-server 0.15.1 now and then reads what it has freed then")
        lose_client(step, lambda client: client.process.kill())

for step, text in enumerate(STEPS):
    if LONG or step == 2:
        with tap.case(f"the client is frozen {text}"):
            if not OWN_SERVER:
                raise Skip("libspice-server has the monitor wait for a frozen client, up to 30 s")
            lose_client(step, lambda client: client.process.send_signal(signal.SIGSTOP))

tap.finish()
