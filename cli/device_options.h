/*
 * -device qxl-vga|qxl,...: a card by QEMU's property names.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qxl/card.h"

struct device_options {
    char *id; /* NULL: none given */
    struct qxl_config config;
};

/* A card as it is when no -device is given: a secondary one, all properties at their defaults. */
void device_options_init(struct device_options *options);
void device_options_finish(struct device_options *options);
/* TEXT: the value of -device. Ranges that depend on each other are the card's to check. */
bool device_options_parse(const char *text, struct device_options *options, GError **error);
