/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/inputs_channel.h"

#include "spice/keyboard.h"
#include "spice/migrate_state.h"
#include "spice/mouse_mode.h"
#include "spice/pointer.h"
#include "spice/server_state.h"

/* After clients' and guest's ideas of the locks have settled, clients are told the guest's. */
#define MODIFIERS_MS 2000

#define MAX_INPUTS_MESSAGE 2048
/* To a client that comes from another server. */
#define MAX_LATE_ACKS 4

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
    struct keyboard keyboard;
    struct pointer pointer;
    struct SpiceKbdState keyboard_state;
    struct SpiceMouseState mouse_state;
    struct SpiceTabletState tablet_state;
    struct loop_timer *modifiers_timer;
};

struct inputs_client {
    struct channel_client base;
    unsigned motions; /* since the last MOTION_ACK */
};

static struct inputs *inputs_of(const struct channel_client *cc)
{
    return cc->channel->opaque;
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

    send_modifiers(inputs, keyboard_locks(&inputs->keyboard));
}

/* The user pressed lock keys while the guest did not have the keyboard: press those that differ. */
static void set_modifiers(struct inputs *inputs, uint16_t modifiers)
{
    keyboard_set_locks(&inputs->keyboard, modifiers);
    loop_timer_start(inputs->modifiers_timer, MODIFIERS_MS);
}

static void push_code(struct inputs *inputs, uint32_t code)
{
    if (keyboard_push_code(&inputs->keyboard, code)) {
        loop_timer_start(inputs->modifiers_timer, MODIFIERS_MS);
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
    pointer_move_by(&inputs_of(cc)->pointer, dx, dy, buttons);
    acknowledge_motion(cc);
    return true;
}

static bool receive_position(struct channel_client *cc, struct message_reader *reader)
{
    uint32_t x = message_read_u32(reader);
    uint32_t y = message_read_u32(reader);
    uint16_t buttons = message_read_u16(reader);
    uint8_t display_id = message_read_u8(reader);

    if (reader->failed) {
        return false;
    }
    pointer_move_to(&inputs_of(cc)->pointer, x, y, buttons, display_id);
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
        pointer_press(&inputs_of(cc)->pointer, button, buttons);
    } else {
        pointer_release(&inputs_of(cc)->pointer, buttons);
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
            keyboard_push(&inputs_of(cc)->keyboard, body[i]);
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
    send_u16(cc, SPICE_MSG_INPUTS_INIT, keyboard_locks(&inputs_of(cc)->keyboard));
    return true;
}

static void on_disconnect(struct channel_client *cc)
{
    /* It is off the list already; keys belong to whoever types. */
    if (cc->channel->clients == NULL) {
        keyboard_release_all(&inputs_of(cc)->keyboard);
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
    send_u16(cc, SPICE_MSG_INPUTS_KEY_MODIFIERS, keyboard_locks(&inputs_of(cc)->keyboard));
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

    inputs->pointer.server = server;
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
    if (inputs->keyboard.instance != NULL) {
        g_warning("there is a keyboard already");
        return -1;
    }
    inputs->keyboard.instance = keyboard;
    inputs->keyboard_state.inputs = inputs;
    keyboard->st = &inputs->keyboard_state;
    return 0;
}

int inputs_add_mouse(struct inputs *inputs, SpiceMouseInstance *mouse)
{
    if (inputs->pointer.mouse != NULL) {
        g_warning("there is a mouse already");
        return -1;
    }
    inputs->pointer.mouse = mouse;
    inputs->mouse_state.inputs = inputs;
    mouse->st = &inputs->mouse_state;
    return 0;
}

int inputs_add_tablet(struct inputs *inputs, SpiceTabletInstance *tablet)
{
    int width, height;

    if (inputs->pointer.tablet != NULL) {
        g_warning("there is a tablet already");
        return -1;
    }
    inputs->pointer.tablet = tablet;
    inputs->tablet_state.inputs = inputs;
    tablet->st = &inputs->tablet_state;
    server_update_mouse_mode(inputs->channel.server);
    server_pointer_range(inputs->channel.server, &width, &height);
    pointer_set_range(&inputs->pointer, width, height);
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
    inputs->pointer.tablet = NULL;
    server_update_mouse_mode(inputs->channel.server);
    return 0;
}

bool inputs_has_tablet(const struct inputs *inputs)
{
    return inputs->pointer.tablet != NULL;
}

void inputs_set_range(struct inputs *inputs, int width, int height)
{
    pointer_set_range(&inputs->pointer, width, height);
}

int spice_server_kbd_leds(SpiceKbdInstance *sin, int leds)
{
    if (sin->st != NULL) {
        send_modifiers(sin->st->inputs, (uint16_t)leds);
    }
    return 0;
}
