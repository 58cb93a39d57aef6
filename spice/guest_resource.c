/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/guest_resource.h"

#include <spice/macros.h>

static void give_all(struct releases *releases)
{
    QXLInterface *interface = SPICE_CONTAINEROF(releases->qxl->base.sif, QXLInterface, base);

    for (unsigned i = 0; i < releases->count; i++)
        interface->release_resource(releases->qxl, releases->infos[i]);
    releases->count = 0;
}

void releases_hold(struct releases *releases)
{
    releases->held = true;
}

void releases_give(struct releases *releases)
{
    releases->held = false;
    give_all(releases);
}

void guest_resource_release(struct guest_resource *resource)
{
    struct releases *releases = resource->to;

    if (resource->info.info == NULL)
        return;
    releases->infos[releases->count++] = resource->info;
    resource->info.info = NULL;
    if (!releases->held || releases->count == RELEASES_MAX)
        give_all(releases);
}
