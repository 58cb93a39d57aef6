/*
 * Serves test devices over vfio-user, for test_vfio_user.py.
 *
 * vfio_user_host MMAP PATH...: one device for each PATH. Commands, a line each, come from standard
 * input for the first device: stop, start, reset, irq 0|1, quit; "ok" answers. Connections and
 * disconnections are written as they happen.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "hw/vfio_user.h"
#include "tests/support/fake_pci.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEVICES 8

static void connection_changed(void *opaque, bool connected)
{
    printf("%s %s\n", connected ? "connected" : "disconnected", (const char *)opaque);
    fflush(stdout);
}

static bool run_command(const char *line, struct fake_pci *fake, struct engine *engine)
{
    if (strcmp(line, "stop") == 0)
        engine->impl->stop(engine);
    else if (strcmp(line, "start") == 0)
        engine->impl->start(engine);
    else if (strcmp(line, "reset") == 0)
        engine->impl->reset(engine);
    else if (strncmp(line, "irq ", 4) == 0)
        pci_intx_set(fake_pci_function(fake), line[4] == '1');
    else
        return false;
    printf("ok\n");
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct fake_pci *fakes[MAX_DEVICES];
    struct engine *engines[MAX_DEVICES];
    int count = argc - 2;
    char line[64];

    if (count < 1 || count > MAX_DEVICES) {
        fprintf(stderr, "usage: vfio_user_host auto|on|off PATH...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        struct vfio_user_config config = {
            .path = argv[i + 2],
            .mmap = strcmp(argv[1], "on") == 0    ? VFIO_USER_MMAP_ON
                    : strcmp(argv[1], "off") == 0 ? VFIO_USER_MMAP_OFF
                                                  : VFIO_USER_MMAP_AUTO,
            .connection_changed = connection_changed,
            .opaque = argv[i + 2],
        };
        GError *error = NULL;
        fakes[i] = fake_pci_create();
        engines[i] = vfio_user_create(&config, fake_pci_function(fakes[i]), &error);
        if (!engines[i]) {
            fprintf(stderr, "%s\n", error->message);
            return 1;
        }
        engines[i]->impl->start(engines[i]);
    }
    printf("listening\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!run_command(line, fakes[0], engines[0]))
            break;
    }
    for (int i = 0; i < count; i++) {
        engine_destroy(engines[i]);
        fake_pci_destroy(fakes[i]);
    }
    return 0;
}
