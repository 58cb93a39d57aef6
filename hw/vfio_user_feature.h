/*
 * DEVICE_FEATURE: what the card says about migration and dirty logging.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_dma.h"
#include "hw/vfio_user_migration.h"
#include "hw/vfio_user_stream.h"

/*
 * Answers MESSAGE: writes *SIZE bytes to REPLY and returns 0, or returns an errno with *PROBLEM, a
 * phrase for a log, to be freed. Facts: vfio-user.md section 3.12.
 */
int vfio_user_feature(struct vfio_user_dma *dma, struct vfio_user_migration *migration,
                      const struct vfio_user_message *message, uint8_t *reply, size_t *size,
                      char **problem);
