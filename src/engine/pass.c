/* SPDX-License-Identifier: MIT */
/* A pass: write the step block, submit the commands recorded for its token count, wait. */
#include <string.h>

#include "base/os.h"
#include "engine/session.h"

void dv_session_write_step(struct dv_session *s, const struct dv_program *p, const uint32_t *ids,
                           uint32_t n, uint32_t position)
{
    struct dv_step step = { .tokens   = n,
                            .position = position,
                            .splits   = (position + n - 1) / s->split + 1 };
    step.attend_x       = p->attend_groups[0];
    step.attend_y       = step.splits;
    step.attend_z       = p->attend_groups[2];
    memcpy(s->step->mapped, &step, sizeof step);
    memcpy((unsigned char *)s->step->mapped + DV_STEP_IDS, ids, n * sizeof *ids);
}

void dv_session_add_stats(struct dv_session *s, const struct dv_program *p, uint32_t n,
                          uint64_t ns)
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

static dsvk_status run_whole(struct dv_session *s, const struct dv_program *p)
{
    dsvk_status status;
    uint64_t    value;
    TRY(dv_stream_submit(s->engine.stream, p->commands, &value));
    return dv_stream_wait(s->engine.stream, value, 0);
}

dsvk_status dv_session_pass(struct dv_session *s, const uint32_t *ids, uint32_t n,
                            uint32_t position, bool all_rows)
{
    dsvk_status        status;
    struct dv_program *p;
    struct dv_pass     kind = { .tokens      = n,
                                .all_rows    = all_rows,
                                .materialise = position == 0 && n >= s->materialise_from };
    s->last                 = NULL;
    s->ran_ahead            = false;
    TRY(dv_session_program(&p, s, &kind));
    uint64_t start = dv_time_ns(); /* behind compiling, which is no speed of the model */
    dv_session_write_step(s, p, ids, n, position);
    TRY(p->parts ? dv_session_run_parts(s, p) : run_whole(s, p));
    s->last = p;
    dv_session_add_stats(s, p, n, dv_time_ns() - start);
    return p->profile ? dv_profile_add(&s->profile, p, position, s->cache->record) : DSVK_OK;
}
