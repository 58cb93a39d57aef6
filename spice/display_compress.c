/*
 * Choosing a codec. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_compress.h"

#include "display/graduality.h"
#include "display/jpeg.h"
#include "spice/display_statistics.h"

#include <time.h>

/* Smaller images are not worth an encoder, smaller streams not another one. */
#define MIN_SOURCE_SIZE  54
#define MIN_DEFLATE_SIZE 100

void encoded_image_finish(struct encoded_image *encoded)
{
    g_clear_pointer(&encoded->data, g_bytes_unref);
    encoded->method = IMAGE_RAW;
}

void compressor_init(struct compressor *compressor)
{
    *compressor = (struct compressor){.impls = {
                                          [IMAGE_LZ] = &encoder_lz,
                                          [IMAGE_LZ_PALETTE] = &encoder_lz_palette,
                                          [IMAGE_QUIC] = &encoder_quic,
                                          [IMAGE_JPEG] = &encoder_jpeg,
                                          [IMAGE_JPEG_ALPHA] = &encoder_jpeg_alpha,
#ifdef HAVE_LZ4
                                          [IMAGE_LZ4] = &encoder_lz4,
#endif
                                      }};
}

void compressor_finish(struct compressor *compressor)
{
    for (unsigned i = 0; i < IMAGE_METHODS; i++) {
        if (compressor->encoders[i] != NULL)
            compressor->impls[i]->destroy(compressor->encoders[i]);
    }
    deflater_destroy(compressor->deflater);
}

static bool is_accepted(const struct compressor *compressor, enum image_method method,
                        const struct codec_source *source)
{
    return compressor->impls[method] != NULL && compressor->impls[method]->accepts(source->format);
}

static enum image_method choose_lz(const struct compressor *compressor,
                                   const struct image_policy *policy,
                                   const struct codec_source *source)
{
    if (is_accepted(compressor, IMAGE_LZ, source))
        return IMAGE_LZ;
    return policy->palettes && is_accepted(compressor, IMAGE_LZ_PALETTE, source) ? IMAGE_LZ_PALETTE
                                                                                 : IMAGE_RAW;
}

/* How photographs go out. */
static enum image_method choose_quic(const struct compressor *compressor,
                                     const struct image_policy *policy,
                                     const struct codec_source *source, bool may_lose)
{
    if (!is_accepted(compressor, IMAGE_QUIC, source))
        return IMAGE_RAW;
    if (!may_lose || !policy->jpeg)
        return IMAGE_QUIC;
    return is_accepted(compressor, IMAGE_JPEG, source) ? IMAGE_JPEG : IMAGE_JPEG_ALPHA;
}

struct image_choice compressor_choose(const struct compressor *compressor,
                                      const struct image_policy *policy,
                                      const struct codec_source *source, bool may_lose)
{
    struct image_choice choice = {.drawing = IMAGE_RAW};

    if (source->data.size < MIN_SOURCE_SIZE)
        return choice;
    switch (policy->mode) {
    case SPICE_IMAGE_COMPRESSION_OFF:
        return choice;
    case SPICE_IMAGE_COMPRESSION_QUIC:
        choice.drawing = choose_quic(compressor, policy, source, may_lose);
        return choice;
    case SPICE_IMAGE_COMPRESSION_LZ4:
        if (policy->lz4 && is_accepted(compressor, IMAGE_LZ4, source)) {
            choice.drawing = IMAGE_LZ4;
            return choice;
        }
        break;
    case SPICE_IMAGE_COMPRESSION_AUTO_GLZ:
    case SPICE_IMAGE_COMPRESSION_AUTO_LZ:
        choice.look = true;
        choice.photo = choose_quic(compressor, policy, source, may_lose);
        break;
    default:
        break;
    }
    if (policy->glz != NULL && glz_accepts(policy->glz, source) &&
        (policy->mode == SPICE_IMAGE_COMPRESSION_AUTO_GLZ ||
         policy->mode == SPICE_IMAGE_COMPRESSION_GLZ))
        choice.drawing = IMAGE_GLZ;
    else
        choice.drawing = choose_lz(compressor, policy, source);
    return choice;
}

