/*
 * Option values spelled as QEMU spells them: key=value,key2=value2, with ",," for a comma.
 *
 * A table of keys says what may be given and where each value goes in the target struct. A key may
 * be given more than once: the last one counts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes wrong in the program. USAGE: the command line; it ends with exit code 2, FAILED with 1.
 */
#define CLI_ERROR (cli_error_quark())
enum cli_error { CLI_ERROR_USAGE, CLI_ERROR_FAILED };
GQuark cli_error_quark(void);

enum option_type {
    OPTION_STRING,   /* char *, freed by option_list_clear() */
    OPTION_STRINGS,  /* GPtrArray * of char *, one for each time the key is given; freed likewise */
    OPTION_BOOL,     /* bool; on, yes, true, y or off, no, false, n; the bare key means on */
    OPTION_TRISTATE, /* enum option_tristate; written as OPTION_BOOL */
    OPTION_NUMBER,   /* int64_t; decimal or 0x hexadecimal */
    OPTION_SIZE, /* int64_t in bytes; a number with an optional suffix k, M, G or T (powers of 1024)
                  */
    OPTION_CHOICE,  /* int: the index in choices */
    OPTION_REFUSED, /* known from QEMU, but refused: the text in why says why */
};

enum option_tristate { OPTION_UNSET, OPTION_OFF, OPTION_ON };

struct option_key {
    const char *name;
    enum option_type type;
    size_t offset;              /* of the value in the target */
    int64_t min, max;           /* NUMBER and SIZE */
    const char *const *choices; /* CHOICE; NULL-terminated */
    const char *why;            /* REFUSED */
};

#define OPTION_END                                                                                 \
    {                                                                                              \
        NULL, 0, 0, 0, 0, NULL, NULL                                                               \
    }

/*
 * Parses TEXT, the value of the command line's OPTION ("-spice"), by KEYS into TARGET, whose fields
 * hold the defaults. IMPLIED names the key of a first word without "="; NULL: there is none. On a
 * failure ERROR names option, key, value and what is valid; TARGET may then hold some of the
 * values.
 */
bool option_list_parse(const char *option, const char *text, const struct option_key *keys,
                       const char *implied, void *target, GError **error);

/* Frees the strings in TARGET and sets them to NULL. */
void option_list_clear(const struct option_key *keys, void *target);

/*
 * One number for OPTION, between MIN and MAX; decimal or 0x hexadecimal. KEY: where it stands
 * inside OPTION, or NULL.
 */
bool option_number_parse(const char *option, const char *key, const char *text, int64_t min,
                         int64_t max, int64_t *number, GError **error);
