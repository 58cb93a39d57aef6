/*
 * DEVICE_FEATURE.
 *
 * The card never writes guest memory, so dirty logging is always on and always finds nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user_feature.h"

#include <errno.h>
#include <string.h>

#define SMALLEST_PAGE 4096u

static bool page_size_ok(uint64_t size)
{
    return size >= SMALLEST_PAGE && (size & (size - 1)) == 0;
}

static int logging_start(struct vfio_user_dma *dma, const uint8_t *data, size_t size,
                         const char **problem)
{
    struct vfio_user_logging_control control;

    *problem = "bad page size or ranges of DMA logging";
    if (size < sizeof(control))
        return EINVAL;
    memcpy(&control, data, sizeof(control));
    if (!page_size_ok(control.page_size) ||
        control.num_ranges > (size - sizeof(control)) / (2 * sizeof(uint64_t)))
        return EINVAL;
    dma->logging = true;
    return 0;
}

static int logging_report(const struct vfio_user_dma *dma, const struct vfio_user_feature *request,
                          const uint8_t *data, size_t size, uint8_t *reply, size_t *reply_size,
                          const char **problem)
{
    struct vfio_user_logging_report report;

    *problem = "DMA logging was not started";
    if (!dma->logging)
        return EINVAL;
    *problem = "bad page size of a DMA logging report";
    if (size < sizeof(report))
        return EINVAL;
    memcpy(&report, data, sizeof(report));
    if (!page_size_ok(report.page_size))
        return EINVAL;
    *problem = "a DMA logging report of what is not a DMA window";
    if (!vfio_user_dma_has(dma, report.address, report.length))
        return ENOENT;

    uint64_t pages = report.length / report.page_size + (report.length % report.page_size != 0);
    uint64_t bitmap = (pages / 64 + (pages % 64 != 0)) * 8;
    struct vfio_user_feature answer = *request;
    const size_t fixed = sizeof(answer) + sizeof(report);
    *problem = "a DMA logging report larger than 1 MiB or than its argsz";
    if (bitmap > VFIO_USER_MAX_DATA - fixed)
        return ENOSPC;
    if (request->argsz < fixed + bitmap)
        return EINVAL;
    answer.argsz = fixed + bitmap;
    memcpy(reply, &answer, sizeof(answer));
    memcpy(reply + sizeof(answer), &report, sizeof(report));
    memset(reply + fixed, 0, bitmap);
    *reply_size = fixed + bitmap;
    return 0;
}

/* What a feature can do, as the bits of a request's flags; 0: nothing. */
static uint32_t operations(uint32_t feature)
{
    switch (feature) {
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_START:
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP:
        return VFIO_DEVICE_FEATURE_SET;
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT:
        return VFIO_DEVICE_FEATURE_GET;
    default:
        return 0;
    }
}

static const char *unsupported(uint32_t feature)
{
    return feature == VFIO_DEVICE_FEATURE_MIGRATION ||
                   feature == VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
               ? "migration through vfio-user is not supported"
               : "the card does not have this feature or operation";
}

int vfio_user_feature(struct vfio_user_dma *dma, const struct vfio_user_message *message,
                      uint8_t *reply, size_t *size, const char **problem)
{
    struct vfio_user_feature request;
    const uint32_t get_or_set = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;

    memcpy(&request, message->payload, sizeof(request));
    uint32_t feature = request.flags & VFIO_DEVICE_FEATURE_MASK;
    uint32_t wanted = request.flags & get_or_set;
    bool probe = request.flags & VFIO_DEVICE_FEATURE_PROBE;
    const uint8_t *data = message->payload + sizeof(request);
    size_t data_size = message->size - sizeof(request);
    int error = 0;

    *problem = unsupported(feature);
    if (!operations(feature) || (wanted & ~operations(feature)))
        return EINVAL;
    *problem = "bad flags";
    if (request.flags &
            ~(uint32_t)(VFIO_DEVICE_FEATURE_MASK | get_or_set | VFIO_DEVICE_FEATURE_PROBE) ||
        (!probe && !wanted))
        return EINVAL;

    if (!probe && feature == VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT)
        return logging_report(dma, &request, data, data_size, reply, size, problem);
    if (!probe && feature == VFIO_DEVICE_FEATURE_DMA_LOGGING_START)
        error = logging_start(dma, data, data_size, problem);
    else if (!probe)
        dma->logging = false;
    if (error)
        return error;
    *size = message->size;
    memcpy(reply, message->payload, message->size);
    return 0;
}
