/*
 * Recording: every kind of command comes out as server-abi.md section 8.2 writes it.
 *
 * The samples are written by hand. Each is read by the replay reader, which makes a command in
 * memory of it, and recorded again: the text must be the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/record.h"
#include "spice/record_command.h"
#include "spice/replay_command.h"

#include <glib/gstdio.h>
#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <string.h>

#define RECT(name) "rect " name " 1 2 3 4\n"
#define HEAD(type)                                                                                                          \
    "drawable\n" RECT("bbox") "type 1\nnum_rects 1\ndata_chunks 1 16\n"                                                     \
                              "binary 0 clip_rects 4:abcd\nbinary 0 clip_rects 12:efghijklmnop\n"                           \
                              "effect 1\nmm_time -2\nself_bitmap 1\n" RECT(                                                 \
                                  "self_bitmap_area") "surface_id 5\n"                                                      \
                                                      "surfaces_dest 6\n" RECT("surfaces_rects") "surfaces_dest -1\n" RECT( \
                                                          "surfaces_rects") "surfaces_dest "                                \
                                                                            "-1\n" RECT(                                    \
                                                                                "surfaces"                                  \
                                                                                "_rects") "type"                            \
                                                                                          " " type                          \
                                                                                          "\n"
#define IMAGE(type)                                                                                \
    "image 1\ndescriptor.id 18446744073709551615\ndescriptor.type " type                           \
    "\ndescriptor.flags 2\ndescriptor.width 2\ndescriptor.height 1\n"
#define BITMAP                                                                                     \
    IMAGE("0")                                                                                     \
    "bitmap.format 5\nbitmap.flags 4\nbitmap.x 2\nbitmap.y 1\nbitmap.stride 2\n"                   \
    "has_palette 1\nqp.num_ents 2\nunique 77\nents 255\nents -1\n"                                 \
    "data_chunks 0 2\nbinary 0 bitmap.data 2:ab\n"
#define DIRECT                                                                                     \
    IMAGE("0")                                                                                     \
    "bitmap.format 8\nbitmap.flags 3\nbitmap.x 1\nbitmap.y 2\nbitmap.stride 4\n"                   \
    "has_palette 0\nbinary 0 image_data_flat 8:abcdefgh\n"
#define SURFACE         IMAGE("104") "surface_image.surface_id 9\n"
#define QUIC            IMAGE("1") "quic.data_size 4\ndata_chunks 0 4\nbinary 0 quic.data 4:quic\n"
#define MASK            "flags 1\npoint -1 -2\n" DIRECT
#define NO_MASK         "flags 0\npoint 0 0\nimage 0\n"
#define SOLID           "type 1\nu.color -1\n"
#define PATTERN         "type 2\n" BITMAP "point 7 8\n"
#define AREA            RECT("src_area")
#define TRANSFORM(name) name " 1\nbinary 0 transform 24:0123456789abcdefghijklmn\n"

static const struct {
    const char *name;
    uint32_t type;
    const char *text;
} samples[] = {
    {"nop", QXL_CMD_DRAW, HEAD("0")},
    {"fill", QXL_CMD_DRAW, HEAD("1") SOLID "rop_descriptor 8\n" MASK},
    {"fill-pattern", QXL_CMD_DRAW, HEAD("1") PATTERN "rop_descriptor 8\n" NO_MASK},
    {"fill-nothing", QXL_CMD_DRAW, HEAD("1") "type 0\nrop_descriptor 8\n" NO_MASK},
    {"opaque", QXL_CMD_DRAW,
     HEAD("2") BITMAP AREA SOLID "rop_descriptor 8\nscale_mode 1\n" NO_MASK},
    {"copy", QXL_CMD_DRAW, HEAD("3") QUIC AREA "rop_descriptor 8\nscale_mode 0\n" NO_MASK},
    {"copy-surface", QXL_CMD_DRAW,
     HEAD("3") SURFACE AREA "rop_descriptor 8\nscale_mode 0\n" NO_MASK},
    {"transparent", QXL_CMD_DRAW, HEAD("12") DIRECT AREA "src_color 1\ntrue_color -3\n"},
    {"alpha-blend", QXL_CMD_DRAW, HEAD("13") "alpha_flags 1\nalpha 255\n" DIRECT AREA},
    {"copy-bits", QXL_CMD_DRAW, HEAD("4") "point 11 -12\n"},
    {"blend", QXL_CMD_DRAW, HEAD("5") DIRECT AREA "rop_descriptor 8\nscale_mode 0\n" MASK},
    {"blackness", QXL_CMD_DRAW, HEAD("6") MASK},
    {"whiteness", QXL_CMD_DRAW, HEAD("7") NO_MASK},
    {"invers", QXL_CMD_DRAW, HEAD("8") NO_MASK},
    {"rop3", QXL_CMD_DRAW, HEAD("9") DIRECT AREA PATTERN "rop3 90\nscale_mode 1\n" MASK},
    {"stroke", QXL_CMD_DRAW,
     HEAD("10") "data_chunks 0 16\nbinary 0 path 16:0123456789abcdef\nattr.flags 8\n"
                "attr.style_nseg 2\nbinary 0 style 8:01234567\n" SOLID
                "fore_mode 8\nback_mode 4\n"},
    {"stroke-solid", QXL_CMD_DRAW,
     HEAD("10") "data_chunks 0 4\nbinary 0 path 4:0123\nattr.flags 0\n" SOLID
                "fore_mode 8\nback_mode 4\n"},
    {"text", QXL_CMD_DRAW,
     HEAD("11") "data_size 3\nlength 1\nflags 2\ndata_chunks 0 3\nbinary 0 string 3:xyz\n" RECT(
         "back_area") SOLID PATTERN "fore_mode 8\nback_mode 0\n"},
    {"composite", QXL_CMD_DRAW,
     HEAD("14") "flags 77\n" SURFACE TRANSFORM("src_transform") "mask 1\n" BITMAP TRANSFORM(
         "mask_transform") "src_origin 1 -2\nmask_origin 3 4\n"},
    {"composite-plain", QXL_CMD_DRAW,
     HEAD("14") "flags 1\n" SURFACE "src_transform 0\nmask 0\nmask_transform 0\n"
                "src_origin 1 -2\nmask_origin 3 4\n"},
    {"update", QXL_CMD_UPDATE, "update\n" RECT("area") "update_id 7\nsurface_id 3\n"},
    {"message", QXL_CMD_MESSAGE, "binary 0 message 6:hello\0\n"},
    {"surface", QXL_CMD_SURFACE,
     "surface_cmd\nsurface_id 5\ntype 0\nflags 0\nu.surface_create.format 32\n"
     "u.surface_create.width 2\nu.surface_create.height 1\nu.surface_create.stride -8\n"},
    {"surface-data", QXL_CMD_SURFACE,
     "surface_cmd\nsurface_id 5\ntype 0\nflags 1\nu.surface_create.format 32\n"
     "u.surface_create.width 2\nu.surface_create.height 1\nu.surface_create.stride 8\n"
     "binary 0 data 8:abcdefgh\n"},
    {"surface-destroy", QXL_CMD_SURFACE, "surface_cmd\nsurface_id 5\ntype 1\nflags 0\n"},
    {"cursor", QXL_CMD_CURSOR,
     "cursor_cmd\ntype 0\npoint16 -1 2\nu.set.visible 1\nheader.unique 18446744073709551614\n"
     "header.type 0\nheader.width 1\nheader.height 1\nheader.hot_spot_x 3\nheader.hot_spot_y 4\n"
     "data_size 4\ndata_chunks 0 4\nbinary 0 cursor 4:argb\n"},
    {"cursor-move", QXL_CMD_CURSOR, "cursor_cmd\ntype 1\npoint16 -3 4\n"},
    {"cursor-hide", QXL_CMD_CURSOR, "cursor_cmd\ntype 2\n"},
    {"cursor-trail", QXL_CMD_CURSOR, "cursor_cmd\ntype 3\nu.trail.length 5\nu.trail.frequency 6\n"},
};

static uint32_t same_id(void *opaque, uint32_t recorded)
{
    (void)opaque;
    return recorded;
}

static const struct replay_surfaces same_ids = {same_id, same_id, same_id, NULL};

/* All of this process is one slot. */
static void map_everything(struct memslots *memslots)
{
    QXLDevInitInfo info = {
        .num_memslots_groups = 1, .num_memslots = 1, .memslot_gen_bits = 8, .memslot_id_bits = 8};
    QXLDevMemSlot slot = {.virt_end = UINTPTR_MAX};

    g_assert_null(memslots_init(memslots, &info));
    g_assert_null(memslots_add(memslots, &slot));
}

