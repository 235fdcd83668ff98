/* SPDX-License-Identifier: MIT */
/* The submissions of a pass. Two are queued at most, so that a stop is seen while one runs and the
 * device never waits for the host. */
#include "base/stop.h"
#include "engine/session.h"
#include "os/os.h"

dsvk_status dv_session_between(struct dv_session *s)
{
    if (!dv_is_stopped(s->watch.progress))
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_CANCELLED, "cancelled within the pass at position %u",
                   s->n_tokens);
}

dsvk_status dv_session_submit(struct dv_session *s, struct dv_commands *commands)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    TRY(dv_stream_submit(stream, commands, NULL));
    return dv_stream_wait(stream, stream->submitted - 1, 0);
}

dsvk_status dv_session_run(struct dv_session *s, struct dv_program *p)
{
    dsvk_status       status;
    struct dv_stream *stream = s->engine.stream;
    if (p->parts)
        return dv_session_run_parts(s, p);
    TRY(dv_slices_fit(p, s->engine.slice_ns));
    uint64_t start = dv_time_ns();
    for (uint32_t i = 0; i < p->slices.n; i++) {
        if (i > 0)
            TRY_OR(fail, dv_session_between(s));
        TRY_OR(fail, dv_session_submit(s, p->slices.commands[i]));
        s->stats.submissions += i > 0; /* one is counted for the pass */
    }
    TRY_OR(fail, dv_stream_wait(stream, stream->submitted, 0));
    dv_slices_took(p, dv_time_ns() - start);
    return DSVK_OK;
fail:
    dv_stream_settle(stream);
    return status;
}
