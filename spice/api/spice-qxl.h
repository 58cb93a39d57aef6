/*
 * Displays: a QXL device as the server sees it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef SPICE_QXL_H_
#define SPICE_QXL_H_

#ifndef SPICE_H_INSIDE
#error "Include spice.h, which includes this header."
#endif

#define SPICE_INTERFACE_QXL       "qxl"
#define SPICE_INTERFACE_QXL_MAJOR 3
#define SPICE_INTERFACE_QXL_MINOR 3

/* Bytes of the client capability bit set in the QXL ROM. */
#ifndef SPICE_CAPABILITIES_SIZE
#define SPICE_CAPABILITIES_SIZE (sizeof(((QXLRom *)0)->client_capabilities))
#endif

typedef struct QXLState QXLState;
typedef struct QXLWorker QXLWorker;

typedef struct QXLInstance {
    SpiceBaseInstance base;
    int id;       /* the display channel's */
    QXLState *st; /* the server's; NULL when it is not attached */
} QXLInstance;

/* How addresses in commands are made: slot id, generation and offset in one 64-bit number. */
typedef struct QXLDevInitInfo {
    uint32_t num_memslots_groups;
    uint32_t num_memslots; /* per group */
    uint8_t memslot_gen_bits;
    uint8_t memslot_id_bits;
    uint32_t qxl_ram_size; /* bytes; a hint for clients' caches */
    uint8_t internal_groupslot_id;
    uint32_t n_surfaces;
} QXLDevInitInfo;

/* Memory that commands may point to: host address = address without slot and generation + delta. */
typedef struct QXLDevMemSlot {
    uint32_t slot_group_id;
    uint32_t slot_id;
    uint32_t generation;
    uintptr_t virt_start;
    uintptr_t virt_end; /* exclusive */
    uint64_t addr_delta;
    uint32_t qxl_ram_size;
} QXLDevMemSlot;

typedef struct QXLDevSurfaceCreate {
    uint32_t width;
    uint32_t height;
    int32_t stride;  /* bytes; negative: the first line is the last in memory */
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    uint32_t position;
    uint32_t mouse_mode; /* not 0: clients may send positions */
    uint32_t flags;      /* QXL_SURF_FLAG_* */
    uint32_t type;       /* QXL_SURF_TYPE_* */
    uint64_t mem;        /* address of the lowest byte in memory slots of GROUP_ID */
    uint32_t group_id;
} QXLDevSurfaceCreate;

/*
 * What the server asks of a display. On the display's worker thread, except attached_worker,
 * set_compression_level, get_init_info and client_monitors_config: these on the host's.
 */
typedef struct QXLInterface {
    SpiceBaseInterface base;

    union {
        /* The display works; memory slots may be added. */
        void (*attached_worker)(QXLInstance *qin);
        void (*attache_worker)(QXLInstance *qin, QXLWorker *qxl_worker); /* the old form */
    };
    void (*set_compression_level)(QXLInstance *qin, int level);
    void (*set_mm_time)(QXLInstance *qin, uint32_t mm_time); /* never called */
    void (*get_init_info)(QXLInstance *qin, QXLDevInitInfo *info);

    /* 1 and the next command, or 0 at once when there is none. */
    int (*get_command)(QXLInstance *qin, struct QXLCommandExt *cmd);
    /* Asks for spice_qxl_wakeup() when there is a command; 0: there is one already. */
    int (*req_cmd_notification)(QXLInstance *qin);
    /* The server has done with a command: once for each that get_*command returned. */
    void (*release_resource)(QXLInstance *qin, struct QXLReleaseInfoExt release_info);
    int (*get_cursor_command)(QXLInstance *qin, struct QXLCommandExt *cmd);
    int (*req_cursor_notification)(QXLInstance *qin);
    /* An update command was executed. */
    void (*notify_update)(QXLInstance *qin, uint32_t update_id);
    /* Gives what was released back to the guest; 1 if there was something. */
    int (*flush_resources)(QXLInstance *qin);
    /* A function named _async has done its work. */
    void (*async_complete)(QXLInstance *qin, uint64_t cookie);
    void (*update_area_complete)(QXLInstance *qin, uint32_t surface_id,
                                 struct QXLRect *updated_rects, uint32_t num_updated_rects);
    /* What all connected display clients can do. Minor version 2. */
    void (*set_client_capabilities)(QXLInstance *qin, uint8_t client_present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE]);
    /* A client's window layout; NULL asks whether the device takes any (1). Minor version 3. */
    int (*client_monitors_config)(QXLInstance *qin, VDAgentMonitorsConfig *monitors_config);
} QXLInterface;

