/*
 * vfio-user on the wire: what <linux/vfio.h> does not have. Byte order is the host's.
 *
 * Facts: vfio-user.md sections 1 to 3. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <linux/vfio.h>
#include <stdint.h>

enum vfio_user_command {
    VFIO_USER_VERSION = 1,
    VFIO_USER_DMA_MAP = 2,
    VFIO_USER_DMA_UNMAP = 3,
    VFIO_USER_GET_INFO = 4,
    VFIO_USER_GET_REGION_INFO = 5,
    VFIO_USER_GET_REGION_IO_FDS = 6,
    VFIO_USER_GET_IRQ_INFO = 7,
    VFIO_USER_SET_IRQS = 8,
    VFIO_USER_REGION_READ = 9,
    VFIO_USER_REGION_WRITE = 10,
    VFIO_USER_DMA_READ = 11,
    VFIO_USER_DMA_WRITE = 12,
    VFIO_USER_RESET = 13,
    VFIO_USER_REGION_WRITE_MULTI = 15,
    VFIO_USER_FEATURE = 16,
    VFIO_USER_MIG_DATA_READ = 17,
    VFIO_USER_MIG_DATA_WRITE = 18,
};
#define VFIO_USER_COMMAND_COUNT 19

/* Header flags. */
#define VFIO_USER_TYPE_MASK    0x0fu
#define VFIO_USER_TYPE_COMMAND 0x00u
#define VFIO_USER_TYPE_REPLY   0x01u
#define VFIO_USER_NO_REPLY     0x10u
#define VFIO_USER_ERROR        0x20u

struct vfio_user_header {
    uint16_t id;
    uint16_t command;
    uint32_t size; /* bytes, this header included */
    uint32_t flags;
    uint32_t error; /* errno of a reply with VFIO_USER_ERROR */
};

/* What the default max_data_xfer_size allows: COUNT of one access, and a whole message. */
#define VFIO_USER_MAX_DATA    (1u << 20)
#define VFIO_USER_MAX_MESSAGE (VFIO_USER_MAX_DATA + 32u)
#define VFIO_USER_MAX_FDS     16u /* of one message that we take */

struct vfio_user_version {
    uint16_t major, minor;
    /* then JSON and a NUL, or nothing */
};

struct vfio_user_dma_map {
    uint32_t argsz, flags;
    uint64_t offset, address, size;
};
#define VFIO_USER_DMA_MAP_FLAGS 0x0fu /* read, write, use mmap, use file I/O */

struct vfio_user_dma_unmap {
    uint32_t argsz, flags;
    uint64_t address, size;
};

/* struct vfio_device_info and vfio_irq_info as they were before the kernel added to them. */
struct vfio_user_device_info {
    uint32_t argsz, flags, num_regions, num_irqs;
};

struct vfio_user_region_io_fds {
    uint32_t argsz, flags, index, count;
};

struct vfio_user_irq_info {
    uint32_t argsz, flags, index, count;
};

struct vfio_user_region_access {
    uint64_t offset;
    uint32_t region, count;
    /* then the data of a write or of a read's reply */
};

struct vfio_user_write_multi_entry {
    uint64_t offset;
    uint32_t region, count;
    uint8_t data[8];
};

struct vfio_user_feature {
    uint32_t argsz, flags;
    /* then the feature's data */
};

/* Section 4; not all of these are in every <linux/vfio.h>. */
enum vfio_user_state {
    VFIO_USER_STATE_ERROR = 0,
    VFIO_USER_STATE_STOP = 1,
    VFIO_USER_STATE_RUNNING = 2,
    VFIO_USER_STATE_STOP_COPY = 3,
    VFIO_USER_STATE_RESUMING = 4,
    VFIO_USER_STATE_RUNNING_P2P = 5,
    VFIO_USER_STATE_PRE_COPY = 6,
    VFIO_USER_STATE_PRE_COPY_P2P = 7,
};
#define VFIO_USER_STATES 8u

#define VFIO_USER_MIGRATION_STOP_COPY 1u
#define VFIO_USER_MIGRATION_PRE_COPY  4u

struct vfio_user_migration_flags {
    uint64_t flags; /* VFIO_USER_MIGRATION_* */
};

struct vfio_user_device_state {
    uint32_t state;
    uint32_t data_fd; /* not used */
};

struct vfio_user_mig_data {
    uint32_t argsz, size;
    /* then the data of a write or of a read's reply */
};

struct vfio_user_logging_control {
    uint64_t page_size;
    uint32_t num_ranges, reserved;
    /* then pairs of address and length */
};

struct vfio_user_logging_report {
    uint64_t address, length, page_size;
    /* then, in a reply, the bitmap */
};
