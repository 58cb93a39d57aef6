/*
 * The migration stream and state tables: what is written can be read, and nothing else can.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/blocks.h"
#include "migration/dirty.h"
#include "migration/pages.h"
#include "migration/stream.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- a channel into memory and out of it --- */

struct tape {
    int fd;
    GCancellable *cancel;
};

static void tape_init(struct tape *tape)
{
    tape->fd = memfd_create("tape", MFD_CLOEXEC);
    g_assert_cmpint(tape->fd, >=, 0);
    tape->cancel = g_cancellable_new();
}

static void tape_finish(struct tape *tape)
{
    close(tape->fd);
    g_object_unref(tape->cancel);
}

static struct migration_channel *tape_writer(struct tape *tape)
{
    return migration_channel_create(-1, dup(tape->fd), tape->cancel);
}

static struct migration_channel *tape_reader(struct tape *tape)
{
    g_assert_cmpint(lseek(tape->fd, 0, SEEK_SET), ==, 0);
    return migration_channel_create(dup(tape->fd), -1, tape->cancel);
}

/* --- state tables --- */

struct leaf {
    uint16_t small;
    char name[8];
};

struct tree {
    bool flag;
    uint32_t number;
    uint64_t large;
    int32_t negative;
    uint8_t bytes[5];
    uint32_t count;
    struct leaf leaves[3];
    uint32_t newer;
};

static bool flag_is_set(const void *object)
{
    return ((const struct tree *)object)->flag;
}

static const struct state_field leaf_fields[] = {
    {STATE_FIELD(struct leaf, small, STATE_U16)},
    {STATE_FIELD(struct leaf, name, STATE_TEXT), .count = 8},
    STATE_END,
};

static const struct state_description leaf_description = {
    .name = "leaf", .version = 1, .oldest = 1, .size = sizeof(struct leaf), .fields = leaf_fields};

static const struct state_field tree_fields[] = {
    {STATE_FIELD(struct tree, flag, STATE_BOOL)},
    {STATE_FIELD(struct tree, number, STATE_U32), .max = 1000},
    {STATE_FIELD(struct tree, large, STATE_U64), .present = flag_is_set},
    {STATE_FIELD(struct tree, negative, STATE_I32)},
    {STATE_FIELD(struct tree, bytes, STATE_BYTES), .count = 5},
    {STATE_FIELD(struct tree, leaves, STATE_LIST), .count = 3,
     .count_offset = offsetof(struct tree, count), .element = &leaf_description},
    {STATE_FIELD(struct tree, newer, STATE_U32), .since = 2},
    STATE_END,
};

static const char *check_tree(const void *object)
{
    return ((const struct tree *)object)->number == 13 ? "13 brings bad luck" : NULL;
}

static const struct state_description tree_description = {.name = "tree",
                                                          .version = 2,
                                                          .oldest = 1,
                                                          .size = sizeof(struct tree),
                                                          .fields = tree_fields,
                                                          .check = check_tree};

/* The wire form by hand; flag set, two leaves; version 1 ends before "newer". */
static const uint8_t wire[] = {
    1,                                          /* flag */
    0xe8, 0x03, 0,    0,                        /* number 1000 */
    1,    2,    3,    4,    5,   6, 7, 8,       /* large */
    0xfe, 0xff, 0xff, 0xff,                     /* negative -2 */
    9,    8,    7,    6,    5,                  /* bytes */
    2,    0,    0,    0,                        /* two leaves */
    0x34, 0x12, 'o',  'a',  'k', 0, 0, 0, 0, 0, /* */
    0,    0,    'e',  'l',  'm', 0, 0, 0, 0, 0, /* */
    0x2a, 0,    0,    0,                        /* newer 42 */
};
#define WIRE_1 (sizeof(wire) - 4)

