/* SPDX-License-Identifier: MIT */
/* Rings: what is chosen for a session and not yet taken by it. */
#include "engine/flight.h"

#include <string.h>

#include "engine/session.h"

bool dv_flight_take(struct dv_session *s)
{
    struct dv_decoding *d = &s->decoding;
    dv_monitor_enter(s->runner->lock);
    bool there = d->n > 1 && d->failed == DSVK_OK;
    if (there) {
        if (s->tokens[s->n_tokens] != d->ring[0]) /* else it was unrolled, and may be looked at */
            s->tokens[s->n_tokens] = d->ring[0];
        s->n_cached = ++s->n_tokens;
        s->stats.decode_tokens++;
        d->n--;
        memmove(d->ring, d->ring + 1, d->n * sizeof *d->ring);
        s->next = d->ring[0];
    }
    dv_monitor_leave(s->runner->lock);
    if (there && d->sampling->logprobs && !d->host_chooses && DV_IS_TOKEN(s->next))
        dv_session_read_told(s, s->n_tokens, s->next);
    return there;
}

uint32_t dv_ring_position(const struct dv_session *s)
{
    return s->n_tokens + s->decoding.n - 1;
}

void dv_ring_unroll(struct dv_session *s)
{
    memcpy(s->tokens + s->n_tokens, s->decoding.ring, s->decoding.n * sizeof *s->tokens);
}

static bool is_masked(const struct dv_session *s, uint32_t flying)
{
    const struct dv_decoding *d = &s->decoding;
    return !d->sampling->mask || (flying == 0 && d->mask_for == dv_ring_position(s) + 1);
}

bool dv_ring_wants(const struct dv_session *s, uint32_t flying)
{
    const struct dv_decoding *d = &s->decoding;
    return d->failed == DSVK_OK && d->n > 0 && d->n <= 1 + DV_MOST_WAITING && d->passes > 0 &&
           DV_IS_TOKEN(d->ring[d->n - 1]) && dv_ring_position(s) + flying < s->setup.context &&
           is_masked(s, flying);
}

void dv_flight_join(struct dv_session *s, uint32_t passes)
{
    struct dv_runner *r = s->runner;
    dv_monitor_enter(r->lock);
    s->decoding.failed  = DSVK_OK;
    s->decoding.ring[0] = s->next;
    s->decoding.n       = 1;
    s->decoding.passes  = passes;
    s->decoding.next    = r->decoding;
    r->decoding         = s;
    dv_monitor_leave(r->lock);
}

dsvk_status dv_flight_leave(struct dv_session *s)
{
    struct dv_runner   *r = s->runner;
    struct dv_flight   *f = &r->flight;
    struct dv_session **at;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->rows[i] == s) {
            dv_flight_land(r);
            break;
        }
    dv_monitor_enter(r->lock);
    for (at = &r->decoding; *at && *at != s; at = &(*at)->decoding.next)
        ;
    if (*at)
        *at = s->decoding.next;
    dv_monitor_leave(r->lock);
    if (s->answered || s->decoding.failed != DSVK_OK)
        return s->decoding.failed;
    if (s->n_cached < s->n_tokens)
        return DSVK_OK; /* cancelled: the last token has no results yet */
    s->answered = s->n_tokens > 0;
    s->greatest = s->next;
    s->knows = !dv_session_draws(s->decoding.sampling) && !dv_session_changes(s->decoding.sampling);
    return DSVK_OK;
}
