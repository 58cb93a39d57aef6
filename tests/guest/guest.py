# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Linux guest in QEMU, controlled over a serial line and QMP."""

import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import time

from bench import GUEST
from cards import DEVICE_ID
from qmp import Qmp

BOOT_TIMEOUT = 120
COMMAND_TIMEOUT = 60
# Neighbouring slots have different interrupt lines on the machine "pc".
SLOTS = (3, 4)

COMPLAINT = re.compile(
    r"BUG|WARNING: |Oops|Kernel panic|Call Trace|\*ERROR\*|hung|blocked for more|nobody cared"
    r"|[tT]imed out"
)


def _module_order(folder, name):
    """Paths of the module and all it needs, in an order in which they can be loaded."""
    needs = {}
    with open(os.path.join(folder, "modules.dep")) as listing:
        for line in listing:
            path, _, rest = line.partition(":")
            needs[path] = rest.split()
    of_that_name = re.compile(rf"/{name}\.ko(\.xz)?$", re.MULTILINE)
    wanted = next(filter(of_that_name.search, needs), None)
    if not wanted:
        with open(os.path.join(folder, "modules.builtin")) as listing:
            if of_that_name.search(listing.read()):
                return []
        raise RuntimeError(f"{folder} has no module {name}")
    # depmod lists everything that is needed, directly or not, the last one to be loaded first.
    return [os.path.join(folder, path) for path in (*reversed(needs[wanted]), wanted)]


def _add_modules(folder, root, driver):
    """The driver and all it needs into the folder root, with their order in DRIVER.order."""
    with open(os.path.join(root, f"{driver}.order"), "w") as order:
        for path in _module_order(folder, driver):
            name = re.sub(r"\.ko(\.xz)?$", "", os.path.basename(path)).replace("-", "_")
            with open(path, "rb") as module:
                code = module.read()
            with open(os.path.join(root, f"{name}.ko"), "wb") as plain:
                plain.write(lzma.decompress(code) if path.endswith(".xz") else code)
            order.write(f"{name}\n")


def _compile(source, program):
    pkg_config = ["pkg-config", "--cflags", "spice-protocol"]
    flags = subprocess.run(pkg_config, check=True, capture_output=True, text=True).stdout.split()
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-static", "-O2", *flags, "-o", program, source], check=True, timeout=60
    )


def _libraries(program):
    """The paths of all shared libraries that the program is linked with, and of its loader."""
    listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listing)


def _copy(path, root):
    target = root + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target)


def build_initrd(bench, kernel, drivers, base, files, host_files, programs):
    """An initial RAM disk with busybox, our programs and drivers for that kernel.

    It is added to the archive base, if any. files are from this folder; they go into the root.
    host_files go where they are on the host, the programs and what they are linked with too.
    """
    (version,) = os.listdir(os.path.join(bench.tree, "kernels", kernel, "lib/modules"))
    modules = os.path.join(bench.tree, "kernels", kernel, "lib/modules", version)
    root = bench.path(f"initrd-{kernel}")
    for folder in ("usr/bin", "usr/sbin", "dev", "proc", "sys", "tmp", "modules"):
        os.makedirs(os.path.join(root, folder))
    for folder in ("usr/lib", "usr/lib64"):
        os.makedirs(os.path.join(root, folder))
    for folder in ("bin", "sbin", "lib", "lib64"):  # as Debian has it
        os.symlink(f"usr/{folder}", os.path.join(root, folder))
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    shutil.copy(os.path.join(GUEST, "guest_init.sh"), os.path.join(root, "init"))
    os.chmod(os.path.join(root, "init"), 0o755)
    for name in files:
        shutil.copy(os.path.join(GUEST, name), root)
    for program in ("guest_pattern", "guest_bar"):
        _compile(os.path.join(GUEST, f"{program}.c"), os.path.join(root, "bin", program))
    for program in programs:
        shutil.copy(program, os.path.join(root, "bin"))
    for path in {*host_files, *(path for program in programs for path in _libraries(program))}:
        _copy(path, root)
    for driver in drivers:
        _add_modules(modules, os.path.join(root, "modules"), driver)
    image = f"{root}.img"
    if base:
        shutil.copy(base, image)
    # The kernel unpacks archive after archive.
    subprocess.run(
        f"find . | cpio --quiet -o -H newc | gzip -1 >> {image}",
        shell=True,
        cwd=root,
        check=True,
        timeout=60,
    )
    return image


def _address(slot):
    return f"{slot:#x}"


def pci_folder(slot):
    return f"/sys/bus/pci/devices/0000:00:{slot:02x}.0"


class GuestError(Exception):
    pass


