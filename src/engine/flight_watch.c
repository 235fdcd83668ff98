/* SPDX-License-Identifier: MIT */
/* What others do to a flight, and what its failure is to its rows. */
#include "engine/flight.h"

#include <stdio.h>

#include "os/os.h"
#include "engine/session.h"

/* ---- since when ---- */

static unsigned failures_of(const struct dv_context *ctx)
{
    return ctx->why ? atomic_load(&ctx->why->failures) : 0;
}

/* Others may have used the device since this flight's last submission: then its passes have ended,
 * or wait behind theirs, and the time until now is not theirs alone. */
void dv_flight_watch(struct dv_flight *f)
{
    const struct dv_engine *e    = &f->rows[0]->engine;
    uint64_t                last = f->values[(f->submitted + DV_MOST_AHEAD) % (DV_MOST_AHEAD + 1)];
    if (f->submitted > 0 && e->stream->submitted != last)
        f->since = dv_time_ns();
    for (uint32_t i = 0; i < f->n; i++)
        f->failures[i] = failures_of(f->rows[i]->setup.ctx);
    f->failures[DV_MOST_ROWS]     = failures_of(e->dev->ctx);
    f->failures[DV_MOST_ROWS + 1] = failures_of(e->ctx);
}

/* ---- failures ---- */

/* What was said since dv_flight_watch(), and by which row: f->n for none of them. */
static uint32_t find_sentence(char line[DV_WHY_BYTES], const struct dv_flight *f)
{
    const struct dv_engine  *e   = &f->rows[0]->engine;
    const struct dv_context *ctx = NULL;
    uint32_t                 i   = 0;
    for (; i < f->n && !ctx; i++)
        if (failures_of(f->rows[i]->setup.ctx) != f->failures[i])
            ctx = f->rows[i]->setup.ctx;
    uint32_t who = ctx ? i - 1 : f->n;
    if (!ctx && failures_of(e->dev->ctx) != f->failures[DV_MOST_ROWS])
        ctx = e->dev->ctx;
    else if (!ctx && failures_of(e->ctx) != f->failures[DV_MOST_ROWS + 1])
        ctx = e->ctx;
    line[0] = 0;
    if (ctx)
        (void)dv_why_read(ctx->why, line, DV_WHY_BYTES);
    return who;
}

static void tell(const struct dv_flight *f, uint32_t row, dsvk_status why, const char *line)
{
    (void)dv_fail(f->rows[row]->setup.ctx, why,
                  "session: the pass failed that computed its token and %u other%s%s%s",
                  (unsigned)(f->n - 1), f->n == 2 ? "" : "s", line[0] ? ": " : "", line);
}

void dv_flight_fail(struct dv_flight *f, const struct dv_session *caller, dsvk_status why)
{
    struct dv_runner *r = caller->runner;
    char              line[DV_WHY_BYTES];
    uint32_t          said_by = find_sentence(line, f);
    dv_stream_settle(r->engine.stream);
    dv_monitor_enter(r->lock);
    for (uint32_t i = 0; i < f->n; i++) {
        struct dv_session *s = f->rows[i];
        s->decoding.failed   = why;
        s->decoding.n        = 0;
        dv_session_pass_failed(s, why);
        if (i != said_by && (s != caller || said_by < f->n))
            tell(f, i, why, line);
    }
    dv_monitor_leave(r->lock);
    f->n = 0;
}
