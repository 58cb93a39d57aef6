/*
 * The client's DMA windows: which guest memory the device may reach.
 *
 * A QXL card reaches none, so a window is remembered for its checks only and its descriptor is not
 * kept. One thread. Facts: vfio-user.md 3.1, 3.2, 3.12. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VFIO_USER_MAX_WINDOWS 65535u /* the protocol's default of max_dma_maps */

struct vfio_user_dma {
    GArray *windows; /* by rising address; no two overlap */
    bool logging;
};

void vfio_user_dma_init(struct vfio_user_dma *dma);
void vfio_user_dma_finish(struct vfio_user_dma *dma);
/* Forgets all windows and stops logging. */
void vfio_user_dma_clear(struct vfio_user_dma *dma);

/* 0 or an errno: EINVAL empty or wraps, EEXIST overlaps another window, ENOSPC too many. */
int vfio_user_dma_map(struct vfio_user_dma *dma, uint64_t address, uint64_t size);
/* 0, or ENOENT when no window is exactly that. */
int vfio_user_dma_unmap(struct vfio_user_dma *dma, uint64_t address, uint64_t size);
/* Is there a window that is exactly that? */
bool vfio_user_dma_has(const struct vfio_user_dma *dma, uint64_t address, uint64_t size);
