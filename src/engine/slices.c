/* SPDX-License-Identifier: MIT */
/* The submissions of a pass. Two are queued at most, so that a stop is seen while one runs and the
 * device never waits for the host; where others may want the device, or where both together took
 * longer than a slice, one. */
#include "base/stop.h"
#include "engine/session.h"
#include "engine/turn.h"
#include "os/os.h"

static dsvk_status ask_stop(const struct dv_session *s)
{
    if (!dv_is_stopped(s->watch.progress))
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled within the pass at position %u",
                   s->n_tokens);
}

dsvk_status dv_session_between(struct dv_session *s, bool lends)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    TRY(ask_stop(s));
    if (!lends || !dv_turn_is_wanted(s->engine.turn))
        return DSVK_OK;
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    uint64_t start = dv_time_ns();
    dv_turn_lend(s->engine.turn);
    s->lent_ns += dv_time_ns() - start;
    return ask_stop(s);
}

/* Who is within a call, be it in a callback, may want the device at any time: then a second slice
 * in the queue is one more that it waits for. */
static bool is_alone(const struct dv_session *s)
{
    return !s->engine.inside || *s->engine.inside <= 1;
}

/* What is submitted need not have ended when the next one is. */
static bool may_run_on(const struct dv_session *s)
{
    return !dv_pace_is_set(s->engine.pace) && is_alone(s);
}

static struct dv_submitter submitter(const struct dv_session *s, bool prompt, bool rests)
{
    return (struct dv_submitter){
        .ctx = s->setup.ctx, .progress = s->watch.progress, .prompt = prompt, .rests = rests
    };
}

dsvk_status dv_session_pace(struct dv_session *s, bool prompt)
{
    struct dv_submitter who = submitter(s, prompt, true);
    return dv_pace_wait(s->engine.pace, &who);
}

static dsvk_status submit_at_pace(struct dv_session *s, const struct dv_submission *what)
{
    dsvk_status         status;
    struct dv_stream   *stream = s->engine.stream;
    struct dv_submitter who    = submitter(s, what->prompt, what->rests);
    TRY(dv_stream_wait(stream, stream->submitted, 0));
    uint64_t before = dv_time_ns();
    status          = dv_pace_begin(s->engine.pace, &who);
    uint64_t start  = dv_time_ns();
    s->lent_ns += start - before;
    if (status != DSVK_OK)
        return status;
    TRY(dv_stream_submit(stream, what->commands, NULL));
    status = dv_stream_wait(stream, stream->submitted, 0);
    dv_pace_took(s->engine.pace, dv_time_ns() - start);
    return status;
}

dsvk_status dv_session_submit(struct dv_session *s, const struct dv_submission *what)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    if (dv_pace_is_set(s->engine.pace))
        return submit_at_pace(s, what);
    TRY(dv_stream_submit(stream, what->commands, NULL));
    return dv_stream_wait(stream, stream->submitted - may_run_on(s), 0);
}

/* A slice has ended since `last`, which is the time without what was lent. */
static void tell_end(const struct dv_session *s, uint64_t *took, uint64_t *last)
{
    uint64_t now = dv_time_ns() - s->lent_ns;
    *took        = now > *last ? now - *last : 1;
    *last        = now;
}

/* Before the i-th slice. */
static dsvk_status rest(struct dv_session *s, struct dv_program *p, uint32_t i)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    if (!dv_slices_may_queue(&p->slices, i, s->engine.slice_ns))
        TRY(dv_stream_wait(stream, stream->submitted, 0));
    return dv_session_between(s, !p->graph->size.batch);
}

dsvk_status dv_session_run(struct dv_session *s, struct dv_program *p)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    bool              lends  = !p->graph->size.batch;
    s->lent_ns               = 0;
    if (p->parts)
        return dv_session_run_parts(s, p);
    TRY(dv_slices_fit(p, s->engine.slice_ns));
    uint64_t start = dv_time_ns(), last = start;
    uint32_t told = 0;
    for (uint32_t i = 0; i < p->slices.n; i++) {
        if (i > 0)
            TRY_OR(fail, rest(s, p, i));
        struct dv_submission slice = { p->slices.commands[i], .prompt = lends, .rests = lends };
        TRY_OR(fail, dv_session_submit(s, &slice));
        for (uint32_t ended = i + !may_run_on(s); told < ended; told++)
            tell_end(s, &p->slices.took[told], &last);
        s->stats.submissions += i > 0; /* one is counted for the pass */
    }
    TRY_OR(fail, dv_stream_wait(stream, stream->submitted, 0));
    if (told < p->slices.n)
        tell_end(s, &p->slices.took[told], &last);
    dv_slices_took(p, dv_time_ns() - start - s->lent_ns);
    return DSVK_OK;
fail:
    dv_stream_settle(stream);
    return status;
}
