/*
 * The soft guest as an engine: its program, from the probe to the last frame.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#define G_LOG_DOMAIN "soft-guest"
#include "hw/soft_guest.h"
#include "hw/soft_guest_state.h"
#include "hw/soft_load.h"

#include <string.h>

#define INPUT_MEMORY      (64 * 1024) /* for what input makes the guest draw */
#define USER_POINTER_TIME 120         /* frames that the load leaves the cursor to the user */
#define MEMORY_WORK       16          /* pages of main memory written a frame */
#define MEMORY_CHECK      2048        /* and checked, while there is something to check */

struct soft_guest {
    struct engine engine;
    struct soft_driver driver;
};

static const char *const load_names[] = {"desktop", "text",  "video", "surfaces",
                                         "cursor",  "chaos", NULL};
static const struct soft_load *const loads[] = {&soft_load_desktop, &soft_load_text,
                                                &soft_load_video,   &soft_load_surfaces,
                                                &soft_load_cursor,  &soft_load_chaos};

const char *const *soft_guest_loads(void)
{
    return load_names;
}

const struct soft_load *soft_load_get(uint32_t index)
{
    return loads[index];
}

static struct soft_guest *soft_guest_from(struct engine *engine)
{
    return (struct soft_guest *)engine;
}

/* --- the program, on the processor's thread --- */

static void begin_frame(struct soft_driver *driver, struct soft_frame *frame)
{
    frame->driver = driver;
    frame->number = driver->state->frame;
    frame->width = (int)driver->state->width;
    frame->height = (int)driver->state->height;
    frame->overfull = false;
}

/* Takes what the user did. A pointer he moves is the guest's cursor. */
static bool handle_input(struct soft_driver *driver)
{
    struct soft_input input;
    struct soft_frame frame = {.driver = driver};
    bool moved = false;
    int x = 0, y = 0;

    while (soft_cpu_take_input(driver->cpu, &input)) {
        switch (input.kind) {
        case SOFT_INPUT_KEY:
            g_info("key byte 0x%02x", input.value);
            break;
        case SOFT_INPUT_MOTION:
            g_info("pointer moved by %d, %d, buttons %u", input.x, input.y, input.value);
            break;
        case SOFT_INPUT_WHEEL:
            g_info("wheel %d, buttons %u", input.y, input.value);
            break;
        case SOFT_INPUT_POSITION:
            g_info("pointer at %d, %d, buttons %u", input.x, input.y, input.value);
            moved = true;
            x = input.x;
            y = input.y;
            break;
        }
    }
    if (!moved)
        return true;
    if (!soft_driver_reserve(driver, INPUT_MEMORY, 0, 0, &frame.memory, &frame.video))
        return false;
    begin_frame(driver, &frame);
    driver->state->user_pointer = USER_POINTER_TIME;
    soft_cursor_move_for_user(&frame, x, y);
    return soft_driver_flush(driver);
}

/* Waits for the time of the next frame. */
static bool wait_for_frame(struct soft_driver *driver)
{
    uint32_t rate = driver->state->frames_per_second;
    int64_t now = g_get_monotonic_time();

    if (rate == 0)
        return soft_driver_interrupt(driver);
    int64_t period = MAX(1, G_USEC_PER_SEC / rate);
    /* A guest that fell behind does not rush afterwards. */
    if (driver->frame_due < now - period)
        driver->frame_due = now;
    while (now < driver->frame_due) {
        if (!soft_driver_wait(driver, driver->frame_due - now))
            return false;
        now = g_get_monotonic_time();
    }
    driver->frame_due += period;
    return soft_driver_interrupt(driver);
}

/* After a frame that began at BEGIN: as much time as the throttle says. */
static bool idle_away(struct soft_driver *driver, int64_t begin)
{
    unsigned percent = __atomic_load_n(&driver->throttle, __ATOMIC_RELAXED);
    int64_t end = g_get_monotonic_time();

    if (!percent)
        return true;
    end += (end - begin) * percent / (100 - percent);
    for (int64_t now = begin; now < end; now = g_get_monotonic_time()) {
        if (!soft_driver_wait(driver, end - now))
            return false;
    }
    return true;
}

/* Up to PAGES pages. False: the guest gave up. */
static bool check_memory(struct soft_driver *driver, uint32_t pages)
{
    if (!driver->checks_memory)
        return true;
    if (!soft_memory_check(driver->main_memory, pages, &driver->next_check)) {
        soft_driver_halt(driver, "page %u of its memory does not hold what it wrote",
                         driver->next_check);
        return false;
    }
    driver->checks_memory = driver->next_check != 0;
    if (!driver->checks_memory && driver->config.memory_checked)
        driver->config.memory_checked(driver->config.opaque,
                                      soft_memory_pages(driver->main_memory));
    return true;
}

