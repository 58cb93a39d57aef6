/*
 * Cards in every mode that are saved and loaded; streams of earlier releases; damaged streams.
 *
 * The streams of a release are in tests/data/streams, one for each scenario, and stay there: every
 * later release must load them. To add those of a new release, run this with CASSIA_NEW_STREAMS set
 * to a folder.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"
#include "migration/loader.h"
#include "migration/saver.h"
#include "migration/stream.h"
#include "qxl/state.h"
#include "tests/support/card_guest.h"

#include <gio/gio.h>
#include <linux/pci_regs.h>
#include <string.h>

#define MIB                 (UINT64_C(1) << 20)
#define FIELD(field)        offsetof(QXLRam, field)
#define POSITION_640x480x32 1
#define COLOR               0x336699u
#define VRAM64_OFFSET       (12 * MIB) /* beyond what BAR 1 shows */

/* --- guests in a state --- */

static void set_slot(struct card_guest *guest, uint8_t slot, uint64_t start, uint64_t end)
{
    guest_set_slot(guest, start, end);
    guest_out(guest, QXL_IO_MEMSLOT_ADD, slot);
}

static void leave_vga(struct card_guest *guest)
{
    (void)guest;
}

static void leave_undefined(struct card_guest *guest)
{
    guest_add_slots(guest);
    guest_create_primary(guest, 320, 240);
    guest_out(guest, QXL_IO_DESTROY_PRIMARY, 0);
}

static void leave_compat(struct card_guest *guest)
{
    guest_out(guest, QXL_IO_RESET, 0);
    guest_out(guest, QXL_IO_SET_MODE, POSITION_640x480x32);
    for (unsigned i = 0; i < 640; i++)
        guest_write32(guest, QXL_BAR_RAM, i * 4, COLOR + i);
}

static void make_surface(struct card_guest *guest, uint32_t id, unsigned slot, uint64_t offset)
{
    guest_push_raw(guest, QXL_CMD_SURFACE,
                   guest_make_surface(guest, QXL_SURFACE_CMD_CREATE, id, SPICE_SURFACE_FMT_32_xRGB,
                                      32, 32, 32 * 4, guest_address(slot, offset)));
    guest_push_raw(guest, QXL_CMD_DRAW, guest_make_fill(guest, id, 0, 0, 32, 32, COLOR + id));
}

static void set_cursor(struct card_guest *guest)
{
    struct {
        QXLCursor cursor;
        uint8_t data[4 * 4 * 4];
    } __attribute__((packed)) shape = {
        .cursor = {.header = {.unique = 7,
                              .type = SPICE_CURSOR_TYPE_ALPHA,
                              .width = 4,
                              .height = 4,
                              .hot_spot_x = 1,
                              .hot_spot_y = 2},
                   .data_size = sizeof(shape.data),
                   .chunk = {.data_size = sizeof(shape.data)}},
    };
    memset(shape.data, 0x80, sizeof(shape.data));
    QXLCursorCmd command = {.release_info.id = 1, .type = QXL_CURSOR_SET};
    command.u.set.position = (QXLPoint16){.x = 30, .y = 40};
    command.u.set.visible = 1;
    command.u.set.shape = guest_place(guest, &shape, sizeof(shape));
    guest_push_cursor_raw(guest, QXL_CMD_CURSOR, guest_place(guest, &command, sizeof(command)));
    guest_wait_cursor(guest);
}

static void set_monitors(struct card_guest *guest)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[2];
    } monitors = {
        .config = {.count = 2, .max_allowed = 2},
        .heads = {{.id = 0, .width = 200, .height = 240},
                  {.id = 1, .width = 120, .height = 240, .x = 200}},
    };
    QXLPHYSICAL address = guest_place(guest, &monitors, sizeof(monitors));
    guest_set_header(guest, FIELD(monitors_config), &address, sizeof(address));
    guest_async(guest, QXL_IO_MONITORS_CONFIG_ASYNC, 0);
}

