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

static dsvk_status choose(struct dv_session *s, const struct dv_choose_rule *rule, uint32_t *token)
{
    dsvk_status  status;
    const float *logits;
    TRY(dv_session_see_logits(s, &logits));
    if (!s->chooser)
        TRY(dv_chooser_new(&s->chooser, s->setup.ctx, s->setup.choices));
    if (dv_choose(s->chooser, token, logits, s->setup.choices, rule, s->n_tokens))
        return DSVK_OK;
    bool none = *token == s->setup.choices;
    *token    = 0;
    return none ? dv_session_none_to_choose(s) : dv_session_not_finite(s, s->n_tokens - 1);
}

static dsvk_status choose_changed(struct dv_session *s, const dsvk_sampling *sampling,
                                  struct dv_choose_rule *rule, uint32_t *token)
{
    dsvk_status             status;
    struct dv_choose_extras extras;
    /* Whoever is asked may take his time, in which others use the runner: before all else. */
    const uint32_t *mask = sampling->mask ? sampling->mask(sampling->mask_user, s->n_tokens) : NULL;
    TRY(dv_session_extras(&extras, s, sampling, rule));
    extras.mask  = mask;
    rule->extras = &extras;
    status       = choose(s, rule, token);
    dv_session_extras_done(s, sampling);
    return status;
}

dsvk_status dv_session_sample(struct dv_session *s, const dsvk_sampling *sampling, uint32_t *token)
{
    struct dv_choose_rule rule;
    *token = 0;
    if (!dv_session_draws(sampling) && !dv_session_changes(sampling))
        return dv_session_argmax(s, token);
    dv_session_rule(&rule, sampling);
    return dv_session_changes(sampling) ? choose_changed(s, sampling, &rule, token)
                                        : choose(s, &rule, token);
}
