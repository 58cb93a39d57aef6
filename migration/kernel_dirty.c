/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/kernel_dirty.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What headers older than Linux 6.7 do not have. */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef PAGEMAP_SCAN
#define PAGE_IS_WRITTEN       (1 << 1)
#define PM_SCAN_WP_MATCHING   (1 << 0)
#define PM_SCAN_CHECK_WPASYNC (1 << 1)
struct page_region {
    __u64 start, end, categories;
};
struct pm_scan_arg {
    __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
    __u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif

#define FEATURES                                                                                   \
    (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |                            \
     UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC)
#define REGIONS 256

bool kernel_dirty_init(struct kernel_dirty *dirty)
{
    struct uffdio_api api = {.api = UFFD_API, .features = FEATURES};

    dirty->pagemap = -1;
    dirty->fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (dirty->fault < 0)
        return false;
    dirty->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    return dirty->pagemap >= 0 && !ioctl(dirty->fault, UFFDIO_API, &api) &&
           (api.features & FEATURES) == FEATURES;
}

void kernel_dirty_finish(struct kernel_dirty *dirty)
{
    if (dirty->fault >= 0)
        close(dirty->fault); /* ends the protection, too */
    if (dirty->pagemap >= 0)
        close(dirty->pagemap);
    dirty->fault = dirty->pagemap = -1;
}

bool kernel_dirty_watch(struct kernel_dirty *dirty, void *bytes, size_t size)
{
    struct uffdio_range range = {.start = (uintptr_t)bytes, .len = size};
    struct uffdio_register watch = {.range = range, .mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect protect = {.range = range, .mode = UFFDIO_WRITEPROTECT_MODE_WP};

    return !ioctl(dirty->fault, UFFDIO_REGISTER, &watch) &&
           !ioctl(dirty->fault, UFFDIO_WRITEPROTECT, &protect);
}

bool kernel_dirty_scan(struct kernel_dirty *dirty, void *bytes, size_t size,
                       void (*found)(void *opaque, size_t start, size_t end), void *opaque)
{
    struct page_region regions[REGIONS];
    uint64_t base = (uintptr_t)bytes;
    struct pm_scan_arg scan = {
        .size = sizeof(scan),
        .flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
        .start = base,
        .end = base + size,
        .vec = (uintptr_t)regions,
        .vec_len = REGIONS,
        .category_mask = PAGE_IS_WRITTEN,
        .return_mask = PAGE_IS_WRITTEN,
    };

    while (scan.start < scan.end) {
        int count = ioctl(dirty->pagemap, PAGEMAP_SCAN, &scan);
        if (count < 0)
            return false;
        for (int i = 0; i < count; i++)
            found(opaque, regions[i].start - base, regions[i].end - base);
        if (scan.walk_end <= scan.start)
            return false;
        scan.start = scan.walk_end;
    }
    return true;
}
