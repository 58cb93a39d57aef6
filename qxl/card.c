/*
 * The card as an object: creation, start and stop, what engines and the monitor ask it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "qxl/internal.h"

#include <gio/gio.h>

static bool init_memory(struct qxl_card *card, GError **error)
{
    if (!qxl_memory_init(&card->ram_memory, "qxl-ram", card->config.ram_size, error) ||
        !qxl_memory_init(&card->vram_memory, "qxl-vram", card->config.vram64_size, error) ||
        !qxl_memory_init(&card->rom_memory, "qxl-rom", qxl_rom_size(), error))
        return false;
    qxl_memory_seal_content(&card->rom_memory);

    card->ram = (QXLRam *)(card->ram_memory.bytes + card->ram_memory.size - QXL_RAM_HEADER_AREA);
    return true;
}

static bool attach(struct qxl_card *card, SpiceServer *server, GError **error)
{
    card->instance.base.sif = &qxl_interface.base;
    card->instance.id = card->id;
    if (spice_server_add_interface(server, &card->instance.base) != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "the SPICE server refuses a display with id %d: is there one already?",
                    card->id);
        return false;
    }
    card->attached = true;
    /*
     * Only the number of heads: where the guest sees the card on its bus is not known here. Without
     * a number of its own the server would show one head only.
     */
    spice_qxl_set_max_monitors(&card->instance,
                               card->config.max_outputs ? card->config.max_outputs : 16);
    return true;
}

struct qxl_card *qxl_card_create(const struct qxl_config *config, SpiceServer *server, int id,
                                 const struct qxl_host *host, void *opaque, GError **error)
{
    struct qxl_card *card = g_new0(struct qxl_card, 1);

    card->config = *config;
    card->host = host;
    card->host_opaque = opaque;
    card->id = id;
    card->ram_memory.memfd = card->vram_memory.memfd = card->rom_memory.memfd = -1;
    card->guest_group = QXL_GROUP_GUEST_EVEN;
    pthread_mutex_init(&card->io_lock, NULL);
    pthread_mutex_init(&card->state_lock, NULL);
    pthread_cond_init(&card->async.finished, NULL);
    qxl_release_init(card);
    if (!qxl_config_complete(&card->config, error) || !init_memory(card, error))
        goto fail;
    card->vgamem_size = (uint64_t)card->config.vgamem_mb << 20;
    card->surfaces = g_new0(struct qxl_surface, card->config.surfaces);
    qxl_ring_init(&card->command_ring, "command", &card->ram->cmd_ring, QXL_INTERRUPT_DISPLAY);
    qxl_ring_init(&card->cursor_ring, "cursor", (QXLCommandRing *)&card->ram->cursor_ring,
                  QXL_INTERRUPT_CURSOR);
    qxl_rom_init(card);
    if (!attach(card, server, error))
        goto fail;
    qxl_mode_hard_reset(card);
    return card;

fail:
    qxl_card_destroy(card);
    return NULL;
}

void qxl_card_destroy(struct qxl_card *card)
{
    if (!card)
        return;
    if (card->attached) {
        qxl_card_stop(card);
        spice_server_remove_interface(&card->instance.base);
    }
    qxl_release_finish(card);
    g_free(card->surfaces);
    g_free(card->blank);
    qxl_view_finish(card);
    qxl_memory_finish(&card->rom_memory);
    qxl_memory_finish(&card->vram_memory);
    qxl_memory_finish(&card->ram_memory);
    pthread_cond_destroy(&card->async.finished);
    pthread_mutex_destroy(&card->state_lock);
    pthread_mutex_destroy(&card->io_lock);
    g_free(card);
}

const struct qxl_config *qxl_card_config(const struct qxl_card *card)
{
    return &card->config;
}

int qxl_card_id(const struct qxl_card *card)
{
    return card->id;
}

struct qxl_bar_info qxl_card_bar(const struct qxl_card *card, enum qxl_bar bar)
{
    const struct qxl_memory *memory = &card->vram_memory;
    uint64_t size = 0;

    switch (bar) {
    case QXL_BAR_RAM:
        memory = &card->ram_memory;
        size = memory->size;
        break;
    case QXL_BAR_ROM:
        memory = &card->rom_memory;
        size = memory->size;
        break;
    case QXL_BAR_VRAM32:
        size = card->config.vram_size;
        break;
    case QXL_BAR_VRAM64:
        if (card->config.vram64_size > card->config.vram_size)
            size = card->config.vram64_size;
        break;
    case QXL_BAR_IO:
        return (struct qxl_bar_info){.size = qxl_config_io_size(&card->config), .memfd = -1};
    }
    if (!size)
        return (struct qxl_bar_info){.memfd = -1};
    return (struct qxl_bar_info){.size = size, .memory = memory->bytes, .memfd = memory->memfd};
}

void qxl_card_reset(struct qxl_card *card)
{
    pthread_mutex_lock(&card->io_lock);
    qxl_mode_hard_reset(card);
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}

void qxl_card_start(struct qxl_card *card)
{
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    if (!card->running) {
        card->running = true;
        qxl_release_resume(card);
        qxl_monitors_resume(card);
        if (card->held_interrupts)
            qxl_irq_raise(card, card->held_interrupts);
        card->held_interrupts = 0;
        qxl_irq_update(card);
    }
    qxl_unlock(card);
    qxl_view_stir(card);
    card->renderer_running = true;
    spice_qxl_start(&card->instance);
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}

