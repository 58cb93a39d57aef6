#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways on which a guest's stream can travel, and what each says when it cannot."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from migration import (address, booted, draws, picture, refused, send_fd, source, state, target,
                       wait_for, wait_status)
from pictures import difference
from tap import Skip, Tap
from tls import make_certificates
import cassia

tap = Tap()


def arrives(left, a, right, b):
    """The guest of A, which leaves for B, arrives as it was and goes on."""
    wait_status(left, "completed")
    wait_status(right, "completed")
    different = difference(picture(left, a, "left.ppm"), picture(right, b, "right.ppm"))
    assert different is None, different
    right.command("cont")
    draws(right, b)


# --- descriptors ---

with tap.case("over descriptors that the monitors' clients have sent (getfd)"):
    with source() as a, target("defer", "-S") as b:
        left, right = booted(a), b.qmp()
        ends = socket.socketpair()
        send_fd(left, "way", ends[0].fileno())
        send_fd(right, "way", ends[1].fileno())
        for end in ends:
            end.close()
        refused(left.command, "'other' not found", "migrate", uri="fd:other")
        right.command("migrate-incoming", uri="fd:way")
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "socket", "type": "fd", "str": "way"}}])
        arrives(left, a, right, b)
        # The name was used up.
        refused(left.command, "'way' not found", "closefd", fdname="way")

with tap.case("a named descriptor of a file, and on the command line it needs a number"):
    with source() as a:
        left = booted(a)
        with open(a.path("saved"), "wb") as file:
            send_fd(left, "file", file.fileno())
        left.command("migrate", uri="fd:file")
        wait_status(left, "completed")
        with target(f"file:{a.path('saved')}", "-S") as b:
            arrives(left, a, b.qmp(), b)
    with target("fd:name") as b:
        assert b.process.wait(20) == 1
        assert "getfd" in b.errors(), b.errors()

# --- the state that travels ---

with tap.case("x-query-state tells every field, the same on both sides"):
    with source() as a, target("tcp:127.0.0.1:0", "-S") as b:
        left, right = booted(a), b.qmp()
        refused(left.command, "'stop' it first", "x-query-state")
        left.command("migrate", uri=address(b))
        wait_status(left, "completed")
        wait_status(right, "completed")
        ours, theirs = left.command("x-query-state"), right.command("x-query-state")
        names = [part["name"] for part in ours]
        assert names[:3] == ["pci/qxl-0", "qxl-0/config", "qxl-0"], names
        card = ours[2]["fields"]
        assert card["has_primary"] == "1" and int(card["primary.width"]) > 0, card
        assert ours == theirs, [pair for pair in zip(ours, theirs) if pair[0] != pair[1]]

with tap.case("what there is not is refused with what there is"):
    with source() as a:
        left = a.qmp()
        refused(left.command, "migrate_cancel", "migrate-pause")
        refused(left.command, "start again", "migrate-recover", uri="tcp:127.0.0.1:1")
        refused(left.command, "start again", "migrate", uri="tcp:127.0.0.1:1", resume=True)

# --- RDMA; tests/guest/test_migration_guest.py goes over it ---

with tap.case("RDMA is refused by name where there is no such library, device or address"):
    main = lambda **addr: {"addr": {"transport": "rdma", **addr}}  # noqa: E731
    spellings = ({"uri": "rdma:192.0.2.1:9"},
                 {"channels": [{"channel-type": "main", **main(host="192.0.2.1", port="9")}]},
                 {"channel": {"channeltype": "main", **main(**{"rdma-str": "192.0.2.1:9"})}})
    with open(os.path.join(os.environ["BUILDDIR"], "config.h")) as config:
        has_rdma = "HAVE_RDMA" in config.read()
    with source() as a:
        left = booted(a)
        for arguments in spellings:
            if not has_rdma:
                refused(left.command, "not available in this build", "migrate", **arguments)
                continue
            left.command("migrate", **arguments)
            info = wait_status(left, "failed")
            assert "cannot connect to rdma:192.0.2.1:9: no RDMA device" in info["error-desc"], info
        draws(left, a)
        if has_rdma:
            refused(left.command, "the form is rdma:HOST:PORT", "migrate", uri="rdma:h")
            refused(left.command, "port '65536'", "migrate", uri="rdma:h:65536")
            refused(left.command, "'port' is missing", "migrate", channels=[
                {"channel-type": "main", **main(host="h")}])
    result = cassia.run("demo", "-incoming", "rdma:192.0.2.1:9")
    assert result.returncode == (1 if has_rdma else 2), result
    assert "rdma:192.0.2.1:9: " in result.stderr, result

