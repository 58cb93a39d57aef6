/*
 * What the guest does wrong: named, counted, written to the log, answered with the ERROR interrupt.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    bool freezes;
} bug_kinds[QXL_BUG_COUNT] = {
    [QXL_BUG_PORT_UNKNOWN] = {"port-unknown", true},
    [QXL_BUG_PORT_REVISION] = {"port-revision", true},
    [QXL_BUG_ASYNC_BUSY] = {"async-busy", true},
    [QXL_BUG_UPDATE_AREA] = {"update-area", true},
    [QXL_BUG_SET_MODE_POSITION] = {"set-mode-position", true},
    [QXL_BUG_SET_MODE_UNMAPPED] = {"set-mode-unmapped", true},
    [QXL_BUG_MEMSLOT_ID] = {"memslot-id", true},
    [QXL_BUG_MEMSLOT_ACTIVE] = {"memslot-active", true},
    [QXL_BUG_MEMSLOT_RANGE] = {"memslot-range", true},
    [QXL_BUG_ARGUMENT] = {"argument", true},
    [QXL_BUG_PRIMARY_EXISTS] = {"primary-exists", true},
    [QXL_BUG_PRIMARY_GEOMETRY] = {"primary-geometry", true},
    [QXL_BUG_PRIMARY_MEMORY] = {"primary-memory", true},
    [QXL_BUG_SURFACE_ID] = {"surface-id", true},
    [QXL_BUG_SURFACE_STRIDE] = {"surface-stride", true},
    [QXL_BUG_MONITORS_ADDRESS] = {"monitors-address", true},
    [QXL_BUG_RING_OVERRUN] = {"ring-overrun", true},
    [QXL_BUG_COMMAND_TYPE] = {"command-type", true},
    [QXL_BUG_COMMAND_SLOT] = {"command-slot", true},
    [QXL_BUG_COMMAND_RANGE] = {"command-range", false},
    [QXL_BUG_CURSOR_RING_TYPE] = {"cursor-ring-type", false},
    [QXL_BUG_CURSOR_COMMAND] = {"cursor-command", false},
    [QXL_BUG_SURFACE_COMMAND] = {"surface-command", false},
    [QXL_BUG_SURFACE_REPEATED] = {"surface-repeated", false},
    [QXL_BUG_RELEASE_ID] = {"release-id", false},
};

/* The first of a kind and then ever fewer: a guest must not fill the disk. */
static bool is_logged(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

void qxl_bug(struct qxl_card *card, enum qxl_bug bug, const char *format, ...)
{
    struct qxl_bug_log *log = &card->bugs;
    uint64_t count = ++log->counts[bug];

    log->last[bug] = ++log->total;
    if (log->file && is_logged(count)) {
        va_list arguments;
        va_start(arguments, format);
        g_autofree char *text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        fprintf(log->file, "qxl-%d: guest bug %s: %s (seen %" PRIu64 " times%s)\n", card->id,
                bug_kinds[bug].name, text, count,
                bug_kinds[bug].freezes ? "; ignoring the guest until reset" : "");
        fflush(log->file);
    }
    if (!bug_kinds[bug].freezes)
        return;
    card->frozen = true;
    qxl_irq_raise(card, QXL_INTERRUPT_ERROR);
}

void qxl_guest_message(struct qxl_card *card)
{
    char text[QXL_LOG_BUF_SIZE + 1];

    if (!card->config.guestdebug || !card->bugs.file)
        return;
    guest_copy_in(text, card->ram->log_buf, QXL_LOG_BUF_SIZE);
    text[QXL_LOG_BUF_SIZE] = '\0';
    for (char *c = text; *c; c++) {
        if (!g_ascii_isprint(*c))
            *c = *c == '\n' && !c[1] ? '\0' : ' ';
    }
    fprintf(card->bugs.file, "qxl-%d: guest says: %s\n", card->id, text);
}

struct ranked {
    struct qxl_bug_count bug;
    uint64_t last;
};

static int older_first(const void *a, const void *b)
{
    uint64_t left = ((const struct ranked *)a)->last, right = ((const struct ranked *)b)->last;
    return (left > right) - (left < right);
}

size_t qxl_card_bugs(const struct qxl_card *card, struct qxl_bug_count *bugs, size_t count)
{
    struct ranked seen[QXL_BUG_COUNT];
    size_t found = 0;

    qxl_lock((struct qxl_card *)card);
    for (size_t i = 0; i < QXL_BUG_COUNT; i++) {
        if (card->bugs.counts[i])
            seen[found++] =
                (struct ranked){{bug_kinds[i].name, card->bugs.counts[i]}, card->bugs.last[i]};
    }
    qxl_unlock((struct qxl_card *)card);

    qsort(seen, found, sizeof(seen[0]), older_first);
    for (size_t i = 0; i < MIN(found, count); i++)
        bugs[i] = seen[i].bug;
    return found;
}

void qxl_card_set_guest_log(struct qxl_card *card, FILE *file)
{
    qxl_lock(card);
    card->bugs.file = file;
    qxl_unlock(card);
}