/* The message has a NUL in it. */
static size_t sample_size(const char *text)
{
    return strlen(text) + (g_str_has_suffix(text, "hello") ? 2 : 0);
}

static struct replay_command *read_sample(const char *text, uint32_t type)
{
    struct replay_reader reader;
    size_t size = sample_size(text);
    g_autofree char *copy = g_memdup2(text, size);
    FILE *file = fmemopen(copy, size, "r");

    replay_reader_init(&reader, file);
    struct replay_command *command = replay_command_read(&reader, type, &same_ids);
    g_assert_cmpstr(reader.error, ==, NULL);
    g_assert_nonnull(command);
    replay_reader_finish(&reader);
    fclose(file);
    return command;
}

static void test_sample(gconstpointer data)
{
    const char *text = samples[GPOINTER_TO_UINT(data)].text, *why;
    struct replay_command *command = read_sample(text, samples[GPOINTER_TO_UINT(data)].type);
    g_autoptr(GString) out = g_string_new(NULL);
    struct memslots memslots;

    map_everything(&memslots);
    g_assert_cmpint(record_command(out, &memslots, &command->ext, &why), ==, RECORD_DONE);
    g_assert_cmpmem(out->str, out->len, text, sample_size(text));
    memslots_finish(&memslots);
    replay_command_free(command);
}

