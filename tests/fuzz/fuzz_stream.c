/*
 * The loader of migration streams, down to a card that goes on from what it has been given.
 *
 * The input is a stream whose checksums are put right first: what is behind them shall be reached.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "migration/loader.h"
#include "migration/stream.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/card_guest.h"

#include <string.h>
#include <xxhash.h>

#define MIB (UINT64_C(1) << 20)

static struct card_guest *card(void)
{
    static struct card_guest guest;
    static const struct qxl_config config = {
        .ram_size = 16 * MIB, .vram_size = 8 * MIB, .vgamem_mb = 8, .max_outputs = 2};

    if (!guest.card)
        card_guest_init(&guest, &config);
    return &guest;
}

/* A section's checksum is that of its content, seeded by that of its head and name. */
static void repair(uint8_t *data, size_t size)
{
    size_t at = STREAM_HEADER_SIZE;

    while (at + STREAM_LOOK_AHEAD < size) {
        size_t head = STREAM_LOOK_AHEAD + data[at];
        size_t whole = stream_section_size(data + at, size - at);
        if (whole < head + sizeof(uint64_t) || whole > size - at)
            return;
        uint64_t sum = XXH3_64bits_withSeed(data + at + head, whole - head - sizeof(sum),
                                            XXH3_64bits(data + at, head));
        memcpy(data + at + whole - sizeof(sum), &sum, sizeof(sum));
        at += whole;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct card_guest *guest = card();
    g_autofree uint8_t *data = g_memdup2(input, size);
    struct migration_set set;

    if (size == 0)
        return 0;
    repair(data, size);
    qxl_card_stop(guest->card);
    qxl_card_reset(guest->card);
    migration_set_init(&set);
    qxl_function_add_parts(guest->function, 0, &set);
    for (unsigned i = 0; i < set.blocks->len; i++)
        migration_block_clear(migration_set_block(&set, i));
    struct migration_loader *loader = migration_loader_create(&set);
    bool loaded = migration_loader_write(loader, data, size / 2, NULL) &&
                  migration_loader_write(loader, data + size / 2, size - size / 2, NULL) &&
                  migration_loader_commit(loader, NULL);
    migration_loader_destroy(loader);
    migration_set_finish(&set);
    if (loaded) {
        struct qxl_screen screen;
        qxl_card_start(guest->card);
        guest_out(guest, QXL_IO_NOTIFY_CMD, 0);
        guest_out(guest, QXL_IO_UPDATE_AREA, 0);
        qxl_card_screen(guest->card, &screen);
    }
    return 0;
}
