/* SPDX-License-Identifier: MIT */
/* Choosing the next token: the logits are read where they lie, tensor/choose.c does the rest. */
#include "engine/finite.h"

#include <math.h>

bool dv_session_draws(const dsvk_sampling *sampling)
{
    return sampling->temperature > 0 && sampling->top_k != 1;
}

bool dv_session_is_plain(const dsvk_sampling *sampling)
{
    return !dv_session_draws(sampling) && !dv_session_changes(sampling) && !sampling->logprobs;
}

void dv_session_rule(struct dv_choose_rule *rule, const dsvk_sampling *sampling)
{
    if (dv_session_draws(sampling))
        dv_choose_rule_make(rule, sampling->temperature, sampling->top_k, sampling->top_p,
                            sampling->min_p, sampling->seed);
    else
        dv_choose_rule_greedy(rule);
}

/* ---- choosing ---- */

/* The one of the greatest logit: no rule, so that it is exact. */
static bool choose_greatest(struct dv_chooser *chooser, uint32_t *token, const float *logits,
                            uint32_t n)
{
    dv_choose_best(token, 1, logits, n);
    return isfinite(dv_choose_log_sum(chooser, logits, n));
}

static bool choose(struct dv_session *s, uint32_t *token, const struct dv_wish *wish,
                   const struct dv_choose_extras *extras, const float *logits)
{
    struct dv_choose_rule rule = *wish->rule;
    rule.extras                = extras;
    if (!extras && rule.factor == 0)
        return choose_greatest(s->chooser, token, logits, s->setup.choices);
    return dv_choose(s->chooser, token, logits, s->setup.choices, &rule, wish->n);
}

dsvk_status dv_session_choose(uint32_t *token, struct dv_session *s, const struct dv_wish *wish,
                              const float *logits)
{
    dsvk_status             status;
    struct dv_choose_extras extras;
    bool                    changes = dv_session_changes(wish->sampling);
    if (!s->chooser)
        TRY(dv_chooser_new(&s->chooser, s->setup.ctx, s->setup.choices));
    if (changes)
        TRY(dv_session_extras(&extras, s, wish));
    if (!choose(s, token, wish, changes ? &extras : NULL, logits))
        *token = changes && *token == s->setup.choices ? DV_NONE_LEFT : DV_NOT_FINITE;
    if (changes)
        dv_session_extras_done(s, wish);
    return wish->sampling->logprobs && DV_IS_TOKEN(*token)
               ? dv_session_tell(s, wish, logits, *token)
               : DSVK_OK;
}

dsvk_status dv_session_sample(struct dv_session *s, const dsvk_sampling *sampling, uint32_t *token)
{
    dsvk_status           status;
    struct dv_choose_rule rule;
    struct dv_wish        wish = { .sampling = sampling, .rule = &rule, .n = s->n_tokens };
    const float          *logits;
    *token = 0;
    if (dv_session_is_plain(sampling))
        return dv_session_argmax(s, token);
    dv_session_rule(&rule, sampling);
    /* Whoever is asked may take his time, in which others use the runner: before all else. */
    wish.mask = sampling->mask ? sampling->mask(sampling->mask_user, s->n_tokens) : NULL;
    TRY(dv_session_see_logits(s, &logits));
    TRY(dv_session_choose(token, s, &wish, logits));
    if (DV_IS_TOKEN(*token))
        return DSVK_OK;
    bool none = *token == DV_NONE_LEFT;
    *token    = 0;
    return none ? dv_session_none_to_choose(s) : dv_session_not_finite(s, s->n_tokens - 1);
}
