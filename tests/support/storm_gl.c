/*
 * Pictures of a storm that the host's OpenGL has drawn: memory that local clients share.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/storm.h"

#include <sys/mman.h>
#include <unistd.h>

#define XRGB8888 0x34325258 /* of drm_fourcc.h */

static bool is_drawing(struct storm *storm)
{
    struct qxl_host *host = storm->host;
    uint64_t done = 0;

    pthread_mutex_lock(&host->lock);
    for (unsigned i = 0; i < host->completions->len; i++)
        done += g_array_index(host->completions, uint64_t, i) >= STORM_GL_COOKIES;
    pthread_mutex_unlock(&host->lock);
    return done < storm->gl_drawn;
}

void storm_show_gl(struct storm *storm, GRand *rand)
{
    uint32_t width = (uint32_t)g_rand_int_range(rand, 1, 200), height = 100;
    int fd = memfd_create("picture", MFD_CLOEXEC);

    g_assert_cmpint(ftruncate(fd, (off_t)width * height * 4), ==, 0);
    spice_qxl_gl_scanout(&storm->host->qxl, fd, width, height, width * 4, XRGB8888,
                         g_rand_boolean(rand));
}

/* The next one when the last one is done, as QEMU does. */
void storm_draw_gl(struct storm *storm, GRand *rand)
{
    if (!is_drawing(storm))
        spice_qxl_gl_draw_async(&storm->host->qxl, 0, 0, (uint32_t)g_rand_int_range(rand, 1, 200),
                                50, STORM_GL_COOKIES + storm->gl_drawn++);
}

void storm_hide_gl(struct storm *storm, GRand *rand G_GNUC_UNUSED)
{
    spice_qxl_gl_scanout(&storm->host->qxl, -1, 0, 0, 0, 0, 0);
}
