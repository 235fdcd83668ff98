/* SPDX-License-Identifier: MIT */
/* Choosing the next token: the logits are read where they lie, tensor/choose.c does the rest. */
#include "engine/finite.h"

bool dv_session_draws(const dsvk_sampling *sampling)
{
    return sampling->temperature > 0 && sampling->top_k != 1;
}

void dv_session_rule(struct dv_choose_rule *rule, const dsvk_sampling *sampling)
{
    dv_choose_rule_make(rule, sampling->temperature, sampling->top_k, sampling->top_p,
                        sampling->min_p, sampling->seed);
}

dsvk_status dv_session_sample(struct dv_session *s, const dsvk_sampling *sampling, uint32_t *token)
{
    dsvk_status           status;
    struct dv_choose_rule rule;
    const float          *logits;
    if (!dv_session_draws(sampling))
        return dv_session_argmax(s, token);
    *token = 0;
    TRY(dv_session_see_logits(s, &logits));
    if (!s->chooser)
        TRY(dv_chooser_new(&s->chooser, s->setup.ctx, s->setup.choices));
    dv_session_rule(&rule, sampling);
    if (dv_choose(s->chooser, token, logits, s->setup.choices, &rule, s->n_tokens))
        return DSVK_OK;
    *token = 0;
    return dv_session_not_finite(s, s->n_tokens - 1);
}
