/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_private.h"

#include <string.h>

/* Which display channel shows which output of which of the guest's devices. */

static void append_u32(GByteArray *array, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(array, (const guint8 *)&value, sizeof(value));
}

void agent_send_device_info(struct agent *agent)
{
    GByteArray *body;
    uint32_t count = 0;

    if (agent->device == NULL || !agent->device->wants_device_info || agent->displays->len == 0) {
        return;
    }
    /* It may be the guest that brings new information, without ever reading this. */
    agent->device->info_again =
        char_device_count_writes(&agent->device->base, AGENT_INFO_OWNER) > 0;
    if (agent->device->info_again) {
        return;
    }
    body = g_byte_array_new();
    append_u32(body, 0);
    for (guint i = 0; i < agent->displays->len; i++) {
        struct agent_display *display = &g_array_index(agent->displays, struct agent_display, i);
        uint32_t size = (uint32_t)strlen(display->address) + 1;

        for (uint32_t monitor = 0; monitor < display->count; monitor++, count++) {
            append_u32(body, (uint32_t)display->channel_id);
            append_u32(body, monitor);
            append_u32(body, display->first + monitor);
            append_u32(body, size);
            g_byte_array_append(body, (const guint8 *)display->address, size);
        }
    }
    count = GUINT32_TO_LE(count);
    memcpy(body->data, &count, sizeof(count));
    agent_write_message(agent, VD_AGENT_GRAPHICS_DEVICE_INFO, body->data, body->len,
                        AGENT_INFO_OWNER);
    g_byte_array_free(body, TRUE);
}

void agent_set_device_info(struct agent *agent, int channel_id, const char *address, uint32_t first,
                           uint32_t count)
{
    struct agent_display new = {channel_id, g_strdup(address), first, count};

    for (guint i = 0; i < agent->displays->len; i++) {
        struct agent_display *display = &g_array_index(agent->displays, struct agent_display, i);

        if (display->channel_id == channel_id) {
            g_free(display->address);
            g_array_remove_index(agent->displays, i);
            break;
        }
    }
    if (address != NULL) {
        g_array_append_val(agent->displays, new);
    }
    agent_send_device_info(agent);
}