static bool use_memory(struct soft_driver *driver)
{
    if (driver->main_memory)
        soft_memory_work(driver->main_memory, MEMORY_WORK);
    return check_memory(driver, MEMORY_CHECK);
}

/*
 * One frame: everything that can wait comes before and after drawing it, which is done at one go.
 * So a guest that is stopped has drawn a frame and queued its commands, or has not begun it.
 */
static bool draw_frame(struct soft_driver *driver)
{
    struct soft_state *state = driver->state;
    const struct soft_load *load = soft_load_get(state->load);
    struct soft_frame frame;
    struct soft_need need = {.memory = 0};

    if (!soft_driver_flush(driver) || !handle_input(driver))
        return false;
    if (state->frames && state->frame >= state->frames) {
        state->stage = SOFT_STAGE_FINISH;
        return true;
    }
    load->need(state->width, state->height, &need);
    if (!wait_for_frame(driver) || !soft_driver_reserve(driver, need.memory, need.video,
                                                        need.surfaces, &frame.memory, &frame.video))
        return false;

    int64_t begin = g_get_monotonic_time();
    begin_frame(driver, &frame);
    load->draw(state->load_state, &frame);
    if (!use_memory(driver))
        return false;
    if (frame.overfull)
        g_warning("load %s: frame %" G_GUINT64_FORMAT " did not fit", load->name, frame.number);
    state->frame++;
    if (state->user_pointer)
        state->user_pointer--;
    soft_driver_count(&driver->stats.frames, 1);
    return soft_driver_flush(driver) && idle_away(driver, begin);
}

/* All frames are drawn: makes the card finish them too, then tells the owner. */
static bool finish(struct soft_driver *driver)
{
    QXLRam *header = (QXLRam *)driver->header;
    QXLRect area = {.right = (int32_t)driver->state->width,
                    .bottom = (int32_t)driver->state->height};

    if (!soft_driver_flush(driver) || !soft_driver_drain(driver))
        return false;
    header->update_area = area;
    header->update_surface = 0;
    if (!soft_driver_command(driver, QXL_IO_UPDATE_AREA_ASYNC, 0))
        return false;
    driver->state->stage = SOFT_STAGE_DONE;
    if (driver->config.finished)
        driver->config.finished(driver->config.opaque);
    return true;
}

/* The picture stands still, the guest is there. */
static bool idle(struct soft_driver *driver)
{
    if (!check_memory(driver, UINT32_MAX))
        return false;
    soft_cpu_sleep(driver->cpu, SOFT_WAKE_LINE | SOFT_WAKE_INPUT, -1);
    return soft_driver_interrupt(driver) && handle_input(driver);
}

static void run(void *opaque)
{
    struct soft_guest *guest = opaque;
    struct soft_driver *driver = &guest->driver;
    bool go_on = true;

    if (!soft_driver_can_continue(driver))
        driver->state->stage = SOFT_STAGE_PROBE;
    if (driver->main_memory && !soft_memory_is_booted(driver->main_memory))
        driver->state->stage = SOFT_STAGE_PROBE;
    driver->frame_due = 0;
    while (go_on) {
        switch ((enum soft_stage)driver->state->stage) {
        case SOFT_STAGE_PROBE:
            go_on = soft_driver_probe(driver);
            break;
        case SOFT_STAGE_DRAW:
            go_on = draw_frame(driver);
            break;
        case SOFT_STAGE_FINISH:
            go_on = finish(driver);
            break;
        case SOFT_STAGE_DONE:
            go_on = idle(driver);
            break;
        case SOFT_STAGE_HALT:
            go_on = soft_cpu_sleep(driver->cpu, 0, -1);
            break;
        }
        if (driver->state->stage == SOFT_STAGE_HALT)
            go_on = soft_cpu_running(driver->cpu);
    }
}

/* The machine's reset: the card's, and the guest forgets itself. */
static void reset_machine(void *opaque)
{
    struct soft_guest *guest = opaque;

    pci_function_reset(guest->driver.pci);
    guest->driver.state->magic = 0;
    guest->driver.checks_memory = false;
}

static const struct soft_program guest_program = {.run = run, .reset = reset_machine};

/* --- the engine, on the IO thread --- */

static void set_line(void *opaque, bool level)
{
    struct soft_guest *guest = opaque;
    soft_cpu_set_line(guest->driver.cpu, level);
}