static void test_state_load(void)
{
    struct tree tree;
    GError *error = NULL;

    g_assert_true(state_load(&tree_description, 2, wire, sizeof(wire), &tree, &error));
    g_assert_no_error(error);
    g_assert_true(tree.flag);
    g_assert_cmpuint(tree.number, ==, 1000);
    g_assert_cmphex(tree.large, ==, UINT64_C(0x0807060504030201));
    g_assert_cmpint(tree.negative, ==, -2);
    g_assert_cmpmem(tree.bytes, 5, "\x09\x08\x07\x06\x05", 5);
    g_assert_cmpuint(tree.count, ==, 2);
    g_assert_cmpuint(tree.leaves[0].small, ==, 0x1234);
    g_assert_cmpstr(tree.leaves[1].name, ==, "elm");
    g_assert_cmpuint(tree.newer, ==, 42);
}

static void test_state_save(void)
{
    struct tree tree;
    GByteArray *out = g_byte_array_new();

    g_assert_true(state_load(&tree_description, 2, wire, sizeof(wire), &tree, NULL));
    state_save(&tree_description, &tree, out);
    g_assert_cmpmem(out->data, out->len, wire, sizeof(wire));
    g_byte_array_unref(out);
}

static void test_state_older(void)
{
    struct tree tree;

    g_assert_true(state_load(&tree_description, 1, wire, WIRE_1, &tree, NULL));
    g_assert_cmpuint(tree.newer, ==, 0);
    g_assert_cmpstr(tree.leaves[1].name, ==, "elm");
}

static void test_state_dump(void)
{
    struct tree tree;
    GString *text = g_string_new(NULL);

    g_assert_true(state_load(&tree_description, 2, wire, sizeof(wire), &tree, NULL));
    state_dump(&tree_description, "t", &tree, text);
    g_assert_cmpstr(text->str, ==,
                    "t.flag = 1\nt.number = 1000\nt.large = 0x807060504030201\nt.negative = -2\n"
                    "t.bytes = 0908070605\nt.leaves[0].small = 4660\nt.leaves[0].name = oak\n"
                    "t.leaves[1].small = 0\nt.leaves[1].name = elm\nt.newer = 42\n");
    g_string_free(text, TRUE);
}

static void expect_refused(uint16_t version, const uint8_t *bytes, size_t size, const char *part)
{
    struct tree tree;
    GError *error = NULL;

    g_assert_false(state_load(&tree_description, version, bytes, size, &tree, &error));
    g_assert_nonnull(strstr(error->message, part));
    g_error_free(error);
}

static void change_and_expect(size_t at, uint8_t value, const char *part)
{
    uint8_t bytes[sizeof(wire)];

    memcpy(bytes, wire, sizeof(wire));
    bytes[at] = value;
    expect_refused(2, bytes, sizeof(bytes), part);
}

static void test_state_refused(void)
{
    expect_refused(0, wire, sizeof(wire), "has version 0: this release reads 1 to 2");
    expect_refused(3, wire, sizeof(wire), "has version 3");
    expect_refused(1, wire, sizeof(wire), "followed by 4 bytes");
    change_and_expect(0, 2, "tree.flag is neither 0 nor 1");
    change_and_expect(3, 1, "tree.number is 66536: at most 1000");
    change_and_expect(22, 4, "tree.leaves has 4 elements: at most 3");
    change_and_expect(25, 0x80, "elements: at most 3");
    change_and_expect(28, 0xff, "leaf.name is not UTF-8");
    uint8_t bytes[sizeof(wire)];
    memcpy(bytes, wire, sizeof(wire));
    memset(bytes + 28, 'x', 8);
    expect_refused(2, bytes, sizeof(bytes), "leaf.name is a text without end");
    memcpy(bytes, wire, sizeof(wire));
    bytes[1] = 13;
    bytes[2] = 0;
    expect_refused(2, bytes, sizeof(bytes), "13 brings bad luck");
}

static void test_state_cut(void)
{
    struct tree tree;

    for (size_t size = 0; size < sizeof(wire); size++) {
        /* Exactly so much memory, for address checkers. */
        uint8_t *bytes = g_memdup2(wire, size);
        g_assert_false(state_load(&tree_description, 2, bytes, size, &tree, NULL));
        g_free(bytes);
    }
}

