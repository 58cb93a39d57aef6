/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/replay_describe.h"

#include <glib.h>
#include <spice/qxl_dev.h>

static const char *draw_name(unsigned type)
{
    static const char *const names[] = {
        [QXL_DRAW_NOP] = "nothing",
        [QXL_DRAW_FILL] = "fill",
        [QXL_DRAW_OPAQUE] = "opaque",
        [QXL_DRAW_COPY] = "copy",
        [QXL_COPY_BITS] = "copy bits",
        [QXL_DRAW_BLEND] = "blend",
        [QXL_DRAW_BLACKNESS] = "blackness",
        [QXL_DRAW_WHITENESS] = "whiteness",
        [QXL_DRAW_INVERS] = "invert",
        [QXL_DRAW_ROP3] = "rop3",
        [QXL_DRAW_STROKE] = "stroke",
        [QXL_DRAW_TEXT] = "text",
        [QXL_DRAW_TRANSPARENT] = "transparent",
        [QXL_DRAW_ALPHA_BLEND] = "alpha blend",
        [QXL_DRAW_COMPOSITE] = "composite",
    };
    return type < G_N_ELEMENTS(names) && names[type] ? names[type] : "unknown drawing";
}

static char *describe_draw(const QXLDrawable *draw)
{
    const QXLRect *box = &draw->bbox;

    return g_strdup_printf("%s on surface %u, %dx%d at %d,%d%s", draw_name(draw->type),
                           draw->surface_id, box->right - box->left, box->bottom - box->top,
                           box->left, box->top,
                           draw->clip.type == SPICE_CLIP_TYPE_RECTS ? ", clipped" : "");
}

static char *describe_surface(const QXLSurfaceCmd *surface)
{
    const QXLSurface *create = &surface->u.surface_create;

    if (surface->type == QXL_SURFACE_CMD_DESTROY)
        return g_strdup_printf("destroy surface %u", surface->surface_id);
    return g_strdup_printf("create surface %u, %ux%u, format %u", surface->surface_id,
                           create->width, create->height, create->format);
}

static char *describe_cursor(const QXLCursorCmd *cursor)
{
    switch (cursor->type) {
    case QXL_CURSOR_SET:
        return g_strdup_printf("cursor shape at %d,%d", cursor->u.set.position.x,
                               cursor->u.set.position.y);
    case QXL_CURSOR_MOVE:
        return g_strdup_printf("cursor to %d,%d", cursor->u.position.x, cursor->u.position.y);
    case QXL_CURSOR_HIDE:
        return g_strdup("hide the cursor");
    default:
        return g_strdup("cursor trail");
    }
}

char *replay_describe(const QXLCommandExt *command)
{
    const void *structure = (const void *)(uintptr_t)command->cmd.data;

    switch (command->cmd.type) {
    case QXL_CMD_DRAW:
        return describe_draw(structure);
    case QXL_CMD_SURFACE:
        return describe_surface(structure);
    case QXL_CMD_CURSOR:
        return describe_cursor(structure);
    case QXL_CMD_UPDATE:
        return g_strdup_printf("update surface %u", ((const QXLUpdateCmd *)structure)->surface_id);
    default:
        return g_strdup_printf("command of type %u", command->cmd.type);
    }
}
