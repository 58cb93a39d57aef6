/*
 * SPICE server libraries as tables of functions. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/server_library.h"

#include <dlfcn.h>
#include <glib.h>

const struct server_library *server_library_linked(void)
{
    static const struct server_library linked = {
#define LINKED(name) .name = name,
        SERVER_LIBRARY_FUNCTIONS(LINKED)
#undef LINKED
    };
    return &linked;
}

bool server_library_open(struct server_library *library, const char *path)
{
    bool complete = true;

    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL) {
        g_test_message("cannot load %s: %s", path, dlerror());
        return false;
    }
#define FIND(name)                                                                                 \
    *(void **)&library->name = dlsym(library->handle, #name);                                      \
    if (library->name == NULL) {                                                                   \
        g_test_message("%s has no %s", path, #name);                                               \
        complete = false;                                                                          \
    }
    SERVER_LIBRARY_FUNCTIONS(FIND)
#undef FIND
    return complete;
}