static void test_state_random(void)
{
    GRand *rand = g_rand_new_with_seed(5);
    struct tree tree;

    for (unsigned round = 0; round < 20000; round++) {
        size_t size = (size_t)g_rand_int_range(rand, 0, 80);
        uint8_t *bytes = g_malloc(MAX(size, 1));
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)g_rand_int_range(rand, 0, g_rand_boolean(rand) ? 4 : 256);
        if (state_load(&tree_description, 2, bytes, size, &tree, NULL)) {
            g_assert_cmpuint(tree.count, <=, 3);
            g_assert_cmpuint(tree.number, <=, 1000);
        }
        g_free(bytes);
    }
    g_rand_free(rand);
}

/* --- the stream --- */

static void test_stream(void)
{
    struct stream_section section;
    struct tape tape;
    GError *error = NULL;
    uint32_t flags;

    tape_init(&tape);
    struct migration_channel *channel = tape_writer(&tape);
    g_assert_true(stream_write_header(channel, STREAM_CONFIRM, &error));
    g_assert_true(stream_write_section(channel, "one", 7, true, "content", 7, &error));
    g_assert_true(stream_write_section(channel, "empty", 1, false, NULL, 0, &error));
    migration_channel_destroy(channel);

    channel = tape_reader(&tape);
    stream_section_init(&section);
    g_assert_true(stream_read_header(channel, &flags, &error));
    g_assert_cmpuint(flags, ==, STREAM_CONFIRM);
    g_assert_true(stream_read_section(channel, &section, &error));
    g_assert_cmpstr(section.name, ==, "one");
    g_assert_cmpuint(section.version, ==, 7);
    g_assert_true(section.optional);
    g_assert_cmpmem(section.content->data, section.content->len, "content", 7);
    g_assert_true(stream_read_section(channel, &section, &error));
    g_assert_cmpstr(section.name, ==, "empty");
    g_assert_false(section.optional);
    g_assert_cmpuint(section.content->len, ==, 0);
    g_assert_false(stream_read_section(channel, &section, &error));
    g_assert_nonnull(strstr(error->message, "the stream ends"));
    g_error_free(error);
    stream_section_finish(&section);
    migration_channel_destroy(channel);
    tape_finish(&tape);
}

/* Reads a header and sections to the end; how many sections there were, -1: the header is bad. */
static int read_all(struct tape *tape)
{
    struct migration_channel *channel = tape_reader(tape);
    struct stream_section section;
    uint32_t flags;
    int count = -1;

    stream_section_init(&section);
    if (stream_read_header(channel, &flags, NULL)) {
        for (count = 0; stream_read_section(channel, &section, NULL); count++)
            ;
    }
    stream_section_finish(&section);
    migration_channel_destroy(channel);
    return count;
}

static void test_stream_damaged(void)
{
    struct tape tape;
    uint8_t byte;

    tape_init(&tape);
    struct migration_channel *channel = tape_writer(&tape);
    g_assert_true(stream_write_header(channel, 0, NULL));
    g_assert_true(stream_write_section(channel, "one", 1, false, "0123456789", 10, NULL));
    off_t size = (off_t)channel->sent;
    migration_channel_destroy(channel);
    g_assert_cmpint(read_all(&tape), ==, 1);
    /* Any bit of it: something notices, and nothing is taken. */
    for (off_t at = 0; at < size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            g_assert_cmpint(pread(tape.fd, &byte, 1, at), ==, 1);
            byte ^= (uint8_t)(1 << bit);
            g_assert_cmpint(pwrite(tape.fd, &byte, 1, at), ==, 1);
            /* The flag that a header may have is the one bit that has a meaning. */
            if (at != 12 || bit != 0)
                g_assert_cmpint(read_all(&tape), <, 1);
            byte ^= (uint8_t)(1 << bit);
            g_assert_cmpint(pwrite(tape.fd, &byte, 1, at), ==, 1);
        }
    }
    for (off_t cut = size - 1; cut >= 0; cut--) {
        g_assert_cmpint(ftruncate(tape.fd, cut), ==, 0);
        g_assert_cmpint(read_all(&tape), <, 1);
    }
    tape_finish(&tape);
}