void qxl_card_stop(struct qxl_card *card)
{
    pthread_mutex_lock(&card->io_lock);
    spice_qxl_stop(&card->instance);
    card->renderer_running = false;
    qxl_lock(card);
    card->running = false;
    /* What was rendered at the end is not asked for any more. */
    card->view.whole = true;
    qxl_view_stir(card);
    qxl_unlock(card);
    pthread_mutex_unlock(&card->io_lock);
    qxl_card_notify_host(card);
}

bool qxl_card_irq_level(const struct qxl_card *card)
{
    struct qxl_card *locked = (struct qxl_card *)card;

    qxl_lock(locked);
    bool level = card->irq_level;
    qxl_unlock(locked);
    return level;
}

static struct qxl_screen describe(const struct qxl_surface *surface)
{
    return (struct qxl_screen){
        .width = surface->width,
        .height = surface->height,
        .stride = surface->stride,
        .format = surface->format,
        .pixels = surface->pixels,
    };
}

/* Renders what is pending. A stopped server has rendered everything, and may not be asked. */
static void update(struct qxl_card *card, uint32_t id, const struct qxl_surface *surface)
{
    QXLRect all = {.right = (int32_t)surface->width, .bottom = (int32_t)surface->height};

    if (card->renderer_running)
        spice_qxl_update_area(&card->instance, id, &all, NULL, 0, 0);
}

bool qxl_card_screen(struct qxl_card *card, struct qxl_screen *screen)
{
    pthread_mutex_lock(&card->io_lock);
    qxl_lock(card);
    struct qxl_surface primary = card->primary;
    bool is_guests = card->mode != QXL_MODE_VGA;
    qxl_unlock(card);
    if (primary.exists && is_guests)
        update(card, 0, &primary);
    pthread_mutex_unlock(&card->io_lock);
    if (primary.exists)
        *screen = describe(&primary);
    return primary.exists;
}

static bool find_surface(struct qxl_card *card, uint32_t id, struct qxl_surface *surface)
{
    qxl_lock(card);
    bool known = id < card->config.surfaces && card->surfaces[id].exists;
    if (known)
        *surface = card->surfaces[id];
    qxl_unlock(card);
    return known;
}

bool qxl_card_surface(struct qxl_card *card, uint32_t id, struct qxl_screen *screen)
{
    struct qxl_surface surface;
    struct qxl_screen primary;

    if (id == 0)
        return qxl_card_screen(card, screen);
    /* Takes all commands off the ring: what they create is known then. */
    qxl_card_screen(card, &primary);
    pthread_mutex_lock(&card->io_lock);
    bool known = find_surface(card, id, &surface);
    if (known)
        update(card, id, &surface);
    pthread_mutex_unlock(&card->io_lock);
    if (known)
        *screen = describe(&surface);
    return known;
}

bool qxl_card_head(struct qxl_card *card, const struct qxl_screen *screen, unsigned head,
                   QXLRect *area)
{
    QXLHead shown = {.width = screen->width, .height = screen->height};

    qxl_lock(card);
    bool known = head < MAX(card->view.head_count, 1);
    if (known && card->view.head_count)
        shown = card->view.heads[head];
    qxl_unlock(card);
    if (!known || shown.x >= screen->width || shown.y >= screen->height)
        return false;
    /* What lies beyond the surface is not shown. */
    *area = (QXLRect){
        .left = (int32_t)shown.x,
        .top = (int32_t)shown.y,
        .right = (int32_t)(shown.x + MIN(shown.width, screen->width - shown.x)),
        .bottom = (int32_t)(shown.y + MIN(shown.height, screen->height - shown.y)),
    };
    return area->right > area->left && area->bottom > area->top;
}

void qxl_card_set_size(struct qxl_card *card, uint32_t width, uint32_t height)
{
    card->size = (struct qxl_size){width, height};
    if (width != card->told_size.width || height != card->told_size.height)
        __atomic_store_n(&card->news, true, __ATOMIC_RELEASE);
}

static bool is_told(const struct qxl_card *card)
{
    return card->irq_level == card->told_irq_level && card->size.width == card->told_size.width &&
           card->size.height == card->told_size.height;
}

/* One thread tells for all, so that the host never hears an old state last. */
void qxl_card_tell_host(struct qxl_card *card)
{
    qxl_lock(card);
    if (card->telling) {
        qxl_unlock(card);
        return;
    }
    card->telling = true;
    while (!is_told(card)) {
        bool level = card->irq_level, level_changed = level != card->told_irq_level;
        struct qxl_size size = card->size;
        bool size_changed =
            size.width != card->told_size.width || size.height != card->told_size.height;
        card->told_irq_level = level;
        card->told_size = size;
        qxl_unlock(card);
        if (level_changed)
            card->host->set_irq(card->host_opaque, level);
        if (size_changed && card->host->display_changed)
            card->host->display_changed(card->host_opaque, size.width, size.height);
        qxl_lock(card);
    }
    card->telling = false;
    __atomic_store_n(&card->news, false, __ATOMIC_RELEASE);
    qxl_unlock(card);
}
