/* SPDX-License-Identifier: MIT */
/* A pass: write the step block, run the commands recorded for its token count. */
#include "os/os.h"
#include "engine/session.h"
#include "engine/step.h"

void dv_session_write_step(struct dv_session *s, const struct dv_program *p, const uint32_t *ids,
                           uint32_t n, uint32_t position)
{
    uint64_t pages = s->cache->table->address;
    void    *step  = dv_runner_lane(s->runner, p)->step->mapped;
    if (p->graph->size.batch)
        dv_step_write_batch(step, p, s->runner->split,
                            &(struct dv_step_row){ ids[0], position, pages, { 0 }, 0 }, 1);
    else
        dv_step_write_prompt(step, p, s->runner->split,
                             &(struct dv_step_prompt){ ids, n, position, pages });
}

void dv_session_add_stats(struct dv_session *s, const struct dv_program *p, uint32_t n, uint64_t ns)
{
    dsvk_session_stats *stats = &s->stats;
    stats->submissions++;
    if (n == 1) {
        stats->decode_tokens++;
        stats->decode_seconds += (double)ns * 1e-9;
        stats->decode_dispatches = p->n_dispatches;
        stats->decode_barriers   = p->n_barriers;
    } else {
        stats->prefill_tokens += n;
        stats->prefill_seconds += (double)ns * 1e-9;
    }
}

void dv_session_holds(struct dv_session *s, struct dv_program *p, uint32_t end)
{
    struct dv_lane        *lane  = dv_runner_lane(s->runner, p);
    const struct dv_value *token = &p->graph->values[p->graph->token];
    const uint32_t        *ids   = lane->result->mapped;
    lane->last                   = p;
    lane->rows[0]                = (struct dv_held_row){ .of = s, .end = end };
    lane->n                      = 1;
    lane->number++;
    s->answered = true;
    s->knows    = true;
    s->greatest = ids[(token->rows - 1) * token->stride];
}

void dv_session_forget_results(struct dv_session *s)
{
    dv_runner_forget(s->runner, s);
    s->heir = (struct dv_heir){ 0 };
}

/* In a lane that is its own. */
static dsvk_status compute_in(struct dv_lane *lane, struct dv_session *s, const uint32_t *ids,
                              uint32_t position, const struct dv_pass *pass)
{
    dsvk_status        status;
    struct dv_program *p;
    dv_flight_land(s->runner);
    dv_session_forget_results(s);
    lane->last  = NULL;
    lane->n     = 0;
    s->answered = false;
    s->knows    = false;
    TRY(dv_session_program(&p, s, pass));
    uint64_t start = dv_time_ns(); /* behind compiling, which is no speed of the model */
    dv_session_write_step(s, p, ids, pass->tokens, position);
    if (lane == &s->runner->lanes[DV_LANE_PROMPT])
        s->runner->running = p;
    TRY(dv_session_run(s, p));
    dv_session_holds(s, p, position + pass->tokens);
    dv_session_add_stats(s, p, pass->tokens, dv_time_ns() - start - s->lent_ns);
    return p->profile ? dv_profile_add(&s->profile, p, position, s->cache->states) : DSVK_OK;
}

static dsvk_status compute(struct dv_session *s, const uint32_t *ids, uint32_t position,
                           const struct dv_pass *pass)
{
    dsvk_status       status;
    struct dv_runner *r    = s->runner;
    struct dv_lane   *lane = &r->lanes[dv_size_lane(pass)];
    if (dv_size_lane(pass) == DV_LANE_BATCH) {
        TRY(dv_session_pace(s, false));
        return compute_in(lane, s, ids, position, pass);
    }
    if (!dv_runner_enter_prompt(r, s->watch.progress))
        return dv_fail(s->setup.ctx, DSVK_CANCELLED,
                       "cancelled before the pass at position %u, while others computed", position);
    status = dv_session_pace(s, true);
    if (status == DSVK_OK)
        status = compute_in(lane, s, ids, position, pass);
    dv_runner_leave_prompt(r);
    return status;
}

/* Whether the last pass found a token in each row that it has logits of. */
static bool last_is_finite(const struct dv_session *s)
{
    const struct dv_lane  *lanes = s->runner->lanes;
    bool                   batch = lanes[DV_LANE_BATCH].n && lanes[DV_LANE_BATCH].rows[0].of == s;
    const struct dv_lane  *lane  = &lanes[batch ? DV_LANE_BATCH : DV_LANE_PROMPT];
    const struct dv_graph *g     = lane->last->graph;
    const struct dv_value *token = &g->values[g->token];
    const uint32_t        *ids   = lane->result->mapped;
    for (uint32_t r = 0; r < token->rows; r++)
        if (ids[r * token->stride] == DV_NOT_FINITE)
            return false;
    return true;
}

bool dv_session_in_f16(const struct dv_session *s)
{
    return (s->setup.math_f16 || s->setup.round_f16) && !*s->engine.left_f16;
}

/* In pieces that there is memory for. Products in f32 give the same bits however the tokens are
 * divided, and never have the materialised form. */
static dsvk_status compute_in_f32(struct dv_session *s, const uint32_t *ids, uint32_t n,
                                  uint32_t position, bool all_rows)
{
    dsvk_status status;
    uint32_t    most = dv_size_f32_chunk(&s->setup);
    for (uint32_t done = 0; done < n;) {
        uint32_t       left = n - done;
        struct dv_pass pass = { .tokens   = left < most ? left : most,
                                .all_rows = all_rows,
                                .f32      = true };
        TRY(compute(s, ids + done, position + done, &pass));
        done += pass.tokens;
    }
    return DSVK_OK;
}

static void leave_f16(struct dv_session *s, uint32_t n, uint32_t position)
{
    *s->engine.left_f16 = true;
    if (n == 1)
        dv_log(s->setup.ctx, DSVK_LOG_WARN,
               "session: values at position %u leave the range of float16; products are computed "
               "in f32 from here on",
               position);
    else
        dv_log(s->setup.ctx, DSVK_LOG_WARN,
               "session: values at positions %u to %u leave the range of float16; products are "
               "computed in f32 from here on",
               position, position + n - 1);
}

/* A kernel that has no float16 for a value makes NaN of it (half_range in shaders/lib/common.glsl),
 * which reaches the results. So does damage to the weights, which f32 does not heal: then the model
 * stays with float16, and the results with what they are. */
dsvk_status dv_session_pass(struct dv_session *s, const uint32_t *ids, uint32_t n,
                            uint32_t position, bool all_rows)
{
    dsvk_status    status;
    struct dv_pass pass = { .tokens      = n,
                            .all_rows    = all_rows,
                            .materialise = position == 0 && n >= s->materialise_from };
    if (*s->engine.left_f16)
        return compute_in_f32(s, ids, n, position, all_rows);
    bool f16 = dv_session_in_f16(s); /* on its way others may leave it */
    TRY(compute(s, ids, position, &pass));
    if (!f16 || last_is_finite(s))
        return DSVK_OK;
    TRY(compute_in_f32(s, ids, n, position, all_rows));
    if (last_is_finite(s) && !*s->engine.left_f16)
        leave_f16(s, n, position);
    return DSVK_OK;
}
