#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests of cassia move over RDMA and vsock, of which a Linux guest has what the host has not.

In the Linux guest is a network card that is none, with RDMA in software (rdma_rxe) on it, and vsock
as it is between processes of one machine. Both cassias of a move run there.
"""

from bench import Bench, Unavailable
from moves_guest import ADDRESS, MovingGuest
from tap import Skip, Tap, skip_all

PORT = 4444
SLOW = {"max-bandwidth": 1 << 20}  # a move takes half a minute, so that it can be disturbed


def arrives(guest):
    """The guest of a, which leaves for b, arrives with all pixels and all its memory, and goes on."""
    guest.wait_status("a", "completed")
    guest.wait_status("b", "completed")
    guest.run("rm -f /tmp/?.ppm")
    for side in "ab":
        guest.ask(side, "screendump", filename=f"/tmp/{side}.ppm")
    guest.run("cmp /tmp/a.ppm /tmp/b.ppm")
    guest.ask("b", "cont", wait="GUEST_MEMORY_CHECKED")
    guest.expect_drawing("b")
    info = guest.ask("a", "query-migrate")
    return f"{info['ram']['transferred']} bytes, {info['total-time']} ms, " \
           f"stood still for {info['downtime']} ms"


def fails(guest, text):
    info = guest.wait_status("a", "failed")
    assert text in info["error-desc"], info
    guest.expect_drawing("a")


def rdma_channel(**addr):
    return [{"channel-type": "main", "addr": {"transport": "rdma", **addr}}]


def go_over_rdma(tap, guest):
    uri = f"rdma:{ADDRESS}:{PORT}"
    with tap.case("over RDMA"), guest.target(uri), guest.source():
        guest.ask("a", "migrate", uri=uri)
        tap.say(arrives(guest))
    with guest.source():
        with tap.case("RDMA: nobody listens there, no device leads there: the guest goes on"):
            guest.ask("a", "migrate", uri=uri)
            fails(guest, f"cannot connect to {uri}: Connection refused")
            guest.ask("a", "migrate", channels=rdma_channel(host="127.0.0.1", port="9"))
            fails(guest, "cannot connect to rdma:127.0.0.1:9: no RDMA device")
        with tap.case("RDMA: a target that refuses says why: the guest goes on"):
            with guest.target(f"{uri} -m 8"):
                guest.ask("a", "migrate", uri=uri)
                fails(guest, "the target refuses: the target's guest memory (-m) has 8 MiB")
        guest.ask("a", "migrate-set-parameters", **SLOW)
        with tap.case("RDMA: a target that is killed on the way: the guest goes on"):
            with guest.target(uri):
                guest.ask("a", "migrate", uri=uri)
                guest.wait_sending("a")
                guest.run("kill -9 $(cat /tmp/b.pid)")
                fails(guest, "cannot send")
        with tap.case("RDMA: cancelled on the way, the guest goes on and leaves later"):
            with guest.target("defer"):
                target = {"channels": rdma_channel(host="0.0.0.0", port=str(PORT)),
                          "exit-on-error": False}
                guest.ask("b", "migrate-incoming", **target)
                guest.ask("a", "migrate", uri=uri)
                guest.wait_sending("a")
                guest.ask("a", "migrate_cancel")
                guest.wait_status("a", "cancelled")
                guest.expect_drawing("a")
                info = guest.wait_status("b", "failed")
                assert "the stream ends" in info["error-desc"], info
                guest.ask("b", "migrate-incoming", **target)
                guest.ask("a", "migrate-set-parameters", **{"max-bandwidth": 0})
                guest.ask("a", "migrate", channels=rdma_channel(host=ADDRESS, port=str(PORT)))
                arrives(guest)


def go_over_vsock(tap, guest):
    with tap.case("over vsock"), guest.target(f"vsock:1:{PORT}"), guest.source():
        guest.ask("a", "migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "socket", "type": "vsock", "cid": "1", "port": str(PORT)}}])
        tap.say(arrives(guest))


def main():
    tap = Tap()
    try:
        with tap.guard("the Linux guest"), Bench() as bench:
            guest = MovingGuest(bench)
            go_over_rdma(tap, guest)
            go_over_vsock(tap, guest)
            with tap.case("the Linux guest's kernel had nothing to complain about"):
                complaints = guest.complaints()
                assert not complaints, "\n".join(complaints)
                guest.quit()
    except (Unavailable, Skip) as reason:
        skip_all(reason)
    tap.finish()


main()
