/*
 * Recorded command streams: what a sound one gives, and that a damaged one ends with line and
 * reason.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/replay_command.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

static uint32_t find_surface(void *opaque, uint32_t recorded)
{
    (void)opaque;
    return recorded;
}

static const struct replay_surfaces same_ids = {find_surface, find_surface, find_surface, NULL};

struct stream {
    struct replay_reader reader;
    FILE *file;
    char *bytes;
};

static void open_stream(struct stream *stream, const void *bytes, size_t size)
{
    stream->bytes = g_memdup2(bytes, size + 1);
    stream->file = fmemopen(stream->bytes, size, "r");
    g_assert_nonnull(stream->file);
    replay_reader_init(&stream->reader, stream->file);
}

static void close_stream(struct stream *stream)
{
    replay_reader_finish(&stream->reader);
    fclose(stream->file);
    g_free(stream->bytes);
}

#define DRAW_HEAD                                                                                  \
    "drawable\nrect bbox 1 2 3 4\ntype 1\nnum_rects 1\ndata_chunks 1 16\n"                         \
    "binary 0 clip_rects 4:\1\0\0\0\nbinary 0 clip_rects 12:\2\0\0\0\3\0\0\0\4\0\0\0\n"            \
    "effect 1\nmm_time 7\nself_bitmap 0\nrect self_bitmap_area 0 0 0 0\nsurface_id 5\n"            \
    "surfaces_dest 6\nrect surfaces_rects 0 0 9 9\nsurfaces_dest -1\nrect surfaces_rects 0 0 0 "   \
    "0\n"                                                                                          \
    "surfaces_dest -1\nrect surfaces_rects 0 0 0 0\n"

static const char copy_command[] = DRAW_HEAD
    "type 3\nimage 1\ndescriptor.id 4294967297\ndescriptor.type 0\ndescriptor.flags 2\n"
    "descriptor.width 2\ndescriptor.height 1\nbitmap.format 5\nbitmap.flags 4\nbitmap.x 2\n"
    "bitmap.y 1\nbitmap.stride 2\nhas_palette 1\nqp.num_ents 2\nunique 77\nents 255\nents -1\n"
    "data_chunks 0 2\nbinary 0 bitmap.data 2:\0\1\nrect src_area 0 0 1 2\nrop_descriptor 8\n"
    "scale_mode 1\nflags 0\npoint -3 4\nimage 0\n";

static void test_copy(void)
{
    struct stream stream;
    open_stream(&stream, copy_command, sizeof(copy_command) - 1);
    struct replay_command *command = replay_command_read(&stream.reader, QXL_CMD_DRAW, &same_ids);
    g_assert_cmpstr(stream.reader.error, ==, NULL);
    g_assert_nonnull(command);

    const QXLDrawable *draw = (const void *)(uintptr_t)command->ext.cmd.data;
    g_assert_cmpuint(draw->release_info.id, ==, (uintptr_t)command);
    g_assert_cmpint(draw->bbox.top, ==, 1);
    g_assert_cmpint(draw->bbox.left, ==, 2);
    g_assert_cmpint(draw->bbox.bottom, ==, 3);
    g_assert_cmpint(draw->bbox.right, ==, 4);
    g_assert_cmpuint(draw->surface_id, ==, 5);
    g_assert_cmpint(draw->surfaces_dest[0], ==, 6);
    g_assert_cmpint(draw->surfaces_dest[1], ==, -1);
    g_assert_cmpuint(draw->type, ==, QXL_DRAW_COPY);

    const QXLClipRects *clip = (const void *)(uintptr_t)draw->clip.data;
    g_assert_cmpuint(clip->num_rects, ==, 1);
    g_assert_cmpuint(clip->chunk.data_size, ==, 4);
    const QXLDataChunk *second = (const void *)(uintptr_t)clip->chunk.next_chunk;
    g_assert_cmpuint(second->data_size, ==, 12);
    g_assert_cmpuint(second->data[0], ==, 2);
    g_assert_cmpuint(second->next_chunk, ==, 0);

    const QXLCopy *copy = &draw->u.copy;
    g_assert_cmpint(copy->mask.pos.x, ==, -3);
    g_assert_cmpuint(copy->mask.bitmap, ==, 0);
    g_assert_cmpuint(copy->scale_mode, ==, 1);
    const QXLImage *image = (const void *)(uintptr_t)copy->src_bitmap;
    g_assert_cmpuint(image->descriptor.id, ==, G_GUINT64_CONSTANT(4294967297));
    const QXLPalette *palette = (const void *)(uintptr_t)image->bitmap.palette;
    g_assert_cmpuint(palette->unique, ==, 77);
    g_assert_cmpuint(palette->ents[0], ==, 255);
    g_assert_cmphex(palette->ents[1], ==, 0xffffffff);
    const QXLDataChunk *pixels = (const void *)(uintptr_t)image->bitmap.data;
    g_assert_cmpmem(pixels->data, pixels->data_size, "\0\1", 2);
    replay_command_free(command);
    close_stream(&stream);
}

/* Every cut of a sound command is an error, never a crash or a command. */
static void test_truncated(void)
{
    for (size_t size = 1; size < sizeof(copy_command) - 10; size++) {
        struct stream stream;
        open_stream(&stream, copy_command, size);
        g_assert_null(replay_command_read(&stream.reader, QXL_CMD_DRAW, &same_ids));
        g_assert_nonnull(stream.reader.error);
        g_assert_true(g_str_has_prefix(stream.reader.error, "line "));
        close_stream(&stream);
    }
}

