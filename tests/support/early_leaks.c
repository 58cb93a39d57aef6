/*
 * Tells the leak checker what is not ours, in programs that have it: GLib's table of quarks is
 * given up each time it grows, as others may be reading it. It begins inside of GLib's constructor,
 * whose stack says nothing by which it could be suppressed, and how far it grows depends on what
 * plug-ins of GStreamer are installed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef __SANITIZE_ADDRESS__
#include <glib.h>
#include <sanitizer/lsan_interface.h>

enum { QUARKS = 8192 /* more than any program has */ };

/* Before the constructors of libraries. */
static void begin(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED, char **env G_GNUC_UNUSED)
{
    __lsan_disable();
}

__attribute__((section(".preinit_array"), used)) static void (*const begin_first)(int, char **,
                                                                                  char **) = begin;

/* After them. */
__attribute__((constructor)) static void end(void)
{
    for (unsigned i = 0; i < QUARKS; i++) {
        char name[32];

        g_snprintf(name, sizeof(name), "early-leaks-%u", i);
        g_quark_from_string(name);
    }
    __lsan_enable();
}
#endif
