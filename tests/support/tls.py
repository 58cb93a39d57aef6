# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates for tests, in the files that QEMU's x509-dir has."""

import os
import socket
import ssl
import subprocess

import spice_client

SUBJECT = "C=XX,O=Cassia tests,CN=server.example"


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates(folder, password="key secret"):
    """A CA and a server's certificate that it has signed; the key once more, encrypted."""
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    with open(path("extensions"), "w") as extensions:
        extensions.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/C=XX/O=Cassia tests/CN=CA", "-keyout", path("ca-key.pem"), "-out",
             path("ca-cert.pem"))
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/" + SUBJECT.replace(",", "/"),
             "-keyout", path("server-key.pem"), "-out", path("request"))
    _openssl("x509", "-req", "-in", path("request"), "-CA", path("ca-cert.pem"), "-CAkey",
             path("ca-key.pem"), "-CAcreateserial", "-days", "2", "-extfile", path("extensions"),
             "-out", path("server-cert.pem"))
    _openssl("rsa", "-in", path("server-key.pem"), "-aes256", "-passout", f"pass:{password}",
             "-out", path("server-key-enc.pem"))


def free_port(host="127.0.0.1"):
    """A port that nobody listens on; somebody may take it before it is used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class TlsClient(spice_client.Client):
    """A connection through TLS; the server is believed when FOLDER's CA has signed it."""

    def __init__(self, port, folder, timeout=10, host="127.0.0.1", version=None, ciphers=None):
        super().__init__(port, timeout, host)
        context = ssl.create_default_context(cafile=os.path.join(folder, "ca-cert.pem"))
        if version:
            context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
