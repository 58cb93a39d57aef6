# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock QEMU, of the host and of the tree of tests/guest/chroot.sh, on a libspice-server.so.1."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guest"))

from bench import BUILDDIR, Bench  # noqa: E402
from qemu import HostQemu, TreeQemu  # noqa: E402
from tap import Skip, skip_all  # noqa: E402

OWN = os.path.join(BUILDDIR, "lib", "libspice-server.so.1")
# QEMU 11.1 with Linux 6.12, QEMU 7.2 with Linux 6.1
QEMUS = ((TreeQemu, "trixie"), (HostQemu, "bookworm"))


def need_own():
    if not os.path.exists(OWN):
        skip_all("this build has no libspice-server.so.1 (--with-spice-server=system)")


def with_qemu(tap, kind, action):
    """Calls action(bench, qemu) in a bench of its own; without that QEMU it is skipped."""
    with tap.guard(kind.__name__), Bench() as bench:
        try:
            qemu = kind(bench)
        except Skip as reason:
            with tap.case(kind.__name__):
                raise reason
            return
        action(bench, qemu)
