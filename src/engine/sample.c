/* SPDX-License-Identifier: MIT */
/* Choosing the next token: the logits are read where they lie, tensor/choose.c does the rest. */
#include "engine/finite.h"

bool dv_session_draws(const dsvk_sampling *sampling)
{
    return sampling->temperature > 0 && sampling->top_k != 1;
}

void dv_session_rule(struct dv_choose_rule *rule, const dsvk_sampling *sampling)
{
    if (dv_session_draws(sampling))
        dv_choose_rule_make(rule, sampling->temperature, sampling->top_k, sampling->top_p,
                            sampling->min_p, sampling->seed);
    else
        dv_choose_rule_greedy(rule);
}

dsvk_status dv_session_choose(uint32_t *token, struct dv_session *s, const struct dv_wish *wish,
                              const float *logits)
{
    dsvk_status             status;
    struct dv_choose_rule   rule = *wish->rule;
    struct dv_choose_extras extras;
    bool                    changes = dv_session_changes(wish->sampling);
    if (!s->chooser)
        TRY(dv_chooser_new(&s->chooser, s->setup.ctx, s->setup.choices));
    if (changes) {
        TRY(dv_session_extras(&extras, s, wish));
        rule.extras = &extras;
    }
    if (!dv_choose(s->chooser, token, logits, s->setup.choices, &rule, wish->n))
        *token = *token == s->setup.choices ? DV_NONE_LEFT : DV_NOT_FINITE;
    if (changes)
        dv_session_extras_done(s, wish);
    return DSVK_OK;
}

dsvk_status dv_session_sample(struct dv_session *s, const dsvk_sampling *sampling, uint32_t *token)
{
    dsvk_status           status;
    struct dv_choose_rule rule;
    struct dv_wish        wish = { .sampling = sampling, .rule = &rule, .n = s->n_tokens };
    const float          *logits;
    *token = 0;
    if (!dv_session_draws(sampling) && !dv_session_changes(sampling))
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