static void expect_section_refused(const void *bytes, size_t size, const char *part)
{
    struct stream_section section;
    struct tape tape;
    GError *error = NULL;

    tape_init(&tape);
    g_assert_cmpint(write(tape.fd, bytes, size), ==, (ssize_t)size);
    struct migration_channel *channel = tape_reader(&tape);
    stream_section_init(&section);
    g_assert_false(stream_read_section(channel, &section, &error));
    g_assert_nonnull(strstr(error->message, part));
    /* A length is no reason to allocate what has not come. */
    g_assert_cmpuint(section.content->len, <=, 64 << 10);
    g_error_free(error);
    stream_section_finish(&section);
    migration_channel_destroy(channel);
    tape_finish(&tape);
}

static void test_stream_hostile(void)
{
    expect_section_refused("\x03\0\1\0\xff\xff\xff\xffone", 11, "at most 4194304 are possible");
    expect_section_refused("\x03\0\1\0\1\0\x40\0one", 11, "at most 4194304 are possible");
    expect_section_refused("\x03\0\1\0\0\0\x40\0one", 11, "the stream ends");
    expect_section_refused("\x40\0\1\0\1\0\0\0", 8, "no section where one should begin");
    expect_section_refused("\x03\2\1\0\1\0\0\0one", 11, "no section where one should begin");
    expect_section_refused("\0\0\1\0\1\0\0\0\0", 9, "no printable name");
    expect_section_refused("\x03\0\1\0\1\0\0\0o\ne", 11, "no printable name");
}

static void test_stream_random(void)
{
    GRand *rand = g_rand_new_with_seed(6);
    struct stream_section section;

    stream_section_init(&section);
    for (unsigned round = 0; round < 500; round++) {
        struct tape tape;
        uint8_t bytes[256];
        tape_init(&tape);
        for (unsigned i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)g_rand_int_range(rand, 0, g_rand_boolean(rand) ? 8 : 256);
        g_assert_cmpint(write(tape.fd, bytes, sizeof(bytes)), ==, sizeof(bytes));
        struct migration_channel *channel = tape_reader(&tape);
        g_assert_false(stream_read_section(channel, &section, NULL));
        migration_channel_destroy(channel);
        tape_finish(&tape);
    }
    stream_section_finish(&section);
    g_rand_free(rand);
}

/* --- memory --- */

#define PAGES 300

static void make_set(struct migration_set *set, const char *name)
{
    struct migration_block block = {.size = PAGES * MIGRATION_PAGE_SIZE};

    g_strlcpy(block.name, name, sizeof(block.name));
    block.memfd = memfd_create(name, MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(block.memfd, (off_t)block.size), ==, 0);
    block.bytes = mmap(NULL, block.size, PROT_READ | PROT_WRITE, MAP_SHARED, block.memfd, 0);
    g_assert_true(block.bytes != MAP_FAILED);
    migration_set_init(set);
    migration_set_add_block(set, &block);
}

static void free_set(struct migration_set *set)
{
    struct migration_block *block = migration_set_block(set, 0);

    munmap(block->bytes, block->size);
    close(block->memfd);
    migration_set_finish(set);
}

static void write_page(struct migration_set *set, unsigned page, uint8_t value)
{
    migration_set_block(set, 0)->bytes[page * MIGRATION_PAGE_SIZE + 77] = value;
}

static bool is_dirty(struct dirty_tracker *tracker, unsigned page)
{
    return dirty_tracker_bitmap(tracker, 0)[page / 64] >> (page % 64) & 1;
}

static void clean(struct dirty_tracker *tracker)
{
    memset(dirty_tracker_bitmap(tracker, 0), 0, (PAGES + 63) / 64 * 8);
}

static void test_dirty(gconstpointer method)
{
    struct migration_set set;

    make_set(&set, "watched");
    write_page(&set, 3, 1);
    struct dirty_tracker *tracker =
        dirty_tracker_create(&set, (enum dirty_method)GPOINTER_TO_INT(method));
    g_test_message("%s", dirty_tracker_method(tracker));
    g_assert_true(is_dirty(tracker, 3)); /* it has content */
    clean(tracker);
    dirty_tracker_look(tracker);
    clean(tracker);
    g_assert_cmpuint(dirty_tracker_look(tracker), ==, 0);
    write_page(&set, 3, 2);
    write_page(&set, 299, 1); /* never used before */
    g_assert_cmpuint(dirty_tracker_look(tracker), ==, 2);
    g_assert_true(is_dirty(tracker, 3) && is_dirty(tracker, 299));
    /* Bits stay until they are cleared; what was written once is not told twice. */
    g_assert_cmpuint(dirty_tracker_look(tracker), ==, 2);
    clean(tracker);
    g_assert_cmpuint(dirty_tracker_look(tracker), ==, 0);
    write_page(&set, 299, 0);
    g_assert_cmpuint(dirty_tracker_look(tracker), ==, 1);
    dirty_tracker_destroy(tracker);
    free_set(&set);
}

