#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""INTx over vfio-user: level and auto-mask, both ways to unmask, every form of SET_IRQS."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))

from tap import Tap
from vfio_user import Client, Host, readable, EINVAL, GET_INFO, RESET

IO, CONFIG = 3, 7
PORT_IRQ, PORT_VALUE = 0, 12
NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = 1, 2, 4, 8, 16, 32
QUIET = 0.05  # seconds in which an interrupt that must not come does not come

tap = Tap()
host = Host("off")


class Eventfd:
    def __init__(self):
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fired(self, timeout=2):
        """Waits for the event and takes it."""
        if not readable(self.fd, timeout):
            return False
        os.eventfd_read(self.fd)
        return True

    def quiet(self):
        return not readable(self.fd, QUIET)

    def close(self):
        os.close(self.fd)


def raise_line(client, level):
    client.write(IO, PORT_IRQ, struct.pack("<I", level))


def bound(client):
    """An eventfd bound to INTx."""
    event = Eventfd()
    assert client.set_irqs(TRIGGER | EVENTFD, fds=[event.fd]) == 0
    return event


with tap.case("a rising line fires once; masked until unmasked by message; low stays quiet"):
    with Client(host.path) as client:
        event = bound(client)
        raise_line(client, 1)
        assert readable(event.fd, 0), "the event comes before the reply to the port write"
        assert event.fired()
        raise_line(client, 1)
        assert event.quiet(), "fired while masked"
        assert client.set_irqs(UNMASK | NONE) == 0
        assert event.fired(), "still high after unmask: must fire again"
        raise_line(client, 0)
        assert client.set_irqs(UNMASK | NONE) == 0
        assert event.quiet(), "fired though low"
        raise_line(client, 1)
        assert event.fired()
        event.close()

with tap.case("a line lowered within 1 ms of an unmask by message is not raised again"):
    with Client(host.path) as client:
        event = bound(client)
        quick, end = 0, time.monotonic() + 5
        while quick < 30 and time.monotonic() < end:
            raise_line(client, 1)
            assert event.fired()
            start = time.monotonic()
            assert client.set_irqs(UNMASK | NONE) == 0
            raise_line(client, 0)
            # On a busy machine this can take longer, and then the line is rightly raised again.
            if time.monotonic() - start < 0.001:
                quick += 1
                assert not readable(event.fd, 0)
            elif readable(event.fd, 0):
                assert event.fired() and client.set_irqs(UNMASK | NONE) == 0
        assert quick, "no attempt was quick enough to tell"
        assert event.quiet()
        event.close()

with tap.case("after an unmask by message the next port write raises a high line at once"):
    with Client(host.path) as client:
        event = bound(client)
        for _ in range(50):
            raise_line(client, 1)
            assert event.fired()
            assert client.set_irqs(UNMASK | NONE) == 0
            client.write(IO, PORT_VALUE, b"\0")
            assert readable(event.fd, 0) and event.fired()
            raise_line(client, 0)
            assert client.set_irqs(UNMASK | NONE) == 0
        event.close()

with tap.case("unmask by eventfd re-raises a high line, again and again"):
    with Client(host.path) as client:
        event, unmask = bound(client), Eventfd()
        assert client.set_irqs(MASK | NONE) == 0
        assert client.set_irqs(UNMASK | EVENTFD, fds=[unmask.fd]) == 0
        assert client.set_irqs(UNMASK | NONE) == 0
        raise_line(client, 1)
        for _ in range(50):
            assert event.fired()
            os.eventfd_write(unmask.fd, 1)
        assert event.fired()
        raise_line(client, 0)
        os.eventfd_write(unmask.fd, 1)
        assert event.quiet()
        assert client.set_irqs(UNMASK | EVENTFD) == 0, "unbinding"
        raise_line(client, 1)
        assert event.fired()
        os.eventfd_write(unmask.fd, 1)
        assert event.quiet(), "an unbound eventfd still unmasks"
        event.close()
        unmask.close()

with tap.case("the INTx-disable bit holds a high line back, clearing it fires"):
    with Client(host.path) as client:
        event = bound(client)
        client.write(CONFIG, 4, b"\x00\x04")
        raise_line(client, 1)
        assert client.read(CONFIG, 6, 1)[0] & 8, "status bit 3 shows the condition"
        assert event.quiet()
        client.write(CONFIG, 4, b"\x00\x00")
        assert event.fired()
        event.close()

with tap.case("mask, unmask and trigger by NONE and BOOL"):
    with Client(host.path) as client:
        event = bound(client)
        for form, data in ((NONE, b""), (BOOL, b"\1")):
            assert client.set_irqs(MASK | form, data=data) == 0
            raise_line(client, 1)
            assert event.quiet()
            assert client.set_irqs(UNMASK | form, data=data) == 0
            assert event.fired()
            raise_line(client, 0)
            assert client.set_irqs(UNMASK | form, data=data) == 0
            assert client.set_irqs(TRIGGER | form, data=data) == 0
            assert event.fired(), "loop-back"
        assert client.set_irqs(TRIGGER | BOOL, data=b"\0") == 0
        assert client.set_irqs(MASK | BOOL, data=b"\0") == 0
        assert event.quiet()
        raise_line(client, 1)
        assert event.fired()
        event.close()

with tap.case("a trigger bound while the line is high fires; a replaced one stays quiet"):
    with Client(host.path) as client:
        raise_line(client, 1)
        old = bound(client)
        assert old.fired()
        new = bound(client)
        assert client.set_irqs(UNMASK | NONE) == 0
        assert new.fired() and old.quiet()
        assert client.set_irqs(TRIGGER | EVENTFD) == 0, "unbinding"
        assert client.set_irqs(UNMASK | NONE) == 0
        assert new.quiet()
        old.close()
        new.close()

