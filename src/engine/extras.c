/* SPDX-License-Identifier: MIT */
/* Biases, penalties and masks of a choice, as arrays over all tokens. Few tokens have any: what a
 * choice has set is set back to 0 after it, so that the rest is never looked at. */
#include "engine/session.h"

bool dv_session_penalises(const dsvk_sampling *sampling)
{
    return (sampling->repetition_penalty != 0 && sampling->repetition_penalty != 1) ||
           sampling->presence_penalty != 0 || sampling->frequency_penalty != 0;
}

bool dv_session_changes(const dsvk_sampling *sampling)
{
    return sampling->n_biases > 0 || sampling->mask || dv_session_penalises(sampling);
}

static dsvk_status make_arrays(struct dv_session *s)
{
    uint32_t n = s->setup.choices;
    if (!s->biases)
        s->biases = dv_zalloc_array(s->setup.ctx, n, sizeof *s->biases);
    if (!s->counts)
        s->counts = dv_zalloc_array(s->setup.ctx, n, sizeof *s->counts);
    if (s->biases && s->counts)
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "sampling: no memory for penalties of %u tokens",
                   n);
}

static void add_to(uint32_t *count, bool answer)
{
    if ((*count & DV_COUNT_MOST) < DV_COUNT_MOST)
        *count += 1;
    if (answer && *count / DV_COUNT_ANSWER < DV_COUNT_MOST)
        *count += DV_COUNT_ANSWER;
}

/* The first token that penalties see. */
static uint32_t first_seen(const struct dv_wish *wish)
{
    uint32_t last = wish->sampling->penalty_last;
    return last && last < wish->n ? wish->n - last : 0;
}

/* Tokens of a prompt may be none that can be chosen. */
static void count(struct dv_session *s, const struct dv_wish *wish)
{
    for (uint32_t i = first_seen(wish); i < wish->n; i++)
        if (s->tokens[i] < s->setup.choices)
            add_to(&s->counts[s->tokens[i]], i >= wish->sampling->prompt_tokens);
}

dsvk_status dv_session_extras(struct dv_choose_extras *extras, struct dv_session *s,
                              const struct dv_wish *wish)
{
    dsvk_status          status;
    const dsvk_sampling *sampling  = wish->sampling;
    bool                 penalises = dv_session_penalises(sampling);
    TRY(make_arrays(s));
    dv_choose_extras_make(extras, wish->rule, sampling->repetition_penalty,
                          sampling->presence_penalty, sampling->frequency_penalty);
    for (size_t i = 0; i < sampling->n_biases; i++)
        if (sampling->biases[i].token < s->setup.choices)
            s->biases[sampling->biases[i].token] =
                dv_choose_bias(wish->rule, sampling->biases[i].bias);
    if (penalises)
        count(s, wish);
    extras->bias   = sampling->n_biases > 0 ? s->biases : NULL;
    extras->counts = penalises ? s->counts : NULL;
    extras->mask   = wish->mask;
    return DSVK_OK;
}

void dv_session_extras_done(struct dv_session *s, const struct dv_wish *wish)
{
    const dsvk_sampling *sampling = wish->sampling;
    for (size_t i = 0; i < sampling->n_biases; i++)
        if (sampling->biases[i].token < s->setup.choices)
            s->biases[sampling->biases[i].token] = 0;
    for (uint32_t i = first_seen(wish); i < wish->n; i++)
        if (s->tokens[i] < s->setup.choices)
            s->counts[s->tokens[i]] = 0;
}

dsvk_status dv_session_none_to_choose(const struct dv_session *s)
{
    return dv_fail(s->setup.ctx, DSVK_BAD_ARGUMENT,
                   "sampling: mask and biases leave none of %u tokens to choose from at position "
                   "%u",
                   s->setup.choices, s->n_tokens);
}
