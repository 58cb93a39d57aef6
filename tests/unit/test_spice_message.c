/*
 * Messages and the queue they leave by. Expected bytes are written down from spice-wire.md.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/send_queue.h"

#include <glib.h>
#include <string.h>

/* All pieces of a body in a row; free it. */
static GByteArray *flatten(const struct message *message)
{
    GByteArray *bytes = g_byte_array_new();
    const struct iovec *pieces;
    unsigned count = message_pieces(message, &pieces);

    for (unsigned i = 0; i < count; i++) {
        g_byte_array_append(bytes, pieces[i].iov_base, pieces[i].iov_len);
    }
    return bytes;
}

static void expect_body(const struct message *message, const void *expected, size_t size)
{
    g_autoptr(GByteArray) bytes = flatten(message);

    g_assert_cmpmem(bytes->data, bytes->len, expected, size);
    g_assert_cmpuint(message_size(message), ==, size);
}

static void test_integers(void)
{
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
                                       0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 'h',  'i'};
    struct message *message = message_create(304);

    message_add_u8(message, 0x01);
    message_add_u16(message, 0x0203);
    message_add_u32(message, 0x04050607);
    message_add_u64(message, UINT64_C(0x08090a0b0c0d0e0f));
    message_add_bytes(message, "hi", 2);
    g_assert_cmpuint(message_type(message), ==, 304);
    expect_body(message, expected, sizeof(expected));
    message_destroy(message);
}

static void count_release(void *opaque)
{
    ++*(int *)opaque;
}

/* Two pointers, one of them to a reference; fields before and behind referenced data. */
static void test_pointers(void)
{
    static const uint8_t expected[] = {9,   0,   0,    0,    15, 0, 0, 0, 0xaa, 'p', 'i', 'x', 'e',
                                       'l', 's', 0x34, 0x12, 9,  0, 0, 0, 21,   0,   0,   0};
    struct message *message = message_create(1);
    struct message_pointer first, second, late;
    int released = 0;

    first = message_add_pointer(message);
    second = message_add_pointer(message);
    message_add_u8(message, 0xaa);
    message_point(message, first);
    message_add_reference(message, "pixels", 6, count_release, &released);
    message_point(message, second);
    message_add_u16(message, 0x1234);
    message_add_u32(message, 0); /* patched below: behind the reference */
    message_patch_u32(message, 17, 9);
    late = message_add_pointer(message);
    message_patch_u32(message, late.field, 21);
    expect_body(message, expected, sizeof(expected));
    g_assert_cmpint(released, ==, 0);
    message_destroy(message);
    g_assert_cmpint(released, ==, 1);
}

/* More bytes, pieces and references than the struct has room for. */
static void test_growth(void)
{
    g_autoptr(GByteArray) expected = g_byte_array_new();
    struct message *message = message_create(1);
    static const uint8_t big[1000] = {[0] = 1, [999] = 2};
    int released = 0;

    for (unsigned i = 0; i < 100; i++) {
        uint8_t low = i;

        message_add_u8(message, low);
        g_byte_array_append(expected, &low, 1);
        message_add_reference(message, "abc", 3, count_release, &released);
        g_byte_array_append(expected, (const guint8 *)"abc", 3);
        message_hold(message, count_release, &released);
        message_add_bytes(message, big, 7 * i);
        g_byte_array_append(expected, big, 7 * i);
    }
    memcpy(message_reserve(message, sizeof(big)), big, sizeof(big));
    g_byte_array_append(expected, big, sizeof(big));
    expect_body(message, expected->data, expected->len);
    message_destroy(message);
    g_assert_cmpint(released, ==, 200);
}

static void test_empty(void)
{
    struct message *message = message_create(111);

    message_add_bytes(message, NULL, 0);
    message_add_reference(message, "x", 0, NULL, NULL);
    message_reserve(message, 0);
    expect_body(message, "", 0);
    message_destroy(message);
}

