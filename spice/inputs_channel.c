/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/inputs_channel.h"

#include "spice/migrate_state.h"
#include "spice/server_state.h"

#include <spice/vd_agent.h>

#define SCAN_EXTENDED 0xe0 /* prefix of the keys that the first PC keyboards did not have */
#define SCAN_RELEASE  0x80

/* After clients' and guest's ideas of the locks have settled, clients are told the guest's. */
#define MODIFIERS_MS 2000

#define MAX_INPUTS_MESSAGE 2048
/* To a client that comes from another server. */
#define MAX_LATE_ACKS 4

/* No screen is larger, in pixels; the agent does the exact clamping. */
#define MAX_POSITION UINT16_MAX

/* What spice.h calls the state of each of these devices. */
struct SpiceKbdState {
    struct inputs *inputs;
};
struct SpiceMouseState {
    struct inputs *inputs;
};
struct SpiceTabletState {
    struct inputs *inputs;
};

struct inputs {
    struct channel channel;
    SpiceKbdInstance *keyboard; /* or NULL, as the others */
    SpiceMouseInstance *mouse;
    SpiceTabletInstance *tablet;
    struct SpiceKbdState keyboard_state;
    struct SpiceMouseState mouse_state;
    struct SpiceTabletState tablet_state;

    /* What the guest's keyboard has seen. */
    bool extended;              /* the last byte was the prefix */
    bool down[2][SCAN_RELEASE]; /* [extended][scan code] */
    struct loop_timer *modifiers_timer;
};

struct inputs_client {
    struct channel_client base;
    unsigned motions; /* since the last MOTION_ACK */
};

static const struct lock {
    uint16_t modifier;
    uint8_t scan;
} locks[] = {
    {SPICE_KEYBOARD_MODIFIER_FLAGS_SCROLL_LOCK, 0x46},
    {SPICE_KEYBOARD_MODIFIER_FLAGS_NUM_LOCK, 0x45},
    {SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK, 0x3a},
};

static struct inputs *inputs_of(const struct channel_client *cc)
{
    return cc->channel->opaque;
}

/* One byte to the guest; remembers which keys are down, whatever nonsense a client sends. */
static void push_scan(struct inputs *inputs, uint8_t scan)
{
    SpiceKbdInstance *keyboard = inputs->keyboard;

    if (keyboard == NULL) {
        return;
    }
    if (scan == SCAN_EXTENDED) {
        inputs->extended = true;
    } else {
        inputs->down[inputs->extended][scan & ~SCAN_RELEASE] = !(scan & SCAN_RELEASE);
        inputs->extended = false;
    }
    SPICE_CONTAINEROF(keyboard->base.sif, SpiceKbdInterface, base)->push_scan_freg(keyboard, scan);
}

static void release_keys(struct inputs *inputs)
{
    inputs->extended = false;
    for (int extended = 0; extended < 2; extended++) {
        for (int scan = 0; scan < SCAN_RELEASE; scan++) {
            if (!inputs->down[extended][scan]) {
                continue;
            }
            if (extended) {
                push_scan(inputs, SCAN_EXTENDED);
            }
            push_scan(inputs, scan | SCAN_RELEASE);
        }
    }
}

static uint16_t guest_modifiers(const struct inputs *inputs)
{
    SpiceKbdInstance *keyboard = inputs->keyboard;

    return keyboard != NULL
               ? SPICE_CONTAINEROF(keyboard->base.sif, SpiceKbdInterface, base)->get_leds(keyboard)
               : 0;
}

static void send_u16(struct channel_client *cc, uint16_t type, uint16_t value)
{
    struct message *message = message_create(type);

    message_add_u16(message, value);
    channel_client_send(cc, message);
}

static void send_modifiers(struct inputs *inputs, uint16_t modifiers)
{
    for (GList *l = inputs->channel.clients; l != NULL; l = l->next) {
        send_u16(l->data, SPICE_MSG_INPUTS_KEY_MODIFIERS, modifiers);
    }
}

static void on_modifiers_timer(void *opaque)
{
    struct inputs *inputs = opaque;

    send_modifiers(inputs, guest_modifiers(inputs));
}

/* The user pressed lock keys while the guest did not have the keyboard: press those that differ. */
static void set_modifiers(struct inputs *inputs, uint16_t modifiers)
{
    uint16_t differing = guest_modifiers(inputs) ^ modifiers;

    for (size_t i = 0; i < G_N_ELEMENTS(locks); i++) {
        if (differing & locks[i].modifier && !inputs->down[0][locks[i].scan]) {
            push_scan(inputs, locks[i].scan);
            push_scan(inputs, locks[i].scan | SCAN_RELEASE);
        }
    }
    loop_timer_start(inputs->modifiers_timer, MODIFIERS_MS);
}

