#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A film of 1280x720 pixels through spice-gtk, in a network of its own: it comes at its full rate; when
the line becomes too narrow the client reports losses and is sent less, yet goes on showing it; and when
the line is wide again the film has its full rate as before. With MJPEG and VP8."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from cassia import Demo
from gtk_client import GtkClient
from tap import Tap, skip_all

FPS = 30
FULL = 0.9 * FPS  # what counts as the full rate
FILM = ["--load", "video", "--fps", str(FPS), "-device", "qxl-vga,xres=1600,yres=900"]

NETWORK = ["unshare", "--net"] + (["--map-root-user"] if os.geteuid() else [])
SHAPER = "tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 50ms"
PREPARE = "ip link set lo mtu 1500 up"


def enter_network():
    """Goes on in a network of its own, where nobody else is slowed down."""
    trial = subprocess.run([*NETWORK, "sh", "-c", f"{PREPARE} && {SHAPER}"], capture_output=True, text=True)
    if trial.returncode:
        skip_all(f"no network namespace with a narrow line: {trial.stderr.strip()}")
    os.environ["OWN_NETWORK"] = "1"
    os.execvp(NETWORK[0], [*NETWORK, "sh", "-c", f"{PREPARE} && exec {sys.executable} {__file__}"])


class Film:
    """The film as server and client see it."""

    def __init__(self, qmp, client, codec):
        self.qmp, self.client, self.codec = qmp, client, codec

    def look(self):
        [display] = self.qmp.command("query-spice-stats")["displays"]
        frames = sum(c["images"] for c in display["codecs"] if c["name"] == self.codec)
        self.client.command("frames")
        shown = int(self.client.expect("frames").split()[1])
        return {"time": time.monotonic(), "sent": frames, "shown": shown, "bytes": display["bytes"],
                "limit": display["films"]["bits-per-second"], "late": display["films"]["frames-late"]}

    def watch(self, seconds):
        """Rates a second, over so many of them."""
        before = self.look()
        time.sleep(seconds)
        after = self.look()
        took = after["time"] - before["time"]
        return {**{key: (after[key] - before[key]) / took for key in ("sent", "shown", "bytes")},
                "limit": after["limit"], "late": after["late"]}

    def watch_until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            rates = self.watch(2)
            if condition(rates):
                tap.say(f"{what}: {rates['sent']:.1f} frames a second sent, {rates['shown']:.1f} shown, "
                        f"{rates['bytes'] / 1000:.0f} kB/s, {rates['limit'] / 1e6:.1f} Mbit/s allowed, "
                        f"{rates['late']} late")
                return rates
            assert time.monotonic() < deadline, f"not {what}: {rates}"


def narrow(bits):
    subprocess.run(["tc", "qdisc", "replace", "dev", "lo", "root", "tbf", "rate", str(bits),
                    "burst", "16kb", "latency", "100ms"], check=True)


def widen():
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)


def is_full(rates):
    return rates["sent"] >= FULL and rates["shown"] >= FULL


def play(codec, maker, narrow_to):
    spice = f"port=0,streaming-video=filter,video-codecs={maker}:{codec}"
    with Demo(*FILM, spice=spice) as demo, GtkClient("host=127.0.0.1", f"port={demo.port}") as client:
        assert client.expect("display").split()[2:] == ["1600", "900"], client.seen
        film, wide = Film(demo.qmp(), client, codec), {"bytes": 0}
        with tap.case(f"{codec}: a film of 1280x720 pixels comes at its full rate"):
            wide.update(film.watch_until(is_full, 40, "full rate"))
        with tap.case(f"{codec}: on a narrow line the client loses frames, and is sent less but not nothing"):
            late = film.look()["late"]
            narrow(narrow_to)
            poor = film.watch_until(lambda now: now["late"] > late and now["limit"] < 1.5 * narrow_to
                                    and now["shown"] >= 1, 40, "less")
            assert poor["bytes"] < wide["bytes"] * 0.7, (poor, wide)
        with tap.case(f"{codec}: on a wide line it has its full rate again, and more than the narrow one takes"):
            widen()
            enough = min(narrow_to / 8 * 1.2, wide["bytes"] * 0.7)
            film.watch_until(lambda now: is_full(now) and now["bytes"] > enough and now["limit"] > 2 * narrow_to,
                             60, "recovered")
            assert "channel 2 0 error" not in " ".join(client.seen), client.seen


if "OWN_NETWORK" not in os.environ:
    enter_network()
try:
    os.nice(-10)  # how fast we are is measured, not what else runs on the machine
except PermissionError:
    pass
tap = Tap()
play("mjpeg", "spice", 1_000_000)
play("vp8", "gstreamer", 1_000_000)
tap.finish()
