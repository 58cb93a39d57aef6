/*
 * Brackets and strings are all of JSON that the framer knows; the parser sees the rest.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_framer.h"

#define STRINGIFY_(value) #value
#define STRINGIFY(value)  STRINGIFY_(value)

static void start_over(struct qmp_framer *framer)
{
    g_string_truncate(framer->text, 0);
    framer->depth = 0;
    framer->in_string = framer->escaped = false;
    framer->skipping = framer->complete = false;
}

void qmp_framer_init(struct qmp_framer *framer)
{
    *framer = (struct qmp_framer){.text = g_string_new(NULL)};
}

void qmp_framer_finish(struct qmp_framer *framer)
{
    g_string_free(framer->text, TRUE);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One byte inside a string; false: the string is broken. */
static bool take_string_byte(struct qmp_framer *framer, char c)
{
    if (c == '\n')
        return false;
    if (framer->escaped)
        framer->escaped = false;
    else if (c == '\\')
        framer->escaped = true;
    else if (c == '"')
        framer->in_string = false;
    return true;
}

static enum qmp_frame broken(struct qmp_framer *framer, char last, const char *reason,
                             const char **why)
{
    start_over(framer);
    framer->skipping = last != '\n';
    *why = reason;
    return QMP_FRAME_BROKEN;
}

static enum qmp_frame take_byte(struct qmp_framer *framer, char c, const char **why)
{
    GString *text = framer->text;

    if ((unsigned char)c == 0xff) {
        bool pending = text->len > 0;
        start_over(framer);
        *why = "JSON parse error, the text is cut off";
        return pending ? QMP_FRAME_BROKEN : QMP_FRAME_NONE;
    }
    if (framer->skipping) {
        framer->skipping = c != '\n';
        return QMP_FRAME_NONE;
    }
    if (!text->len && is_blank(c))
        return QMP_FRAME_NONE;
    if (text->len >= QMP_TEXT_MAX)
        return broken(framer, c, "the text is longer than " STRINGIFY(QMP_TEXT_MAX) " bytes", why);

    if (!framer->depth && text->len && c == '\n')
        return QMP_FRAME_TEXT;
    g_string_append_c(text, c);
    if (framer->in_string) {
        if (!take_string_byte(framer, c))
            return broken(framer, c, "JSON parse error, line break in a string", why);
    } else if (framer->depth && c == '"') {
        framer->in_string = true;
    } else if ((c == '{' || c == '[') && (framer->depth || text->len == 1)) {
        if (++framer->depth > QMP_DEPTH_MAX)
            return broken(framer, c,
                          "the text nests deeper than " STRINGIFY(QMP_DEPTH_MAX) " levels", why);
    } else if ((c == '}' || c == ']') && framer->depth) {
        if (!--framer->depth)
            return QMP_FRAME_TEXT;
    }
    return QMP_FRAME_NONE;
}

enum qmp_frame qmp_framer_take(struct qmp_framer *framer, const char **data, size_t *size,
                               const char **why)
{
    if (framer->complete)
        start_over(framer);
    while (*size) {
        char c = *(*data)++;
        --*size;
        enum qmp_frame frame = take_byte(framer, c, why);
        if (frame != QMP_FRAME_NONE) {
            framer->complete = frame == QMP_FRAME_TEXT;
            return frame;
        }
    }
    return QMP_FRAME_NONE;
}