/* What leaves a queue by writes of STEP bytes, gathered in COUNT pieces at most. */
static GByteArray *drain(struct send_queue *queue, int count, size_t step)
{
    GByteArray *out = g_byte_array_new();
    struct iovec *pieces = g_new(struct iovec, count);

    while (queue->count > 0) {
        int n = send_queue_gather(queue, UINT_MAX, pieces, count);
        size_t left = step;

        g_assert_cmpint(n, >, 0);
        for (int i = 0; i < n && left > 0; i++) {
            size_t part = MIN(left, pieces[i].iov_len);

            g_assert_cmpuint(pieces[i].iov_len, >, 0);
            g_byte_array_append(out, pieces[i].iov_base, part);
            left -= part;
        }
        send_queue_advance(queue, step - left);
    }
    g_assert_cmpuint(queue->bytes, ==, 0);
    g_free(pieces);
    return out;
}

static struct message *sample(int *released)
{
    struct message *message = message_create(0x0131);

    message_add_u16(message, 0x0201);
    message_add_reference(message, "reference", 9, count_release, released);
    message_add_u8(message, 3);
    return message;
}

static void test_queue(bool mini)
{
    static const uint8_t mini_bytes[] = {0x31, 0x01, 12,   0,    0,   0,   1,   2,
                                         'r',  'e',  'f',  'e',  'r', 'e', 'n', 'c',
                                         'e',  3,    0x6f, 0x00, 0,   0,   0,   0};
    static const uint8_t full_bytes[] = {7,   0,   0,    0,    0,   0, 0, 0, 0x31, 0x01, 12,  0,
                                         0,   0,   0,    0,    0,   0, 1, 2, 'r',  'e',  'f', 'e',
                                         'r', 'e', 'n',  'c',  'e', 3, 8, 0, 0,    0,    0,   0,
                                         0,   0,   0x6f, 0x00, 0,   0, 0, 0, 0,    0,    0,   0};
    int counts[] = {1, 2, 3, 64};
    struct send_queue queue;
    int released = 0, expected_releases = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        for (size_t step = 1; step < 50; step++) {
            g_autoptr(GByteArray) out = NULL;

            send_queue_init(&queue);
            send_queue_push(&queue, sample(&released), mini, 7);
            send_queue_push(&queue, message_create(111), mini, 8);
            out = drain(&queue, counts[i], step);
            if (mini) {
                g_assert_cmpmem(out->data, out->len, mini_bytes, sizeof(mini_bytes));
            } else {
                g_assert_cmpmem(out->data, out->len, full_bytes, sizeof(full_bytes));
            }
            g_assert_cmpint(released, ==, ++expected_releases);
            send_queue_finish(&queue);
        }
    }
}

static void test_mini(void)
{
    test_queue(true);
}

static void test_full(void)
{
    test_queue(false);
}

/* The ring wraps and grows while it is in use; what is left at the end is released. */
static void test_ring(void)
{
    struct send_queue queue;
    int released = 0;

    send_queue_init(&queue);
    for (unsigned round = 1; round < 60; round++) {
        for (unsigned i = 0; i < round; i++) {
            send_queue_push(&queue, sample(&released), true, i);
        }
        send_queue_advance(&queue, 18 * (round - 1));
        g_assert_cmpuint(queue.count, ==, round);
        g_assert_cmpuint(queue.bytes, ==, 18 * round);
    }
    send_queue_finish(&queue);
    g_assert_cmpint(released, ==, 59 * 60 / 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/integers", test_integers);
    g_test_add_func("/message/pointers", test_pointers);
    g_test_add_func("/message/growth", test_growth);
    g_test_add_func("/message/empty", test_empty);
    g_test_add_func("/send-queue/mini", test_mini);
    g_test_add_func("/send-queue/full", test_full);
    g_test_add_func("/send-queue/ring", test_ring);
    return g_test_run();
}
