/*
 * Threads that encode pictures beside the worker.
 *
 * The worker hands out pictures that it is about to send, and takes them back in the order in which
 * they go out. What nobody has begun by then it encodes itself, so it waits only for what another
 * thread is in the middle of, and what comes out does not depend on who was faster. GLZ is not done
 * here: its pictures depend on those before.
 *
 * All calls on the worker's thread. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "spice/display_compress.h"

struct encode_pool;
struct encode_job;

/* NULL: there is no processor for it. Threads are started when there is something to do. */
struct encode_pool *encode_pool_create(unsigned processors);
/* All jobs must have ended. NULL is allowed. */
void encode_pool_destroy(struct encode_pool *pool);

/* Jobs that nobody has begun. */
unsigned encode_pool_waiting(struct encode_pool *pool);

/* SOURCE is to be encoded by METHOD, not RAW or GLZ; its pixels must stay until the job has ended.
 */
struct encode_job *encode_pool_start(struct encode_pool *pool, enum image_method method,
                                     const struct codec_source *source);
/*
 * Ends JOB: ENCODED, which was asked for nothing else meanwhile, is what became of it. COMPRESSOR
 * is the caller's. Returns the time that encoding took, ns.
 */
uint64_t encode_job_end(struct encode_job *job, struct compressor *compressor,
                        struct encoded_image *encoded);
/* Ends JOB; nobody wants to know. */
void encode_job_drop(struct encode_job *job);
