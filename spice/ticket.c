/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/ticket.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

void ticket_init(struct ticket *ticket)
{
    *ticket = (struct ticket){.required = true};
}

static void forget_password(struct ticket *ticket)
{
    OPENSSL_cleanse(ticket->password, sizeof(ticket->password));
    ticket->has_password = false;
    ticket->expires = 0;
}

void ticket_finish(struct ticket *ticket)
{
    forget_password(ticket);
    EVP_PKEY_free(ticket->key);
    ticket->key = NULL;
}

void ticket_disable(struct ticket *ticket)
{
    forget_password(ticket);
    ticket->required = false;
}

bool ticket_set(struct ticket *ticket, const char *password, int lifetime)
{
    size_t length = password != NULL ? strnlen(password, SPICE_MAX_PASSWORD_LENGTH + 1) : 0;

    if (length > SPICE_MAX_PASSWORD_LENGTH) {
        return false;
    }
    forget_password(ticket);
    ticket->required = true;
    if (length > 0) {
        memcpy(ticket->password, password, length);
        ticket->has_password = true;
        if (lifetime != 0) {
            ticket->expires = g_get_monotonic_time() + (int64_t)lifetime * G_USEC_PER_SEC;
        }
    }
    return true;
}

const uint8_t *ticket_public_key(struct ticket *ticket)
{
    uint8_t *der = NULL;
    int size;

    if (ticket->key != NULL) {
        return ticket->public_key;
    }
    ticket->key = EVP_RSA_gen(SPICE_TICKET_KEY_PAIR_LENGTH);
    size = ticket->key != NULL ? i2d_PUBKEY(ticket->key, &der) : 0;
    if (size == sizeof(ticket->public_key)) {
        memcpy(ticket->public_key, der, size);
    } else {
        g_warning("cannot make an RSA key of %u bits for tickets: no client can connect",
                  SPICE_TICKET_KEY_PAIR_LENGTH);
        EVP_PKEY_free(ticket->key);
        ticket->key = NULL;
    }
    OPENSSL_free(der);
    return ticket->key != NULL ? ticket->public_key : NULL;
}

static bool decrypt(EVP_PKEY *key, const uint8_t *in, uint8_t *out, size_t *out_size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool done = context != NULL && EVP_PKEY_decrypt_init(context) > 0 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
                EVP_PKEY_decrypt(context, out, out_size, in, TICKET_BYTES) > 0;

    EVP_PKEY_CTX_free(context);
    return done;
}

bool ticket_check(struct ticket *ticket, const uint8_t encrypted[TICKET_BYTES], bool skip)
{
    uint8_t plain[TICKET_BYTES];
    /* Compared as a whole, so that the time it takes tells nothing. */
    char given[sizeof(ticket->password)] = {0};
    size_t size = sizeof(plain);
    bool right;

    if (ticket->key == NULL || !decrypt(ticket->key, encrypted, plain, &size)) {
        return false;
    }
    size = strnlen((const char *)plain, size);
    memcpy(given, plain, MIN(size, sizeof(given)));
    right = CRYPTO_memcmp(given, ticket->password, sizeof(given)) == 0;
    OPENSSL_cleanse(plain, sizeof(plain));
    OPENSSL_cleanse(given, sizeof(given));
    if (skip || !ticket->required) {
        return true;
    }
    return right && ticket->has_password &&
           (ticket->expires == 0 || ticket->expires > g_get_monotonic_time());
}