/*
 * Calls to a display, from any thread but its worker. They are executed in order. Those named
 * _async return at once, call async_complete(COOKIE) when done, and exist twice so that a guest
 * need not wait.
 */

/* There are commands; or (oom) the guest waits for memory. Return at once. */
void spice_qxl_wakeup(QXLInstance *instance);
void spice_qxl_oom(QXLInstance *instance);
/* One display's part of spice_server_vm_start() and _stop(), which replace them. */
void spice_qxl_start(QXLInstance *instance);
void spice_qxl_stop(QXLInstance *instance);

void spice_qxl_add_memslot(QXLInstance *instance, QXLDevMemSlot *slot);
void spice_qxl_add_memslot_async(QXLInstance *instance, QXLDevMemSlot *slot, uint64_t cookie);
void spice_qxl_del_memslot(QXLInstance *instance, uint32_t slot_group_id, uint32_t slot_id);
void spice_qxl_reset_memslots(QXLInstance *instance);

/* The primary surface is number 0. */
void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t surface_id,
                                      QXLDevSurfaceCreate *surface);
void spice_qxl_create_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                            QXLDevSurfaceCreate *surface, uint64_t cookie);
void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t surface_id);
void spice_qxl_destroy_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                             uint64_t cookie);
/* Lets go of everything that refers to a surface; of all surfaces. */
void spice_qxl_destroy_surface_wait(QXLInstance *instance, uint32_t surface_id);
void spice_qxl_destroy_surface_async(QXLInstance *instance, uint32_t surface_id, uint64_t cookie);
void spice_qxl_destroy_surfaces(QXLInstance *instance);
void spice_qxl_destroy_surfaces_async(QXLInstance *instance, uint64_t cookie);

/* Renders an area into guest memory and reports up to NUM_DIRTY_RECTS rectangles that changed. */
void spice_qxl_update_area(QXLInstance *instance, uint32_t surface_id, struct QXLRect *area,
                           struct QXLRect *dirty_rects, uint32_t num_dirty_rects,
                           uint32_t clear_dirty_region);
void spice_qxl_update_area_async(QXLInstance *instance, uint32_t surface_id, QXLRect *qxl_area,
                                 uint32_t clear_dirty_region, uint64_t cookie);
/* Renders everything, for suspend and mode changes. */
void spice_qxl_flush_surfaces_async(QXLInstance *instance, uint64_t cookie);

void spice_qxl_reset_image_cache(QXLInstance *instance);
void spice_qxl_reset_cursor(QXLInstance *instance);
/* Surface and cursor commands that were executed before the machine was saved. */
void spice_qxl_loadvm_commands(QXLInstance *instance, struct QXLCommandExt *ext, uint32_t count);

/* The guest's head layout: address of a QXLMonitorsConfig in memory slots of GROUP_ID. */
void spice_qxl_monitors_config_async(QXLInstance *instance, QXLPHYSICAL monitors_config,
                                     int group_id, uint64_t cookie);
/* The guest's driver is gone and with it its head layouts. */
void spice_qxl_driver_unload(QXLInstance *instance);
/* At least 1; spice_qxl_set_device_info() replaces it. */
void spice_qxl_set_max_monitors(QXLInstance *instance, unsigned int max_monitors);
/*
 * Where the device is in the guest: "pci/DDDD/SS.F", hexadecimal domain, slot and function, with
 * further "/SS.F" behind bridges; and the display numbers its heads have, START to START+COUNT-1.
 */
void spice_qxl_set_device_info(QXLInstance *instance, const char *device_address,
                               uint32_t device_display_id_start, uint32_t device_display_id_count);

/* A picture on the graphics card, as a dma-buf; FD is taken over, -1: none. */
void spice_qxl_gl_scanout(QXLInstance *instance, int fd, uint32_t width, uint32_t height,
                          uint32_t stride, uint32_t format, int y_0_top);
void spice_qxl_gl_draw_async(QXLInstance *instance, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                             uint64_t cookie);

#endif