static void destroy(struct engine *engine)
{
    struct soft_guest *guest = soft_guest_from(engine);

    pci_intx_set_sink(guest->driver.pci, NULL, NULL);
    soft_cpu_destroy(guest->driver.cpu);
    soft_memory_destroy(guest->driver.main_memory);
    g_free(guest);
}

static void start(struct engine *engine)
{
    soft_cpu_start(soft_guest_from(engine)->driver.cpu);
}

static void stop(struct engine *engine)
{
    soft_cpu_stop(soft_guest_from(engine)->driver.cpu);
}

static void reset(struct engine *engine)
{
    soft_cpu_reset(soft_guest_from(engine)->driver.cpu);
}

static void post(struct engine *engine, struct soft_input input)
{
    soft_cpu_post_input(soft_guest_from(engine)->driver.cpu, &input);
}

static void key_byte(struct engine *engine, uint8_t byte)
{
    post(engine, (struct soft_input){.kind = SOFT_INPUT_KEY, .value = byte});
}

static void pointer_wheel(struct engine *engine, int dz, uint32_t buttons)
{
    post(engine, (struct soft_input){.kind = SOFT_INPUT_WHEEL, .y = dz, .value = buttons});
}

static void pointer_motion(struct engine *engine, int dx, int dy, int dz, uint32_t buttons)
{
    if (dz)
        pointer_wheel(engine, dz, buttons);
    post(engine,
         (struct soft_input){.kind = SOFT_INPUT_MOTION, .x = dx, .y = dy, .value = buttons});
}

static void pointer_position(struct engine *engine, int x, int y, uint32_t buttons)
{
    post(engine,
         (struct soft_input){.kind = SOFT_INPUT_POSITION, .x = x, .y = y, .value = buttons});
}

static bool wants_tablet(struct engine *engine)
{
    (void)engine;
    return true;
}

static void add_parts(struct engine *engine, struct migration_set *set)
{
    soft_guest_add_part(&soft_guest_from(engine)->driver, set);
}

static void throttle(struct engine *engine, unsigned percent)
{
    __atomic_store_n(&soft_guest_from(engine)->driver.throttle, MIN(percent, 99), __ATOMIC_RELAXED);
}

static const struct engine_impl soft_guest_impl = {
    .name = "soft guest",
    .destroy = destroy,
    .start = start,
    .stop = stop,
    .reset = reset,
    .key_byte = key_byte,
    .pointer_motion = pointer_motion,
    .pointer_position = pointer_position,
    .pointer_wheel = pointer_wheel,
    .wants_tablet = wants_tablet,
    .add_parts = add_parts,
    .throttle = throttle,
};

static bool find_load(const char *name, uint32_t *index, GError **error)
{
    for (*index = 0; load_names[*index]; (*index)++)
        if (!name || strcmp(load_names[*index], name) == 0)
            return true;
    char *all = g_strjoinv(", ", (char **)load_names);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "no load is called '%s'; there are: %s",
                name, all);
    g_free(all);
    return false;
}

struct engine *soft_guest_create(const struct soft_guest_config *config, struct pci_function *pci,
                                 GError **error)
{
    struct soft_guest *guest = g_new0(struct soft_guest, 1);
    struct soft_driver *driver = &guest->driver;

    guest->engine.impl = &soft_guest_impl;
    driver->pci = pci;
    driver->config = *config;
    if (config->memory && !(driver->main_memory = soft_memory_create(config->memory, error))) {
        g_free(guest);
        return NULL;
    }
    if (!find_load(config->load, &driver->load, error) || !soft_driver_attach(driver, error)) {
        soft_memory_destroy(driver->main_memory);
        g_free(guest);
        return NULL;
    }
    driver->config.load = load_names[driver->load];
    driver->cpu = soft_cpu_create(&guest_program, guest);
    pci_intx_set_sink(pci, set_line, guest);
    soft_cpu_set_line(driver->cpu, pci_intx_level(pci));
    return &guest->engine;
}

struct soft_guest_stats soft_guest_stats(struct engine *engine)
{
    const struct soft_guest_stats *stats = &soft_guest_from(engine)->driver.stats;

    return (struct soft_guest_stats){
        .frames = __atomic_load_n(&stats->frames, __ATOMIC_RELAXED),
        .commands = __atomic_load_n(&stats->commands, __ATOMIC_RELAXED),
        .cursor_commands = __atomic_load_n(&stats->cursor_commands, __ATOMIC_RELAXED),
        .interrupts = __atomic_load_n(&stats->interrupts, __ATOMIC_RELAXED),
    };
}
