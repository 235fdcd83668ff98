/* SPDX-License-Identifier: MIT */
/* What experts may take: what is left when sessions have theirs. */
#include "base/os.h"
#include "engine/experts.h"
#include "engine/session.h"

#define DEFAULT_CONTEXT 4096u
#define SMALLEST_CONTEXT 256u

/* The pass that takes most of the arena: every row has its logits, as in scoring. */
static dsvk_status pass_bytes(uint64_t *bytes, const struct dv_engine *engine, uint32_t context,
                              uint32_t tokens)
{
    dsvk_status          status;
    struct dv_graph_size size = { .tokens = tokens, .context = context, .tile = 16 };
    struct dv_tuning     tuning;
    struct dv_graph     *graph;
    struct dv_plan       plan;
    dv_tuning_of(&tuning, &engine->dev->caps);
    size.split    = dv_engine_split(context, &tuning);
    size.tiers    = true;
    size.all_rows = true;
    TRY(dv_engine_graph(&graph, engine->ctx, engine->config, &size, engine->no_fuse));
    status = dv_graph_plan(graph, &plan);
    dv_graph_free(graph);
    uint64_t blocks = (uint64_t)plan.nodes * DV_BLOCK_BYTES * DV_MAX_PROGRAMS;
    if (plan.arena_bytes + blocks > *bytes)
        *bytes = plan.arena_bytes + blocks;
    return status;
}

/* Bytes of a session of this context: cache, activations, argument blocks, rope table. */
static dsvk_status session_bytes(uint64_t *bytes, const struct dv_engine *engine, uint32_t context)
{
    dsvk_status             status;
    const struct dv_config *c     = engine->config;
    uint32_t                chunk = engine->dev->caps.is_software ? 64 : 256;
    struct dv_cache_shape   cache = { DV_CACHE_BF16, c->layers, c->kv_lora, c->rope, context };
    *bytes                        = 0;
    TRY(pass_bytes(bytes, engine, context, chunk < context ? chunk : context));
    TRY(pass_bytes(bytes, engine, context, DV_FEW_TOKENS < context ? DV_FEW_TOKENS : context));
    *bytes += dv_cache_bytes(&cache) + (uint64_t)context * c->rope * 4;
    return DSVK_OK;
}

/* The device's memory may be the host's: what it may still take of that is not the host's. */
static uint64_t host_bytes(const struct dv_device *dev)
{
    uint64_t free = dv_host_memory_free(), taken = 0;
    if ((dev->caps.is_software || dev->caps.unified_memory) && dev->bytes_limit > dev->bytes_used)
        taken = dev->bytes_limit - dev->bytes_used;
    free -= free / 8;
    return free > taken ? free - taken : 0;
}

dsvk_status dv_expert_budget_of(struct dv_expert_budget *budget, const struct dv_engine *engine,
                                uint32_t context, uint64_t host)
{
    dsvk_status             status;
    const struct dv_device *dev  = engine->dev;
    uint32_t                most = engine->config->max_context, n = context;
    *budget = (struct dv_expert_budget){ .host_bytes = host ? host : host_bytes(dev) };
    if (n == 0)
        n = DEFAULT_CONTEXT < most ? DEFAULT_CONTEXT : most;
    for (;; n /= 2) {
        TRY(session_bytes(&budget->reserve, engine, n));
        /* A context that nobody asked for leaves most of a small device to weights. */
        if (context || n <= SMALLEST_CONTEXT || budget->reserve <= dev->bytes_limit / 8)
            break;
    }
    budget->context = n;
    budget->reserve += dev->bytes_limit / 64; /* what alignment and rounding take */
    return DSVK_OK;
}
