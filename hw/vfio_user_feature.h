/*
 * DEVICE_FEATURE: what the card says about migration and dirty logging.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "hw/vfio_user_dma.h"
#include "hw/vfio_user_stream.h"

/*
 * Answers MESSAGE: writes *SIZE bytes to REPLY and returns 0, or returns an errno with *PROBLEM, a
 * phrase for a log. Facts: vfio-user.md section 3.12.
 */
int vfio_user_feature(struct vfio_user_dma *dma, const struct vfio_user_message *message,
                      uint8_t *reply, size_t *size, const char **problem);
