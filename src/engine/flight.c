/* SPDX-License-Identifier: MIT */
/* A flight's life: its rows are chosen, its program is found, passes are submitted, their tokens
 * are handed to the rings. */
#include "engine/flight.h"

#include <string.h>

#include "os/os.h"
#include "engine/session.h"
#include "engine/turn.h"

/* Passes ahead hide what lies between two passes on the device and the host's own work, some 10 to
 * 100 microseconds; when a text ends they were for nothing. So there are as many as fit in this
 * time, and none where a pass takes longer. */
#define AHEAD_NS 10000000u

/* ---- passes ---- */

/* Nothing flies any more that would overwrite them. */
static void keep_results(const struct dv_flight *f)
{
    struct dv_runner *r    = f->rows[0]->runner;
    struct dv_lane   *lane = &r->lanes[DV_LANE_BATCH];
    lane->last             = f->program;
    dv_monitor_enter(r->lock);
    for (uint32_t i = 0; i < f->n; i++)
        lane->rows[i] = (struct dv_held_row){ f->rows[i], dv_ring_position(f->rows[i]) + 1 };
    dv_monitor_leave(r->lock);
    lane->n = f->n;
    lane->number++;
}

static dsvk_status collect(struct dv_flight *f)
{
    dsvk_status       status;
    struct dv_runner *r   = f->rows[0]->runner;
    uint64_t          now = dv_time_ns(), began = f->began[f->collected % (DV_MOST_AHEAD + 1)];
    uint64_t          ns = now - (began > f->since ? began : f->since);
    uint32_t          tokens[DV_MOST_ROWS];
    f->since = now;
    f->least = f->collected == 0 || ns < f->least ? ns : f->least;
    TRY(dv_flight_found(tokens, f));
    f->collected++;
    if (f->submitted == f->collected)
        keep_results(f);
    dv_monitor_enter(r->lock);
    r->clock++;
    for (uint32_t i = 0; i < f->n; i++) {
        struct dv_session  *s = f->rows[i];
        struct dv_decoding *d = &s->decoding;
        d->ring[d->n++]       = tokens[i];
        d->served             = r->clock;
        s->stats.decode_seconds += (double)ns * 1e-9;
        s->stats.decode_dispatches = f->program->n_dispatches;
        s->stats.decode_barriers   = f->program->n_barriers;
    }
    dv_monitor_leave(r->lock);
    if (dv_pace_is_set(r->engine.pace))
        dv_turn_tell(r->engine.turn); /* they may wait for it no more */
    return DSVK_OK;
}

/* Waits for the oldest pass. */
static dsvk_status wait_and_collect(struct dv_flight *f)
{
    dsvk_status        status;
    struct dv_session *s = f->rows[0];
    if (!f->program->parts) /* which have ended */
        TRY(dv_stream_wait(s->engine.stream, f->values[f->collected % (DV_MOST_AHEAD + 1)], 0));
    TRY(collect(f));
    if (!f->program->profile)
        return DSVK_OK;
    return dv_profile_add(&s->profile, f->program, f->first + f->collected - 1, s->cache->states);
}

void dv_flight_land(struct dv_runner *r)
{
    struct dv_flight  *f      = &r->flight;
    struct dv_session *caller = f->n > 0 ? f->rows[0] : NULL;
    dsvk_status        status = DSVK_OK;
    if (caller)
        dv_flight_watch(f);
    while (status == DSVK_OK && f->n > 0 && f->collected < f->submitted)
        status = wait_and_collect(f);
    if (status != DSVK_OK)
        dv_flight_fail(f, caller, status);
    f->n = 0;
}

static bool host_chooses(const struct dv_flight *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->rows[i]->decoding.host_chooses)
            return true;
    return false;
}

