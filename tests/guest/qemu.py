# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QEMU that guest tests run."""

import os

PROGRAM = "qemu-system-x86_64"


class TreeQemu:
    """QEMU 11.1 from the tree. It sees the files of a bench below another root."""

    def __init__(self, bench):
        self.bench = bench
        self.command = ["/usr/sbin/chroot", bench.tree, f"/usr/bin/{PROGRAM}"]
        if os.geteuid() != 0:
            self.command = ["unshare", "--map-root-user", *self.command]

    def view(self, path):
        return "/" + os.path.relpath(path, self.bench.tree)
