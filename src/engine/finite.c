/* SPDX-License-Identifier: MIT */
/* Finds the layer behind a result that is no finite number, for the sentence that the caller
 * gets. It computes one token again through a part of the layers, by halving, and leaves the
 * session's programs alone. */
#include "engine/finite.h"

/* One token at `position` once more, through the first `layers` layers, the last norm and the head.
 * Its program is of its own: the session's stay. */
static dsvk_status try_layers(bool *finite, struct dv_session *s, uint32_t layers,
                              uint32_t position)
{
    dsvk_status        status;
    struct dv_program *p;
    struct dv_lane    *lane = &s->runner->lanes[DV_LANE_BATCH];
    dv_flight_land(s->runner);
    lane->n = 0;
    TRY(dv_session_program_of_layers(&p, s, layers));
    dv_session_write_step(s, p, &s->tokens[position], 1, position);
    status  = dv_session_run(s, p);
    *finite = *(const uint32_t *)lane->result->mapped != DV_NOT_FINITE;
    dv_program_free(p);
    return status;
}

/* How many layers leave the logits finite, by halving: what is not finite never becomes so again.
 * All of them, if not a layer but what stands before and behind them is the cause. */
static dsvk_status find_layer(uint32_t *layer, struct dv_session *s, uint32_t position)
{
    dsvk_status status;
    uint32_t    good = 0, bad = s->setup.config->layers;
    bool        finite;
    *layer = bad;
    TRY(try_layers(&finite, s, 0, position));
    if (!finite)
        return DSVK_OK;
    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        TRY(try_layers(&finite, s, middle, position));
        if (finite)
            good = middle;
        else
            bad = middle;
    }
    *layer = good;
    return DSVK_OK;
}

dsvk_status dv_session_not_finite(struct dv_session *s, uint32_t position)
{
    dsvk_status              status;
    const struct dv_context *ctx = s->setup.ctx;
    uint32_t                 layer;
    /* What the last pass left is computed again where it is asked for. */
    s->knows    = true;
    s->greatest = DV_NOT_FINITE;
    dv_session_forget_results(s);
    status = find_layer(&layer, s, position);
    if (status != DSVK_OK) {
        dv_session_pass_failed(s, status);
        return status;
    }
    if (layer < s->setup.config->layers)
        return dv_fail(ctx, DSVK_NOT_FINITE,
                       "session: the logits at position %u are not finite, from layer %u on",
                       position, layer);
    return dv_fail(ctx, DSVK_NOT_FINITE,
                   "session: the logits at position %u are not finite, because of the embedding, "
                   "the last norm or the head",
                   position);
}
