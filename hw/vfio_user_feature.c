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

/* Answers a GET of SIZE bytes of DATA. */
static int answer_get(const struct vfio_user_feature *request, const void *data, size_t size,
                      uint8_t *reply, size_t *reply_size, const char **problem)
{
    struct vfio_user_feature answer = *request;

    *problem = "the argsz is too small for the answer";
    answer.argsz = sizeof(answer) + size;
    if (request->argsz < answer.argsz)
        return EINVAL;
    memcpy(reply, &answer, sizeof(answer));
    memcpy(reply + sizeof(answer), data, size);
    *reply_size = answer.argsz;
    return 0;
}

static int get_migration(const struct vfio_user_feature *request, uint8_t *reply,
                         size_t *reply_size, const char **problem)
{
    struct vfio_user_migration_flags flags = {
        .flags = VFIO_USER_MIGRATION_STOP_COPY | VFIO_USER_MIGRATION_PRE_COPY,
    };
    return answer_get(request, &flags, sizeof(flags), reply, reply_size, problem);
}

static int get_state(const struct vfio_user_migration *migration,
                     const struct vfio_user_feature *request, uint8_t *reply, size_t *reply_size,
                     const char **problem)
{
    struct vfio_user_device_state state = {.state = migration->state, .data_fd = UINT32_MAX};
    return answer_get(request, &state, sizeof(state), reply, reply_size, problem);
}

/* *REASON is to be freed. */
static int set_state(struct vfio_user_migration *migration, const uint8_t *data, size_t size,
                     const char **problem, char **reason)
{
    struct vfio_user_device_state state;

    *problem = "a device state is cut off";
    if (size < sizeof(state))
        return EINVAL;
    memcpy(&state, data, sizeof(state));
    return vfio_user_migration_set_state(migration, state.state, reason);
}

/* What a feature can do, as the bits of a request's flags; 0: nothing. */
static uint32_t operations(uint32_t feature, bool can_migrate)
{
    switch (feature) {
    case VFIO_DEVICE_FEATURE_MIGRATION:
        return can_migrate ? VFIO_DEVICE_FEATURE_GET : 0;
    case VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE:
        return can_migrate ? VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET : 0;
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_START:
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP:
        return VFIO_DEVICE_FEATURE_SET;
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT:
        return VFIO_DEVICE_FEATURE_GET;
    default:
        return 0;
    }
}

/* Does it; a successful SET leaves the answer, a copy of the request, to the caller. */
static int run(struct vfio_user_dma *dma, struct vfio_user_migration *migration,
               const struct vfio_user_feature *request, const uint8_t *data, size_t data_size,
               uint8_t *reply, size_t *size, const char **problem, char **reason)
{
    const uint32_t get_or_set = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;

    *problem = "GET and SET at once";
    if ((request->flags & get_or_set) == get_or_set)
        return EINVAL;
    switch (request->flags & VFIO_DEVICE_FEATURE_MASK) {
    case VFIO_DEVICE_FEATURE_MIGRATION:
        return get_migration(request, reply, size, problem);
    case VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE:
        return request->flags & VFIO_DEVICE_FEATURE_GET
                   ? get_state(migration, request, reply, size, problem)
                   : set_state(migration, data, data_size, problem, reason);
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT:
        return logging_report(dma, request, data, data_size, reply, size, problem);
    case VFIO_DEVICE_FEATURE_DMA_LOGGING_START:
        return logging_start(dma, data, data_size, problem);
    default:
        dma->logging = false;
        return 0;
    }
}

int vfio_user_feature(struct vfio_user_dma *dma, struct vfio_user_migration *migration,
                      const struct vfio_user_message *message, uint8_t *reply, size_t *size,
                      char **reason)
{
    struct vfio_user_feature request;
    const uint32_t get_or_set = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
    const char *problem = "the card does not have this feature or operation";
    int error = EINVAL;

    memcpy(&request, message->payload, sizeof(request));
    uint32_t can = operations(request.flags & VFIO_DEVICE_FEATURE_MASK,
                              vfio_user_migration_supported(migration));
    uint32_t wanted = request.flags & get_or_set;
    bool probe = request.flags & VFIO_DEVICE_FEATURE_PROBE;

    *size = 0;
    *reason = NULL;
    if (can && !(wanted & ~can)) {
        problem = "bad flags";
        if (!(request.flags &
              ~(uint32_t)(VFIO_DEVICE_FEATURE_MASK | get_or_set | VFIO_DEVICE_FEATURE_PROBE)) &&
            (probe || wanted))
            error = probe ? 0
                          : run(dma, migration, &request, message->payload + sizeof(request),
                                message->size - sizeof(request), reply, size, &problem, reason);
    }
    if (error && !*reason)
        *reason = g_strdup(problem);
    if (!error && !*size) {
        *size = message->size;
        memcpy(reply, message->payload, message->size);
    }
    return error;
}