static void test_pages(gconstpointer data)
{
    bool lz4 = GPOINTER_TO_INT(data) && pages_can_lz4();
    struct migration_set source, target;
    struct page_counts sent = {0}, stored = {0};
    struct stream_section section, plain;
    uint64_t dirty[(PAGES + 63) / 64];
    struct tape tape;

    make_set(&source, "memory");
    make_set(&target, "memory");
    for (unsigned page = 0; page < PAGES; page += 2)
        write_page(&source, page, (uint8_t)(page + 1));
    write_page(&target, 1, 99); /* becomes zero */
    memset(dirty, 0xff, sizeof(dirty));
    dirty[PAGES / 64] = (UINT64_C(1) << (PAGES % 64)) - 1;
    tape_init(&tape);
    struct migration_channel *channel = tape_writer(&tape);
    g_assert_true(
        pages_send(channel, &source, 0, dirty, (struct pages_how){.lz4 = lz4}, &sent, NULL));
    migration_channel_destroy(channel);
    for (unsigned i = 0; i < G_N_ELEMENTS(dirty); i++)
        g_assert_cmphex(dirty[i], ==, 0);

    channel = tape_reader(&tape);
    stream_section_init(&section);
    stream_section_init(&plain);
    while (stream_read_section(channel, &section, NULL)) {
        bool packed = !strcmp(section.name, PAGES_LZ4_SECTION);
        g_assert_true(packed == lz4);
        if (packed)
            g_assert_true(pages_lz4_unpack(&section, &plain, NULL));
        g_assert_true(pages_store(&target, packed ? &plain : &section, &stored, NULL));
    }
    stream_section_finish(&plain);
    g_assert_cmpuint(stored.normal, ==, PAGES / 2);
    g_assert_cmpuint(stored.zero, ==, PAGES / 2);
    g_assert_cmpuint(sent.normal, ==, stored.normal);
    g_assert_cmpmem(migration_set_block(&source, 0)->bytes, PAGES * MIGRATION_PAGE_SIZE,
                    migration_set_block(&target, 0)->bytes, PAGES * MIGRATION_PAGE_SIZE);
    stream_section_finish(&section);
    migration_channel_destroy(channel);
    tape_finish(&tape);
    free_set(&source);
    free_set(&target);
}

static void expect_pages_refused(struct migration_set *set, uint32_t block, uint32_t count,
                                 uint32_t page, size_t data, const char *part)
{
    struct stream_section section = {.name = PAGES_SECTION, .version = PAGES_VERSION};
    const uint32_t head[3] = {block, count, page};
    struct page_counts counts = {0};
    GError *error = NULL;

    section.content = g_byte_array_new();
    g_byte_array_append(section.content, (const uint8_t *)head, sizeof(head));
    g_byte_array_set_size(section.content, (guint)(sizeof(head) + data));
    g_assert_false(pages_store(set, &section, &counts, &error));
    g_assert_nonnull(strstr(error->message, part));
    g_error_free(error);
    g_byte_array_unref(section.content);
}

static void test_pages_hostile(void)
{
    struct migration_set set;

    make_set(&set, "memory");
    expect_pages_refused(&set, 1, 1, 0, 4096, "memory block 1: this machine has 1");
    expect_pages_refused(&set, 0, 1, PAGES, 4096, "page 300 of memory block memory: it has 300");
    expect_pages_refused(&set, 0, 1, 0x80000000u | PAGES, 0, "page 300");
    expect_pages_refused(&set, 0, UINT32_MAX, 0, 4096, "cut off");
    expect_pages_refused(&set, 0, 1, 0, 4095, "wrong length");
    expect_pages_refused(&set, 0, 1, 0, 4097, "wrong length");
    expect_pages_refused(&set, 0, 1, 0x80000000u, 4096, "wrong length");
    free_set(&set);
}

