/* SPDX-License-Identifier: MIT */
/* A phase of its own: tokens that the device draws from logits that it changes, with what it tells
 * of them. */
#include "fault/support.h"

struct draws {
    struct engine *engine;
    uint32_t       taken, told;
};

static bool take_token(void *user, uint32_t token)
{
    struct draws  *t = user;
    struct engine *e = t->engine;
    assert_int_equal(t->told, t->taken + 1); /* before */
    if (t->taken == N_GENERATED)
        return false;
    if (t->taken < e->n_chosen)
        assert_int_equal(token, e->chosen[t->taken]);
    e->chosen[t->taken++] = token;
    return true;
}

static void take_logprobs(void *user, size_t position, const dsvk_logprob *chosen,
                          const dsvk_logprob *best, size_t n_best)
{
    struct draws *t = user;
    assert_int_equal(position, N_TOKENS + t->told++);
    assert_true(chosen->logprob <= best[0].logprob && n_best == 2);
}

dsvk_status draw_tokens(struct engine *e)
{
    static const dsvk_bias biases[] = { { 7, 1.5f }, { 20, -3 } };
    struct draws           draws    = { e, 0, 0 };
    const dsvk_sampling    sampling = { .temperature        = 0.9f,
                                        .seed               = 3,
                                        .top_k              = 30,
                                        .biases             = biases,
                                        .n_biases           = 2,
                                        .repetition_penalty = 1.2f,
                                        .penalty_last       = 4,
                                        .logprobs           = take_logprobs,
                                        .logprobs_user      = &draws,
                                        .n_logprobs         = 2 };
    dsvk_status            status   = sync_tokens(e);
    struct dv_session     *s        = e->session->session;
    s->params.ahead                 = 3;
    s->params.draw                  = true;
    dv_session_drop_extras(s); /* what it wants anew each time */
    if (status == DSVK_OK)
        status = generate_ids(e->session, 2 * N_GENERATED, &sampling, take_token, &draws);
    s->params.draw = false;
    if (status != DSVK_OK)
        return status;
    assert_int_equal(draws.taken, N_GENERATED);
    e->n_chosen = N_GENERATED;
    return DSVK_OK;
}