/* A key message: up to four bytes, lowest first, until a zero. */
static void push_code(struct inputs *inputs, uint32_t code)
{
    for (uint8_t scan; (scan = code & 0xff) != 0; code >>= 8) {
        push_scan(inputs, scan);
        for (size_t i = 0; i < G_N_ELEMENTS(locks); i++) {
            if ((scan & ~SCAN_RELEASE) == locks[i].scan) {
                loop_timer_start(inputs->modifiers_timer, MODIFIERS_MS);
            }
        }
    }
}

/* The protocol's mask into that of the callbacks, spice-input.h. */
static uint32_t host_buttons(uint16_t mask)
{
    return (mask & SPICE_MOUSE_BUTTON_MASK_LEFT) | (mask & SPICE_MOUSE_BUTTON_MASK_MIDDLE) << 1 |
           (mask & SPICE_MOUSE_BUTTON_MASK_RIGHT) >> 1 | (mask & 0xffe0u) << 1;
}

static bool client_mode(const struct inputs *inputs)
{
    return inputs->channel.server->mouse_mode == SPICE_MOUSE_MODE_CLIENT;
}

/* The agent's masks are the protocol's, one bit up. */
static uint32_t agent_buttons(uint16_t mask)
{
    return (uint32_t)mask << 1;
}

static bool moves_agent_pointer(const struct inputs *inputs)
{
    return client_mode(inputs) && agent_has_pointer(inputs->channel.server->agent);
}

static void motion(struct inputs *inputs, int32_t dx, int32_t dy, uint32_t buttons)
{
    SpiceMouseInstance *mouse = inputs->mouse;

    if (!client_mode(inputs) && mouse != NULL) {
        SPICE_CONTAINEROF(mouse->base.sif, SpiceMouseInterface, base)
            ->motion(mouse, dx, dy, 0, buttons);
    }
}

static void position(struct inputs *inputs, uint32_t x, uint32_t y, uint16_t mask,
                     uint8_t display_id)
{
    uint32_t buttons = host_buttons(mask);
    SpiceTabletInstance *tablet = inputs->tablet;
    int width, height;

    if (moves_agent_pointer(inputs)) {
        agent_move_pointer(inputs->channel.server->agent, MIN(x, MAX_POSITION),
                           MIN(y, MAX_POSITION), agent_buttons(mask), display_id);
        return;
    }
    server_pointer_range(inputs->channel.server, &width, &height);
    if (client_mode(inputs) && tablet != NULL && width > 0 && height > 0) {
        SPICE_CONTAINEROF(tablet->base.sif, SpiceTabletInterface, base)
            ->position(tablet, (int)MIN(x, (uint32_t)width - 1), (int)MIN(y, (uint32_t)height - 1),
                       buttons);
    }
}

static void press(struct inputs *inputs, uint8_t button, uint16_t mask)
{
    uint32_t buttons = host_buttons(mask);
    SpiceTabletInstance *tablet = inputs->tablet;
    SpiceMouseInstance *mouse = inputs->mouse;
    int wheel = button == SPICE_MOUSE_BUTTON_UP ? -1 : button == SPICE_MOUSE_BUTTON_DOWN ? 1 : 0;

    if (moves_agent_pointer(inputs)) {
        agent_push_buttons(inputs->channel.server->agent,
                           agent_buttons(mask) | (wheel < 0   ? VD_AGENT_UBUTTON_MASK
                                                  : wheel > 0 ? VD_AGENT_DBUTTON_MASK
                                                              : 0));
        return;
    }
    if (client_mode(inputs) && tablet != NULL) {
        SPICE_CONTAINEROF(tablet->base.sif, SpiceTabletInterface, base)
            ->wheel(tablet, wheel, buttons);
    } else if (!client_mode(inputs) && mouse != NULL) {
        SPICE_CONTAINEROF(mouse->base.sif, SpiceMouseInterface, base)
            ->motion(mouse, 0, 0, wheel, buttons);
    }
}

