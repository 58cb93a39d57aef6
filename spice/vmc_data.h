/*
 * DATA and COMPRESSED_DATA of the spicevmc channels, spice-wire.md section 5.5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/channel.h"

/* Of a message's data, compressed or not; more is refused. */
#define VMC_MAX_DATA (1024 * 1024)

/* The message for SIZE bytes of DATA, which it takes (g_malloc). COMPRESS: if that makes it
 * smaller. */
struct message *vmc_data_message(uint8_t *data, uint32_t size, bool compress);
/* A COMPRESSED_DATA body: what it holds (g_malloc) and *SIZE, or NULL when it is not valid. */
uint8_t *vmc_data_expand(const uint8_t *body, uint32_t body_size, uint32_t *size);
