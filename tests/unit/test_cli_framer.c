/*
 * A monitor's byte stream cut into JSON texts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/qmp_framer.h"

#include <string.h>

/* Everything that comes out of INPUT: texts in <>, a ! for each broken one. */
static char *cut(const char *input, size_t size, size_t step)
{
    GString *out = g_string_new(NULL);
    struct qmp_framer framer;

    qmp_framer_init(&framer);
    for (size_t at = 0; at < size; at += step) {
        const char *data = input + at, *why = NULL;
        size_t left = MIN(step, size - at);
        enum qmp_frame frame;

        while ((frame = qmp_framer_take(&framer, &data, &left, &why)) != QMP_FRAME_NONE) {
            if (frame == QMP_FRAME_TEXT) {
                g_string_append_printf(out, "<%s>", framer.text->str);
            } else {
                g_assert_nonnull(why);
                g_string_append_c(out, '!');
            }
        }
        g_assert_cmpuint(left, ==, 0);
    }
    qmp_framer_finish(&framer);
    return g_string_free(out, FALSE);
}

static void test_texts(void)
{
    static const struct {
        const char *input, *expected;
    } rows[] = {
        {"", ""},
        {" \r\n\t", ""},
        {"{}", "<{}>"},
        {"{}\n{}", "<{}><{}>"},
        {"{}{}[]", "<{}><{}><[]>"},
        {"{\"a\":\n{\"b\":[1,\n2]}}", "<{\"a\":\n{\"b\":[1,\n2]}}>"},
        {"{\"}\":\"{\\\"}\"}", "<{\"}\":\"{\\\"}\"}>"},
        {"{\"\\\\\"}", "<{\"\\\\\"}>"},
        {"{\"a\"", ""},
        {"garbage\n{}", "<garbage><{}>"},
        {"gar{bage\n{}", "<gar{bage><{}>"},
        {"\"}{\n{}", "<\"}{><{}>"},
        {"}\n", "<}>"},
        {"{]{}", "<{]><{}>"},
        {"{\"broken\n{}", "!<{}>"},
        {"{\"cut\xff{}", "!<{}>"},
        {"\xff\xff{}", "<{}>"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t step = 1; step < 8; step += 3) {
            g_autofree char *got = cut(rows[i].input, strlen(rows[i].input), step);
            g_assert_cmpstr(got, ==, rows[i].expected);
        }
    }
}

static void test_depth(void)
{
    GString *input = g_string_new(NULL);

    for (unsigned i = 0; i < QMP_DEPTH_MAX; i++)
        g_string_append_c(input, '[');
    for (unsigned i = 0; i < QMP_DEPTH_MAX; i++)
        g_string_append_c(input, ']');
    g_autofree char *good = cut(input->str, input->len, 100);
    g_autofree char *expected = g_strdup_printf("<%s>", input->str);
    g_assert_cmpstr(good, ==, expected);

    g_string_truncate(input, 0);
    for (unsigned i = 0; i < 1000; i++)
        g_string_append_c(input, '[');
    g_string_append(input, "]]]]\n{}");
    /* Reported once, and the next line counts again. */
    g_autofree char *bad = cut(input->str, input->len, 7);
    g_assert_cmpstr(bad, ==, "!<{}>");
    g_string_free(input, TRUE);
}

static void test_length(void)
{
    static const char *const beginnings[] = {"{\"", "{", "word "};

    for (size_t i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        GString *input = g_string_new(beginnings[i]);
        while (input->len < QMP_TEXT_MAX + 5000)
            g_string_append_c(input, 'x');
        g_string_append(input, "\n{}");
        g_autofree char *got = cut(input->str, input->len, 4096);
        g_assert_cmpstr(got, ==, "!<{}>");
        g_string_free(input, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/framer/texts", test_texts);
    g_test_add_func("/framer/depth", test_depth);
    g_test_add_func("/framer/length", test_length);
    return g_test_run();
}
