/*
 * The agent from the inside, for agent*.c only. IO thread.
 *
 * agent.c: the device and what the guest says. agent_client.c: what clients say, and who of them is
 * told what. agent_displays.c: which display shows what. agent_state.c: clients that move.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/agent.h"
#include "spice/agent_filter.h"
#include "spice/agent_pointer.h"
#include "spice/char_device.h"
#include "spice/client.h"
#include "spice/server_state.h"

#include <spice/vd_agent.h>

/* Returned to clients in batches of so many. */
#define AGENT_TOKEN_BATCH 5
/* Whose writes to the guest are, besides clients', which are of their sessions' ids. */
#define AGENT_POINTER_OWNER 0xffffffffu
#define AGENT_INFO_OWNER    0xfffffffeu
/* Chunks that wait for a client before the guest has to. */
#define AGENT_MAX_WAITING 5

/* The device while there is one; the host may remove it from inside its callbacks. */
struct agent_device {
    SpiceCharDeviceState base;
    struct agent *agent; /* NULL: detached */
    bool broken;         /* it does not speak the protocol: what it says is thrown away */
    /* The chunk that is being read: a VDIChunkHeader and its data. */
    uint8_t in[sizeof(VDIChunkHeader) + VD_AGENT_MAX_DATA_SIZE];
    uint32_t in_size;
    struct agent_filter filter;
    bool wants_device_info;
    bool info_again; /* it has changed since it was last written, which waits for the guest */
};

/* Which of the guest's devices shows what. */
struct agent_display {
    int channel_id;
    char *address;         /* of the guest's device, "pci/..." */
    uint32_t first, count; /* numbers of its outputs */
};

struct agent {
    SpiceServer *server;
    struct agent_device *device; /* NULL: none, or a broken one */
    struct agent_pointer pointer;
    GList *clients;               /* of struct agent_client */
    struct agent_client *speaker; /* whose message to the guest is incomplete */
    GArray *displays;             /* of struct agent_display */
};

struct agent_client {
    struct agent *agent;
    struct channel_client *main;
    bool started;

    /* From the guest. */
    GQueue waiting; /* of struct message */
    uint32_t tokens;
    struct loop_timer *token_timer;
    bool token_timer_runs;

    /* To the guest. */
    uint32_t budget; /* chunks it may send */
    uint32_t taken;  /* chunks done with, whose tokens are not returned yet */
    GQueue incoming; /* of GBytes: chunks while another client speaks */
    struct agent_filter filter;
    GByteArray *monitors; /* the MONITORS_CONFIG under way */

    /* It comes from another server, where it may have used an agent. */
    bool arriving;
    GBytes *state; /* what it has brought, while there is no agent here yet; or NULL */
    bool leaving;  /* to another server: nothing more is read from the guest for it */
};

struct agent_rules agent_rules_of(const struct agent *agent);

/* agent.c: to the guest. */
void agent_write_chunk(struct agent *agent, uint32_t port, const void *data, uint32_t size,
                       uint32_t owner);
/* A message of the server's own. */
void agent_write_message(struct agent *agent, uint32_t type, const void *data, uint32_t size,
                         uint32_t owner);
/* What has come of a chunk is passed on without waiting for the rest, if it can be. */
void agent_hear_partly(struct agent *agent);
/* Guest and clients begin anew. There is a device. */
void agent_restart(struct agent *agent);

/* agent_displays.c */
void agent_send_device_info(struct agent *agent);

/* agent_client.c */
/* The guest has taken a chunk, or it was dropped. */
void agent_client_return_token(struct agent_client *client);
/* A chunk of the guest's, for all who listen. */
void agent_forward(struct agent *agent, const uint8_t *data, uint32_t size);
/* Is nobody so far behind that the guest must wait, or still to bring its state? */
bool agent_clients_are_ready(const struct agent *agent);
/* There is an agent now. */
void agent_client_announce(struct agent_client *client);
/* There is none any more. */
void agent_client_disconnect(struct agent_client *client);
void agent_client_watch_tokens(struct agent_client *client);

/* agent_state.c: the agent has come after the state of a client that waited for it. */
void agent_client_apply(struct agent_client *client);
