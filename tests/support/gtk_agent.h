/*
 * What the guest's agent does for a client made of spice-gtk's library: clipboard, monitors,
 * pointer. Used by tests/client/gtk_client, from its one thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice-client.h>

struct gtk_agent {
    SpiceMainChannel *main;
    SpiceInputsChannel *inputs;
    char *copied; /* text that this client offers to the guest */
};

/*
 * Looks at a new channel; of the main and inputs channels it keeps a pointer without a reference
 * and prints, one event a line: agent yes|no             the agent has connected to the server or
 * is gone mouse client|server      who owns the pointer offered                  the guest has text
 * to paste pasted TEXT              the text that was asked for asked                    the guest
 * was given the copied text
 */
void gtk_agent_watch(struct gtk_agent *agent, SpiceChannel *channel);

/*
 * Obeys a line: "copy TEXT", "paste", "resize WIDTH HEIGHT" (of the first monitor), "point X Y".
 * Others are ignored.
 */
void gtk_agent_command(struct gtk_agent *agent, const char *line);
