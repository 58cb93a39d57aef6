/*
 * The password clients must know, and how it is told secretly: encrypted with our RSA key.
 *
 * Facts: spice-wire.md sections 1.3 and 1.4. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <openssl/types.h>
#include <spice/protocol.h>
#include <stdbool.h>
#include <stdint.h>

#define TICKET_BYTES (SPICE_TICKET_KEY_PAIR_LENGTH / 8)

struct ticket {
    bool required;
    bool has_password;                            /* without one, nobody passes */
    char password[SPICE_MAX_PASSWORD_LENGTH + 1]; /* zero behind its end */
    int64_t expires; /* microseconds of the monotonic clock; 0: never */
    EVP_PKEY *key;   /* made when it is needed first, then kept */
    uint8_t public_key[SPICE_TICKET_PUBKEY_BYTES]; /* DER */
};

/* Required, without password. */
void ticket_init(struct ticket *ticket);
void ticket_finish(struct ticket *ticket);

/* Anybody may come. */
void ticket_disable(struct ticket *ticket);
/*
 * PASSWORD NULL: nobody may come. LIFETIME in seconds, 0: for ever. False, and nothing is changed,
 * when the password is longer than SPICE_MAX_PASSWORD_LENGTH.
 */
bool ticket_set(struct ticket *ticket, const char *password, int lifetime);

/* The key's SubjectPublicKeyInfo; NULL when OpenSSL cannot make an RSA-1024 key. */
const uint8_t *ticket_public_key(struct ticket *ticket);
/* What a client sent: may it pass? SKIP: any password will do, as long as it can be decrypted. */
bool ticket_check(struct ticket *ticket, const uint8_t encrypted[TICKET_BYTES], bool skip);
