/*
 * Events of a recording: commands, and calls of the host that change the picture (server-abi.md
 * section 8.3).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

enum {
    EVENT_COMMAND = 0,
    EVENT_CALL = 1,
    CALL_DESTROY_SURFACES = 19,
    CALL_CREATE_PRIMARY = 20,
    CALL_DESTROY_PRIMARY = 21,
    CALL_DESTROY_SURFACES_ASYNC = 28,
    CALL_CREATE_PRIMARY_ASYNC = 29,
    CALL_DESTROY_PRIMARY_ASYNC = 30,
};
