/*
 * Clients that take what they have at one server along to another ("seamless" migration), seen from
 * one connection.
 *
 * Source: what is left is sent, then MIGRATE, the last ordinary message. The client says that it
 * has said all (FLUSH_MARK) and gets the channel's state (MIGRATE_DATA), which it carries to the
 * target. Target: that state is the first message of the connection; with it the channel goes on
 * where the other server has stopped.
 *
 * The state comes back through the client's hands: it is as hostile as anything a client sends.
 *
 * For channel*.c only. Facts: spice-wire.md sections 7.4 and 7.6.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel_connection.h"

/* Source: CONNECTION's client is to go, when it has been sent what there is. */
void connection_leave(struct channel_connection *connection);
/* Is everything sent before MIGRATE? Called when there is nothing more to produce. */
void connection_all_produced(struct channel_connection *connection);
/* FLUSH_MARK. False: it was not asked for. */
bool connection_flushed(struct channel_connection *connection);

/* Target: CONNECTION's first message shall be its state. */
void connection_expect_state(struct channel_connection *connection);
/* MIGRATE_DATA. False: it is wrong. */
bool connection_load(struct channel_connection *connection, const uint8_t *state, uint32_t size);
/* Before CONNECTION goes away. */
void connection_move_finish(struct channel_connection *connection);
