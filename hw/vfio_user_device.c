/*
 * A PCI function as a vfio-user device: commands and answers.
 *
 * Facts: vfio-user.md sections 1 and 3. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "vfio-user"

#include "hw/vfio_user_device.h"

#include "hw/vfio_user_command.h"
#include "hw/vfio_user_feature.h"
#include "hw/vfio_user_version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define MAX_COMPLAINTS 20 /* a minute, so that a client cannot fill the disk */

void vfio_user_complain(struct vfio_user_device *device, const char *format, ...)
{
    va_list arguments;
    int64_t now = g_get_monotonic_time();

    if (now - device->complaints_since > G_TIME_SPAN_MINUTE) {
        device->complaints_since = now;
        device->complaints = 0;
    }
    if (device->complaints > MAX_COMPLAINTS)
        return;
    if (device->complaints++ == MAX_COMPLAINTS) {
        g_message("%s: more of the kind; not reported for a minute", device->name);
        return;
    }
    va_start(arguments, format);
    char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_message("%s: %s", device->name, text);
    g_free(text);
}

static int version(struct vfio_user_device *device, struct vfio_user_message *message,
                   struct vfio_user_answer *answer)
{
    const char *problem = "it was sent before";

    if (!device->negotiated)
        answer->size = vfio_user_negotiate(message->payload, message->size, answer->data, &problem);
    if (!answer->size) {
        vfio_user_complain(device, "VERSION refused: %s", problem);
        return EINVAL;
    }
    device->negotiated = true;
    return 0;
}

static int dma_map(struct vfio_user_device *device, struct vfio_user_message *message,
                   struct vfio_user_answer *answer)
{
    struct vfio_user_dma_map map;

    (void)answer;
    memcpy(&map, message->payload, sizeof(map));
    if (map.flags & ~VFIO_USER_DMA_MAP_FLAGS || map.offset > UINT64_MAX - map.size)
        return EINVAL;
    return vfio_user_dma_map(&device->dma, map.address, map.size);
}

static int dma_unmap(struct vfio_user_device *device, struct vfio_user_message *message,
                     struct vfio_user_answer *answer)
{
    struct vfio_user_dma_unmap unmap;
    int error = 0;

    memcpy(&unmap, message->payload, sizeof(unmap));
    if (unmap.flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL)
        return EINVAL;
    if (!unmap.flags)
        error = vfio_user_dma_unmap(&device->dma, unmap.address, unmap.size);
    else if (unmap.address || unmap.size)
        return EINVAL;
    else
        g_array_set_size(device->dma.windows, 0);
    vfio_user_answer_set(answer, &unmap, sizeof(unmap));
    return error;
}

static int get_info(struct vfio_user_device *device, struct vfio_user_message *message,
                    struct vfio_user_answer *answer)
{
    struct vfio_user_device_info info;

    (void)device;
    memcpy(&info, message->payload, sizeof(info));
    if (info.argsz < sizeof(info))
        return EINVAL;
    info = (struct vfio_user_device_info){
        .argsz = sizeof(info),
        .flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
        .num_regions = VFIO_PCI_NUM_REGIONS,
        .num_irqs = VFIO_PCI_NUM_IRQS,
    };
    vfio_user_answer_set(answer, &info, sizeof(info));
    return 0;
}

static int get_irq_info(struct vfio_user_device *device, struct vfio_user_message *message,
                        struct vfio_user_answer *answer)
{
    struct vfio_user_irq_info info;

    (void)device;
    memcpy(&info, message->payload, sizeof(info));
    if (info.argsz < sizeof(info) || info.index >= VFIO_PCI_NUM_IRQS)
        return EINVAL;
    info.argsz = sizeof(info);
    info.flags = vfio_user_irq_flags(info.index);
    info.count = vfio_user_irq_count(info.index);
    vfio_user_answer_set(answer, &info, sizeof(info));
    return 0;
}

