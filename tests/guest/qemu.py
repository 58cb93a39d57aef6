# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QEMU programs that guest tests run: that of the tree of chroot.sh, and the host's own."""

import os
import shutil

from tap import Skip

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

    def reachable(self, library):
        """The library, or a copy of it, at a path that this QEMU can see."""
        folder = self.bench.path("lib")
        os.makedirs(folder, exist_ok=True)
        copy = os.path.join(folder, os.path.basename(library))
        return copy if os.path.exists(copy) else shutil.copy(library, folder)


class HostQemu:
    """The QEMU that is installed on the host, whichever it is."""

    def __init__(self, bench):
        del bench
        program = shutil.which(PROGRAM)
        if not program:
            raise Skip(f"{PROGRAM} is not installed on this machine (qemu-system-x86)")
        self.command = [program]

    def view(self, path):
        return path

    def reachable(self, library):
        return os.path.realpath(library)
