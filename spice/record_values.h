/*
 * What commands in a recording consist of (server-abi.md section 8.2): numbers, places, data,
 * pictures.
 *
 * Functions that read guest memory return false when it is not readable, which is noted in memory,
 * or when the format cannot hold what is there (record_end()).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/parse_memory.h"
#include "spice/record_command.h"

#include <spice/qxl_dev.h>

/* One command that is being written. */
struct record_writer {
    GString *out;
    struct parser memory; /* .wrong: what is not readable */
    struct drawable scratch;
    const char *why; /* RECORD_END */
};

/* The format cannot hold it: WHY, a static text. Returns false. */
bool record_end(struct record_writer *r, const char *why);
/* Copies SIZE bytes at ADDRESS in guest memory to TO. */
bool record_read(struct record_writer *r, QXLPHYSICAL address, void *to, size_t size);

void record_field(struct record_writer *r, const char *name, uint32_t value);
void record_field64(struct record_writer *r, const char *name, uint64_t value);
void record_rect(struct record_writer *r, const char *name, const QXLRect *rect);
void record_point(struct record_writer *r, const QXLPoint *point);
void record_point16(struct record_writer *r, const char *name, const QXLPoint16 *point);

/* SIZE bytes at ADDRESS; those of the chain that starts with the chunk at ADDRESS. */
bool record_memory(struct record_writer *r, const char *name, QXLPHYSICAL address, uint64_t size);
bool record_chunks(struct record_writer *r, const char *name, QXLPHYSICAL address);

bool record_image(struct record_writer *r, QXLPHYSICAL address); /* 0: none */
bool record_brush(struct record_writer *r, const QXLBrush *brush);
bool record_mask(struct record_writer *r, const QXLQMask *mask);

/* record_draw.c: a QXL_CMD_DRAW. */
bool record_draw(struct record_writer *r, const QXLCommandExt *command);
