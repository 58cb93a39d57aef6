/*
 * The regions of a vfio-user device: what they are, reading and writing them.
 *
 * Facts: vfio-user.md section 3. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_command.h"

#include <errno.h>
#include <inttypes.h>

#define PAGE_SIZE 4096u

/* Never an I/O BAR, whose accesses must reach us, nor one that the guest must not write. */
static bool can_be_mapped(const struct pci_bar *bar)
{
    return bar->type != PCI_BAR_IO && bar->memory && bar->memfd >= 0 && !bar->read_only &&
           bar->size % PAGE_SIZE == 0 && bar->memfd_offset % PAGE_SIZE == 0;
}

int vfio_user_get_region_info(struct vfio_user_device *device, struct vfio_user_message *message,
                              struct vfio_user_answer *answer)
{
    struct vfio_region_info info;

    memcpy(&info, message->payload, sizeof(info));
    if (info.argsz < sizeof(info) || info.index >= VFIO_PCI_NUM_REGIONS)
        return EINVAL;

    const struct pci_bar *bar = pci_function_bar(device->pci, info.index);
    info = (struct vfio_region_info){.argsz = sizeof(info), .index = info.index};
    if (bar->type != PCI_BAR_ABSENT)
        info.size = bar->size;
    else if (info.index == VFIO_PCI_CONFIG_REGION_INDEX)
        info.size = PCI_CONFIG_SIZE;
    if (info.size)
        info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    if (info.size && device->map_memory && can_be_mapped(bar)) {
        info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
        info.offset = bar->memfd_offset;
        answer->fd = bar->memfd;
    }
    vfio_user_answer_set(answer, &info, sizeof(info));
    return 0;
}

int vfio_user_get_region_io_fds(struct vfio_user_device *device, struct vfio_user_message *message,
                                struct vfio_user_answer *answer)
{
    struct vfio_user_region_io_fds fds;

    (void)device;
    memcpy(&fds, message->payload, sizeof(fds));
    if (fds.argsz < sizeof(fds) || fds.flags || fds.index >= VFIO_PCI_NUM_REGIONS)
        return EINVAL;
    /* None: an ioeventfd would lose the value that is written. */
    fds.argsz = sizeof(fds);
    fds.count = 0;
    vfio_user_answer_set(answer, &fds, sizeof(fds));
    return 0;
}

static bool inside(uint64_t offset, uint32_t count, uint64_t size)
{
    return offset <= size && count <= size - offset;
}

int vfio_user_region_read(struct vfio_user_device *device, struct vfio_user_message *message,
                          struct vfio_user_answer *answer)
{
    struct vfio_user_region_access access;
    uint8_t *data = answer->data + sizeof(access);

    memcpy(&access, message->payload, sizeof(access));
    if (access.count > VFIO_USER_MAX_DATA)
        return EINVAL;
    if (access.region == VFIO_PCI_CONFIG_REGION_INDEX) {
        if (!inside(access.offset, access.count, PCI_CONFIG_SIZE))
            return EINVAL;
        pci_config_read(device->pci, access.offset, data, access.count);
    } else if (!pci_bar_read(device->pci, access.region, access.offset, data, access.count)) {
        return EINVAL;
    }
    memcpy(answer->data, &access, sizeof(access));
    answer->size = sizeof(access) + access.count;
    return 0;
}

void vfio_user_complain_late(struct vfio_user_device *device, uint64_t port)
{
    vfio_user_complain(device,
                       "a write to port %" PRIu64 " is not done after %d ms; answered all the same",
                       port, VFIO_USER_PATIENCE_MS);
}

/*
 * A write to a BAR without memory: the device acts on it, which may take its time. LAST: nothing
 * but the answer follows, so another thread can give it.
 */
static int write_port(struct vfio_user_device *device, const struct vfio_user_region_access *access,
                      const uint8_t *data, bool last)
{
    const struct pci_bar *bar = pci_function_bar(device->pci, access->region);
    uint32_t value = 0;

    if (!inside(access->offset, access->count, bar->size) ||
        (access->count != 1 && access->count != 2 && access->count != 4))
        return EINVAL;
    memcpy(&value, data, access->count);
    switch ((last ? vfio_user_lane_write_direct : vfio_user_lane_write)(
        &device->lane, access->region, access->offset, access->count, value)) {
    case VFIO_USER_LANE_RELIEVED:
        return VFIO_USER_RELIEVED;
    case VFIO_USER_LANE_FULL:
        vfio_user_complain(device,
                           "a write to port %" PRIu64 " was dropped: %u are waiting already",
                           access->offset, VFIO_USER_LANE_LENGTH);
        return EBUSY;
    case VFIO_USER_LANE_LATE:
        vfio_user_complain_late(device, access->offset);
        break;
    case VFIO_USER_LANE_DONE:
        break;
    }
    vfio_user_irq_recheck(&device->irq, true);
    return 0;
}

static inline int write_region(struct vfio_user_device *device,
                               const struct vfio_user_region_access *access, const uint8_t *data,
                               bool last)
{
    if (access->region == VFIO_PCI_CONFIG_REGION_INDEX) {
        if (!inside(access->offset, access->count, PCI_CONFIG_SIZE))
            return EINVAL;
        pci_config_write(device->pci, access->offset, data, access->count);
        return 0;
    }
    const struct pci_bar *bar = pci_function_bar(device->pci, access->region);
    bool is_port = bar->type != PCI_BAR_ABSENT && !bar->memory;
    if (vfio_user_migration_frozen(&device->migration) &&
        (is_port || !vfio_user_migration_writable(&device->migration))) {
        vfio_user_complain(device,
                           "a write to region %u was refused: the device is stopped for migration",
                           access->region);
        return EINVAL;
    }
    if (is_port)
        return write_port(device, access, data, last);
    return pci_bar_write(device->pci, access->region, access->offset, data, access->count) ? 0
                                                                                           : EINVAL;
}

int vfio_user_region_write(struct vfio_user_device *device, struct vfio_user_message *message,
                           struct vfio_user_answer *answer)
{
    struct vfio_user_region_access access;

    memcpy(&access, message->payload, sizeof(access));
    if (access.count > message->size - sizeof(access))
        return EINVAL;
    /* Before the write, as the one who answers may be another thread. */
    vfio_user_answer_set(answer, &access, sizeof(access));
    device->write_header = message->header;
    device->write_port = access.offset;
    return write_region(device, &access, message->payload + sizeof(access), true);
}

int vfio_user_region_write_multi(struct vfio_user_device *device, struct vfio_user_message *message,
                                 struct vfio_user_answer *answer)
{
    struct vfio_user_write_multi_entry entry;
    uint64_t count, done;
    int error = 0;

    memcpy(&count, message->payload, sizeof(count));
    if (count > (message->size - sizeof(count)) / sizeof(entry))
        return EINVAL;
    for (done = 0; done < count && !error; done++) {
        memcpy(&entry, message->payload + sizeof(count) + done * sizeof(entry), sizeof(entry));
        const struct vfio_user_region_access access = {
            .offset = entry.offset,
            .region = entry.region,
            .count = entry.count,
        };
        error = entry.count > sizeof(entry.data) ? EINVAL
                                                 : write_region(device, &access, entry.data, false);
    }
    vfio_user_answer_set(answer, &done, sizeof(done));
    return error;
}
