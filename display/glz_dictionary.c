/*
 * A ring of pictures. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "display/glz_dictionary.h"

#include "display/glz.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* from Linux 5.14 on; before, it only fails */
#endif

/* Makes the kernel give the memory from FROM to END, which it else does, and clears it, when it is
 * first used. */
static void touch(void *from, void *end)
{
    uintptr_t first = (uintptr_t)from & -(uintptr_t)sysconf(_SC_PAGESIZE);

    (void)madvise((void *)first, (uintptr_t)end - first, MADV_POPULATE_WRITE);
}

void glz_dictionary_prepare(struct glz_dictionary *dictionary)
{
    uint32_t at, end;

    pthread_mutex_lock(&dictionary->lock);
    at = dictionary->count > 0 ? glz_picture_at(dictionary, dictionary->next - 1)->end : 0;
    end = MIN((uint64_t)at + GLZ_TOUCHED_UNITS, dictionary->capacity);
    if (dictionary->touched == 0)
        touch(dictionary, dictionary + 1);
    if (end > dictionary->touched) {
        touch(dictionary->ring + dictionary->touched, dictionary->ring + end);
        dictionary->touched = end;
    }
    pthread_mutex_unlock(&dictionary->lock);
}

struct glz_dictionary *glz_dictionary_create(uint32_t window)
{
    struct glz_dictionary *dictionary;

    if (window < GLZ_MIN_UNITS || window > GLZ_MAX_WINDOW)
        return NULL;
    dictionary = g_new0(struct glz_dictionary, 1);
    dictionary->capacity = MIN(window, GLZ_MAX_UNITS) / GLZ_GRAIN * GLZ_GRAIN;
    dictionary->ring = g_new0(uint32_t, dictionary->capacity + GLZ_SPARE_UNITS);
    pthread_mutex_init(&dictionary->lock, NULL);
    return dictionary;
}

void glz_dictionary_destroy(struct glz_dictionary *dictionary)
{
    if (dictionary == NULL)
        return;
    codec_rows_finish(&dictionary->rows);
    codec_rows_finish(&dictionary->out);
    pthread_mutex_destroy(&dictionary->lock);
    g_free(dictionary->ring);
    g_free(dictionary);
}

void glz_dictionary_freeze(struct glz_dictionary *dictionary)
{
    pthread_mutex_lock(&dictionary->lock);
    dictionary->frozen = true;
    pthread_mutex_unlock(&dictionary->lock);
}

uint64_t glz_dictionary_next(struct glz_dictionary *dictionary)
{
    uint64_t next;

    pthread_mutex_lock(&dictionary->lock);
    next = dictionary->next;
    pthread_mutex_unlock(&dictionary->lock);
    return next;
}

void glz_dictionary_continue(struct glz_dictionary *dictionary, uint64_t next)
{
    g_return_if_fail(dictionary->count == 0);
    dictionary->next = next;
}

static bool is_frozen(struct glz_dictionary *dictionary)
{
    bool frozen;

    pthread_mutex_lock(&dictionary->lock);
    frozen = dictionary->frozen;
    pthread_mutex_unlock(&dictionary->lock);
    return frozen;
}

bool glz_accepts(struct glz_dictionary *dictionary, const struct codec_source *source)
{
    return source->format >= SPICE_BITMAP_FMT_16BIT && source->format <= SPICE_BITMAP_FMT_RGBA &&
           codec_source_is_complete(source) &&
           (uint64_t)source->width * source->height < dictionary->capacity &&
           !is_frozen(dictionary);
}

/* Where SIZE units can go; the oldest pictures make room. */
static uint32_t make_room(struct glz_dictionary *dictionary, uint32_t size)
{
    uint32_t end =
        dictionary->count > 0 ? glz_picture_at(dictionary, dictionary->next - 1)->end : 0;
    uint32_t start = (end + GLZ_GRAIN - 1) / GLZ_GRAIN * GLZ_GRAIN;
    bool wraps = size > dictionary->capacity - start;

    if (dictionary->count == GLZ_MAX_PICTURES - 1)
        dictionary->count--;
    while (dictionary->count > 0) {
        const struct glz_picture *oldest =
            glz_picture_at(dictionary, dictionary->next - dictionary->count);
        uint32_t from = wraps ? 0 : start;

        /* What is still behind us is from the last round, and is older than what is before us. */
        if (!(wraps && oldest->start >= start) &&
            (oldest->end <= from || oldest->start >= from + size))
            break;
        dictionary->count--;
    }
    return wraps ? 0 : start;
}

static enum lz_type type_of(uint8_t format)
{
    switch (format) {
    case SPICE_BITMAP_FMT_16BIT:
        return LZ_RGB16;
    case SPICE_BITMAP_FMT_RGBA:
        return LZ_RGBA;
    default:
        return LZ_RGB32;
    }
}

/* Colours without what fills them up to 32 bits. */
static void copy_colors(struct codec_rows *rows, const struct codec_source *source,
                        uint32_t *restrict to, size_t count)
{
    const uint8_t *restrict from = source->data.pieces[0].iov_base;

    if (!codec_source_is_packed(source)) {
        codec_rows_copy32(rows, source, to);
        for (size_t i = 0; i < count; i++)
            to[i] &= 0x00ffffff;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t pixel;

        memcpy(&pixel, from + i * 4, sizeof(pixel));
        to[i] = pixel & 0x00ffffff;
    }
}

static void copy_high_colors(uint32_t *restrict to, const uint8_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t pixel;

        memcpy(&pixel, from + i * 2, sizeof(pixel));
        to[i] = pixel & 0x7fff;
    }
}

const struct glz_picture *glz_dictionary_load(struct glz_dictionary *dictionary,
                                              const struct codec_source *source)
{
    uint32_t count = source->width * source->height;
    struct glz_picture *picture = glz_picture_at(dictionary, dictionary->next);
    uint32_t *to;

    picture->start = make_room(dictionary, count);
    picture->end = picture->start + count;
    picture->type = type_of(source->format);
    for (uint32_t grain = picture->start / GLZ_GRAIN; grain * GLZ_GRAIN < picture->end; grain++)
        dictionary->owners[grain] = dictionary->next % GLZ_MAX_PICTURES;
    to = dictionary->ring + picture->start;
    switch (source->format) {
    case SPICE_BITMAP_FMT_16BIT:
        copy_high_colors(to, codec_rows_pack(&dictionary->rows, source), count);
        break;
    case SPICE_BITMAP_FMT_32BIT:
        copy_colors(&dictionary->rows, source, to, count);
        break;
    default:
        codec_rows_copy32(&dictionary->rows, source, to);
        break;
    }
    return picture;
}

void glz_dictionary_keep(struct glz_dictionary *dictionary)
{
    dictionary->next++;
    dictionary->count++;
}
