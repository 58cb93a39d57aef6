/*
 * The numbers that film and sound of tests/client/film_server.c carry.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stdint.h>

enum { FILM_LEVELS = 8, FILM_LEVEL_MS = 500 };

/* Of the square in the middle of the film. */
static inline uint32_t film_brightness(unsigned level)
{
    return 16 + level * 32;
}

/* Of the square wave that is heard. */
static inline uint32_t film_amplitude(unsigned level)
{
    return 2000 + level * 3000;
}

static inline unsigned film_level_of_brightness(uint32_t brightness)
{
    return brightness / 32 < FILM_LEVELS ? brightness / 32 : FILM_LEVELS - 1;
}

static inline unsigned film_level_of_amplitude(uint32_t amplitude)
{
    unsigned level = (amplitude + 1500 - 2000) / 3000;

    return amplitude < 500 ? 0 : level < FILM_LEVELS ? level : FILM_LEVELS - 1;
}
