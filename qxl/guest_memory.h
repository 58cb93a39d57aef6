/*
 * Access to memory that the guest changes while we look.
 *
 * Everything is read exactly once into private memory, checked there and used from there. A guest
 * of this card is an x86 processor: its stores are seen in order, its fields are little endian.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* AT is aligned to 4 bytes. What the guest stored before this word is seen after it. */
static inline uint32_t guest_load32(const void *at)
{
    return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

/* AT is aligned to 4 bytes. What we stored before is seen by the guest no later than this word. */
static inline void guest_store32(void *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)at, value, __ATOMIC_RELEASE);
}

/* AT is aligned to 4 bytes; the halves may come from different values. */
static inline uint64_t guest_load64(const void *at)
{
    const uint8_t *bytes = at;
    return guest_load32(bytes) | (uint64_t)guest_load32(bytes + 4) << 32;
}

/* Sets BITS in the word; returns what it was before. */
static inline uint32_t guest_fetch_or32(void *at, uint32_t bits)
{
    return __atomic_fetch_or((uint32_t *)at, bits, __ATOMIC_SEQ_CST);
}

/*
 * A store that is complete before any later load: for an index or a wish to be notified, before the
 * load that tells whether the other side waits. Section 4.3 calls it the mandatory barrier.
 */
static inline void guest_store32_full(void *at, uint32_t value)
{
    (void)__atomic_exchange_n((uint32_t *)at, value, __ATOMIC_SEQ_CST);
}

/* The one read of an object of any alignment; the compiler may not read it again later. */
static inline void guest_copy_in(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    __asm__ volatile("" : : : "memory");
}
