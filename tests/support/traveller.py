# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that moves from server to server with its state. Facts: spice-wire.md section 7.4."""

import struct

import spice_client as spice

BEGIN, INIT, BEGIN_SEAMLESS, ACK, NACK = 101, 103, 116, 117, 118
CONNECTED, DO_SEAMLESS, CONNECTED_SEAMLESS = 102, 110, 111
MIGRATE, MIGRATE_DATA, FLUSH_MARK, CARRIED = 1, 2, 4, 5
NEED_FLUSH, NEED_DATA = 1, 2
MAIN_CAPS = 1 | 4 | 8  # semi-seamless, agent tokens, seamless
TABLET, VMC, SMARTCARD, PORT = 6, 9, 8, 10


class Traveller:
    """CHANNELS: {(type, id): capabilities}, besides main; .links has them all by (type, id)."""

    def __init__(self, port, channels=None):
        self.channels = channels or {}
        self.links = {(spice.MAIN, 0): spice.Main(port, channel=MAIN_CAPS)}
        self.session = self.main.session
        for (kind, number), caps in self.channels.items():
            self.links[kind, number] = self._link(port, kind, number, caps)
        self.next = {}
        self.last = {}  # (type, body) of messages read on the way, by channel
        self.flags = {}
        self.states = {}

    def _link(self, port, kind, number, caps):
        client = spice.Client(port)
        client.link(connection_id=self.session, channel_type=kind, channel_id=number, channel=caps)
        return client

    @property
    def main(self):
        return self.links[spice.MAIN, 0]

    def connect(self, port, version=1):
        """To the target at PORT; returns what it says to bringing a state of VERSION."""
        main = self._link(port, spice.MAIN, 0, MAIN_CAPS)
        self.next = {(spice.MAIN, 0): main}
        main.send_message(DO_SEAMLESS, struct.pack("<I", version))
        kind, body = main.read_message()
        assert kind in (ACK, NACK) and body == b"", kind
        for (channel, number), caps in self.channels.items():
            self.next[channel, number] = self._link(port, channel, number, caps)
        return kind

    def _read_to(self, key, *kinds):
        kind, body = self.links[key].read_message()
        while kind not in kinds:
            self.last.setdefault(key, []).append((kind, body))
            kind, body = self.links[key].read_message()
        return body

    def prepare(self):
        """Does what the source's BEGIN_SEAMLESS says."""
        body = self._read_to((spice.MAIN, 0), BEGIN_SEAMLESS, BEGIN)
        port = struct.unpack_from("<H", body)[0]
        assert struct.unpack_from("<I", body, 20)[0] == 1, "the states' version"
        assert self.connect(port) == ACK
        self.main.send_message(CONNECTED_SEAMLESS)

    def collect(self, key):
        """Reads one channel of the source to its end, and its state."""
        link = self.links[key]
        (self.flags[key],) = struct.unpack("<I", self._read_to(key, MIGRATE))
        if self.flags[key] & NEED_FLUSH:
            link.send_message(FLUSH_MARK)
        if self.flags[key] & NEED_DATA:
            kind, self.states[key] = link.read_message()
            assert kind == MIGRATE_DATA, f"channel {key}: message {kind} after MIGRATE"

    def arrive(self, key):
        """Takes one channel's state to the target."""
        link = self.next[key]
        if self.flags[key] & NEED_DATA:
            link.send_message(CARRIED, self.states[key])
        self.links[key].close()
        self.links[key] = link

    def move(self):
        for key in self.links:
            self.collect(key)
        for key in self.links:
            self.arrive(key)

    def close(self):
        for link in [*self.links.values(), *self.next.values()]:
            link.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
