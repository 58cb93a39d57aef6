/*
 * Character devices: the guest agent, USB redirection, smart cards and named ports.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_CHAR_H_
#define SPICE_CHAR_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

#define SPICE_INTERFACE_CHAR_DEVICE       "char_device"
#define SPICE_INTERFACE_CHAR_DEVICE_MAJOR 1
#define SPICE_INTERFACE_CHAR_DEVICE_MINOR 3

typedef enum {
    /* The host calls spice_server_char_device_wakeup() when it can take more data. */
    SPICE_CHAR_DEVICE_NOTIFY_WRITABLE = 1 << 0,
} spice_char_device_flags;

typedef struct SpiceCharDeviceState SpiceCharDeviceState;
typedef struct SpiceCharDeviceInstance {
    SpiceBaseInstance base;
    const char *subtype;      /* "vdagent", "smartcard", "usbredir" or "port" */
    SpiceCharDeviceState *st; /* the server's; NULL: it has refused the device */
    const char *portname;     /* of a "port" */
} SpiceCharDeviceInstance;

typedef struct SpiceCharDeviceInterface {
    SpiceBaseInterface base;
    /* Somebody listens to the device now (1), or nobody (0). May be NULL. */
    void (*state)(SpiceCharDeviceInstance *sin, int connected);
    /* Neither blocks; both return how many bytes were moved, 0 for later. */
    int (*write)(SpiceCharDeviceInstance *sin, const uint8_t *buf, int len);
    int (*read)(SpiceCharDeviceInstance *sin, uint8_t *buf, int len);
    /* SPICE_PORT_EVENT_* from a client. May be NULL. Minor version 2. */
    void (*event)(SpiceCharDeviceInstance *sin, uint8_t event);
    spice_char_device_flags flags; /* minor version 3 */
} SpiceCharDeviceInterface;

/* There is data to read, or room to write. */
void spice_server_char_device_wakeup(SpiceCharDeviceInstance *sin);
/* SPICE_PORT_EVENT_* from the guest's side of a port. */
void spice_server_port_event(SpiceCharDeviceInstance *sin, uint8_t event);
/* Ends with NULL; static. */
const char **spice_server_char_device_recognized_subtypes(void);

#endif
