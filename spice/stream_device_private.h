/*
 * The stream device from the inside, for stream_device.c (the port and what the guest is told) and
 * stream_device_input.c (what the guest says) only.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/char_device.h"
#include "spice/cursor_channel.h"
#include "spice/stream_channel.h"

#include <spice/stream-device.h>

struct stream_device {
    SpiceCharDeviceState device;
    bool opened;      /* the guest has the port open, */
    bool failed;      /* and has broken the protocol since */
    bool has_channel; /* the two channels exist: the port has been open */
    struct stream_channel stream;
    struct cursor cursor;
    bool ask_again; /* once the guest has taken what it was asked before */
    bool warned;    /* of one broken protocol; of more only who wants to know */
    int late_event; /* came from inside a read or write of the host's; -1: none */

    /* The message that is being read; little endian as it comes. */
    StreamDevHeader header;
    size_t header_size; /* bytes of it that have come */
    uint8_t *body;      /* NULL: the header is not complete */
    size_t body_size;
    uint32_t mm_time; /* when the header was complete */
};

/* Reads once from the guest. False: there was nothing. */
bool stream_device_read(struct stream_device *device);
/* Forgets a message that is not complete. */
void stream_device_reset_input(struct stream_device *device);

/* Sees to an event that came while the host was called. False: there was none. */
bool stream_device_late_event(struct stream_device *device);
/* The guest has said what makes no sense. */
void stream_device_fail(struct stream_device *device, const char *format, ...) G_GNUC_PRINTF(2, 3);
