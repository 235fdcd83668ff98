/* SPDX-License-Identifier: MIT */
/* The tokens that a flight's pass found: the device's, and those that the host chooses. */
#include "engine/flight.h"

#include "engine/session.h"

/* By the session's rule from the row's logits, behind the token at `position`. */
static dsvk_status choose(uint32_t *token, const struct dv_flight *f, uint32_t row,
                          uint32_t position)
{
    dsvk_status            status;
    const void            *logits;
    struct dv_session     *s    = f->rows[row];
    struct dv_decoding    *d    = &s->decoding;
    const struct dv_graph *g    = f->program->graph;
    const struct dv_value *v    = &g->values[g->logits];
    struct dv_wish         wish = { d->sampling, &d->rule, d->mask, position + 1 };
    TRY(dv_stream_see(&logits, s->engine.stream, s->runner->lanes[DV_LANE_BATCH].arena,
                      v->arena_offset + (uint64_t)row * v->stride * 4,
                      (uint64_t)s->setup.choices * sizeof(float)));
    return dv_session_choose(token, s, &wish, logits);
}

dsvk_status dv_flight_found(uint32_t *tokens, const struct dv_flight *f)
{
    dsvk_status       status;
    uint32_t          positions[DV_MOST_ROWS];
    struct dv_runner *r    = f->rows[0]->runner;
    const void       *step = r->lanes[DV_LANE_BATCH].step->mapped;
    dv_monitor_enter(r->lock);
    for (uint32_t i = 0; i < f->n; i++) {
        positions[i] = dv_ring_position(f->rows[i]);
        if (f->rows[i]->decoding.host_chooses)
            dv_ring_unroll(f->rows[i]);
    }
    dv_monitor_leave(r->lock);
    for (uint32_t i = 0; i < f->n; i++)
        if (f->rows[i]->decoding.host_chooses)
            TRY(choose(&tokens[i], f, i, positions[i]));
        else
            tokens[i] = dv_step_chosen(step, i, positions[i]);
    return DSVK_OK;
}