static void release(struct inputs *inputs, uint16_t mask)
{
    uint32_t buttons = host_buttons(mask);
    SpiceTabletInstance *tablet = inputs->tablet;
    SpiceMouseInstance *mouse = inputs->mouse;

    if (moves_agent_pointer(inputs)) {
        agent_push_buttons(inputs->channel.server->agent, agent_buttons(mask));
        return;
    }
    if (client_mode(inputs) && tablet != NULL) {
        SPICE_CONTAINEROF(tablet->base.sif, SpiceTabletInterface, base)->buttons(tablet, buttons);
    } else if (!client_mode(inputs) && mouse != NULL) {
        SPICE_CONTAINEROF(mouse->base.sif, SpiceMouseInterface, base)->buttons(mouse, buttons);
    }
}

/* Also for motion of a kind that the mouse mode forbids: the client counts it. */
static void acknowledge_motion(struct channel_client *cc)
{
    struct inputs_client *ic = (struct inputs_client *)cc;

    if (++ic->motions == SPICE_INPUT_MOTION_ACK_BUNCH) {
        ic->motions = 0;
        channel_client_send(cc, message_create(SPICE_MSG_INPUTS_MOUSE_MOTION_ACK));
    }
}

static bool receive_motion(struct channel_client *cc, struct message_reader *reader)
{
    int32_t dx = (int32_t)message_read_u32(reader);
    int32_t dy = (int32_t)message_read_u32(reader);
    uint16_t buttons = message_read_u16(reader);

    if (reader->failed) {
        return false;
    }
    motion(inputs_of(cc), dx, dy, host_buttons(buttons));
    acknowledge_motion(cc);
    return true;
}

static bool receive_position(struct channel_client *cc, struct message_reader *reader)
{
    uint32_t x = message_read_u32(reader);
    uint32_t y = message_read_u32(reader);
    uint16_t buttons = message_read_u16(reader);

    uint8_t display_id = message_read_u8(reader); /* for the agent; a tablet has only one */

    if (reader->failed) {
        return false;
    }
    position(inputs_of(cc), x, y, buttons, display_id);
    acknowledge_motion(cc);
    return true;
}

static bool receive_button(struct channel_client *cc, uint16_t type, struct message_reader *reader)
{
    uint8_t button = message_read_u8(reader);
    uint16_t buttons = message_read_u16(reader);

    if (reader->failed) {
        return false;
    }
    if (type == SPICE_MSGC_INPUTS_MOUSE_PRESS) {
        press(inputs_of(cc), button, buttons);
    } else {
        release(inputs_of(cc), buttons);
    }
    return true;
}

static bool receive_code(struct channel_client *cc, struct message_reader *reader)
{
    uint32_t code = message_read_u32(reader);

    if (!reader->failed) {
        push_code(inputs_of(cc), code);
    }
    return !reader->failed;
}

static bool receive_modifiers(struct channel_client *cc, struct message_reader *reader)
{
    uint16_t modifiers = message_read_u16(reader);

    if (!reader->failed) {
        set_modifiers(inputs_of(cc), modifiers);
    }
    return !reader->failed;
}

static bool receive(struct channel_client *cc, uint16_t type, const uint8_t *body, uint32_t size)
{
    struct message_reader reader = message_reader(body, size);

    switch (type) {
    case SPICE_MSGC_INPUTS_KEY_DOWN:
    case SPICE_MSGC_INPUTS_KEY_UP:
        return receive_code(cc, &reader);
    case SPICE_MSGC_INPUTS_KEY_SCANCODE:
        for (uint32_t i = 0; i < size; i++) {
            push_scan(inputs_of(cc), body[i]);
        }
        return true;
    case SPICE_MSGC_INPUTS_KEY_MODIFIERS:
        return receive_modifiers(cc, &reader);
    case SPICE_MSGC_INPUTS_MOUSE_MOTION:
        return receive_motion(cc, &reader);
    case SPICE_MSGC_INPUTS_MOUSE_POSITION:
        return receive_position(cc, &reader);
    case SPICE_MSGC_INPUTS_MOUSE_PRESS:
    case SPICE_MSGC_INPUTS_MOUSE_RELEASE:
        return receive_button(cc, type, &reader);
    default:
        return false;
    }
}

static bool on_connect(struct channel_client *cc)
{
    send_u16(cc, SPICE_MSG_INPUTS_INIT, guest_modifiers(inputs_of(cc)));
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    /* It is off the list already; keys belong to whoever types. */
    if (cc->channel->clients == NULL) {
        release_keys(inputs_of(cc));
    }
}

static void save(struct channel_client *cc, struct message *state)
{
    message_add_u16(state, (uint16_t)((struct inputs_client *)cc)->motions);
}

