/*
 * What may pass between clients and the guest agent: judges a stream of agent messages, chunk by
 * chunk, in one direction.
 *
 * Facts: spice-wire.md sections 6.5 and 6.6. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct agent_rules {
    bool copypaste, file_xfer;
    bool take_monitors; /* MONITORS_CONFIG is for the server's displays */
};

enum agent_verdict {
    AGENT_PASS,
    AGENT_DROP,
    AGENT_MONITORS, /* collect it for the displays */
    AGENT_BROKEN,   /* not the agent protocol */
};

struct agent_filter {
    enum agent_verdict verdict; /* on the message under way */
    uint32_t type;              /* its VD_AGENT_* */
    uint64_t at, size;          /* bytes of it seen, and in all; header included; equal: none */
};

/* Begins anew, between messages. */
void agent_filter_reset(struct agent_filter *filter);
/* Is a message incomplete? */
bool agent_filter_is_inside(const struct agent_filter *filter);
/* How many of its bytes are still to come? */
uint32_t agent_filter_left(const struct agent_filter *filter);
/* Goes on with the last LEFT bytes of a message that another server has judged. */
void agent_filter_resume(struct agent_filter *filter, uint32_t left, enum agent_verdict verdict);
/* SIZE bytes, at most VD_AGENT_MAX_DATA_SIZE; the first of a message has its whole header. */
enum agent_verdict agent_filter_judge(struct agent_filter *filter, const struct agent_rules *rules,
                                      const uint8_t *data, uint32_t size);

/*
 * The agent's ANNOUNCE_CAPABILITIES on its way to clients: takes out of DATA, the chunk that FILTER
 * has just judged, what RULES forbid. True when this chunk shows the capability
 * GRAPHICS_DEVICE_INFO.
 */
bool agent_filter_edit_capabilities(const struct agent_filter *filter,
                                    const struct agent_rules *rules, uint8_t *data, uint32_t size);