with tap.case("disabling the index drops both eventfds and the mask"):
    with Client(host.path) as client:
        fds = host.open_fds()
        event, unmask = bound(client), Eventfd()
        assert client.set_irqs(UNMASK | EVENTFD, fds=[unmask.fd]) == 0
        assert client.set_irqs(MASK | EVENTFD, fds=[unmask.fd]) == 0, "accepted and closed"
        assert client.set_irqs(MASK | NONE) == 0
        assert host.open_fds() == fds + 2
        assert client.set_irqs(TRIGGER | NONE, count=0) == 0
        assert host.open_fds() == fds
        raise_line(client, 1)
        assert event.quiet()
        again = bound(client)
        assert again.fired(), "the mask outlived the disabling"
        for one in (event, unmask, again):
            one.close()

with tap.case("an index array in the payload chooses the descriptor"):
    with Client(host.path) as client:
        event = Eventfd()
        assert client.set_irqs(TRIGGER | EVENTFD, data=struct.pack("<i", 0), fds=[event.fd]) == 0
        raise_line(client, 1)
        assert event.fired()
        assert client.set_irqs(TRIGGER | EVENTFD, data=struct.pack("<i", -1)) == 0
        assert client.set_irqs(UNMASK | NONE) == 0
        assert event.quiet()
        for index in (1, -2, 2**31 - 1):
            assert client.set_irqs(TRIGGER | EVENTFD, data=struct.pack("<i", index),
                                   fds=[event.fd]) == EINVAL
        event.close()

with tap.case("bad SET_IRQS are refused, their descriptors closed, and change nothing"):
    with Client(host.path) as client:
        event = bound(client)
        fds = host.open_fds()
        bad = [dict(flags=TRIGGER), dict(flags=NONE), dict(flags=NONE | BOOL | TRIGGER),
               dict(flags=NONE | TRIGGER | MASK), dict(flags=NONE | TRIGGER | 64),
               dict(flags=TRIGGER | NONE, index=5), dict(flags=TRIGGER | NONE, index=2**32 - 1),
               dict(flags=TRIGGER | NONE, start=1), dict(flags=TRIGGER | NONE, count=2),
               dict(flags=TRIGGER | NONE, start=2**32 - 1, count=2), dict(flags=MASK | NONE, count=0),
               dict(flags=TRIGGER | NONE, start=1, count=0), dict(flags=TRIGGER | EVENTFD, count=0),
               dict(flags=TRIGGER | BOOL), dict(flags=TRIGGER | NONE, index=1),
               dict(flags=TRIGGER | EVENTFD, index=3, fds=[event.fd]),
               dict(flags=TRIGGER | EVENTFD, fds=[event.fd] * 2),
               dict(flags=TRIGGER | NONE, fds=[event.fd])]
        for arguments in bad:
            assert client.set_irqs(**arguments) == EINVAL, arguments
        for index in range(1, 5):
            assert client.set_irqs(TRIGGER | NONE, index=index, count=0) == 0
        read_end, write_end = os.pipe()
        with open("/dev/null", "r+b") as file:
            for fd in (file.fileno(), write_end, client.socket.fileno()):
                assert client.set_irqs(TRIGGER | EVENTFD, fds=[fd]) == EINVAL, "not an eventfd"
                assert client.set_irqs(UNMASK | EVENTFD, fds=[fd]) == EINVAL
        os.close(read_end)
        os.close(write_end)
        assert host.open_fds() == fds
        raise_line(client, 1)
        assert event.fired()
        event.close()

with tap.case("a full eventfd blocks nobody"):
    with Client(host.path) as client:
        event = bound(client)
        os.eventfd_write(event.fd, 2**64 - 2)
        raise_line(client, 1)
        client.ok(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0))
        event.close()

with tap.case("RESET lowers the line and keeps the eventfd"):
    with Client(host.path) as client:
        event = bound(client)
        raise_line(client, 1)
        assert event.fired()
        client.ok(RESET)
        assert client.set_irqs(UNMASK | NONE) == 0
        assert event.quiet()
        raise_line(client, 1)
        assert event.fired()
        event.close()

with tap.case("interrupts from another thread; held back while stopped; dropped at disconnect"):
    client = Client(host.path)
    event = bound(client)
    host.command("irq 1")
    assert event.fired()
    host.command("irq 0")
    assert client.set_irqs(UNMASK | NONE) == 0
    host.command("stop")
    host.command("irq 1")
    assert event.quiet()
    host.command("start")
    assert event.fired()
    client.close()
    host.command("irq 1")
    assert event.quiet()
    event.close()

with tap.case("an idle engine uses no processor time"):
    with Client(host.path) as client:
        event = bound(client)
        raise_line(client, 1)
        assert event.fired()
        assert client.set_irqs(UNMASK | NONE) == 0
        assert event.fired()

        def ticks():
            with open(f"/proc/{host.process.pid}/status", encoding="ascii") as status:
                lines = dict(line.split(":", 1) for line in status)
            threads = os.listdir(f"/proc/{host.process.pid}/task")
            total = 0
            for thread in threads:
                with open(f"/proc/{host.process.pid}/task/{thread}/status", encoding="ascii") as status:
                    lines = dict(line.split(":", 1) for line in status)
                total += int(lines["voluntary_ctxt_switches"])
            return total
        for _ in range(10):  # the first one may see the end of what came before
            before = ticks()
            time.sleep(1)
            woken = ticks() - before
            # Sanitizers have a thread of their own, which wakes up several times a second.
            if woken <= 20:
                break
        assert woken <= 20, f"woken {woken} times in a second"
        event.close()

with tap.case("the host ends by itself"):
    host.close()
tap.finish()
