/*
 * The client's DMA windows.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_dma.h"

#include <errno.h>

struct window {
    uint64_t address, size;
};

#define WINDOW(dma, i) g_array_index((dma)->windows, struct window, i)

void vfio_user_dma_init(struct vfio_user_dma *dma)
{
    dma->windows = g_array_new(FALSE, FALSE, sizeof(struct window));
    dma->logging = false;
}

void vfio_user_dma_finish(struct vfio_user_dma *dma)
{
    g_array_free(dma->windows, TRUE);
}

void vfio_user_dma_clear(struct vfio_user_dma *dma)
{
    g_array_set_size(dma->windows, 0);
    dma->logging = false;
}

/* The index of the first window that begins at ADDRESS or behind it. */
static guint find(const struct vfio_user_dma *dma, uint64_t address)
{
    guint low = 0, high = dma->windows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (WINDOW(dma, middle).address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int vfio_user_dma_map(struct vfio_user_dma *dma, uint64_t address, uint64_t size)
{
    struct window window = {address, size};
    guint at = find(dma, address);

    if (size == 0 || address > UINT64_MAX - (size - 1))
        return EINVAL;
    if (at < dma->windows->len && WINDOW(dma, at).address - address < size)
        return EEXIST;
    if (at > 0 && address - WINDOW(dma, at - 1).address < WINDOW(dma, at - 1).size)
        return EEXIST;
    if (dma->windows->len >= VFIO_USER_MAX_WINDOWS)
        return ENOSPC;
    g_array_insert_val(dma->windows, at, window);
    return 0;
}

bool vfio_user_dma_has(const struct vfio_user_dma *dma, uint64_t address, uint64_t size)
{
    guint at = find(dma, address);

    return at < dma->windows->len && WINDOW(dma, at).address == address &&
           WINDOW(dma, at).size == size;
}

int vfio_user_dma_unmap(struct vfio_user_dma *dma, uint64_t address, uint64_t size)
{
    if (!vfio_user_dma_has(dma, address, size))
        return ENOENT;
    g_array_remove_index(dma->windows, find(dma, address));
    return 0;
}