static enum record_result record_raw(uint32_t type, uint32_t flags, const void *structure)
{
    QXLCommandExt command = {.cmd = {.type = type, .data = (uintptr_t)structure}, .flags = flags};
    g_autoptr(GString) out = g_string_new(NULL);
    struct memslots memslots;
    const char *why;

    map_everything(&memslots);
    if (!structure) /* an address outside of every slot */
        command.cmd.data = UINT64_C(0xff) << 56;
    enum record_result result = record_command(out, &memslots, &command, &why);
    g_assert_cmpint(why != NULL, ==, result == RECORD_END);
    memslots_finish(&memslots);
    return result;
}

/* What the server drops as well must not end a recording. */
static void test_skipped(void)
{
    QXLDrawable draw = {.type = 99};
    QXLSurfaceCmd surface = {.type = 7};
    QXLCursorCmd cursor = {.type = 7};

    for (uint32_t type = 0; type < 8; type++)
        g_assert_cmpint(record_raw(type, 0, NULL), ==, RECORD_SKIP);
    g_assert_cmpint(record_raw(QXL_CMD_DRAW, 0, &draw), ==, RECORD_SKIP);
    draw = (QXLDrawable){.type = QXL_DRAW_COPY, .u.copy.src_bitmap = UINT64_C(0xff) << 56};
    g_assert_cmpint(record_raw(QXL_CMD_DRAW, 0, &draw), ==, RECORD_SKIP);
    g_assert_cmpint(record_raw(QXL_CMD_SURFACE, 0, &surface), ==, RECORD_SKIP);
    surface = (QXLSurfaceCmd){.type = QXL_SURFACE_CMD_CREATE,
                              .flags = QXL_SURF_FLAG_KEEP_DATA,
                              .u.surface_create = {.format = SPICE_SURFACE_FMT_32_xRGB,
                                                   .width = 4,
                                                   .height = 4,
                                                   .stride = 16,
                                                   .data = UINT64_C(0xff) << 56}};
    g_assert_cmpint(record_raw(QXL_CMD_SURFACE, 0, &surface), ==, RECORD_SKIP);
    g_assert_cmpint(record_raw(QXL_CMD_CURSOR, 0, &cursor), ==, RECORD_SKIP);
}

static void test_endless_chunks(void)
{
    QXLClipRects *clip = g_malloc0(sizeof(*clip) + 16);
    QXLDrawable draw = {.type = QXL_DRAW_NOP};

    draw.clip = (QXLClip){.type = SPICE_CLIP_TYPE_RECTS, .data = (uintptr_t)clip};
    clip->chunk.data_size = 16;
    clip->chunk.next_chunk = (uintptr_t)&clip->chunk;
    g_assert_cmpint(record_raw(QXL_CMD_DRAW, 0, &draw), ==, RECORD_SKIP);
    g_free(clip);
}