class Guest:
    """A Linux guest in QEMU; run() gives it shell commands over its second serial line.

    With a source its QEMU waits for that guest to move there instead.
    """

    memory = "512M"
    parameters = ""  # of the kernel
    drivers = ("qxl",)
    base = None  # an archive below the bench's tree, to which the initial RAM disk is added
    files = ()
    host_files = programs = ()  # of the host, for the guest

    def __init__(self, bench, kernel, card, source=None):
        self.bench, self.card = bench, card
        self.moves = source.moves + 1 if source else 0
        path = lambda name: bench.path(f"{self.moves}-{name}")  # noqa: E731
        self.kernel_log = path("kernel.log")
        line, monitor = path("line.sock"), path("qemu.qmp")
        base = self.base and os.path.join(bench.tree, self.base)
        self.initrd = initrd = (
            source.initrd
            if source
            else build_initrd(
                bench, kernel, self.drivers, base, self.files, self.host_files, self.programs
            )
        )
        image = os.path.join(bench.tree, "kernels", kernel, "vmlinuz")
        view = card.qemu.view
        self.process = bench.start(
            "qemu",
            card.qemu.command
            + ["-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"]
            + ["-machine", "pc", "-accel", "tcg", "-m", self.memory]
            + ["-kernel", view(image), "-initrd", view(initrd)]
            + ["-append", f"console=ttyS0 loglevel=7 panic=-1 {self.parameters}"]
            + ["-serial", f"file:{view(self.kernel_log)}"]
            + ["-serial", f"unix:{view(line)},server=on,wait=off"]
            + ["-qmp", f"unix:{view(monitor)},server=on,wait=off"]
            + ["-device", json.dumps({**card.device(), "addr": _address(SLOTS[0])})]
            + card.qemu_options()
            + self.qemu_options()
            + (["-incoming", "defer"] if source else []),
            env=card.environment,
        )
        self.buffer = b""
        self.stuck = None
        self.qmp = self._or_explain(lambda: Qmp(monitor))
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(line)
        self.release = source.release if source else self.wait_ready()

    def qemu_options(self):
        """What kinds of guests have more than this one."""
        return []

    def _or_explain(self, action):
        """QEMU's own words are worth more than those of the connection that it did not take."""
        try:
            return action()
        except (OSError, TimeoutError):
            self.process.check_alive()
            raise

    def explain(self):
        with open(self.kernel_log, "r", errors="replace") as log:
            kernel = log.read()[-1500:]
        return f"QEMU said:\n{self.process.output()[-1000:]}\nthe guest's kernel:\n{kernel}"

    def _read_until(self, pattern, timeout):
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.buffer)
            if match:
                before, self.buffer = self.buffer[: match.start()], self.buffer[match.end() :]
                return before, match
            left = deadline - time.monotonic()
            data = b""
            if left > 0:
                self.line.settimeout(left)
                try:
                    data = self.line.recv(65536)
                except TimeoutError:
                    continue
            if not data:
                self.process.check_alive()
                self.stuck = f"no {pattern!r} from the guest in {timeout} s"
                raise GuestError(f"{self.stuck}\n{self.explain()}")
            self.buffer += data

    def wait_ready(self):
        """Waits until the guest has booted; gives the kernel's version."""
        return self._read_until(rb"@@ready (\S+)\r?\n", BOOT_TIMEOUT)[1].group(1).decode()

    def run(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a line in the guest's shell and gives its output; raises if its status is not 0."""
        if self.stuck:
            raise GuestError(f"not tried after this: {self.stuck}")
        self.line.sendall(command.encode() + b"\n")
        return self._end_command(command, timeout)

    def _end_command(self, command, timeout):
        before, match = self._read_until(rb"@@exit (\d+)\r?\n", timeout)
        text = before.decode(errors="replace").replace("\r\n", "\n")
        if match.group(1) != b"0":
            raise GuestError(f"{command!r} failed in the guest: {text.strip()}\n{self.explain()}")
        return text

    def reboot(self):
        """The guest reboots itself."""
        self.line.sendall(b"reboot -f\n")
        return self.wait_ready()

    def reset(self):
        """The monitor's reset button."""
        self.qmp.command("system_reset")
        self.stuck = None
        return self.wait_ready()

    def unplug(self):
        self.qmp.command("device_del", id=DEVICE_ID)
        deleted = None
        while deleted != DEVICE_ID:  # parts of the device are reported, too, without a name
            event = self.qmp.wait_event("DEVICE_DELETED", COMMAND_TIMEOUT)
            deleted = event["data"].get("device")

    def plug(self, slot):
        """Returns when the guest has found the card; its driver may still be at work."""
        self.qmp.command("device_add", **self.card.device(), addr=_address(slot))
        self._wait_file(f"{pci_folder(slot)}/irq")

    def has_slot(self, slot):
        return self.run(f"[ -e {pci_folder(slot)} ] && echo yes; true").strip() == "yes"

    def interrupt_line(self, slot):
        return int(self.run(f"cat {pci_folder(slot)}/irq"))

    def wait_frame_buffer(self):
        """After a hot-plug the driver finds the card in its own time; gives (width, height)."""
        self._wait_file("/dev/fb0")
        return self.frame_buffer()

    def _wait_file(self, path):
        self.run(f"n=0; until [ -e {path} ] || [ $n -ge 300 ]; do n=$((n+1)); sleep 0.1; done")
        self.run(f"[ -e {path} ]")

    def frame_buffer(self):
        match = re.match(r"fb (\d+) (\d+) (\d+)\n", self.run("guest_pattern info"))
        width, height, depth = map(int, match.groups())
        if depth != 32:
            raise GuestError(f"the frame buffer has {depth} bits per pixel, expected 32")
        return width, height

    def complaints(self):
        """Lines of the kernel's log that say that something is wrong."""
        with open(self.kernel_log, "r", errors="replace") as log:
            return [line.strip() for line in log if COMPLAINT.search(line)]

    def quit(self):
        self.qmp.command("quit")
        status = self.process.popen.wait(20)
        if status != 0:
            raise RuntimeError(f"QEMU ended with status {status}:\n{self.process.output()[-3000:]}")