static void leave_native(struct card_guest *guest)
{
    guest_add_slots(guest);
    guest_create_primary(guest, 320, 240);
    make_surface(guest, 5, GUEST_VRAM_SLOT, 0x10000);
    make_surface(guest, 9, GUEST_VRAM_SLOT, 0x20000);
    for (unsigned i = 0; i < 20; i++)
        guest_push_raw(guest, QXL_CMD_DRAW,
                       guest_make_fill(guest, 0, (int)i, (int)i, 300, 200, COLOR + i));
    guest_wait_commands(guest);
    set_cursor(guest);
    set_monitors(guest);
    guest_set_header32(guest, FIELD(int_mask), QXL_INTERRUPT_DISPLAY | QXL_INTERRUPT_IO_CMD);
    guest_set_header32(guest, FIELD(int_pending), QXL_INTERRUPT_CURSOR);
}

/* Commands wait on the ring, of which nothing has been taken. */
static void leave_full_ring(struct card_guest *guest)
{
    guest_add_slots(guest);
    guest_create_primary(guest, 320, 240);
    qxl_card_stop(guest->card);
    for (unsigned i = 0; i < QXL_COMMAND_RING_SIZE; i++)
        guest_push_raw(guest, QXL_CMD_DRAW, guest_make_fill(guest, 0, 0, 0, 320, 240, COLOR + i));
}

static void leave_vram64(struct card_guest *guest)
{
    set_slot(guest, GUEST_RAM_SLOT, GUEST_RAM_ADDRESS, GUEST_RAM_ADDRESS + guest->header);
    set_slot(guest, GUEST_VRAM_SLOT, GUEST_VRAM64_ADDRESS, GUEST_VRAM64_ADDRESS + 16 * MIB);
    guest_create_primary(guest, 320, 240);
    make_surface(guest, 3, GUEST_VRAM_SLOT, VRAM64_OFFSET);
    guest_wait_commands(guest);
}

/* --- what must be there afterwards --- */

static void check_vga(struct card_guest *guest)
{
    struct qxl_screen screen;

    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_cmpuint(screen.width, ==, 720);
}

static void check_undefined(struct card_guest *guest)
{
    struct qxl_screen screen;

    g_assert_false(qxl_card_screen(guest->card, &screen));
    guest_create_primary(guest, 64, 64); /* the slots are there */
    g_assert_false(guest_is_frozen(guest));
}

static uint32_t pixel(const struct qxl_screen *screen, int x, int y)
{
    uint32_t value;

    memcpy(&value, screen->pixels + y * (ptrdiff_t)screen->stride + x * 4, sizeof(value));
    return value & 0xffffff;
}

static void check_compat(struct card_guest *guest)
{
    struct qxl_screen screen;

    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_cmpuint(screen.width, ==, 640);
    g_assert_cmpint(screen.stride, <, 0);
    for (unsigned i = 0; i < 640; i++)
        g_assert_cmphex(guest_read32(guest, QXL_BAR_RAM, i * 4), ==, COLOR + i);
    g_assert_cmpuint(guest_rom(guest).mode, ==, POSITION_640x480x32);
}

/* Surface ID, by copying it to the primary one. */
static void check_surface(struct card_guest *guest, uint32_t id)
{
    struct {
        QXLImageDescriptor descriptor;
        QXLSurfaceId surface;
    } __attribute__((packed)) image = {
        .descriptor = {.id = 77, .type = SPICE_IMAGE_TYPE_SURFACE, .width = 32, .height = 32},
        .surface.surface_id = id,
    };
    QXLDrawable drawable = {
        .release_info.id = 1,
        .effect = QXL_EFFECT_OPAQUE,
        .type = QXL_DRAW_COPY,
        .bbox = {.bottom = 32, .right = 32},
        .surfaces_dest = {-1, -1, -1},
        .u.copy = {.src_area = {.bottom = 32, .right = 32}, .rop_descriptor = SPICE_ROPD_OP_PUT},
    };
    struct qxl_screen screen;

    drawable.u.copy.src_bitmap = guest_place(guest, &image, sizeof(image));
    drawable.surfaces_dest[0] = (int32_t)id;
    drawable.surfaces_rects[0] = (QXLRect){.bottom = 32, .right = 32};
    guest_push_raw(guest, QXL_CMD_DRAW, guest_place(guest, &drawable, sizeof(drawable)));
    guest_wait_commands(guest);
    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_cmphex(pixel(&screen, 5, 5), ==, COLOR + id);
}