static void test_end(void)
{
    QXLImage image = {.descriptor = {.type = SPICE_IMAGE_TYPE_JPEG}};
    QXLDrawable draw = {.type = QXL_DRAW_COPY, .u.copy.src_bitmap = (uintptr_t)&image};

    g_assert_cmpint(record_raw(QXL_CMD_DRAW, 0, &draw), ==, RECORD_END);
    draw = (QXLDrawable){.type = QXL_DRAW_NOP};
    g_assert_cmpint(record_raw(QXL_CMD_DRAW, QXL_COMMAND_FLAG_COMPAT, &draw), ==, RECORD_END);
}

/* The file: head, counted events, nothing after the end. */
static void check_file(const char *filter)
{
    g_autofree char *path = g_strdup_printf("%s/cassia-record-%d", g_get_tmp_dir(), (int)getpid());
    QXLImage jpeg = {.descriptor = {.type = SPICE_IMAGE_TYPE_JPEG}};
    QXLDrawable draw = {.type = QXL_DRAW_COPY, .u.copy.src_bitmap = (uintptr_t)&jpeg};
    QXLCursorCmd hide = {.type = QXL_CURSOR_HIDE};
    QXLDevSurfaceCreate create = {
        .width = 1, .height = 2, .stride = -4, .format = 32, .mouse_mode = 1, .type = 0};
    QXLCommandExt cursor = {.cmd = {.type = QXL_CMD_CURSOR, .data = (uintptr_t)&hide}};
    QXLCommandExt bad = {.cmd = {.type = QXL_CMD_DRAW, .data = (uintptr_t)&draw}};
    struct memslots memslots;
    g_autofree char *text = NULL;

    map_everything(&memslots);
    g_setenv("SPICE_WORKER_RECORD_FILENAME", path, TRUE);
    if (filter)
        g_setenv("SPICE_WORKER_RECORD_FILTER", filter, TRUE);
    struct recorder *recorder = recorder_create_from_environment();
    g_unsetenv("SPICE_WORKER_RECORD_FILENAME");
    g_unsetenv("SPICE_WORKER_RECORD_FILTER");
    g_assert_nonnull(recorder);
    recorder_create_primary(recorder, &create, "pixels?!");
    recorder_command(recorder, &memslots, &cursor);
    recorder_destroy_primary(recorder);
    recorder_destroy_surfaces(recorder);
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "*ends before its event 4: an image*");
    recorder_command(recorder, &memslots, &bad);
    g_test_assert_expected_messages();
    recorder_command(recorder, &memslots, &cursor);
    recorder_destroy(recorder);
    memslots_finish(&memslots);

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_unlink(path);
    g_autoptr(GRegex) times =
        g_regex_new("^(event \\d \\d \\d+) \\d+$", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *without = g_regex_replace(times, text, -1, 0, "\\1", 0, NULL);
    g_assert_cmpstr(without, ==,
                    filter ? "SPICE_REPLAY 1\nXvXnt 0 1 20"
                           : "SPICE_REPLAY 1\nevent 0 1 20\n1 2 -4 32\n0 1 0 0\n"
                             "binary 0 data 8:pixels?!\nevent 1 0 3\ncursor_cmd\ntype 2\n"
                             "event 2 1 21\nevent 3 1 19\n");
}

static void test_file(void)
{
    check_file(NULL);
}

static void test_filter(void)
{
    check_file(
        "sh -c \"tr e X | cut -d' ' -f1-4 | head -n 2 | tr -d '\\n' | sed 's/1Xv/1\\nXv/'\"");
}

static void test_none(void)
{
    g_unsetenv("SPICE_WORKER_RECORD_FILENAME");
    g_assert_null(recorder_create_from_environment());
    g_setenv("SPICE_WORKER_RECORD_FILENAME", "/nowhere/at/all", TRUE);
    g_test_expect_message("Spice", G_LOG_LEVEL_WARNING, "nothing is recorded: /nowhere/at/all*");
    g_assert_null(recorder_create_from_environment());
    g_test_assert_expected_messages();
    g_unsetenv("SPICE_WORKER_RECORD_FILENAME");
    recorder_destroy(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autofree char *path = g_strdup_printf("/record/%s", samples[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_sample);
    }
    g_test_add_func("/record/unreadable-is-left-out", test_skipped);
    g_test_add_func("/record/endless-chunks", test_endless_chunks);
    g_test_add_func("/record/what-cannot-be-held", test_end);
    g_test_add_func("/record/file", test_file);
    g_test_add_func("/record/filter", test_filter);
    g_test_add_func("/record/none", test_none);
    return g_test_run();
}
