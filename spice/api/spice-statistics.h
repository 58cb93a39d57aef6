/*
 * What display channels have done for their clients, in numbers. Ours alone: no other server has
 * it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_STATISTICS_H_
#define SPICE_STATISTICS_H_

#include "spice-server.h"

/* Pictures sent in one form, or a film's frames. */
typedef struct SpiceCodecStatistics {
    const char *name;   /* "raw", "lz", "quic", ..., "mjpeg", "vp8", ...; static */
    uint64_t images;    /* sent */
    uint64_t bytes_in;  /* their pixels */
    uint64_t bytes_out; /* what was sent */
    uint64_t encode_ns; /* time it took; what several clients get is encoded once */
} SpiceCodecStatistics;

#define SPICE_STATISTICS_MAX_CODECS 16

/* One client's connection to one display channel; counts begin when it connects. */
typedef struct SpiceDisplayStatistics {
    uint32_t connection_id; /* as in channel events */
    uint32_t channel_id;
    uint64_t commands;  /* the guest's drawing commands */
    uint64_t hidden;    /* of them: never drawn, since later ones painted over them */
    uint64_t passed_on; /* of them: queued for the client as commands */
    uint64_t pictures;  /* queued for it in place of the others */
    uint64_t folded; /* times that its queue grew too long and was given up for a fresh picture */
    uint64_t messages, bytes; /* to the client, data headers included */
    uint32_t queue_length;    /* commands and pictures that wait for it now, */
    uint64_t queue_bytes;     /* and their data */
    uint64_t acks;            /* measured; time from a message's queueing to its ACK, */
    uint64_t ack_ns;          /* altogether */
    uint64_t ack_max_ns;
    uint32_t films;                /* that run now, and what they may cost together: */
    uint64_t film_bits_per_second; /* see server-abi.md section 5.8 */
    uint64_t film_frames_left_out; /* since they would have cost more */
    uint64_t film_frames_late;     /* dropped by the client, as it reports */
    uint32_t codec_count;
    SpiceCodecStatistics codecs[SPICE_STATISTICS_MAX_CODECS];
} SpiceDisplayStatistics;

/*
 * Fills in the first ROOM of the connections there are, and returns how many there are. IO thread;
 * waits for each display's worker in turn.
 */
int spice_server_get_display_statistics(SpiceServer *s, SpiceDisplayStatistics *statistics,
                                        int room);

#endif
