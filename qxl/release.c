/*
 * The release ring: how the guest gets its commands back. Section 8.10.
 *
 * Released commands form a chain through their own first eight bytes. We keep the chain's head and
 * tail ourselves and write the head into the ring only when the chain is published.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/guest_memory.h"
#include "qxl/internal.h"

#define RING_SIZE QXL_RELEASE_RING_SIZE

void qxl_release_init(struct qxl_card *card)
{
    card->release.held = g_ptr_array_new();
}

void qxl_release_finish(struct qxl_card *card)
{
    if (card->release.held)
        g_ptr_array_free(card->release.held, TRUE);
}

static void start_chain(struct qxl_release *release)
{
    release->head = 0;
    release->tail = NULL;
    release->count = 0;
}

void qxl_release_reset(struct qxl_card *card)
{
    QXLReleaseRing *ring = &card->ram->release_ring;

    card->release.prod = 0;
    g_ptr_array_set_size(card->release.held, 0);
    start_chain(&card->release);
    guest_store32(&ring->num_items, RING_SIZE);
    guest_store32(&ring->prod, 0);
    guest_store32(&ring->cons, 0);
    guest_store32(&ring->notify_on_prod, 1);
    guest_store32(&ring->notify_on_cons, 0);
    memset(&ring->items[0].el, 0, sizeof(ring->items[0].el));
}

/* One entry stays free: guests of old expect the device to fill it before it is published. */
static bool is_full(const struct qxl_card *card)
{
    return card->release.prod - guest_load32(&card->ram->release_ring.cons) >= RING_SIZE - 1;
}

bool qxl_release_ring_is_empty(const struct qxl_card *card)
{
    return card->release.prod == guest_load32(&card->ram->release_ring.cons);
}

void qxl_release_push(struct qxl_card *card)
{
    struct qxl_release *release = &card->release;
    QXLReleaseRing *ring = &card->ram->release_ring;

    if (is_full(card))
        return;
    memcpy(&ring->items[release->prod % RING_SIZE].el, &release->head, sizeof(release->head));
    release->prod++;
    guest_store32_full(&ring->prod, release->prod);
    if (guest_load32(&ring->notify_on_prod) == release->prod)
        qxl_irq_raise(card, QXL_INTERRUPT_DISPLAY);
    start_chain(release);
}

uint32_t qxl_release_flush(struct qxl_card *card)
{
    uint32_t count = card->release.count;

    if (count == 0 || is_full(card))
        return 0;
    qxl_release_push(card);
    return count;
}

static void append(struct qxl_card *card, uint8_t *info)
{
    static const uint64_t end_of_chain = 0;
    struct qxl_release *release = &card->release;
    uint64_t id;

    guest_copy_in(&id, info, sizeof(id));
    if (id == 0) {
        /* It would end the chain and lose all that follow. */
        qxl_bug(card, QXL_BUG_RELEASE_ID, "a command's release id is 0: it cannot be returned");
        return;
    }
    memcpy(info, &end_of_chain, sizeof(end_of_chain));
    if (release->tail)
        memcpy(release->tail, &id, sizeof(id));
    else
        release->head = id;
    release->tail = info;
    release->count++;
    if (release->count >= QXL_RELEASE_BATCH)
        qxl_release_flush(card);
}

void qxl_release_command(struct qxl_card *card, uint8_t *info)
{
    if (card->resetting)
        return;
    if (card->running)
        append(card, info);
    else
        g_ptr_array_add(card->release.held, info);
}

void qxl_release_resume(struct qxl_card *card)
{
    GPtrArray *held = card->release.held;

    for (guint i = 0; i < held->len; i++)
        append(card, held->pdata[i]);
    g_ptr_array_set_size(held, 0);
}
