/*
 * Fast hashes of pixels, with the widest vectors that this processor has.
 *
 * Nothing of a guest's depends on them but its own picture, so they are not keyed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#define XXH_STATIC_LINKING_ONLY /* for states that are not allocated */
#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#endif
