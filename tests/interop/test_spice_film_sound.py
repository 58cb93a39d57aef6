#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A film of 1280x720 pixels with its sound through spice-gtk, in a network of its own: both come at their
full rate and together; on a narrow line the sound is whole, the film goes on with fewer frames, and they
still belong together, for which the sound waits. With MJPEG and VP8.

Sound and film carry the same numbers (tests/client/film_server.c); the client says when each is seen, and
when it is heard."""

import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from bare_server import BareServer
from gtk_client import GtkClient
from tap import Tap, skip_all

FULL = 25           # frames a second of 30
RATE = 48000        # samples a second
NARROW = 1_000_000  # bits a second

NETWORK = ["unshare", "--net"] + (["--map-root-user"] if os.geteuid() else [])
SHAPER = f"tc qdisc add dev lo root tbf rate {NARROW} burst 16kb latency 100ms"
PREPARE = "ip link set lo mtu 1500 up"


def enter_network():
    """Goes on in a network of its own, where nobody else is slowed down."""
    trial = subprocess.run([*NETWORK, "sh", "-c", f"{PREPARE} && {SHAPER}"], capture_output=True, text=True)
    if trial.returncode:
        skip_all(f"no network namespace with a narrow line: {trial.stderr.strip()}")
    os.environ["OWN_NETWORK"] = "1"
    os.execvp(NETWORK[0], [*NETWORK, "sh", "-c", f"{PREPARE} && exec {sys.executable} {__file__}"])


def times(lines, word):
    """(level, milliseconds) of the events of that name."""
    return [(int(level), int(at) / 1000) for name, level, at in
            (line.split() for line in lines if line.startswith(word + " "))]


def lag(lines, earlier):
    """How much later each level is seen than it is heard, the middle one; milliseconds."""
    heard = times(earlier, "heard")
    lags = [min((at - other for same, other in heard if same == level), key=abs, default=None)
            for level, at in times(lines, "seen")]
    return statistics.median([value for value in lags if value is not None] or [float("inf")])


class Player:
    def __init__(self, server, client):
        self.server, self.client = server, client

    def look(self):
        self.client.command("frames")
        frames = int(self.client.expect("frames", 60).split()[1])
        self.client.command("sound")
        samples, gaps = self.client.expect("sound", 60).split()[1:]
        return {"time": time.monotonic(), "frames": frames, "sound": int(samples) / RATE, "gaps": int(gaps)}

    def watch(self, seconds):
        """Frames, and seconds of sound, a second; gaps; the middle lag of the film."""
        before, first = self.look(), len(self.client.seen)
        time.sleep(seconds)
        after = self.look()
        took = after["time"] - before["time"]
        return {**{key: (after[key] - before[key]) / took for key in ("frames", "sound")},
                "gaps": after["gaps"] - before["gaps"], "lag": lag(self.client.seen[first:], self.client.seen)}

    def watch_until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            now = self.watch(6)
            if condition(now):
                tap.say(f"{what}: {now['frames']:.1f} frames a second shown, {now['sound']:.2f} of the sound heard "
                        f"with {now['gaps']} gaps, the film {now['lag']:.0f} ms behind it")
                return
            assert time.monotonic() < deadline, f"not {what}: {now}"


def play(codec, narrow):
    if narrow:
        subprocess.run(SHAPER.split(), check=True)
    server = BareServer("1280", "720", codec, program="film_server")
    with GtkClient("host=127.0.0.1", f"port={server.port}", "enable-audio=true") as client:
        client.expect("display", 60)
        server.tell("sound 1")
        client.expect("playing", 60)
        server.tell("film 1")
        player = Player(server, client)
        if narrow:
            player.watch_until(lambda now: now["frames"] >= 1 and now["sound"] > 0.95 and now["gaps"] == 0
                               and abs(now["lag"]) < 700, 120, f"{codec}, narrow")
            assert any(line.startswith("latency") for line in client.seen), "sound has never waited"
        else:
            player.watch_until(lambda now: now["frames"] >= FULL and now["sound"] > 0.95 and now["gaps"] == 0
                               and abs(now["lag"]) < 100, 120, f"{codec}, wide")
    server.stop()
    if narrow:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)


if "OWN_NETWORK" not in os.environ:
    enter_network()
try:
    os.nice(-10)  # how fast we are is measured, not what else runs on the machine
except PermissionError:
    pass
tap = Tap()
for codec in ("spice:mjpeg", "gstreamer:vp8"):
    with tap.case(f"{codec}: film and sound at their full rates, together"):
        play(codec, False)
with tap.case("spice:mjpeg: on a narrow line the sound is whole and waits for the film"):
    play("spice:mjpeg", True)
tap.finish()