static void check_native(struct card_guest *guest)
{
    struct qxl_screen screen;

    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_cmpuint(screen.width, ==, 320);
    g_assert_cmpuint(screen.height, ==, 240);
    g_assert_cmphex(pixel(&screen, 0, 0), ==, COLOR);
    g_assert_cmphex(pixel(&screen, 3, 100), ==, COLOR + 3);
    g_assert_cmphex(pixel(&screen, 19, 19), ==, COLOR + 19);
    g_assert_cmphex(guest_header32(guest, FIELD(int_mask)), ==,
                    QXL_INTERRUPT_DISPLAY | QXL_INTERRUPT_IO_CMD);
    g_assert_cmphex(guest_pending(guest) & QXL_INTERRUPT_CURSOR, !=, 0);
    guest_out(guest, QXL_IO_FLUSH_RELEASE, 0);
    g_assert_cmpuint(guest_collect(guest), >=, 20); /* those that were released there */
    check_surface(guest, 5);
    check_surface(guest, 9);
}

static void check_full_ring(struct card_guest *guest)
{
    struct qxl_screen screen;

    guest_wait_commands(guest);
    g_assert_true(qxl_card_screen(guest->card, &screen));
    g_assert_cmphex(pixel(&screen, 100, 100), ==, COLOR + QXL_COMMAND_RING_SIZE - 1);
}

static void check_vram64(struct card_guest *guest)
{
    g_assert_cmphex(guest_read32(guest, QXL_BAR_VRAM64, VRAM64_OFFSET) & 0xffffff, ==, COLOR + 3);
    check_surface(guest, 3);
}

static const struct scenario {
    const char *name;
    struct qxl_config config;
    void (*leave)(struct card_guest *guest);
    void (*check)(struct card_guest *guest);
} scenarios[] = {
    {"vga", {.primary = true}, leave_vga, check_vga},
    {"undefined", {.revision = 4}, leave_undefined, check_undefined},
    {"compat", {.primary = true, .revision = 1}, leave_compat, check_compat},
    {"compat-4", {.revision = 4}, leave_compat, check_compat},
    {"native", {.max_outputs = 2}, leave_native, check_native},
    {"native-3", {.primary = true, .revision = 3}, leave_full_ring, check_full_ring},
    {"full-ring", {.surfaces = 16}, leave_full_ring, check_full_ring},
    {"vram64", {.vram_size = 8 * MIB, .vram64_size = 16 * MIB}, leave_vram64, check_vram64},
};

/* --- saving and loading --- */

static struct qxl_config config_of(const struct scenario *scenario)
{
    struct qxl_config config = scenario->config;

    config.vgamem_mb = 8;
    if (!config.ram_size)
        config.ram_size = 16 * MIB;
    if (!config.vram_size)
        config.vram_size = 8 * MIB;
    return config;
}

static void add_parts(struct card_guest *guest, struct migration_set *set)
{
    migration_set_init(set);
    qxl_function_add_parts(guest->function, 0, set);
}

static GByteArray *save(struct card_guest *guest)
{
    GByteArray *stream = g_byte_array_new();
    struct migration_set set;
    uint8_t piece[10007];
    size_t got;

    qxl_card_stop(guest->card);
    qxl_card_settle(guest->card);
    add_parts(guest, &set);
    struct migration_saver *saver = migration_saver_create(&set);
    g_assert_false(migration_saver_is_midway(saver));
    while ((got = migration_saver_read(saver, piece, sizeof(piece))) == sizeof(piece)) {
        g_assert_true(migration_saver_is_midway(saver));
        g_byte_array_append(stream, piece, (guint)got);
    }
    g_byte_array_append(stream, piece, (guint)got);
    g_assert_false(migration_saver_is_midway(saver));
    migration_saver_destroy(saver);
    migration_set_finish(&set);
    return stream;
}

