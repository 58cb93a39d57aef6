/*
 * The list of video encoders that the host prefers: "encoder:codec;encoder:codec;...".
 *
 * The texts of the warnings are those hosts' tests look for, server-abi.md section 9.5.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_codecs.h"

#include "spice/server_state.h"

#include <string.h>

/* In the order of enum video_maker, and of SPICE_VIDEO_CODEC_TYPE_* from 1 on. */
static const char *const encoders[] = {"spice", "gstreamer", NULL};
static const char *const codecs_known[] = {"mjpeg", "vp8", "h264", "vp9", "h265", NULL};

/* The list in a word: four bits each, the first lowest; a codec's number, and who makes it. */
#define ORDER_BITS  4
#define ORDER_CODEC 7u
#define ORDER_MAKER 3 /* the bit */

static guint index_of(const char *const *words, const char *word)
{
    guint i = 0;

    while (!g_str_equal(words[i], word))
        i++;
    return i;
}

/* Of checked items. */
static guint order_of(const char *list)
{
    g_auto(GStrv) items = g_strsplit(list, ";", -1);
    guint order = 0;

    for (guint i = 0; items[i] != NULL && i < VIDEO_CODECS_MAX; i++) {
        g_auto(GStrv) parts = g_strsplit(items[i], ":", 2);
        guint entry = (index_of(codecs_known, parts[1]) + 1) | index_of(encoders, parts[0])
                                                                   << ORDER_MAKER;

        order |= entry << (i * ORDER_BITS);
    }
    return order;
}

unsigned server_video_codecs(SpiceServer *server, struct video_codec codecs[VIDEO_CODECS_MAX])
{
    guint order = (guint)g_atomic_int_get((gint *)&server->policy.video_order);
    unsigned count = 0;

    for (; order != 0; order >>= ORDER_BITS) {
        codecs[count++] = (struct video_codec){
            .maker = (order >> ORDER_MAKER & 1) ? VIDEO_BY_GSTREAMER : VIDEO_BY_SPICE,
            .codec = order & ORDER_CODEC,
        };
    }
    return count;
}

static bool is_word(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
               '\0';
}

static bool check_item(const char *item)
{
    g_auto(GStrv) parts = g_strsplit(item, ":", 3);

    if (g_strv_length(parts) != 2 || !is_word(parts[0]) || !is_word(parts[1])) {
        g_warning("spice: invalid encoder:codec value at '%s'", item);
        return false;
    }
    if (!g_strv_contains(encoders, parts[0])) {
        g_warning("spice: unknown video encoder %s", parts[0]);
        return false;
    }
    if (!g_strv_contains(codecs_known, parts[1])) {
        g_warning("spice: unknown video codec %s", parts[1]);
        return false;
    }
    return true;
}

int spice_server_set_video_codecs(SpiceServer *s, const char *video_codecs)
{
    g_autoptr(GString) accepted = g_string_new(NULL);
    g_auto(GStrv) items = NULL;

    if (video_codecs == NULL) {
        g_critical("%s: assertion 'codecs != nullptr' failed", G_STRFUNC);
        return -1;
    }
    if (strcmp(video_codecs, "auto") == 0) {
        video_codecs = VIDEO_CODECS_AUTO;
    }
    items = g_strsplit(video_codecs, ";", -1);
    for (char **item = items; *item != NULL; item++) {
        if (**item != '\0' && check_item(*item)) {
            g_string_append_printf(accepted, "%s%s", accepted->len > 0 ? ";" : "", *item);
        }
    }
    if (accepted->len == 0) {
        g_warning("Failed to set video codecs, input string: '%s'", video_codecs);
        return -1;
    }
    g_free(s->policy.video_codecs);
    s->policy.video_codecs = g_strdup(accepted->str);
    g_atomic_int_set((gint *)&s->policy.video_order, (gint)order_of(accepted->str));
    return 0;
}

const char *spice_server_get_video_codecs(SpiceServer *s)
{
    return g_strdup(s->policy.video_codecs != NULL ? s->policy.video_codecs : "");
}

void spice_server_free_video_codecs(SpiceServer *s G_GNUC_UNUSED, const char *video_codecs)
{
    g_free((char *)video_codecs);
}
