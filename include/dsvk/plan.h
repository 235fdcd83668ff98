/* SPDX-License-Identifier: MIT */
/* What loading a model and a session on it will take, said before anything is allocated. The
 * planner and the loader are the same code, so that predicted bytes are allocated bytes. */
#ifndef DSVK_PLAN_H
#define DSVK_PLAN_H

#include "dsvk/session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    dsvk_run run;          /* as of dsvk_load_params; sessions as it says */
    uint64_t memory_limit; /* device bytes that may be used; 0 = the device's limit */
} dsvk_plan_params;

typedef struct {
    uint64_t size, free; /* bytes; free as the driver says, the size where it says nothing */
    bool     device_local, host_visible;
    bool     holds_device; /* weights, caches and activations of a run come from it */
    bool     holds_host;   /* what the host writes and reads; both: unified memory */
} dsvk_heap;

#define DSVK_MAX_HEAPS 16

typedef struct {
    /* Device bytes of the weights, by what they are; packed, with their padding. */
    uint64_t attention, dense_ffn, shared_experts, routed_experts, embedding_head, norms_routers;
    uint64_t alignment;     /* between them */
    uint64_t expert_tables; /* where each expert lies */
    /* Of a session. */
    uint64_t latent_cache, activations, rope_table, arguments;
} dsvk_plan_bytes;

typedef struct {
    /* What was asked for, the rest chosen as loading and sessions choose it. */
    uint32_t context, chunk;
    bool     math_f16;

    bool      has_device; /* false: a card of the usual kind was taken, with the given memory */
    bool      has_budget; /* the driver says how much is free */
    uint32_t  n_heaps;
    dsvk_heap heaps[DSVK_MAX_HEAPS];
    uint64_t  buffer_limit; /* bytes of one allocation */

    dsvk_plan_bytes device;
    uint64_t        device_bytes;  /* their sum: dsvk_device_bytes() after loading and a session */
    uint64_t        device_before; /* what other models on the device take already */
    uint64_t        device_limit;
    uint64_t        least_bytes; /* the smallest limit with which it works */
    uint64_t        largest_buffer;
    bool            fits;

    /* Host memory: what the device reads and writes, staging while loading, and experts. */
    uint64_t host_session, host_staging, host_experts;

    /* That fits, in passes of at most largest_chunk; with experts that come and go, with the fewest
     * on the device; 0: none. */
    uint32_t largest_context;
    uint32_t largest_chunk;

    uint32_t layers, dense_layers, experts; /* routed experts, of all layers together */
    /* Where they lie, which is fixed when all are on the device and where they start when they come
     * and go: equal shares of each layer's. Without a fit: the fewest that work. */
    uint32_t experts_device, experts_host, experts_disk;
    uint64_t expert_bytes; /* of a slot: the largest expert */

    /* Bytes that computing one token reads. */
    uint64_t token_weights, token_cache; /* the latter with a full context */
} dsvk_plan;

/* Reads headers only. `device` NULL: for a card of the usual kind with memory_limit bytes, of which
 * buffers of 1 GiB can be allocated. A model that does not fit is no failure: plan->fits tells. */
DSVK_API dsvk_status dsvk_model_plan(dsvk_plan *plan, const dsvk_model *model,
                                     const dsvk_device *device, const dsvk_plan_params *params);

typedef struct {
    bool     moe;
    uint32_t experts_device, experts_host, experts_disk; /* routed; 0 without */
} dsvk_plan_layer;

/* Where the experts of one layer lie at first; all else is on the device. False past the last. */
DSVK_API bool dsvk_model_plan_layer(dsvk_plan_layer *placed, const dsvk_model *model,
                                    const dsvk_plan *plan, uint32_t layer);

#ifdef __cplusplus
}
#endif
#endif