/* A card that stands still with memory that is all zero, as a stream expects it. */
static void init_target(struct card_guest *guest, const struct scenario *scenario,
                        struct migration_set *set)
{
    struct qxl_config config = config_of(scenario);

    card_guest_init(guest, &config);
    qxl_card_stop(guest->card);
    add_parts(guest, set);
    for (unsigned i = 0; i < set->blocks->len; i++)
        migration_block_clear(migration_set_block(set, i));
}

static bool load(struct migration_set *set, const uint8_t *data, size_t size, GError **error)
{
    struct migration_loader *loader = migration_loader_create(set);
    bool good =
        migration_loader_write(loader, data, size, error) && migration_loader_commit(loader, error);

    migration_loader_destroy(loader);
    return good;
}

/* The states of all parts as text. */
static char *dump(struct migration_set *set)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < set->parts->len; i++) {
        const struct migration_part *part = migration_set_part(set, i);
        void *state = g_malloc0(part->description->size);
        part->ops->save(part->opaque, state);
        state_dump(part->description, part->name, state, text);
        g_free(state);
    }
    return g_string_free(text, FALSE);
}

static GByteArray *stream_of(const struct scenario *scenario)
{
    struct qxl_config config = config_of(scenario);
    struct card_guest guest;

    card_guest_init(&guest, &config);
    scenario->leave(&guest);
    GByteArray *stream = save(&guest);
    card_guest_finish(&guest);
    return stream;
}

static void test_moves(gconstpointer data)
{
    const struct scenario *scenario = data;
    GByteArray *stream = stream_of(scenario);
    struct migration_set set;
    struct card_guest guest;
    GError *error = NULL;

    init_target(&guest, scenario, &set);
    load(&set, stream->data, stream->len, &error);
    g_assert_no_error(error);
    /* Saved again, nothing has changed. */
    GByteArray *again = save(&guest);
    for (guint i = 0; i < MIN(stream->len, again->len); i++)
        g_assert_cmphex(stream->data[i] | (uint64_t)i << 8, ==,
                        again->data[i] | (uint64_t)i << 8); /* the place is in the message */
    g_assert_cmpuint(stream->len, ==, again->len);
    qxl_card_start(guest.card);
    scenario->check(&guest);
    g_assert_false(guest_is_frozen(&guest));
    migration_set_finish(&set);
    card_guest_finish(&guest);
    g_byte_array_unref(again);
    g_byte_array_unref(stream);
}

/* In pieces of one byte, after the head of a stream that was given up. */
static void test_pieces(void)
{
    const struct scenario *scenario = &scenarios[0];
    GByteArray *stream = stream_of(scenario);
    struct migration_set set;
    struct card_guest guest;
    uint8_t head[4096];

    init_target(&guest, scenario, &set);
    struct migration_saver *saver = migration_saver_create_head(&set);
    size_t size = migration_saver_read(saver, head, sizeof(head));
    g_assert_cmpuint(size, >, 100);
    g_assert_cmpuint(size, <, sizeof(head));
    migration_saver_destroy(saver);
    struct migration_loader *loader = migration_loader_create(&set);
    for (size_t i = 0; i < size; i++)
        g_assert_true(migration_loader_write(loader, head + i, 1, NULL));
    for (size_t i = 0; i < stream->len; i++)
        g_assert_true(migration_loader_write(loader, stream->data + i, 1, NULL));
    g_assert_true(migration_loader_commit(loader, NULL));
    g_assert_false(migration_loader_write(loader, head, 1, NULL));
    migration_loader_destroy(loader);
    qxl_card_start(guest.card);
    scenario->check(&guest);
    migration_set_finish(&set);
    card_guest_finish(&guest);
    g_byte_array_unref(stream);
}

/* --- streams of releases --- */

static char *streams_folder(void)
{
    return g_build_filename(g_getenv("SRCDIR"), "tests/data/streams", NULL);
}