static void test_lz4_hostile(void)
{
    struct stream_section packed = {.name = PAGES_LZ4_SECTION, .version = PAGES_VERSION}, plain;
    uint8_t content[1000] = {0};
    uint8_t *out = g_malloc(pages_lz4_bound(sizeof(content)));
    GError *error = NULL;

    if (!pages_can_lz4()) {
        g_test_skip("built without LZ4");
        return;
    }
    size_t size = pages_lz4_pack(content, sizeof(content), out, pages_lz4_bound(sizeof(content)));
    g_assert_cmpuint(size, >, 4);
    g_assert_cmpuint(size, <, 100);
    stream_section_init(&plain);
    packed.content = g_byte_array_new();
    g_byte_array_append(packed.content, out, (guint)size);
    g_assert_true(pages_lz4_unpack(&packed, &plain, NULL));
    g_assert_cmpmem(plain.content->data, plain.content->len, content, sizeof(content));
    for (size_t cut = 0; cut < size; cut++) {
        g_byte_array_set_size(packed.content, (guint)cut);
        g_assert_false(pages_lz4_unpack(&packed, &plain, NULL));
    }
    g_byte_array_set_size(packed.content, 0);
    g_byte_array_append(packed.content, out, (guint)size);
    for (int change = -1; change <= 1; change += 2) { /* more or less than it says */
        uint32_t claim = GUINT32_TO_LE((uint32_t)((int)sizeof(content) + change));
        memcpy(packed.content->data, &claim, sizeof(claim));
        g_assert_false(pages_lz4_unpack(&packed, &plain, NULL));
    }
    memset(packed.content->data, 0xff, 4);
    g_assert_false(pages_lz4_unpack(&packed, &plain, &error));
    g_assert_nonnull(strstr(error->message, "at most"));
    g_error_free(error);
    stream_section_finish(&plain);
    g_byte_array_unref(packed.content);
    g_free(out);
}

static void test_blocks(void)
{
    static struct blocks_state state;
    struct migration_set set;
    GError *error = NULL;

    make_set(&set, "memory");
    blocks_state_fill(&state, &set);
    g_assert_true(blocks_state_check(&state, &set, NULL));
    state.blocks[0].size *= 2;
    g_assert_false(blocks_state_check(&state, &set, &error));
    g_assert_cmpstr(error->message, ==,
                    "the target's memory block memory has 1228800 bytes, the source's 2457600");
    g_clear_error(&error);
    state.count = 0;
    g_assert_false(blocks_state_check(&state, &set, NULL));
    free_set(&set);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/migration/state/load", test_state_load);
    g_test_add_func("/migration/state/save", test_state_save);
    g_test_add_func("/migration/state/older", test_state_older);
    g_test_add_func("/migration/state/dump", test_state_dump);
    g_test_add_func("/migration/state/refused", test_state_refused);
    g_test_add_func("/migration/state/cut", test_state_cut);
    g_test_add_func("/migration/state/random", test_state_random);
    g_test_add_func("/migration/stream/sections", test_stream);
    g_test_add_func("/migration/stream/damaged", test_stream_damaged);
    g_test_add_func("/migration/stream/hostile", test_stream_hostile);
    g_test_add_func("/migration/stream/random", test_stream_random);
    g_test_add_data_func("/migration/dirty/auto", GINT_TO_POINTER(DIRTY_AUTO), test_dirty);
    g_test_add_data_func("/migration/dirty/hash", GINT_TO_POINTER(DIRTY_HASH), test_dirty);
    g_test_add_data_func("/migration/pages/plain", GINT_TO_POINTER(false), test_pages);
    g_test_add_data_func("/migration/pages/lz4", GINT_TO_POINTER(true), test_pages);
    g_test_add_func("/migration/pages/lz4-hostile", test_lz4_hostile);
    g_test_add_func("/migration/pages/hostile", test_pages_hostile);
    g_test_add_func("/migration/blocks", test_blocks);
    return g_test_run();
}