static bool load(struct channel_client *cc, const uint8_t *state G_GNUC_UNUSED,
                 uint32_t size G_GNUC_UNUSED, struct message_reader *reader)
{
    struct inputs_client *ic = (struct inputs_client *)cc;
    unsigned motions = message_read_u16(reader);

    /* Other servers may owe a few acknowledgements; it takes no more to get a client going. */
    for (int i = 0; i < MAX_LATE_ACKS && motions >= SPICE_INPUT_MOTION_ACK_BUNCH; i++) {
        motions -= SPICE_INPUT_MOTION_ACK_BUNCH;
        channel_client_send(cc, message_create(SPICE_MSG_INPUTS_MOUSE_MOTION_ACK));
    }
    ic->motions = motions % SPICE_INPUT_MOTION_ACK_BUNCH;
    send_u16(cc, SPICE_MSG_INPUTS_KEY_MODIFIERS, guest_modifiers(inputs_of(cc)));
    return !reader->failed;
}

static bool produce(struct channel_client *cc G_GNUC_UNUSED)
{
    return false;
}

static const struct channel_ops inputs_ops = {
    .client_size = sizeof(struct inputs_client),
    .max_message = MAX_INPUTS_MESSAGE,
    .connect = on_connect,
    .receive = receive,
    .produce = produce,
    .disconnect = on_disconnect,
    .state_magic = STATE_MAGIC('I', 'C', 'M', 'D'),
    .max_state = MAX_INPUTS_MESSAGE,
    .save = save,
    .load = load,
};

struct inputs *inputs_create(SpiceServer *server)
{
    struct inputs *inputs = g_new0(struct inputs, 1);

    channel_init(&inputs->channel, server, SPICE_CHANNEL_INPUTS, 0, &inputs_ops, server->loop,
                 inputs);
    channel_set_capability(&inputs->channel, SPICE_INPUTS_CAP_KEY_SCANCODE);
    inputs->modifiers_timer = loop_timer_create(server->loop, on_modifiers_timer, inputs);
    server_add_channel(server, &inputs->channel);
    return inputs;
}

void inputs_destroy(struct inputs *inputs)
{
    if (inputs == NULL) {
        return;
    }
    server_remove_channel(inputs->channel.server, &inputs->channel);
    channel_finish(&inputs->channel);
    loop_timer_destroy(inputs->modifiers_timer);
    g_free(inputs);
}

int inputs_add_keyboard(struct inputs *inputs, SpiceKbdInstance *keyboard)
{
    if (inputs->keyboard != NULL) {
        g_warning("there is a keyboard already");
        return -1;
    }
    inputs->keyboard = keyboard;
    inputs->keyboard_state.inputs = inputs;
    keyboard->st = &inputs->keyboard_state;
    return 0;
}

int inputs_add_mouse(struct inputs *inputs, SpiceMouseInstance *mouse)
{
    if (inputs->mouse != NULL) {
        g_warning("there is a mouse already");
        return -1;
    }
    inputs->mouse = mouse;
    inputs->mouse_state.inputs = inputs;
    mouse->st = &inputs->mouse_state;
    return 0;
}

int inputs_add_tablet(struct inputs *inputs, SpiceTabletInstance *tablet)
{
    int width, height;

    if (inputs->tablet != NULL) {
        g_warning("there is a tablet already");
        return -1;
    }
    inputs->tablet = tablet;
    inputs->tablet_state.inputs = inputs;
    tablet->st = &inputs->tablet_state;
    server_update_mouse_mode(inputs->channel.server);
    server_pointer_range(inputs->channel.server, &width, &height);
    inputs_set_range(inputs, width, height);
    return 0;
}

int inputs_remove_tablet(SpiceTabletInstance *tablet)
{
    struct inputs *inputs;

    if (tablet->st == NULL) {
        g_critical("this tablet is not attached");
        return -1;
    }
    inputs = tablet->st->inputs;
    tablet->st = NULL;
    inputs->tablet = NULL;
    server_update_mouse_mode(inputs->channel.server);
    return 0;
}

bool inputs_has_tablet(const struct inputs *inputs)
{
    return inputs->tablet != NULL;
}

void inputs_set_range(struct inputs *inputs, int width, int height)
{
    SpiceTabletInstance *tablet = inputs->tablet;

    if (tablet != NULL && width > 0 && height > 0) {
        SPICE_CONTAINEROF(tablet->base.sif, SpiceTabletInterface, base)
            ->set_logical_size(tablet, width, height);
    }
}

int spice_server_kbd_leds(SpiceKbdInstance *sin, int leds)
{
    if (sin->st != NULL) {
        send_modifiers(sin->st->inputs, (uint16_t)leds);
    }
    return 0;
}