static GByteArray *convert(GConverter *converter, const void *data, size_t size)
{
    GByteArray *out = g_byte_array_new();
    GInputStream *memory = g_memory_input_stream_new_from_data(data, (gssize)size, NULL);
    GInputStream *stream = g_converter_input_stream_new(memory, converter);
    uint8_t piece[65536];
    gssize got;

    while ((got = g_input_stream_read(stream, piece, sizeof(piece), NULL, NULL)) > 0)
        g_byte_array_append(out, piece, (guint)got);
    g_assert_cmpint(got, ==, 0);
    g_object_unref(stream);
    g_object_unref(memory);
    g_object_unref(converter);
    return out;
}

static void write_file(const char *folder, const struct scenario *scenario, const char *kind,
                       const void *data, size_t size)
{
    g_autofree char *name =
        g_strdup_printf("%s/%s-%s.%s", folder, CASSIA_VERSION, scenario->name, kind);

    g_assert_true(g_file_set_contents(name, data, (gssize)size, NULL));
}

static void write_streams(const char *folder)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        GByteArray *stream = stream_of(&scenarios[i]);
        struct migration_set set;
        struct card_guest guest;

        init_target(&guest, &scenarios[i], &set);
        g_assert_true(load(&set, stream->data, stream->len, NULL));
        g_autofree char *text = dump(&set);
        GByteArray *packed =
            convert(G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9)),
                    stream->data, stream->len);
        write_file(folder, &scenarios[i], "gz", packed->data, packed->len);
        write_file(folder, &scenarios[i], "txt", text, strlen(text));
        g_byte_array_unref(packed);
        g_byte_array_unref(stream);
        migration_set_finish(&set);
        card_guest_finish(&guest);
    }
}

/* Every line that was true when the stream was made is still true: fields may have been added. */
static void check_dump(const char *path, struct migration_set *set)
{
    g_autofree char *now = dump(set);
    g_autofree char *then = NULL;
    g_autoptr(GHashTable) lines = g_hash_table_new(g_str_hash, g_str_equal);

    g_assert_true(g_file_get_contents(path, &then, NULL, NULL));
    g_auto(GStrv) now_lines = g_strsplit(now, "\n", -1), then_lines = g_strsplit(then, "\n", -1);
    for (unsigned i = 0; now_lines[i]; i++)
        g_hash_table_add(lines, now_lines[i]);
    for (unsigned i = 0; then_lines[i]; i++) {
        if (!g_hash_table_contains(lines, then_lines[i]))
            g_error("%s: '%s' is not true any more", path, then_lines[i]);
    }
}

static void load_release(const char *path, const struct scenario *scenario)
{
    g_autofree char *text = g_strdup_printf("%.*s.txt", (int)strlen(path) - 3, path);
    g_autofree char *packed = NULL;
    struct migration_set set;
    struct card_guest guest;
    GError *error = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(path, &packed, &size, NULL));
    GByteArray *stream =
        convert(G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP)), packed, size);
    init_target(&guest, scenario, &set);
    load(&set, stream->data, stream->len, &error);
    g_assert_no_error(error);
    check_dump(text, &set);
    qxl_card_start(guest.card);
    scenario->check(&guest);
    migration_set_finish(&set);
    card_guest_finish(&guest);
    g_byte_array_unref(stream);
}

static void test_releases(void)
{
    g_autofree char *folder = streams_folder();
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    unsigned count = 0;
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        const char *dash = strchr(name, '-');
        for (unsigned i = 0; dash && i < G_N_ELEMENTS(scenarios); i++) {
            g_autofree char *ending = g_strdup_printf("-%s.gz", scenarios[i].name);
            if (strcmp(dash, ending) != 0)
                continue;
            load_release(path, &scenarios[i]);
            count++;
        }
    }
    g_assert_cmpuint(count, >=, G_N_ELEMENTS(scenarios));
}

/* --- what is damaged --- */

/*
 * Whatever is done to a stream: it is refused, and the card is what it was. Every STEPth byte is
 * changed, and every STEPth length cut off.
 */