/* Every byte of a sound command changed: an error or a command, never a crash. */
static void test_changed_bytes(void)
{
    for (size_t at = 0; at < sizeof(copy_command) - 1; at++) {
        for (int change = 1; change < 256; change += 37) {
            char bytes[sizeof(copy_command)];
            memcpy(bytes, copy_command, sizeof(bytes));
            bytes[at] = (char)(bytes[at] ^ change);
            struct stream stream;
            open_stream(&stream, bytes, sizeof(bytes) - 1);
            struct replay_command *command =
                replay_command_read(&stream.reader, QXL_CMD_DRAW, &same_ids);
            g_assert_true((command != NULL) != replay_reader_failed(&stream.reader));
            if (command)
                replay_command_free(command);
            close_stream(&stream);
        }
    }
}

static const struct {
    const char *name;
    uint32_t type;
    const char *text;
    const char *error; /* a part of it */
} damaged[] = {
    {"word", QXL_CMD_UPDATE, "updated\n", "line 1: 'updated' where 'update' belongs"},
    {"number", QXL_CMD_UPDATE, "update\nrect area 0 x 0 0\n", "line 2: 'x' is not a number"},
    {"long-word", QXL_CMD_UPDATE,
     "update-update-update-update-update-update-update-update-update-update-update",
     "of more than"},
    {"piece-size", QXL_CMD_MESSAGE, "binary 0 message 99999999999:", "the limit is 2147483647"},
    {"piece-short", QXL_CMD_MESSAGE, "binary 0 message 2147483647:abc", "3 bytes into a piece"},
    {"inflate-bomb", QXL_CMD_MESSAGE, "binary 1 message 2147483647:3:abc\n", "cannot hold"},
    {"inflate-bad", QXL_CMD_MESSAGE, "binary 1 message 3:3:abc\n", "does not expand to 3"},
    {"palette", QXL_CMD_DRAW,
     "drawable\nrect bbox 0 0 1 1\ntype 0\neffect 1\nmm_time 0\nself_bitmap 0\n"
     "rect self_bitmap_area 0 0 0 0\nsurface_id 0\nsurfaces_dest -1\nrect surfaces_rects 0 0 0 0\n"
     "surfaces_dest -1\nrect surfaces_rects 0 0 0 0\nsurfaces_dest -1\nrect surfaces_rects 0 0 0 "
     "0\n"
     "type 3\nimage 1\ndescriptor.id 1\ndescriptor.type 0\ndescriptor.flags 0\ndescriptor.width 1\n"
     "descriptor.height 1\nbitmap.format 5\nbitmap.flags 4\nbitmap.x 1\nbitmap.y 1\n"
     "bitmap.stride 1\nhas_palette 1\nqp.num_ents 257\n",
     "the limit is 256"},
    {"surface-size", QXL_CMD_SURFACE,
     "surface_cmd\nsurface_id 3\ntype 0\nflags 0\nu.surface_create.format 32\n"
     "u.surface_create.width 70000\nu.surface_create.height 70000\n"
     "u.surface_create.stride 280000\n",
     "the limit is 2147483647"},
    {"cursor-type", QXL_CMD_CURSOR, "cursor_cmd\ntype 9\n", "cursor command 9 is unknown"},
    {"command-type", 6, "anything\n", "command type 6 is unknown"},
};

