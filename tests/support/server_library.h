/*
 * A SPICE server library as a table of functions, so that one program can drive several of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <spice.h>
#include <stdbool.h>

#define SERVER_LIBRARY_FUNCTIONS(X)                                                                \
    X(spice_server_new)                                                                            \
    X(spice_server_init)                                                                           \
    X(spice_server_set_noauth)                                                                     \
    X(spice_server_set_image_compression)                                                          \
    X(spice_server_set_streaming_video)                                                            \
    X(spice_server_add_client)                                                                     \
    X(spice_server_add_interface)                                                                  \
    X(spice_server_remove_interface)                                                               \
    X(spice_server_vm_start)                                                                       \
    X(spice_server_vm_stop)                                                                        \
    X(spice_server_destroy)                                                                        \
    X(spice_qxl_wakeup)                                                                            \
    X(spice_qxl_add_memslot)                                                                       \
    X(spice_qxl_create_primary_surface)                                                            \
    X(spice_qxl_destroy_primary_surface)                                                           \
    X(spice_qxl_destroy_surfaces)                                                                  \
    X(spice_qxl_update_area)

struct server_library {
    void *handle; /* of dlopen(); NULL: linked */
#define SERVER_LIBRARY_MEMBER(name) __typeof__(&name) name;
    SERVER_LIBRARY_FUNCTIONS(SERVER_LIBRARY_MEMBER)
#undef SERVER_LIBRARY_MEMBER
};

/* The one that the program is linked with. */
const struct server_library *server_library_linked(void);
/* The one in the file PATH; false: it cannot be loaded, and a test message says why. */
bool server_library_open(struct server_library *library, const char *path);