static int set_irqs(struct vfio_user_device *device, struct vfio_user_message *message,
                    struct vfio_user_answer *answer)
{
    (void)answer;
    return vfio_user_irq_set(&device->irq, message);
}

static int reset(struct vfio_user_device *device, struct vfio_user_message *message,
                 struct vfio_user_answer *answer)
{
    (void)message;
    (void)answer;
    enum vfio_user_lane_result result = vfio_user_lane_reset(&device->lane);

    if (result != VFIO_USER_LANE_FULL)
        vfio_user_migration_reset(&device->migration);
    switch (result) {
    case VFIO_USER_LANE_FULL:
        return EBUSY;
    case VFIO_USER_LANE_LATE:
        vfio_user_complain(device, "a reset is not done after %d ms; answered all the same",
                           VFIO_USER_PATIENCE_MS);
        return 0;
    default:
        return 0;
    }
}

static int feature(struct vfio_user_device *device, struct vfio_user_message *message,
                   struct vfio_user_answer *answer)
{
    uint32_t before = device->migration.state;
    char *problem;
    int error = vfio_user_feature(&device->dma, &device->migration, message, answer->data,
                                  &answer->size, &problem);

    if (error)
        vfio_user_complain(device, "DEVICE_FEATURE refused: %s", problem);
    if (device->migration.state != before)
        g_message("%s: migration: %s, was %s", device->name,
                  vfio_user_migration_state_name(device->migration.state),
                  vfio_user_migration_state_name(before));
    g_free(problem);
    return error;
}

/* The head of MIG_DATA_READ or MIG_DATA_WRITE, if the device can do that at all. */
static bool mig_data_head(struct vfio_user_device *device, const struct vfio_user_message *message,
                          struct vfio_user_mig_data *head)
{
    memcpy(head, message->payload, sizeof(*head));
    if (!vfio_user_migration_supported(&device->migration)) {
        vfio_user_complain(device, "migration data refused: this device cannot be migrated");
        return false;
    }
    if (head->size <= VFIO_USER_MAX_DATA && head->argsz >= sizeof(*head) + head->size)
        return true;
    vfio_user_complain(device, "migration data refused: size %u (at most %u), argsz %u", head->size,
                       VFIO_USER_MAX_DATA, head->argsz);
    return false;
}

static int mig_data_read(struct vfio_user_device *device, struct vfio_user_message *message,
                         struct vfio_user_answer *answer)
{
    struct vfio_user_mig_data head;
    char *problem = NULL;
    size_t got;

    if (!mig_data_head(device, message, &head))
        return EINVAL;
    int error = vfio_user_migration_read(&device->migration, answer->data + sizeof(head), head.size,
                                         &got, &problem);
    if (error) {
        vfio_user_complain(device, "MIG_DATA_READ refused: %s", problem);
        g_free(problem);
        return error;
    }
    head.size = (uint32_t)got;
    head.argsz = (uint32_t)(sizeof(head) + got);
    vfio_user_answer_set(answer, &head, sizeof(head));
    answer->size += got;
    return 0;
}

static int mig_data_write(struct vfio_user_device *device, struct vfio_user_message *message,
                          struct vfio_user_answer *answer)
{
    struct vfio_user_mig_data head;
    char *problem = NULL;

    (void)answer;
    if (!mig_data_head(device, message, &head))
        return EINVAL;
    if (head.size > message->size - sizeof(head)) {
        vfio_user_complain(device, "MIG_DATA_WRITE refused: %u bytes are announced, %zu came",
                           head.size, message->size - sizeof(head));
        return EINVAL;
    }
    int error = vfio_user_migration_write(&device->migration, message->payload + sizeof(head),
                                          head.size, &problem);
    if (error)
        vfio_user_complain(device, "MIG_DATA_WRITE refused: %s", problem);
    g_free(problem);
    return error;
}

