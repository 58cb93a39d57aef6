/*
 * What accesses over vfio-user cost: round trips, posted writes, coalesced writes, interrupts.
 *
 * Client and engine are two threads of this process; the device is the tests' one, so the figures
 * are those of the transport alone. Prints one line per figure.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user.h"
#include "hw/vfio_user_protocol.h"
#include "tests/support/fake_pci.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROUND_TRIPS   20000
#define POSTED_WRITES 2000000
#define BATCH         200 /* entries of a WRITE_MULTI, as QEMU sends them */

struct write_message {
    struct vfio_user_header header;
    struct vfio_user_region_access access;
    uint8_t data[8];
};

static void send_all(int fd, const void *data, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0)
            g_error("send: %s", g_strerror(errno));
        data = (const uint8_t *)data + sent;
        size -= sent;
    }
}

static void receive_reply(int fd)
{
    uint8_t data[4096];
    struct vfio_user_header header;
    ssize_t size = recv(fd, data, sizeof(data), 0);

    if (size < (ssize_t)sizeof(header))
        g_error("recv: %s", size < 0 ? g_strerror(errno) : "too short");
    memcpy(&header, data, sizeof(header));
    if (header.flags != VFIO_USER_TYPE_REPLY || header.size != (size_t)size)
        g_error("command %u failed: %s", header.command, g_strerror(header.error));
}

static struct write_message make_write(uint32_t region, uint64_t offset, uint32_t count)
{
    return (struct write_message){
        .header = {.command = VFIO_USER_REGION_WRITE,
                   .size = sizeof(struct vfio_user_header) +
                           sizeof(struct vfio_user_region_access) + count},
        .access = {.offset = offset, .region = region, .count = count},
    };
}

static void report(const char *what, int64_t start, unsigned count)
{
    printf("%-44s %8.3f us\n", what, (double)(g_get_monotonic_time() - start) / count);
}

static void bench_read(int fd, const char *what, uint32_t region)
{
    struct write_message message = make_write(region, 0, 4);

    message.header.command = VFIO_USER_REGION_READ;
    message.header.size -= 4;
    int64_t start = g_get_monotonic_time();
    for (unsigned i = 0; i < ROUND_TRIPS; i++) {
        send_all(fd, &message, message.header.size);
        receive_reply(fd);
    }
    report(what, start, ROUND_TRIPS);
}

static void bench_write(int fd, const char *what, uint32_t region, uint64_t offset)
{
    struct write_message message = make_write(region, offset, 4);
    int64_t start = g_get_monotonic_time();

    for (unsigned i = 0; i < ROUND_TRIPS; i++) {
        send_all(fd, &message, message.header.size);
        receive_reply(fd);
    }
    report(what, start, ROUND_TRIPS);
}

/* Sends MESSAGES of SIZE bytes in calls of many, and ends with a read that waits for them all. */
static void flood(int fd, const uint8_t *messages, size_t size, unsigned times)
{
    struct write_message fence = make_write(0, 0, 4);

    for (unsigned i = 0; i < times; i++)
        send_all(fd, messages, size);
    fence.header.command = VFIO_USER_REGION_READ;
    fence.header.size -= 4;
    send_all(fd, &fence, fence.header.size);
    receive_reply(fd);
}

static void bench_posted(int fd)
{
    struct write_message message = make_write(0, 0, 8);
    GByteArray *batch = g_byte_array_new();

    message.header.flags = VFIO_USER_NO_REPLY;
    for (unsigned i = 0; i < 1000; i++) {
        message.access.offset = 8 * i;
        g_byte_array_append(batch, (const guint8 *)&message, message.header.size);
    }
    int64_t start = g_get_monotonic_time();
    flood(fd, batch->data, batch->len, POSTED_WRITES / 1000);
    report("posted write of 8 bytes, sent 1000 a call", start, POSTED_WRITES);
    g_byte_array_free(batch, TRUE);
}

