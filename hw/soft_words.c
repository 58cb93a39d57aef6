/*
 * Lines of text.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/soft_art.h"

#include <glib.h>

static const char *const names[] = {"surface", "palette", "glyph",   "cursor", "region",
                                    "stream",  "window",  "channel", "shadow", "canvas",
                                    "record",  "bundle",  "market",  "garden", "cassia"};
static const char *const verbs[] = {"opened", "closed",  "flushed", "mapped", "painted",
                                    "queued", "skipped", "sorted",  "merged", "awake"};
static const char *const types[] = {"int", "bool", "uint32_t", "size_t", "struct rect"};

#define PICK(words, number) words[(number) % G_N_ELEMENTS(words)]

void soft_log_line(char *text, size_t size, uint32_t seed, uint32_t number)
{
    uint32_t chance = soft_hash(seed ^ number * 2654435761u), more = soft_hash(chance);
    unsigned seconds = number / 7, fraction = number % 7 * 142857;

    switch (chance % 6) {
    case 0:
        g_snprintf(text, size, "[%5u.%06u] %s %u: %s at 0x%08x", seconds, fraction,
                   PICK(names, more), chance >> 8 & 63, PICK(verbs, chance >> 4), more);
        break;
    case 1:
        g_snprintf(text, size, "[%5u.%06u] %s: %u of %u %s, %u left", seconds, fraction,
                   PICK(names, more), more >> 8 & 127, (more >> 8 & 127) + (chance >> 9 & 63),
                   PICK(verbs, chance >> 4), chance >> 9 & 63);
        break;
    case 2:
        g_snprintf(text, size, "-rw-r--r-- 1 user user %8u %s-%s-%u.png", more >> 9,
                   PICK(names, more), PICK(names, chance >> 7), more >> 4 & 31);
        break;
    case 3:
        g_snprintf(text, size, "  CC      %s/%s_%s.o", PICK(names, chance >> 7), PICK(names, more),
                   PICK(verbs, more >> 3));
        break;
    case 4:
        g_snprintf(text, size, "%s/%s: %u%% [%.*s>%.*s] %u KiB/s", PICK(names, more),
                   PICK(names, chance >> 6), (more >> 10 & 15) * 100 / 15, (int)(more >> 10 & 15),
                   "================", 15 - (int)(more >> 10 & 15), "                ", more >> 16);
        break;
    default:
        g_snprintf(text, size, "[%5u.%06u] %s <%s@%s> %s", seconds, fraction, PICK(verbs, more),
                   PICK(names, more >> 5), PICK(names, chance >> 7), PICK(names, chance >> 11));
        break;
    }
}

void soft_source_line(char *text, size_t size, uint32_t seed, uint32_t number)
{
    uint32_t chance = soft_hash(seed + number * 40503u), more = soft_hash(chance);

    switch (number % 9) {
    case 0:
        g_snprintf(text, size, "%s %s_%s(%s %s)", PICK(types, more), PICK(names, chance),
                   PICK(verbs, more >> 4), PICK(types, chance >> 6), PICK(names, more >> 7));
        break;
    case 1:
        g_snprintf(text, size, "{");
        break;
    case 2:
        g_snprintf(text, size, "    %s %s = %u;", PICK(types, chance), PICK(names, more),
                   more >> 12 & 4095);
        break;
    case 3:
        g_snprintf(text, size, "    while (%s > %u)", PICK(names, chance), more & 255);
        break;
    case 4:
        g_snprintf(text, size, "        %s -= %s[%u];", PICK(names, chance), PICK(names, more),
                   more >> 8 & 15);
        break;
    case 5:
        g_snprintf(text, size, "    /* %s is %s */", PICK(names, chance), PICK(verbs, more));
        break;
    case 6:
        g_snprintf(text, size, "    return %s != \"%s\";", PICK(names, chance), PICK(verbs, more));
        break;
    case 7:
        g_snprintf(text, size, "}");
        break;
    default:
        text[0] = '\0';
        break;
    }
}
