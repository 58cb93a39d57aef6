/*
 * The guest agent (spice-vdagent): its device, what clients send it and it sends them, the pointer.
 *
 * Facts: spice-wire.md section 6, server-abi.md section 2.5. IO thread.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/server.h"

#define SUBTYPE_VDAGENT "vdagent"

/* AGENT_DATA messages that a client may send at first. */
#define AGENT_TOKENS 10

struct agent;
struct agent_client;

/* It lives as long as the server, with or without a device. */
struct agent *agent_create(SpiceServer *server);
void agent_destroy(struct agent *agent); /* NULL is allowed */

/* The host's device; a second one is refused with a warning. */
void agent_attach(struct agent *agent, SpiceCharDeviceInstance *instance);
bool agent_is_attached(const struct agent *agent);
/* Does it move the guest's pointer? */
bool agent_has_pointer(const struct agent *agent);
/* BUTTONS: VD_AGENT_*BUTTON_MASK. */
void agent_move_pointer(struct agent *agent, uint32_t x, uint32_t y, uint32_t buttons,
                        uint8_t display_id);
/* BUTTONS where the pointer is. */
void agent_push_buttons(struct agent *agent, uint32_t buttons);
/*
 * Which of the guest's devices display channel CHANNEL_ID shows: outputs FIRST to FIRST + COUNT - 1
 * of the one at ADDRESS ("pci/..."); NULL: the channel has gone.
 */
void agent_set_device_info(struct agent *agent, int channel_id, const char *address, uint32_t first,
                           uint32_t count);

/* A client's main connection; before MAIN_INIT is sent, until its end. */
struct agent_client *agent_client_create(struct agent *agent, struct channel_client *main);
void agent_client_destroy(struct agent_client *client);
/* The client's messages; false: a protocol error. */
void agent_client_start(struct agent_client *client, uint32_t tokens);
void agent_client_add_tokens(struct agent_client *client, uint32_t tokens);
bool agent_client_data(struct agent_client *client, const uint8_t *data, uint32_t size);
/* channel_ops.produce: what waits for the client's socket or tokens. */
bool agent_client_produce(struct agent_client *client);

/* Clients that move, spice/channel_move.h. What they bring may be so many bytes. */
#define AGENT_MAX_STATE (16 * 1024 * 1024)
void agent_client_leave(struct agent_client *client);
void agent_client_save(struct agent_client *client, struct message *state);
/* Until load() the guest has to wait. */
void agent_client_expect_state(struct agent_client *client);
/* Hostile; READER is behind the header of STATE. False: it is wrong. */
bool agent_client_load(struct agent_client *client, const uint8_t *state, uint32_t size,
                       struct message_reader *reader);