static void test_damaged(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    struct stream stream;
    open_stream(&stream, damaged[i].text, strlen(damaged[i].text));
    g_assert_null(replay_command_read(&stream.reader, damaged[i].type, &same_ids));
    g_assert_nonnull(stream.reader.error);
    g_assert_nonnull(strstr(stream.reader.error, damaged[i].error));
    close_stream(&stream);
}

/* The reference server records messages without their end, but reads up to it. */
static void test_message(void)
{
    static const char text[] = "binary 0 message 3:abc\n";
    struct stream stream;
    open_stream(&stream, text, sizeof(text) - 1);
    struct replay_command *command =
        replay_command_read(&stream.reader, QXL_CMD_MESSAGE, &same_ids);
    g_assert_nonnull(command);
    const QXLMessage *message = (const void *)(uintptr_t)command->ext.cmd.data;
    g_assert_cmpmem(message->data, 4, "abc", 4);
    replay_command_free(command);
    close_stream(&stream);
}

static void test_cursor(void)
{
    static const char text[] = "cursor_cmd\ntype 0\npoint16 -4 5\nu.set.visible 1\n"
                               "header.unique 18446744073709551615\nheader.type 1\n"
                               "header.width 8\nheader.height 1\nheader.hot_spot_x 2\n"
                               "header.hot_spot_y 3\ndata_size 2\ndata_chunks 0 2\n"
                               "binary 0 cursor 2:AB\n";
    struct stream stream;
    open_stream(&stream, text, sizeof(text) - 1);
    struct replay_command *command = replay_command_read(&stream.reader, QXL_CMD_CURSOR, &same_ids);
    g_assert_cmpstr(stream.reader.error, ==, NULL);
    const QXLCursorCmd *cmd = (const void *)(uintptr_t)command->ext.cmd.data;
    g_assert_cmpint(cmd->u.set.position.x, ==, -4);
    const QXLCursor *cursor = (const void *)(uintptr_t)cmd->u.set.shape;
    g_assert_cmpuint(cursor->header.unique, ==, G_MAXUINT64);
    g_assert_cmpuint(cursor->header.hot_spot_y, ==, 3);
    g_assert_cmpmem(cursor->chunk.data, cursor->chunk.data_size, "AB", 2);
    replay_command_free(command);
    close_stream(&stream);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay/copy", test_copy);
    g_test_add_func("/replay/cursor", test_cursor);
    g_test_add_func("/replay/message", test_message);
    g_test_add_func("/replay/truncated", test_truncated);
    g_test_add_func("/replay/changed-bytes", test_changed_bytes);
    for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
        g_autofree char *path = g_strconcat("/replay/damaged/", damaged[i].name, NULL);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_damaged);
    }
    return g_test_run();
}
