/* SPDX-License-Identifier: MIT */
/* From what a caller asks for to what is done: the only place that checks it. */
#include "planner/setup.h"

/* How many there are to ask for. */
enum {
#define X(name, word) +1
    N_CACHES  = 0 DSVK_CACHE_MAP(X),
    N_WEIGHTS = 0 DSVK_WEIGHTS_MAP(X),
    N_HEADS   = 0 DSVK_HEAD_MAP(X)
#undef X
};

bool dv_setup_knows_weights(dsvk_weights weights)
{
    return (unsigned)weights < N_WEIGHTS;
}

bool dv_setup_knows_head(dsvk_head head)
{
    return (unsigned)head < N_HEADS;
}

bool dv_setup_cache(enum dv_cache_format *format, dsvk_cache cache)
{
    static const enum dv_cache_format caches[N_CACHES] = {
#define X(name, word) [DSVK_CACHE_##name] = DV_CACHE_##name,
        DSVK_CACHE_MAP(X)
#undef X
    };
    if ((unsigned)cache >= N_CACHES)
        return false;
    *format = caches[cache];
    return true;
}

static dsvk_status check(const struct dv_context *ctx, const struct dv_config *config,
                         const dsvk_run *run)
{
    if ((unsigned)run->math > DSVK_MATH_F16)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "run: no such math");
    if (!dv_setup_knows_weights(run->weights))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "run: no such format of weights");
    if (!dv_setup_knows_head(run->head))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "run: no such format of the head");
    enum dv_cache_format format;
    if (!dv_setup_cache(&format, run->cache))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "run: no such cache format");
    if (run->context > config->max_context)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "run: a context of %u tokens, but the model's limit is %u", run->context,
                       config->max_context);
    if (run->chunk > DSVK_MAX_CHUNK)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "run: chunks of %u tokens, at most %u", run->chunk,
                       DSVK_MAX_CHUNK);
    return DSVK_OK;
}

dsvk_status dv_setup_make(struct dv_setup *setup, const struct dv_context *ctx,
                          const struct dv_config *config, const struct dv_caps *caps,
                          const dsvk_run *run)
{
    dsvk_status status;
    *setup = (struct dv_setup){ .ctx = ctx, .config = config, .caps = caps };
    TRY(check(ctx, config, run));
    /* AUTO: f16 where it is faster, which is in matrix units only. */
    setup->round_f16 = run->math == DSVK_MATH_F16;
    setup->math_f16  = setup->round_f16 || (run->math == DSVK_MATH_AUTO && dv_prefers_f16(caps));
    setup->no_fuse   = run->no_fuse;
    (void)dv_setup_cache(&setup->cache, run->cache);
    setup->context = run->context;
    setup->chunk   = run->chunk;
    if (setup->context > 0 && setup->chunk > setup->context)
        setup->chunk = setup->context;
    return DSVK_OK;
}