static const struct {
    const char *name;
    size_t size;  /* least bytes of payload */
    unsigned fds; /* most descriptors */
    vfio_user_handler *handle;
} commands[VFIO_USER_COMMAND_COUNT] = {
    [VFIO_USER_VERSION] = {"VERSION", sizeof(struct vfio_user_version), 0, version},
    [VFIO_USER_DMA_MAP] = {"DMA_MAP", sizeof(struct vfio_user_dma_map), 1, dma_map},
    [VFIO_USER_DMA_UNMAP] = {"DMA_UNMAP", sizeof(struct vfio_user_dma_unmap), 0, dma_unmap},
    [VFIO_USER_GET_INFO] = {"DEVICE_GET_INFO", sizeof(struct vfio_user_device_info), 0, get_info},
    [VFIO_USER_GET_REGION_INFO] = {"DEVICE_GET_REGION_INFO", sizeof(struct vfio_region_info), 0,
                                   vfio_user_get_region_info},
    [VFIO_USER_GET_REGION_IO_FDS] = {"DEVICE_GET_REGION_IO_FDS",
                                     sizeof(struct vfio_user_region_io_fds), 0,
                                     vfio_user_get_region_io_fds},
    [VFIO_USER_GET_IRQ_INFO] = {"DEVICE_GET_IRQ_INFO", sizeof(struct vfio_user_irq_info), 0,
                                get_irq_info},
    [VFIO_USER_SET_IRQS] = {"DEVICE_SET_IRQS", sizeof(struct vfio_irq_set), VFIO_USER_MAX_FDS,
                            set_irqs},
    [VFIO_USER_REGION_READ] = {"REGION_READ", sizeof(struct vfio_user_region_access), 0,
                               vfio_user_region_read},
    [VFIO_USER_REGION_WRITE] = {"REGION_WRITE", sizeof(struct vfio_user_region_access), 0,
                                vfio_user_region_write},
    [VFIO_USER_RESET] = {"DEVICE_RESET", 0, 0, reset},
    [VFIO_USER_REGION_WRITE_MULTI] = {"REGION_WRITE_MULTI", sizeof(uint64_t), 0,
                                      vfio_user_region_write_multi},
    [VFIO_USER_FEATURE] = {"DEVICE_FEATURE", sizeof(struct vfio_user_feature), 0, feature},
    [VFIO_USER_MIG_DATA_READ] = {"MIG_DATA_READ", sizeof(struct vfio_user_mig_data), 0,
                                 mig_data_read},
    [VFIO_USER_MIG_DATA_WRITE] = {"MIG_DATA_WRITE", sizeof(struct vfio_user_mig_data), 0,
                                  mig_data_write},
};

static const char *command_name(unsigned command)
{
    return command < VFIO_USER_COMMAND_COUNT && commands[command].name ? commands[command].name
                                                                       : "an unknown command";
}

/* Checks what holds for every command, and runs it. As a handler. */
static int run(struct vfio_user_device *device, struct vfio_user_message *message,
               struct vfio_user_answer *answer)
{
    unsigned command = message->header.command;

    if (command >= VFIO_USER_COMMAND_COUNT || !commands[command].handle ||
        message->size < commands[command].size || message->fd_count > commands[command].fds ||
        message->fds_lost)
        return EINVAL;
    return commands[command].handle(device, message, answer);
}

static enum vfio_user_served handle(struct vfio_user_device *device,
                                    struct vfio_user_message *message)
{
    struct vfio_user_answer answer = {.data = vfio_user_stream_reply(&device->stream), .fd = -1};
    bool silent = message->header.flags & VFIO_USER_NO_REPLY;
    int error = EPROTO;