static void bench_multi(int fd)
{
    GByteArray *batch = g_byte_array_new();
    const uint64_t count = BATCH;
    struct vfio_user_header header = {
        .command = VFIO_USER_REGION_WRITE_MULTI,
        .size = sizeof(header) + sizeof(count) + BATCH * sizeof(struct vfio_user_write_multi_entry),
        .flags = VFIO_USER_NO_REPLY,
    };

    g_byte_array_append(batch, (const guint8 *)&header, sizeof(header));
    g_byte_array_append(batch, (const guint8 *)&count, sizeof(count));
    for (unsigned i = 0; i < BATCH; i++) {
        struct vfio_user_write_multi_entry entry = {.offset = 8 * i, .region = 0, .count = 8};
        g_byte_array_append(batch, (const guint8 *)&entry, sizeof(entry));
    }
    int64_t start = g_get_monotonic_time();
    flood(fd, batch->data, batch->len, POSTED_WRITES / BATCH);
    report("coalesced write of 8 bytes (WRITE_MULTI)", start, POSTED_WRITES);
    g_byte_array_free(batch, TRUE);
}

/* From the port write that raises the line to the event, then the unmask message. */
static void bench_interrupt(int fd)
{
    struct {
        struct vfio_user_header header;
        uint32_t argsz, flags, index, start, count;
    } set = {.header = {.command = VFIO_USER_SET_IRQS, .size = sizeof(set)},
             .argsz = 20,
             .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
             .count = 1};
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {.iov_base = &set, .iov_len = sizeof(set)};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &event, sizeof(event));
    if (sendmsg(fd, &message, 0) != sizeof(set))
        g_error("sendmsg: %s", g_strerror(errno));
    receive_reply(fd);

    set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
    struct write_message raise = make_write(3, FAKE_PCI_IRQ, 4);
    struct write_message lower = raise;
    raise.data[0] = 1;
    int64_t start = g_get_monotonic_time();
    for (unsigned i = 0; i < ROUND_TRIPS; i++) {
        struct pollfd fired = {.fd = event, .events = POLLIN};
        eventfd_t value;
        send_all(fd, &raise, raise.header.size);
        receive_reply(fd);
        if (poll(&fired, 1, 1000) != 1 || eventfd_read(event, &value) < 0)
            g_error("interrupt %u did not come", i);
        send_all(fd, &lower, lower.header.size);
        receive_reply(fd);
        send_all(fd, &set, sizeof(set));
        receive_reply(fd);
    }
    report("interrupt: raise, event, lower, unmask", start, ROUND_TRIPS);
    close(event);
}

int main(void)
{
    char *folder = g_dir_make_tmp("vfio-user-cost-XXXXXX", NULL);
    char *path = g_build_filename(folder, "socket", NULL);
    struct vfio_user_config config = {.path = path, .mmap = VFIO_USER_MMAP_OFF};
    struct fake_pci *fake = fake_pci_create();
    GError *error = NULL;
    struct engine *engine = vfio_user_create(&config, fake_pci_function(fake), &error);

    if (!engine)
        g_error("%s", error->message);
    engine->impl->start(engine);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        g_error("connect: %s", g_strerror(errno));
    struct {
        struct vfio_user_header header;
        struct vfio_user_version version;
    } hello = {.header = {.command = VFIO_USER_VERSION, .size = sizeof(hello)}};
    send_all(fd, &hello, sizeof(hello));
    receive_reply(fd);

    bench_read(fd, "memory read of 4 bytes, round trip", 0);
    bench_write(fd, "memory write of 4 bytes, round trip", 0, 0);
    bench_write(fd, "port write, round trip", 3, FAKE_PCI_VALUE);
    bench_posted(fd);
    bench_multi(fd);
    bench_interrupt(fd);

    close(fd);
    engine_destroy(engine);
    fake_pci_destroy(fake);
    rmdir(folder);
    g_free(path);
    g_free(folder);
    return 0;
}
