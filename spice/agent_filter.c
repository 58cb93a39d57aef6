/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_filter.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

void agent_filter_reset(struct agent_filter *filter)
{
    *filter = (struct agent_filter){.verdict = AGENT_PASS};
}

bool agent_filter_is_inside(const struct agent_filter *filter)
{
    return filter->at < filter->size;
}

uint32_t agent_filter_left(const struct agent_filter *filter)
{
    return (uint32_t)MIN(filter->size - filter->at, UINT32_MAX);
}

void agent_filter_resume(struct agent_filter *filter, uint32_t left, enum agent_verdict verdict)
{
    *filter = (struct agent_filter){.verdict = verdict, .size = left};
}

static enum agent_verdict judge_type(uint32_t type, const struct agent_rules *rules)
{
    switch (type) {
    case VD_AGENT_CLIPBOARD:
    case VD_AGENT_CLIPBOARD_GRAB:
    case VD_AGENT_CLIPBOARD_REQUEST:
    case VD_AGENT_CLIPBOARD_RELEASE:
        return rules->copypaste ? AGENT_PASS : AGENT_DROP;
    case VD_AGENT_FILE_XFER_START:
    case VD_AGENT_FILE_XFER_STATUS:
    case VD_AGENT_FILE_XFER_DATA:
        return rules->file_xfer ? AGENT_PASS : AGENT_DROP;
    case VD_AGENT_MONITORS_CONFIG:
        return rules->take_monitors ? AGENT_MONITORS : AGENT_PASS;
    default:
        return AGENT_PASS;
    }
}

enum agent_verdict agent_filter_judge(struct agent_filter *filter, const struct agent_rules *rules,
                                      const uint8_t *data, uint32_t size)
{
    VDAgentMessage header;

    if (size > VD_AGENT_MAX_DATA_SIZE) {
        return AGENT_BROKEN;
    }
    if (!agent_filter_is_inside(filter)) {
        if (size < sizeof(header)) {
            return AGENT_BROKEN;
        }
        memcpy(&header, data, sizeof(header));
        if (GUINT32_FROM_LE(header.protocol) != VD_AGENT_PROTOCOL) {
            return AGENT_BROKEN;
        }
        filter->type = GUINT32_FROM_LE(header.type);
        filter->at = 0;
        filter->size = sizeof(header) + (uint64_t)GUINT32_FROM_LE(header.size);
        filter->verdict = judge_type(filter->type, rules);
    }
    if (size > filter->size - filter->at) {
        return AGENT_BROKEN;
    }
    filter->at += size;
    return filter->verdict;
}

/* Byte OFFSET of the message if DATA, the chunk before filter->at, has it. */
static uint8_t *byte_of(const struct agent_filter *filter, uint8_t *data, uint32_t size,
                        uint64_t offset)
{
    uint64_t start = filter->at - size;

    return offset >= start && offset < filter->at ? data + (offset - start) : NULL;
}

bool agent_filter_edit_capabilities(const struct agent_filter *filter,
                                    const struct agent_rules *rules, uint8_t *data, uint32_t size)
{
    /* Bytes of the first word of capabilities; little endian, so these are bits 0-7 and 8-15. */
    const uint64_t low = sizeof(VDAgentMessage) + offsetof(VDAgentAnnounceCapabilities, caps);
    const uint8_t clipboard = 1 << VD_AGENT_CAP_CLIPBOARD | 1 << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND |
                              1 << VD_AGENT_CAP_CLIPBOARD_SELECTION;
    uint8_t *byte;

    if (filter->type != VD_AGENT_ANNOUNCE_CAPABILITIES || filter->size < low + sizeof(uint32_t)) {
        return false;
    }
    byte = byte_of(filter, data, size, low);
    if (byte != NULL && !rules->copypaste) {
        *byte &= (uint8_t)~clipboard;
    }
    byte = byte_of(filter, data, size, low + 1);
    if (byte != NULL && !rules->file_xfer) {
        *byte |= 1 << (VD_AGENT_CAP_FILE_XFER_DISABLED - 8);
    }
    return byte != NULL && *byte & 1 << (VD_AGENT_CAP_GRAPHICS_DEVICE_INFO - 8);
}