    bool acceptable = device->negotiated || message->header.command == VFIO_USER_VERSION;
    if (acceptable)
        error = run(device, message, &answer);
    if (error == VFIO_USER_RELIEVED)
        return VFIO_USER_SERVED_BY_OTHER; /* a message that can come to this has no descriptors */
    for (unsigned i = 0; i < message->fd_count; i++)
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    if (error)
        vfio_user_complain(device, "%s (command %u, %u bytes) failed: %s",
                           command_name(message->header.command), message->header.command,
                           message->header.size, g_strerror(error));
    if (!acceptable)
        return VFIO_USER_GONE; /* it began with anything but VERSION */
    if (silent ||
        vfio_user_stream_send(&device->stream, &message->header, error, answer.size, answer.fd))
        return VFIO_USER_SERVED;
    return VFIO_USER_GONE;
}

/* Handles the messages that are complete. */
static enum vfio_user_served handle_received(struct vfio_user_device *device)
{
    struct vfio_user_stream *stream = &device->stream;
    enum vfio_user_served served = VFIO_USER_SERVED;
    struct vfio_user_message message;

    /* A client that does not read its answers is not listened to until it does. */
    while (served == VFIO_USER_SERVED && !vfio_user_stream_blocked(stream)) {
        switch (vfio_user_stream_next(stream, &message)) {
        case VFIO_USER_INCOMPLETE:
            return VFIO_USER_SERVED;
        case VFIO_USER_BROKEN:
            vfio_user_complain(
                device, "bad message header: command %u, size %u (limits 16 to %u), flags %#x",
                message.header.command, message.header.size, VFIO_USER_MAX_MESSAGE,
                message.header.flags);
            return VFIO_USER_GONE;
        case VFIO_USER_MESSAGE:
            served = handle(device, &message);
            break;
        }
    }
    return served;
}

enum vfio_user_served vfio_user_device_serve(struct vfio_user_device *device)
{
    bool connected = vfio_user_stream_blocked(&device->stream)
                         ? vfio_user_stream_flush(&device->stream)
                         : vfio_user_stream_fill(&device->stream);

    return connected ? handle_received(device) : VFIO_USER_GONE;
}

enum vfio_user_served vfio_user_device_take_over(struct vfio_user_device *device)
{
    vfio_user_complain_late(device, device->write_port);
    if (!(device->write_header.flags & VFIO_USER_NO_REPLY) &&
        !vfio_user_stream_send(&device->stream, &device->write_header, 0,
                               sizeof(struct vfio_user_region_access), -1))
        return VFIO_USER_GONE;
    return handle_received(device);
}

void vfio_user_device_init(struct vfio_user_device *device, struct pci_function *pci,
                           const char *name, int epoll, uint32_t tag)
{
    device->pci = pci;
    device->name = name;
    vfio_user_stream_init(&device->stream);
    vfio_user_dma_init(&device->dma);
    vfio_user_lane_init(&device->lane, pci);
    vfio_user_irq_init(&device->irq, epoll, tag);
    pci_intx_set_sink(pci, vfio_user_irq_line, &device->irq);
    vfio_user_irq_line(&device->irq, pci_intx_level(pci));
}

void vfio_user_device_finish(struct vfio_user_device *device)
{
    vfio_user_lane_finish(&device->lane);
    pci_intx_set_sink(device->pci, NULL, NULL);
    vfio_user_migration_finish(&device->migration);
    vfio_user_irq_finish(&device->irq);
    vfio_user_dma_finish(&device->dma);
    vfio_user_stream_finish(&device->stream);
}

void vfio_user_device_connect(struct vfio_user_device *device, int fd, bool map_memory)
{
    vfio_user_stream_open(&device->stream, fd);
    device->negotiated = false;
    device->map_memory = map_memory;
    device->migration.shared = map_memory;
}

void vfio_user_device_disconnect(struct vfio_user_device *device)
{
    vfio_user_stream_close(&device->stream);
    vfio_user_irq_unbind(&device->irq);
    vfio_user_dma_clear(&device->dma);
    while (vfio_user_lane_reset(&device->lane) == VFIO_USER_LANE_FULL)
        vfio_user_lane_settle(&device->lane);
    vfio_user_lane_settle(&device->lane);
    vfio_user_migration_reset(&device->migration);
}
