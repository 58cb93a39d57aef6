/*
 * What a guest gets back, when: at once, or together after what is being done; each exactly once.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/guest_resource.h"

#include <glib.h>

#define COMMANDS 200

struct guest {
    QXLInstance qxl;
    struct releases releases;
    QXLReleaseInfo infos[COMMANDS];
    QXLReleaseInfo *released[COMMANDS + 1]; /* in order */
    unsigned count;
};

static void release(QXLInstance *qxl, QXLReleaseInfoExt info)
{
    struct guest *guest = (struct guest *)qxl;

    g_assert_cmpuint(guest->count, <, COMMANDS);
    g_assert_cmpuint(info.group_id, ==, 3);
    guest->released[guest->count++] = info.info;
}

static const QXLInterface interface = {.release_resource = release};

static struct guest *guest_create(void)
{
    struct guest *guest = g_new0(struct guest, 1);

    guest->qxl.base.sif = &interface.base;
    guest->releases.qxl = &guest->qxl;
    return guest;
}

static struct guest_resource resource_of(struct guest *guest, unsigned number)
{
    return (struct guest_resource){.to = &guest->releases,
                                   .info = {.info = &guest->infos[number], .group_id = 3}};
}

static void release_one(struct guest *guest, unsigned number)
{
    struct guest_resource resource = resource_of(guest, number);

    guest_resource_release(&resource);
    g_assert_null(resource.info.info);
    guest_resource_release(&resource); /* there is nothing left to release */
}

static void test_at_once(void)
{
    struct guest *guest = guest_create();
    struct guest_resource nothing = {0};

    guest_resource_release(&nothing);
    release_one(guest, 0);
    g_assert_cmpuint(guest->count, ==, 1);
    releases_give(&guest->releases); /* nothing is held */
    g_assert_cmpuint(guest->count, ==, 1);
    g_free(guest);
}

static void test_held(void)
{
    struct guest *guest = guest_create();

    releases_hold(&guest->releases);
    release_one(guest, 0);
    release_one(guest, 1);
    g_assert_cmpuint(guest->count, ==, 0);
    releases_give(&guest->releases);
    g_assert_cmpuint(guest->count, ==, 2);
    release_one(guest, 2);
    g_assert_cmpuint(guest->count, ==, 3);
    for (unsigned i = 0; i < 3; i++)
        g_assert_true(guest->released[i] == &guest->infos[i]);
    g_free(guest);
}

/* However many are released, the guest is never without more than RELEASES_MAX of them. */
static void test_many(void)
{
    struct guest *guest = guest_create();

    releases_hold(&guest->releases);
    for (unsigned i = 0; i < COMMANDS; i++) {
        release_one(guest, i);
        g_assert_cmpuint(i + 1 - guest->count, <, RELEASES_MAX);
    }
    g_assert_cmpuint(guest->count, <, COMMANDS); /* else nothing is held */
    releases_give(&guest->releases);
    g_assert_cmpuint(guest->count, ==, COMMANDS);
    for (unsigned i = 0; i < COMMANDS; i++)
        g_assert_true(guest->released[i] == &guest->infos[i]);
    g_free(guest);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guest-resource/at-once", test_at_once);
    g_test_add_func("/guest-resource/held", test_held);
    g_test_add_func("/guest-resource/many", test_many);
    return g_test_run();
}
