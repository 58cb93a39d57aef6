/*
 * Choosing a codec. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_compress.h"

#include "display/graduality.h"

/* Smaller images are not worth an encoder. */
#define MIN_SOURCE_SIZE 54

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

static enum image_method choose(const struct compressor *compressor,
                                const struct image_policy *policy,
                                const struct codec_source *source)
{
    if (source->data.size < MIN_SOURCE_SIZE)
        return IMAGE_RAW;
    switch (policy->mode) {
    case SPICE_IMAGE_COMPRESSION_OFF:
        return IMAGE_RAW;
    case SPICE_IMAGE_COMPRESSION_QUIC:
        return is_accepted(compressor, IMAGE_QUIC, source) ? IMAGE_QUIC : IMAGE_RAW;
    case SPICE_IMAGE_COMPRESSION_LZ4:
        if (policy->lz4 && is_accepted(compressor, IMAGE_LZ4, source))
            return IMAGE_LZ4;
        break;
    case SPICE_IMAGE_COMPRESSION_AUTO_GLZ:
    case SPICE_IMAGE_COMPRESSION_AUTO_LZ:
        if (graduality_of(source) == GRADUALITY_HIGH)
            return IMAGE_QUIC;
        break;
    default:
        break;
    }
    if (policy->glz != NULL && glz_accepts(policy->glz, source) &&
        (policy->mode == SPICE_IMAGE_COMPRESSION_AUTO_GLZ ||
         policy->mode == SPICE_IMAGE_COMPRESSION_GLZ))
        return IMAGE_GLZ;
    return choose_lz(compressor, policy, source);
}

static bool encode(struct compressor *compressor, const struct image_policy *policy,
                   const struct codec_source *source, struct encoded_image *encoded)
{
    enum image_method method = encoded->method;
    const struct encoder_impl *impl = compressor->impls[method];
    uint8_t *data;
    size_t size;

    if (method == IMAGE_GLZ) {
        if (!glz_encode(policy->glz, source, &data, &size))
            return false;
        encoded->type = SPICE_IMAGE_TYPE_GLZ_RGB;
    } else {
        if (compressor->encoders[method] == NULL)
            compressor->encoders[method] = impl->create();
        if (compressor->encoders[method] == NULL ||
            !impl->encode(compressor->encoders[method], source, &data, &size))
            return false;
        encoded->type = impl->image_type;
    }
    encoded->data = g_bytes_new_take(data, size);
    return true;
}

bool compressor_encode(struct compressor *compressor, const struct image_policy *policy,
                       const struct codec_source *source, struct encoded_image *encoded)
{
    enum image_method method = choose(compressor, policy, source);

    if (method == IMAGE_RAW)
        return false;
    if (encoded->method == method && method != IMAGE_GLZ)
        return encoded->data != NULL;
    encoded_image_finish(encoded);
    encoded->method = method;
    return encode(compressor, policy, source, encoded);
}
