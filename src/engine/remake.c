/* SPDX-License-Identifier: MIT */
/* A session without its memory on the device, and with it again. */
#include "engine/remake.h"

/* ---- dropping ---- */

void dv_session_drop_scratch(struct dv_session *s)
{
    dv_runner_drop(s->runner);
}

void dv_session_drop_cache(struct dv_session *s)
{
    dv_session_drop_extras(s);
    dv_cache_free(s->cache);
    s->cache    = NULL;
    s->n_cached = 0;
    s->answered = false;
    s->knows    = false;
    dv_session_forget_results(s);
}

/* What is said of experts since the session was made goes on with those that are loaded next: `now`
 * counts from 0 then. Differences wrap around as they should. */
static void count_experts(struct dv_expert_stats *before, const struct dv_expert_stats *now,
                          bool comes)
{
    const uint64_t sign = comes ? 1 : UINT64_MAX;
    before->hits += sign * now->hits;
    before->from_host += sign * now->from_host;
    before->from_disk += sign * now->from_disk;
    before->host_bytes += sign * now->host_bytes;
    before->disk_bytes += sign * now->disk_bytes;
    before->seconds += comes ? now->seconds : -now->seconds;
}

void dv_session_drop_all(struct dv_session *s)
{
    struct dv_weights *weights = s->engine.weights;
    dv_session_drop_scratch(s);
    dv_session_drop_cache(s);
    if (weights && dv_weights_experts(weights))
        count_experts(&s->experts_before, &dv_weights_experts(weights)->stats, false);
    s->engine.weights         = NULL;
    s->runner->engine.weights = NULL;
}

/* ---- making again ---- */

/* Weights that come again may find less memory than those that left. */
static dsvk_status check_profile(const struct dv_session *s, struct dv_weights *weights)
{
    if (!s->params.profile || !dv_weights_experts(weights))
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_UNSUPPORTED,
                   "session: no profile with experts in tiers; give the device more memory");
}

static void take_weights(struct dv_session *s, struct dv_weights *weights)
{
    struct dv_experts *x  = dv_weights_experts(weights);
    s->setup.tiers        = x != NULL;
    s->setup.expert_slots = x ? dv_experts_slots(x) : 0;
    s->stats.weight_bytes = dv_weights_bytes(weights);

    s->runner->setup.tiers        = s->setup.tiers;
    s->runner->setup.expert_slots = s->setup.expert_slots;
    s->runner->engine.weights     = weights;
    s->engine.weights             = weights;
    if (x)
        count_experts(&s->experts_before, &x->stats, true);
}

dsvk_status dv_session_remake(struct dv_session *s, struct dv_weights *weights)
{
    dsvk_status status;
    TRY(check_profile(s, weights));
    if (!s->engine.weights)
        take_weights(s, weights);
    TRY(dv_runner_allocate(s->runner));
    if (s->cache)
        return DSVK_OK;
    return dv_cache_new(&s->cache, s->engine.stocks, s->engine.stream, &s->setup, &s->params.cache);
}

dsvk_status dv_session_replay(struct dv_session *s, const dsvk_progress *progress)
{
    uint32_t n = s->n_tokens;
    if (s->n_cached == n)
        return DSVK_OK;
    s->n_tokens        = s->n_cached;
    dsvk_status status = dv_session_extend(s, s->tokens, n, progress);
    s->n_cached        = s->n_tokens;
    s->n_tokens        = n;
    return status;
}
