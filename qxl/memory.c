/*
 * The memory behind BARs: memfds, so that an engine can share them, sealed against resizing, so
 * that nobody who shares them can make our accesses fault.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fail(const char *name, uint64_t size, const char *what, GError **error)
{
    int code = errno;
    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
                "cannot %s %" G_GUINT64_FORMAT " bytes of %s: %s", what, size, name,
                g_strerror(code));
    return false;
}

bool qxl_memory_init(struct qxl_memory *memory, const char *name, uint64_t size, GError **error)
{
    *memory = (struct qxl_memory){.size = size, .memfd = -1};
    memory->memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->memfd < 0 || ftruncate(memory->memfd, (off_t)size) < 0 ||
        fcntl(memory->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        return fail(name, size, "allocate", error);
    void *bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory->memfd, 0);
    if (bytes == MAP_FAILED)
        return fail(name, size, "map", error);
    memory->bytes = bytes;
    return true;
}

void qxl_memory_seal_content(struct qxl_memory *memory)
{
    /* Kernels before 5.1 cannot; then the engine's read-only mapping is all the protection. */
    (void)fcntl(memory->memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

void qxl_memory_finish(struct qxl_memory *memory)
{
    if (memory->bytes)
        munmap(memory->bytes, memory->size);
    if (memory->memfd >= 0)
        close(memory->memfd);
    *memory = (struct qxl_memory){.memfd = -1};
}
