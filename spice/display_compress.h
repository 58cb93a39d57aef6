/*
 * Which codec an image is sent in (server-abi.md section 5.4, codecs.md section 7).
 *
 * One thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "display/codec.h"
#include "display/deflate.h"
#include "display/glz.h"

#include <glib.h>
#include <spice/enums.h>

struct codec_count;

/* What one client can read and wants. */
struct image_policy {
    SpiceImageCompression mode; /* asked for by the host, or by the client */
    bool lz4;                   /* the client reads LZ4, */
    bool palettes;              /* and LZ with palettes */
    bool jpeg;                  /* photographs may lose a little, */
    bool deflate_glz;           /* and what GLZ makes is deflated: its connection is slow */
    bool packed;                /* what is not compressed should be small all the same */
    struct glz_dictionary *glz; /* the client's; NULL: none */
    struct image_cache *cache;  /* the client's; NULL: none */
    struct palette_cache *palette_cache; /* the client's; NULL: none */
    struct codec_count *counts;          /* of IMAGE_METHODS, the client's; NULL: nobody counts */
};

enum image_method {
    IMAGE_RAW,
    IMAGE_LZ,
    IMAGE_LZ_PALETTE,
    IMAGE_QUIC,
    IMAGE_LZ4,
    IMAGE_JPEG,
    IMAGE_JPEG_ALPHA,
    IMAGE_GLZ, /* different for each client */
    IMAGE_METHODS,
};

/* An image as an encoder made it, for all clients that want it like that. */
struct encoded_image {
    enum image_method method; /* that was tried last; IMAGE_RAW: none */
    uint8_t type;             /* SPICE_IMAGE_TYPE_* */
    GBytes *data;             /* NULL: it is not worth it */
    uint32_t first_size;      /* JPEG_ALPHA: of the JPEG; ZLIB_GLZ_RGB: before it was deflated */
    bool looked, photo;       /* somebody has looked whether it is a photograph; it is one */
};
/* Do clients get other pixels than there were? */
static inline bool encoded_image_is_lossy(const struct encoded_image *encoded)
{
    return encoded->data != NULL &&
           (encoded->type == SPICE_IMAGE_TYPE_JPEG || encoded->type == SPICE_IMAGE_TYPE_JPEG_ALPHA);
}

void encoded_image_finish(struct encoded_image *encoded);

/* How an image goes out, as far as that can be said without a look at its pixels. */
struct image_choice {
    bool look; /* photographs go out otherwise than drawings */
    enum image_method drawing, photo;
};
/* How ENCODED, of SOURCE, goes out by CHOICE; remembers what it looks like. */
enum image_method encoded_image_method(struct encoded_image *encoded, struct image_choice choice,
                                       const struct codec_source *source);

/* All codecs, and what they need between images. */
struct compressor {
    const struct encoder_impl *impls[IMAGE_METHODS];
    struct encoder *encoders[IMAGE_METHODS]; /* created when first used; */
    struct deflater *deflater;               /* so is this */
};
void compressor_init(struct compressor *compressor);
void compressor_finish(struct compressor *compressor);

struct image_choice compressor_choose(const struct compressor *compressor,
                                      const struct image_policy *policy,
                                      const struct codec_source *source, bool may_lose);
/*
 * Compresses SOURCE by encoded->method, which is neither RAW nor GLZ, into ENCODED, which holds no
 * data. False: it is not worth it.
 */
bool compressor_run(struct compressor *compressor, const struct codec_source *source,
                    struct encoded_image *encoded);
uint64_t compressor_clock_ns(void);

/*
 * Compresses SOURCE as POLICY says, unless ENCODED has it like that already. MAY_LOSE: it need not
 * stay exact, if POLICY agrees. False: it is to be sent as it is.
 */
bool compressor_encode(struct compressor *compressor, const struct image_policy *policy,
                       const struct codec_source *source, bool may_lose,
                       struct encoded_image *encoded);