# --- compression ---

with tap.case("pages are compressed on demand, and take less room"):
    with source("--frames", "60") as a:
        left = a.qmp()
        a.wait_finished()
        sizes = []
        for compress in (False, True):
            left.command("migrate-set-capabilities",
                         capabilities=[{"capability": "compress", "state": compress}])
            path = a.path(f"saved-{compress}")
            left.command("migrate", uri=f"file:{path}")
            wait_status(left, "completed")
            sizes.append(os.path.getsize(path))
            left.command("cont")
        tap.say(f"{sizes[0]} bytes, with LZ4 {sizes[1]}")
        assert sizes[1] < sizes[0] * 0.7, sizes
        with target(f"file:{path}", "-S") as b:
            right = b.qmp()
            wait_status(right, "completed")
            different = difference(picture(left, a, "l.ppm"), picture(right, b, "r.ppm"))
            assert different is None, different

# --- TLS ---


def make_client_certificate(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    path = lambda name: os.path.join(folder, name)  # noqa: E731
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Cassia tests/CN=source",
            "-keyout", path("client-key.pem"), "-out", path("request"))
    openssl("x509", "-req", "-in", path("request"), "-CA", path("ca-cert.pem"), "-CAkey",
            path("ca-key.pem"), "-CAcreateserial", "-days", "2", "-out", path("client-cert.pem"))


def creds(name, folder, endpoint, *more):
    return ["-object", ",".join([f"tls-creds-x509,id={name},dir={folder},endpoint={endpoint}",
                                 *more])]


def waiting(b, **parameters):
    """A target that waits with TLS: its monitor and its address."""
    qmp = b.qmp()
    qmp.command("migrate-set-parameters", **parameters)
    qmp.command("migrate-incoming", **{"uri": "tcp:127.0.0.1:0", "exit-on-error": False})
    where = qmp.command("query-migrate")["socket-address"][0]
    return qmp, f"tcp:{where['host']}:{where['port']}"


class Certificates:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cassia-tls-")
        make_certificates(self.folder)
        self.anonymous = os.path.join(self.folder, "anonymous")
        self.strange = os.path.join(self.folder, "strange")
        os.mkdir(self.anonymous)
        os.mkdir(self.strange)
        shutil.copy(os.path.join(self.folder, "ca-cert.pem"), self.anonymous)
        make_certificates(self.strange)
        make_client_certificate(self.folder)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


