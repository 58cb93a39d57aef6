/*
 * Surfaces: what makes one sound, and which ones the guest has, for migration. Sections 8.11 and 9.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

unsigned qxl_surface_bpp(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        return 1;
    case SPICE_SURFACE_FMT_8_A:
        return 8;
    case SPICE_SURFACE_FMT_16_555:
    case SPICE_SURFACE_FMT_16_565:
        return 16;
    case SPICE_SURFACE_FMT_32_xRGB:
    case SPICE_SURFACE_FMT_32_ARGB:
        return 32;
    default:
        return 0;
    }
}

const char *qxl_surface_check(const struct qxl_card *card, struct qxl_surface *surface,
                              enum qxl_fault *fault)
{
    unsigned bpp = qxl_surface_bpp(surface->format);
    uint64_t stride = (uint64_t)ABS((int64_t)surface->stride);

    *fault = QXL_FAULT_NONE;
    if (!bpp)
        return "no such format";
    if (surface->width == 0 || surface->height == 0)
        return "it is empty";
    if (stride % 4)
        return "its stride is no multiple of 4";
    if (stride < ((uint64_t)surface->width * bpp + 7) / 8)
        return "its rows are longer than its stride";
    if (stride > INT32_MAX || stride * surface->height > INT32_MAX)
        return "it is larger than 2 GiB";
    surface->pixels =
        qxl_memslot_translate(card, surface->address, stride * surface->height, fault);
    if (!surface->pixels)
        return "its pixels do not lie in one memory slot";
    surface->exists = true;
    return NULL;
}

static bool track_create(struct qxl_card *card, QXLPHYSICAL address, const QXLSurfaceCmd *command)
{
    const QXLSurface *create = &command->u.surface_create;
    struct qxl_surface surface = {
        .width = create->width,
        .height = create->height,
        .stride = create->stride,
        .format = create->format,
        .flags = command->flags,
        .address = create->data,
        .command = address,
    };
    uint32_t id = command->surface_id;
    enum qxl_fault fault;

    if (surface.stride & 3) {
        qxl_bug(card, QXL_BUG_SURFACE_STRIDE, "surface %u: stride %d is no multiple of 4", id,
                surface.stride);
        return false;
    }
    const char *wrong = qxl_surface_check(card, &surface, &fault);
    if (wrong) {
        qxl_bug(card, QXL_BUG_SURFACE_COMMAND, "surface %u (%ux%u, stride %d, format %u): %s", id,
                surface.width, surface.height, surface.stride, surface.format, wrong);
        return false;
    }
    if (card->surfaces[id].exists) {
        qxl_bug(card, QXL_BUG_SURFACE_REPEATED, "surface %u is created twice", id);
        return true; /* the server returns it */
    }
    card->surfaces[id] = surface;
    return true;
}

bool qxl_surfaces_track(struct qxl_card *card, QXLPHYSICAL address, const uint8_t *bytes)
{
    QXLSurfaceCmd command;

    guest_copy_in(&command, bytes, sizeof(command));
    uint32_t id = command.surface_id;
    if (id == 0 || id >= card->config.surfaces) {
        qxl_bug(card, QXL_BUG_SURFACE_ID, "SURFACE command for surface %u: only 1 to %u can be", id,
                card->config.surfaces - 1);
        return false;
    }
    switch (command.type) {
    case QXL_SURFACE_CMD_CREATE:
        return track_create(card, address, &command);
    case QXL_SURFACE_CMD_DESTROY:
        if (!card->surfaces[id].exists)
            qxl_bug(card, QXL_BUG_SURFACE_REPEATED, "surface %u is destroyed but not there", id);
        card->surfaces[id].exists = false;
        return true;
    default:
        qxl_bug(card, QXL_BUG_SURFACE_COMMAND, "SURFACE command of unknown type %u", command.type);
        return false;
    }
}

void qxl_surfaces_forget(struct qxl_card *card)
{
    memset(card->surfaces, 0, card->config.surfaces * sizeof(card->surfaces[0]));
}
