/*
 * The version of the interface: 0xMMmmpp for MM.mm.pp.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_VERSION_H_
#define SPICE_VERSION_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

#define SPICE_SERVER_VERSION 0x000f02 /* 0.15.2 */

#endif