with Certificates() as certificates:
    own, anonymous, strange = certificates.folder, certificates.anonymous, certificates.strange
    with tap.case("with TLS, each side checking the other"):
        with source(*creds("c", own, "client")) as a, \
                target("defer", "-S", *creds("s", own, "server")) as b:
            left = booted(a)
            right, uri = waiting(b, **{"tls-creds": "s"})
            # Somebody without TLS is sent away, and the waiting goes on.
            left.command("migrate", uri=uri)
            assert "cannot" in wait_status(left, "failed")["error-desc"]
            left.command("migrate-set-parameters", **{"tls-creds": "c"})
            assert left.command("query-migrate-parameters")["tls-creds"] == "c"
            left.command("migrate", uri=uri)
            arrives(left, a, right, b)
    for why, arguments, parameters, text in (
            ("a name that the certificate does not have", creds("c", own, "client"),
             {"tls-hostname": "elsewhere.example"}, "hostname mismatch"),
            ("a server of another authority", creds("c", strange, "client"), {}, "self-signed"),
            ("a source without a certificate", creds("c", anonymous, "client"), {}, "")):
        with tap.case(f"{why} is refused, and the source goes on"):
            with source(*arguments) as a, target("defer", *creds("s", own, "server")) as b:
                left = booted(a)
                _, uri = waiting(b, **{"tls-creds": "s"})
                left.command("migrate-set-parameters", **{"tls-creds": "c", **parameters})
                left.command("migrate", uri=uri)
                info = wait_status(left, "failed")
                assert text in info["error-desc"], info
                assert state(left) == "running"
                draws(left, a)
    with tap.case("verify-peer=off asks for no certificate; tls-hostname names the server"):
        with source(*creds("c", anonymous, "client")) as a, \
                target("defer", "-S", *creds("s", own, "server", "verify-peer=off")) as b:
            left = booted(a)
            right, uri = waiting(b, **{"tls-creds": "s"})
            left.command("migrate-set-parameters",
                         **{"tls-creds": "c", "tls-hostname": "localhost"})
            left.command("migrate", uri=uri)
            arrives(left, a, right, b)
    with tap.case("a target without TLS is not sent anything"):
        with source(*creds("c", anonymous, "client")) as a, target("defer") as b:
            left = booted(a)
            _, uri = waiting(b)
            left.command("migrate-set-parameters", **{"tls-creds": "c"})
            left.command("migrate", uri=uri)
            assert "TLS handshake" in wait_status(left, "failed")["error-desc"]
            draws(left, a)
    with tap.case("wrong credentials are named"):
        with source(*creds("c", anonymous, "client"), *creds("s", own, "server")) as a:
            left = a.qmp()
            for name, uri, text in (("x", "tcp:127.0.0.1:1", "no -object 'x'"),
                                    ("s", "tcp:127.0.0.1:1", "endpoint=server"),
                                    ("c", f"unix:{a.path('x')}", "tcp: addresses only"),
                                    *([("c", "rdma:h:1", "tcp: addresses only")] * has_rdma)):
                left.command("migrate-set-parameters", **{"tls-creds": name})
                refused(left.command, text, "migrate", uri=uri)
        for option, text in (
                (f"tls-creds-x509,id=c,dir={own}/nothing", "ca-cert.pem: there is no such file"),
                (f"tls-creds-x509,id=c,dir={anonymous},endpoint=server", "server-cert.pem"),
                ("tls-creds-x509,id=c", "takes tls-creds-x509"),
                (f"tls-creds-x509,id=c,dir={own},priority=NORMAL", "priority")):
            result = cassia.run("demo", "-object", option)
            assert result.returncode in (1, 2) and text in result.stderr, result

# --- vsock ---

with tap.case("over a vsock, where this machine can speak to itself by one"):
    try:
        probe = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        probe.bind((socket.VMADDR_CID_ANY, 0x10000 + os.getpid()))
        probe.listen(1)
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((1, 0x10000 + os.getpid()))
        probe.close()
    except OSError as reason:
        raise Skip(f"vsock_loopback is not there: {reason}") from None
    port = 0x20000 + os.getpid()
    with source() as a, target(f"vsock:1:{port}", "-S") as b:
        left = booted(a)
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "socket", "type": "vsock", "cid": "1", "port": str(port)}}])
        arrives(left, a, b.qmp(), b)

# --- commands and files ---

with tap.case("through a command as a list of words, and one that fails"):
    with source() as a:
        left = booted(a)
        path = a.path("saved")
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "exec", "args": ["/bin/sh", "-c", "cat > /dev/null; exit 3"]}}])
        info = wait_status(left, "failed")
        assert "exit code 3" in info["error-desc"], info
        draws(left, a)
        left.command("migrate", channels=[{"channel-type": "main", "addr": {
            "transport": "exec", "args": ["/bin/dd", f"of={path}", "status=none"]}}])
        wait_status(left, "completed")
        with target("defer", "-S") as b:
            right = b.qmp()
            right.command("migrate-incoming", channel={"channeltype": "main", "addr": {
                "transport": "exec", "exec-str": f"cat {path}"}})
            arrives(left, a, right, b)

with tap.case("a file with an offset: what is before it stays"):
    with source() as a:
        left = booted(a)
        path = a.path("saved")
        with open(path, "wb") as file:
            file.write(b"x" * 10000)
        left.command("migrate", uri=f"file:{path},offset=0x1000")
        wait_status(left, "completed")
        with open(path, "rb") as file:
            assert file.read(4096) == b"x" * 4096
            assert file.read(8) == b"CASSIAMG"
        with target("defer", "-S") as b:
            right = b.qmp()
            right.command("migrate-incoming", channels=[{"channel-type": "main", "addr": {
                "transport": "file", "filename": path, "offset": 4096}}])
            arrives(left, a, right, b)

tap.finish()