/* How many may be queued behind the one that is waited for. */
static uint32_t ahead(const struct dv_flight *f)
{
    const struct dv_session *s = f->rows[0];
    if (f->program->profile || f->program->parts || host_chooses(f))
        return 0; /* its times, choices or logits would be overwritten */
    if (f->program->slices.n != 1 || dv_turn_is_lent(s->engine.turn))
        return 0; /* others want the device in between */
    if (dv_pace_is_set(s->engine.pace))
        return 0;
    if (s->params.ahead)
        return s->params.ahead < DV_MOST_AHEAD ? s->params.ahead : DV_MOST_AHEAD;
    uint64_t slice  = s->engine.slice_ns ? s->engine.slice_ns : AHEAD_NS;
    uint64_t time   = slice < AHEAD_NS ? slice : AHEAD_NS;
    uint64_t passes = f->collected ? time / (f->least + 1) : 0;
    return passes < DV_MOST_AHEAD ? (uint32_t)passes : DV_MOST_AHEAD;
}

/* Nothing is behind it and, unless it is for others too, its session's stop may end it. */
static dsvk_status run_alone(struct dv_flight *f)
{
    struct dv_session   *s    = f->rows[0];
    const dsvk_progress *stop = s->watch.progress;
    s->watch.progress         = f->n == 1 ? stop : NULL;
    dsvk_status status        = dv_session_run(s, f->program);
    s->watch.progress         = stop;

    f->values[f->submitted % (DV_MOST_AHEAD + 1)] = s->engine.stream->submitted;
    return status;
}

static dsvk_status submit(struct dv_flight *f)
{
    dsvk_status        status;
    struct dv_session *s              = f->rows[0];
    uint64_t          *began          = &f->began[f->submitted % (DV_MOST_AHEAD + 1)];
    s->runner->lanes[DV_LANE_BATCH].n = 0;
    s->runner->n_within += dv_turn_is_lent(s->engine.turn);
    *began = dv_time_ns();
    if (ahead(f) == 0) {
        TRY(run_alone(f));
        *began += s->lent_ns;
    } else {
        TRY(dv_stream_submit(s->engine.stream, f->program->slices.commands[0],
                             &f->values[f->submitted % (DV_MOST_AHEAD + 1)]));
    }
    f->submitted++;
    for (uint32_t i = 0; i < f->n; i++) {
        f->rows[i]->decoding.passes--;
        f->rows[i]->stats.submissions++;
    }
    return DSVK_OK;
}

/* Whether one more pass of the same rows may follow those that fly. */
static bool may_go_on(const struct dv_flight *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (!dv_ring_wants(f->rows[i], f->submitted - f->collected))
            return false;
    return true;
}

/* ---- rows ---- */

/* Of those that want a token, `s` and then the longest waiting; the rest in order of the list. */
static uint32_t choose_rows(struct dv_session **rows, struct dv_session *s, uint32_t most)
{
    uint32_t n = 1;
    rows[0]    = s;
    for (struct dv_session *m = s->runner->decoding; m; m = m->decoding.next) {
        if (m == s || !dv_ring_wants(m, 0))
            continue;
        uint32_t at = n < most ? n++ : most;
        for (; at > 1 && rows[at - 1]->decoding.served > m->decoding.served; at--)
            if (at < most)
                rows[at] = rows[at - 1];
        if (at < most)
            rows[at] = m;
    }
    return n;
}

/* Whether s flies, and nobody else wants to. */
static bool serves(const struct dv_flight *f, const struct dv_session *s)
{
    uint32_t found = 0, wanted = 0;
    for (const struct dv_session *m = s->runner->decoding; m; m = m->decoding.next)
        wanted += dv_ring_wants(m, 0);
    for (uint32_t i = 0; i < f->n; i++)
        found += f->rows[i] == s;
    return found == 1 && (wanted <= f->n || f->n == DV_MOST_ROWS);
}

/* Batches are recorded for so many rows. */
static uint32_t size_of(uint32_t n)
{
    static const uint32_t sizes[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, DV_MOST_ROWS };
    uint32_t              i       = 0;
    while (sizes[i] < n)
        i++;
    return sizes[i];
}

