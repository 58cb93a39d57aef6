/*
 * The parts of the vfio-user engine that need no client: its socket, DMA windows, the lane.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user.h"
#include "hw/vfio_user_dma.h"
#include "hw/vfio_user_lane.h"
#include "hw/vfio_user_listen.h"
#include "tests/support/fake_pci.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define IO_BAR 3

static char *make_folder(void)
{
    GError *error = NULL;
    char *folder = g_dir_make_tmp("vfio-user-XXXXXX", &error);

    g_assert_no_error(error);
    return folder;
}

static void test_socket_file(void)
{
    char *folder = make_folder();
    char *path = g_build_filename(folder, "socket", NULL);
    struct vfio_user_listener first, second;
    struct stat file;
    GError *error = NULL;

    g_assert_true(vfio_user_listen(&first, path, &error));
    g_assert_cmpint(lstat(path, &file), ==, 0);
    g_assert_cmpuint(file.st_mode & 0777, ==, 0600);

    g_assert_false(vfio_user_listen(&second, path, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED); /* EADDRINUSE has no name there */
    g_assert_nonnull(strstr(error->message, path));
    g_assert_nonnull(strstr(error->message, "another process listens"));
    g_clear_error(&error);

    /* As after a crash: the file is there, nobody listens. */
    close(first.fd);
    g_assert_true(vfio_user_listen(&second, path, &error));
    vfio_user_listener_close(&second);
    g_assert_cmpint(lstat(path, &file), ==, -1);
    g_free(first.path);

    g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
    g_assert_false(vfio_user_listen(&first, path, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
    g_clear_error(&error);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    g_unlink(path);

    char *long_path = g_strdup_printf("%s/%0120d", folder, 1);
    g_assert_false(vfio_user_listen(&first, long_path, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG);
    g_clear_error(&error);
    g_free(long_path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
}

static void test_peer(void)
{
    int pair[2], pid;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_false(vfio_user_peer_has_kvm(pair[0], &pid));
    g_assert_cmpint(pid, ==, getpid());
    g_assert_false(vfio_user_peer_has_kvm(-1, &pid));
    g_assert_cmpint(pid, ==, 0);
    close(pair[0]);
    close(pair[1]);
}

/* Random windows against a model that marks single units. */
static void test_dma_model(void)
{
    enum { UNITS = 64 };
    struct vfio_user_dma dma;
    unsigned owner[UNITS] = {0}, length[UNITS] = {0}; /* owner: start + 1 */
    GRand *rand = g_rand_new_with_seed(7);

    vfio_user_dma_init(&dma);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned start = g_rand_int_range(rand, 0, UNITS);
        unsigned size = g_rand_int_range(rand, 1, MIN(UNITS - start, 9) + 1);
        if (g_rand_boolean(rand)) {
            bool overlap = false;
            for (unsigned u = start; u < start + size; u++)
                overlap = overlap || owner[u];
            g_assert_cmpint(vfio_user_dma_map(&dma, start, size), ==, overlap ? EEXIST : 0);
            for (unsigned u = start; !overlap && u < start + size; u++)
                owner[u] = start + 1;
            if (!overlap)
                length[start] = size;
        } else {
            bool exact = owner[start] == start + 1 && length[start] == size;
            g_assert_true(vfio_user_dma_has(&dma, start, size) == exact);
            g_assert_cmpint(vfio_user_dma_unmap(&dma, start, size), ==, exact ? 0 : ENOENT);
            for (unsigned u = start; exact && u < start + size; u++)
                owner[u] = 0;
        }
    }
    vfio_user_dma_clear(&dma);
    g_assert_cmpint(vfio_user_dma_map(&dma, 0, UINT64_MAX), ==, 0);
    g_assert_cmpint(vfio_user_dma_map(&dma, UINT64_MAX, 1), ==, 0);
    g_assert_cmpint(vfio_user_dma_map(&dma, UINT64_MAX, 2), ==, EINVAL);
    vfio_user_dma_finish(&dma);
    g_rand_free(rand);
}

static uint32_t port(struct fake_pci *fake, unsigned offset)
{
    uint32_t value = 0;

    g_assert_true(pci_bar_read(fake_pci_function(fake), IO_BAR, offset, &value, 4));
    return value;
}

static gpointer work(gpointer opaque)
{
    /* Nothing here calls the device directly. */
    g_assert_cmpint(vfio_user_lane_work(opaque), ==, VFIO_USER_LANE_QUIT);
    return NULL;
}

static void test_lane_reset_drops_writes(void)
{
    struct fake_pci *fake = fake_pci_create();
    struct vfio_user_lane lane;

    vfio_user_lane_init(&lane, fake_pci_function(fake));
    vfio_user_lane_resume(&lane);
    GThread *worker = g_thread_new("worker", work, &lane);
    g_assert_cmpint(vfio_user_lane_write(&lane, IO_BAR, FAKE_PCI_VALUE, 4, 1), ==,
                    VFIO_USER_LANE_DONE);
    vfio_user_lane_pause(&lane);
    g_assert_cmpint(vfio_user_lane_write(&lane, IO_BAR, FAKE_PCI_VALUE, 4, 2), ==,
                    VFIO_USER_LANE_LATE);
    g_assert_cmpint(port(fake, FAKE_PCI_VALUE), ==, 1);
    g_assert_cmpint(vfio_user_lane_reset(&lane), ==, VFIO_USER_LANE_DONE);
    vfio_user_lane_resume(&lane);
    vfio_user_lane_settle(&lane);
    g_assert_cmpint(port(fake, FAKE_PCI_VALUE), ==, 1);
    g_assert_cmpint(port(fake, FAKE_PCI_RESETS), ==, 1);
    vfio_user_lane_quit(&lane);
    g_thread_join(worker);
    vfio_user_lane_finish(&lane);
    fake_pci_destroy(fake);
}

struct writer {
    struct vfio_user_lane *lane;
    unsigned count;
};

static gpointer write_many(gpointer opaque)
{
    struct writer *writer = opaque;

    for (unsigned i = 0; i < writer->count; i++)
        g_assert_cmpint(vfio_user_lane_write(writer->lane, IO_BAR, FAKE_PCI_VALUE, 4, i), ==,
                        VFIO_USER_LANE_DONE);
    return NULL;
}

static void test_lane_from_many_threads(void)
{
    struct fake_pci *fake = fake_pci_create();
    struct vfio_user_lane lane;
    struct writer writer = {&lane, 500};
    GThread *threads[4];

    vfio_user_lane_init(&lane, fake_pci_function(fake));
    vfio_user_lane_resume(&lane);
    GThread *worker = g_thread_new("worker", work, &lane);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("writer", write_many, &writer);
    for (unsigned i = 0; i < 20; i++) {
        vfio_user_lane_pause(&lane);
        uint32_t count = port(fake, FAKE_PCI_COUNT);
        g_usleep(500);
        g_assert_cmpuint(port(fake, FAKE_PCI_COUNT), ==, count);
        vfio_user_lane_resume(&lane);
        g_usleep(500);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    vfio_user_lane_settle(&lane);
    g_assert_cmpuint(port(fake, FAKE_PCI_COUNT), ==, 2000);
    vfio_user_lane_quit(&lane);
    g_thread_join(worker);
    vfio_user_lane_finish(&lane);
    fake_pci_destroy(fake);
}

static gpointer stand_by(gpointer opaque)
{
    return GINT_TO_POINTER(vfio_user_lane_work(opaque));
}

/* The second thread takes the place of one whose write lasts, and only then. */
static void test_lane_relief(void)
{
    struct fake_pci *fake = fake_pci_create();
    struct vfio_user_lane lane;

    vfio_user_lane_init(&lane, fake_pci_function(fake));
    vfio_user_lane_resume(&lane);
    GThread *other = g_thread_new("other", stand_by, &lane);
    for (unsigned i = 0; i < 1000; i++)
        g_assert_cmpint(vfio_user_lane_write_direct(&lane, IO_BAR, FAKE_PCI_VALUE, 4, i), ==,
                        VFIO_USER_LANE_DONE);
    int64_t start = g_get_monotonic_time();
    g_assert_cmpint(
        vfio_user_lane_write_direct(&lane, IO_BAR, FAKE_PCI_SLEEP, 4, VFIO_USER_PATIENCE_MS + 1500),
        ==, VFIO_USER_LANE_RELIEVED);
    g_assert_cmpint(g_get_monotonic_time() - start, >=, VFIO_USER_PATIENCE_MS * 1000);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(other)), ==, VFIO_USER_LANE_TAKE_OVER);
    g_assert_cmpint(vfio_user_lane_write_direct(&lane, IO_BAR, FAKE_PCI_VALUE, 4, 5), ==,
                    VFIO_USER_LANE_DONE);
    vfio_user_lane_finish(&lane);
    fake_pci_destroy(fake);
}

/* Created and destroyed without ever being started or connected to. */
static void test_engine_lifetime(void)
{
    char *folder = make_folder();
    char *path = g_build_filename(folder, "socket", NULL);
    struct fake_pci *fake = fake_pci_create();
    struct vfio_user_config config = {.path = path};
    GError *error = NULL;

    for (unsigned i = 0; i < 20; i++) {
        struct engine *engine = vfio_user_create(&config, fake_pci_function(fake), &error);
        g_assert_no_error(error);
        struct engine *second = vfio_user_create(&config, fake_pci_function(fake), &error);
        g_assert_null(second);
        g_assert_nonnull(error);
        g_clear_error(&error);
        if (i & 1)
            engine->impl->start(engine);
        engine_destroy(engine);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }
    fake_pci_destroy(fake);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vfio-user/socket-file", test_socket_file);
    g_test_add_func("/vfio-user/peer", test_peer);
    g_test_add_func("/vfio-user/dma-model", test_dma_model);
    g_test_add_func("/vfio-user/lane/reset-drops-writes", test_lane_reset_drops_writes);
    g_test_add_func("/vfio-user/lane/threads", test_lane_from_many_threads);
    g_test_add_func("/vfio-user/lane/relief", test_lane_relief);
    g_test_add_func("/vfio-user/lifetime", test_engine_lifetime);
    return g_test_run();
}