static void check_damage(const struct scenario *scenario, size_t step)
{
    GByteArray *stream = stream_of(scenario);
    struct migration_set set;
    struct card_guest guest;
    GError *error = NULL;

    init_target(&guest, scenario, &set);
    g_autofree char *before = dump(&set);
    for (size_t at = 0; at < stream->len; at += step) {
        uint8_t bit = (uint8_t)(1u << at % 8);
        stream->data[at] ^= bit;
        if (load(&set, stream->data, stream->len, &error))
            g_error("a stream with byte %zu changed is accepted", at);
        stream->data[at] ^= bit;
        g_assert_nonnull(error);
        g_clear_error(&error);
        g_assert_false(load(&set, stream->data, at, NULL));
    }
    g_autofree char *after = dump(&set);
    g_assert_cmpstr(before, ==, after);
    load(&set, stream->data, stream->len, &error);
    g_assert_no_error(error);
    qxl_card_start(guest.card);
    scenario->check(&guest);
    migration_set_finish(&set);
    card_guest_finish(&guest);
    g_byte_array_unref(stream);
}

static void test_damaged(void)
{
    check_damage(&scenarios[0], 1);
    check_damage(&scenarios[4], 797);
}

static void test_other_card(void)
{
    static const struct {
        struct qxl_config config;
        const char *text;
    } cases[] = {
        {{.primary = true}, "target's card is qxl-vga, source has qxl"},
        {{.revision = 4}, "target's revision is 4, source has 5"},
        {{.ram_size = 64 * MIB}, "target's ram_size_mb is 64, source has 16"},
        {{.vram_size = 16 * MIB}, "target's vram_size_mb is 16, source has 8"},
        {{.vram64_size = 32 * MIB}, "target's vram64_size_mb is 32, source has 8"},
        {{.surfaces = 100}, "target's surfaces is 100, source has 1024"},
        {{.max_outputs = 4}, "target's max_outputs is 4, source has 2"},
    };
    GByteArray *stream = stream_of(&scenarios[4]);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct scenario other = {.config = cases[i].config};
        struct migration_set set;
        struct card_guest guest;
        GError *error = NULL;
        if (!other.config.max_outputs)
            other.config.max_outputs = 2;
        init_target(&guest, &other, &set);
        if (load(&set, stream->data, stream->len, &error))
            g_error("accepted where %s", cases[i].text);
        g_assert_nonnull(strstr(error->message, cases[i].text));
        g_error_free(error);
        migration_set_finish(&set);
        card_guest_finish(&guest);
    }
    g_byte_array_unref(stream);
}

/* --- the documentation --- */

static char *document(void)
{
    GString *text = g_string_new(NULL);

    state_document(&qxl_config_state_description, text);
    state_document(&qxl_card_state_description, text);
    g_string_truncate(text, text->len - 1); /* the last empty line */
    return g_string_free(text, FALSE);
}

/* Has docs/migration.md the tables as they are? */
static void test_document(void)
{
    g_autofree char *path = g_build_filename(g_getenv("SRCDIR"), "docs/migration.md", NULL);
    g_autofree char *expected = document();
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    if (!strstr(text, expected))
        g_error("docs/migration.md does not have what follows:\n%s", expected);
}

int main(int argc, char **argv)
{
    card_guest_test_init(&argc, &argv);
    if (g_getenv("CASSIA_NEW_STREAMS")) {
        write_streams(g_getenv("CASSIA_NEW_STREAMS"));
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        g_autofree char *name = g_strdup_printf("/card/state/moves/%s", scenarios[i].name);
        g_test_add_data_func(name, &scenarios[i], test_moves);
    }
    g_test_add_func("/card/state/document", test_document);
    g_test_add_func("/card/state/pieces", test_pieces);
    g_test_add_func("/card/state/releases", test_releases);
    g_test_add_func("/card/state/damaged", test_damaged);
    g_test_add_func("/card/state/other-card", test_other_card);
    return g_test_run();
}