static dsvk_status find_program(struct dv_program **out, struct dv_session *s, uint32_t n)
{
    struct dv_pass pass = { .tokens = size_of(n), .batch = n > 1, .f32 = *s->engine.left_f16 };
    return dv_session_program(out, s, &pass);
}

static dsvk_status start(struct dv_flight *f, struct dv_session *s)
{
    dsvk_status        status;
    struct dv_step_row rows[DV_MOST_ROWS];
    struct dv_session *chosen[DV_MOST_ROWS];
    struct dv_runner  *r    = s->runner;
    struct dv_lane    *lane = &r->lanes[DV_LANE_BATCH];
    struct dv_program *program;
    dv_monitor_enter(r->lock);
    uint32_t n = choose_rows(chosen, s, DV_MOST_ROWS);
    dv_monitor_leave(r->lock);
    TRY(find_program(&program, s, n));
    lane->last = NULL;
    lane->n    = 0;
    *f         = (struct dv_flight){ .n = n, .program = program };
    memcpy(f->rows, chosen, n * sizeof *chosen);
    dv_monitor_enter(r->lock);
    for (uint32_t i = 0; i < n; i++) {
        struct dv_session        *m = f->rows[i];
        const struct dv_decoding *d = &m->decoding;

        rows[i]     = (struct dv_step_row){ .token    = d->ring[d->n - 1],
                                            .position = dv_ring_position(m),
                                            .pages    = m->cache->table->address,
                                            .choice   = d->choice,
                                            .extras   = d->extras };
        m->answered = false;
        m->knows    = false;
    }
    dv_monitor_leave(r->lock);
    f->first = rows[0].position;
    f->since = dv_time_ns();
    dv_step_write_batch(lane->step->mapped, program, r->split, rows, n);
    return DSVK_OK;
}

/* ---- the call ---- */

static dsvk_status one_pass(struct dv_flight *f, struct dv_session *s)
{
    dsvk_status       status;
    struct dv_runner *r = s->runner;
    dv_monitor_enter(r->lock);
    bool goes_on = f->n > 0 && serves(f, s) && (f->submitted > f->collected || may_go_on(f));
    dv_monitor_leave(r->lock);
    if (!goes_on) {
        dv_flight_land(r);
        if (s->decoding.n != 1 || s->decoding.failed != DSVK_OK)
            return s->decoding.failed; /* it was in there */
        TRY(start(f, s));
    }
    dv_flight_watch(f);
    status = DSVK_OK;
    while (status == DSVK_OK && f->submitted - f->collected <= ahead(f)) {
        dv_monitor_enter(r->lock);
        bool more = may_go_on(f);
        dv_monitor_leave(r->lock);
        if (!more)
            break;
        status = submit(f);
    }
    if (status == DSVK_OK)
        status = wait_and_collect(f);
    if (status == DSVK_CANCELLED)
        f->n = 0; /* the pass is dropped: what it was for is still ring[0] */
    else if (status != DSVK_OK)
        dv_flight_fail(f, s, status);
    else if (host_chooses(f))
        f->n = 0; /* the device does not know the tokens */
    return status;
}

static bool is_served(void *user)
{
    const struct dv_session  *s = user;
    const struct dv_decoding *d = &s->decoding;
    return d->failed != DSVK_OK || d->n != 1 || !DV_IS_TOKEN(d->ring[0]);
}

dsvk_status dv_flight_advance(struct dv_session *s)
{
    dsvk_status         status = DSVK_OK;
    struct dv_submitter who    = { .ctx      = s->setup.ctx,
                                   .progress = s->watch.progress,
                                   .rests    = true,
                                   .over     = is_served,
                                   .user     = s };
    while (status == DSVK_OK && !is_served(s)) {
        status = dv_pace_wait(s->engine.pace, &who);
        if (status == DSVK_OK && !is_served(s))
            status = one_pass(&s->runner->flight, s);
    }
    return status == DSVK_OK ? s->decoding.failed : status;
}