enum image_method encoded_image_method(struct encoded_image *encoded, struct image_choice choice,
                                       const struct codec_source *source)
{
    if (!choice.look)
        return choice.drawing;
    if (!encoded->looked) {
        encoded->looked = true;
        encoded->photo = graduality_of(source) == GRADUALITY_HIGH;
    }
    return encoded->photo ? choice.photo : choice.drawing;
}

/* What GLZ has made, in fewer bytes if that is wanted and possible. */
static void deflate_glz(struct compressor *compressor, const struct image_policy *policy,
                        uint8_t **data, size_t *size, struct encoded_image *encoded)
{
    uint8_t *deflated;
    size_t deflated_size;

    encoded->type = SPICE_IMAGE_TYPE_GLZ_RGB;
    if (!policy->deflate_glz || *size < MIN_DEFLATE_SIZE)
        return;
    if (compressor->deflater == NULL)
        compressor->deflater = deflater_create();
    if (compressor->deflater == NULL ||
        !deflater_run(compressor->deflater, *data, *size, &deflated, &deflated_size))
        return;
    encoded->type = SPICE_IMAGE_TYPE_ZLIB_GLZ_RGB;
    encoded->first_size = *size;
    g_free(*data);
    *data = deflated;
    *size = deflated_size;
}

bool compressor_run(struct compressor *compressor, const struct codec_source *source,
                    struct encoded_image *encoded)
{
    enum image_method method = encoded->method;
    const struct encoder_impl *impl = compressor->impls[method];
    uint8_t *data;
    size_t size;

    if (compressor->encoders[method] == NULL)
        compressor->encoders[method] = impl->create();
    if (compressor->encoders[method] == NULL ||
        !impl->encode(compressor->encoders[method], source, &data, &size))
        return false;
    encoded->type = impl->image_type;
    if (method == IMAGE_JPEG_ALPHA)
        encoded->first_size = encoder_jpeg_alpha_first_size(compressor->encoders[method]);
    encoded->data = g_bytes_new_take(data, size);
    return true;
}

static bool run_glz(struct compressor *compressor, const struct image_policy *policy,
                    const struct codec_source *source, struct encoded_image *encoded)
{
    uint8_t *data;
    size_t size;

    if (!glz_encode(policy->glz, source, &data, &size))
        return false;
    deflate_glz(compressor, policy, &data, &size, encoded);
    encoded->data = g_bytes_new_take(data, size);
    return true;
}

/* Finer than GLib's clock: many pictures are small. */
uint64_t compressor_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

const char *image_method_name(enum image_method method)
{
    static const char *const names[IMAGE_METHODS] = {
        [IMAGE_RAW] = "raw",
        [IMAGE_LZ] = "lz",
        [IMAGE_LZ_PALETTE] = "lz-palette",
        [IMAGE_QUIC] = "quic",
        [IMAGE_LZ4] = "lz4",
        [IMAGE_JPEG] = "jpeg",
        [IMAGE_JPEG_ALPHA] = "jpeg-alpha",
        [IMAGE_GLZ] = "glz",
    };

    return names[method];
}

bool compressor_encode(struct compressor *compressor, const struct image_policy *policy,
                       const struct codec_source *source, bool may_lose,
                       struct encoded_image *encoded)
{
    enum image_method method = encoded_image_method(
        encoded, compressor_choose(compressor, policy, source, may_lose), source);
    uint64_t began;
    bool done;

    if (method == IMAGE_RAW)
        return false;
    if (encoded->method == method && method != IMAGE_GLZ)
        return encoded->data != NULL;
    encoded_image_finish(encoded);
    encoded->method = method;
    began = compressor_clock_ns();
    done = method == IMAGE_GLZ ? run_glz(compressor, policy, source, encoded)
                               : compressor_run(compressor, source, encoded);
    if (policy->counts != NULL)
        policy->counts[method].encode_ns += compressor_clock_ns() - began;
    return done;
}
