# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small guest driver of a QXL card behind vfio-user, written from the card's description."""

import struct
import time

RAM, VRAM, ROM, PORTS, CONFIG = 0, 1, 2, 3, 7
NOTIFY_CMD, UPDATE_AREA, UPDATE_IRQ, RESET = 0, 2, 3, 5
MEMSLOT_ADD, CREATE_PRIMARY, MONITORS_CONFIG_ASYNC = 8, 12, 24

RAM_ADDRESS, VRAM_ADDRESS, PORT_ADDRESS = 0xe0000000, 0xe8000000, 0xc000
COMMANDS = 0x100c      # the command ring in the RAM header
UPDATE, MEM_SLOT, CREATE, MONITORS = 0x1488, 0x149c, 0x14ac, 0x14dc
RAM_SLOT, VRAM_SLOT = 1, 2
FMT_32 = 32            # SPICE_SURFACE_FMT_32_xRGB
OBJECTS = 8 << 20      # where commands are put, in BAR 0; the primary surface is at 0


def rect(left, top, right, bottom):
    return struct.pack("<iiii", top, left, bottom, right)


class Driver:
    """Drives the card of a vfio_user.Client. A fresh one knows nothing: adopt() takes over a card
    that another one has set up and that has moved here."""

    def __init__(self, client):
        self.client = client
        rom = client.read(ROM, 0, 0x48)
        assert rom[:4] == b"QXRO", rom[:4]
        self.header, = struct.unpack_from("<I", rom, 0x2c)
        _, _, gen_bits, id_bits, self.generation = struct.unpack_from("<5B", rom, 0x40)
        self.id_shift = 64 - id_bits
        self.generation_shift = self.id_shift - gen_bits
        self.objects = OBJECTS

    def port(self, number, value=0):
        self.client.write(PORTS, number, bytes([value]))

    def put(self, offset, data):
        self.client.write(RAM, offset, data)

    def address(self, slot, offset):
        return slot << self.id_shift | self.generation << self.generation_shift | offset

    def boot(self, width, height):
        """From power-on to a primary surface of 32 bits a pixel."""
        self.client.write(CONFIG, 0x10, struct.pack("<II", RAM_ADDRESS, VRAM_ADDRESS))
        self.client.write(CONFIG, 0x1c, struct.pack("<I", PORT_ADDRESS))
        self.client.write(CONFIG, 4, struct.pack("<H", 3))
        self.port(RESET)
        self.slot(RAM_SLOT, RAM_ADDRESS, OBJECTS * 2)
        self.slot(VRAM_SLOT, VRAM_ADDRESS, 8 << 20)
        self.put(self.header + CREATE, struct.pack(
            "<IIiIIIIIQ", width, height, width * 4, FMT_32, 0, 0, 0, 0, self.address(RAM_SLOT, 0)))
        self.port(CREATE_PRIMARY, 0)

    def slot(self, number, start, size):
        self.put(self.header + MEM_SLOT, struct.pack("<QQ", start, start + size))
        self.port(MEMSLOT_ADD, number)

    def adopt(self, other):
        self.objects = other.objects
        return self

    def new_object(self, data):
        """Puts an object into memory and returns its address for the card. What begins with a
        release id, left 0, gets one."""
        offset = self.objects
        if data[:8] == bytes(8):
            data = struct.pack("<Q", offset) + data[8:]
        self.objects += len(data) + 7 & ~7
        self.put(offset, data)
        return self.address(RAM_SLOT, offset)

    def push(self, kind, address):
        ring = self.header + COMMANDS
        deadline = time.monotonic() + 30
        while True:
            size, prod, _, cons = struct.unpack("<IIII", self.client.read(RAM, ring, 16))
            if prod - cons & 0xffffffff < size:
                break
            assert time.monotonic() < deadline, "the command ring stays full"
        self.put(ring + 20 + prod % size * 16, struct.pack("<QII", address, kind, 0))
        self.put(ring + 4, struct.pack("<I", prod + 1 & 0xffffffff))
        self.port(NOTIFY_CMD)

    def drawable(self, surface, kind, box, rest):
        fixed = struct.pack("<QIBBB", 0, surface, 1, kind, 0) + bytes(16) + rect(*box)
        self.push(1, self.new_object(fixed + struct.pack("<IQI", 0, 0, 0) +
                                     struct.pack("<iii", -1, -1, -1) + bytes(48) + rest))

    def fill(self, surface, box, color):
        self.drawable(surface, 1, box, struct.pack("<IIQI", 1, color, 0, 0) +
                      struct.pack("<H", 8) + bytes(17))

    def create_surface(self, surface, width, height, offset):
        self.push(5, self.new_object(struct.pack(
            "<QIBIIIIiQ", 0, surface, 0, 0, FMT_32, width, height, width * 4,
            self.address(VRAM_SLOT, offset))))

    def copy_surface(self, source, width, height, box):
        """Copies a surface to the primary one."""
        image = self.new_object(struct.pack("<QBBIII", 1, 104, 0, width, height, source))
        self.drawable(0, 3, box, struct.pack("<Q", image) + rect(0, 0, width, height) +
                      struct.pack("<HB", 8, 0) + bytes(17))

    def update(self, surface, box):
        """Waits until all of the area is drawn into memory."""
        self.put(self.header + UPDATE, rect(*box) + struct.pack("<I", surface))
        self.port(UPDATE_AREA)

    def heads(self, *heads):
        """Shows parts of the primary surface, (x, y, width, height) each, on monitors of their own."""
        config = struct.pack("<HH", len(heads), len(heads)) + b"".join(
            struct.pack("<IIIIIII", number, 0, width, height, x, y, 0)
            for number, (x, y, width, height) in enumerate(heads))
        self.put(self.header + MONITORS, struct.pack("<Q", self.new_object(config)))
        self.port(MONITORS_CONFIG_ASYNC)
