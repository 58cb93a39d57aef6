/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/agent_monitors.h"

#include "spice/server_state.h"

#include <spice/vd_agent.h>
#include <string.h>

#define MAX_MONITORS 256

size_t monitors_message_limit(void)
{
    return sizeof(VDAgentMessage) + sizeof(VDAgentMonitorsConfig) +
           MAX_MONITORS * (sizeof(VDAgentMonConfig) + sizeof(VDAgentMonitorMM));
}

static int call_display(QXLInstance *qxl, VDAgentMonitorsConfig *config)
{
    QXLInterface *interface = SPICE_CONTAINEROF(qxl->base.sif, QXLInterface, base);

    return interface->base.minor_version >= 3 && interface->client_monitors_config != NULL
               ? interface->client_monitors_config(qxl, config)
               : 0;
}

bool monitors_are_wanted(SpiceServer *server)
{
    for (GList *l = server->qxls; l != NULL; l = l->next) {
        if (!call_display(l->data, NULL)) {
            return false;
        }
    }
    return server->qxls != NULL;
}

bool monitors_deliver(SpiceServer *server, const uint8_t *message, size_t size)
{
    size_t body = size - sizeof(VDAgentMessage);
    VDAgentMonitorsConfig *config;
    size_t each = sizeof(VDAgentMonConfig);
    uint32_t count;

    if (size < sizeof(VDAgentMessage) + sizeof(*config) || size > monitors_message_limit()) {
        return false;
    }
    /* Aligned for the host, and its own to look at. */
    config = g_memdup2(message + sizeof(VDAgentMessage), body);
    config->num_of_monitors = count = GUINT32_FROM_LE(config->num_of_monitors);
    config->flags = GUINT32_FROM_LE(config->flags);
    if (config->flags & VD_AGENT_CONFIG_MONITORS_FLAG_PHYSICAL_SIZE) {
        each += sizeof(VDAgentMonitorMM);
    }
    if (count > MAX_MONITORS || count > (body - sizeof(*config)) / each) {
        g_free(config);
        return false;
    }
    for (GList *l = server->qxls; l != NULL; l = l->next) {
        call_display(l->data, config);
    }
    g_free(config);
    return true;
}
