/*
 * A guest's drawing command while somebody still needs it.
 *
 * Everything here belongs to the worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/draw.h"
#include "spice/arena.h"
#include "spice/display_compress.h"
#include "spice/encode_pool.h"
#include "spice/guest_resource.h"
#include "spice/image_cache.h"

/* The pixels of IMAGE, a bitmap, as codecs read them. */
static inline struct codec_source draw_image_source(const struct draw_image *image)
{
    return (struct codec_source){
        .format = image->bitmap.format,
        .top_down = image->bitmap.top_down,
        .width = image->width,
        .height = image->height,
        .stride = image->bitmap.stride,
        .data = image->bitmap.data,
    };
}

/* Every draw_image that the parser makes is the first member of one of these. */
struct guest_image {
    struct draw_image image;
    struct encoded_image encoded;
    struct encode_job *job; /* what ENCODED becomes; NULL: nobody is at it */
    bool has_key;           /* else the key is not known yet */
    struct image_key key;
    int64_t whole;               /* pixels of the picture that it is a part of; 0: it is none */
    bool no_alpha;               /* 32 bits, for a surface that has none: 24 are enough */
    bool is_private;             /* the same, in one piece that only we write */
    struct guest_image *smaller; /* such a picture in fewer bytes; NULL: nobody has asked */
    struct guest_image *next;    /* of the drawable's */
};

static inline struct codec_source guest_image_source(const struct guest_image *guest)
{
    struct codec_source source = draw_image_source(&guest->image);

    source.no_alpha = guest->no_alpha;
    return source;
}

struct drawable {
    unsigned refs;
    struct guest_resource resource;
    struct draw draw;
    bool is_clear; /* no command: the zeroes of a new surface, which clients know of */
    /* What the guest lists as read; must exist though draw.sources says what really is. -1: none.
     */
    int32_t listed_sources[3];
    struct guest_image *images;
    struct draw *bands; /* the same, cut across; NULL: nobody has asked */
    unsigned band_count;
    size_t data_size; /* bytes of its images: about what it would cost to send */
    struct arena arena;
    max_align_t memory[24]; /* enough for most; malloc() keeps small blocks ready */
};

/*
 * What a bitmap is known as in all caches. The guest may change its pixels later; what it sees is
 * then the one or the other.
 */
const struct image_key *guest_image_key(struct guest_image *guest);
/*
 * The same picture, of DRAWABLE, in fewer bytes uncompressed; made once. It may be GUEST itself.
 */
struct guest_image *guest_image_smaller(struct guest_image *guest, struct drawable *drawable);

/*
 * The parts that DRAWABLE's picture may be cut across into, from top to bottom, each a command of
 * its own; they live as long as it does. Returns how many; 0: it is not to be cut.
 */
unsigned drawable_cut(struct drawable *drawable);

/* What it is given back TO; NULL: it has no resource, as it is not the guest's. */
struct drawable *drawable_create(struct releases *to);
struct drawable *drawable_ref(struct drawable *drawable);
/* The last one releases it to the guest. */
void drawable_unref(struct drawable *drawable);
void drawable_unref_opaque(void *drawable);
