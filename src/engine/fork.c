/* SPDX-License-Identifier: MIT */
/* A second session that goes on from where the first one stands. */
#include <string.h>

#include "engine/session.h"

/* Until others compute there, the results of a lane are those of both. */
static void inherit(struct dv_session *s, const struct dv_session *from)
{
    uint32_t              row;
    const struct dv_lane *lane = s->runner == from->runner ? dv_session_held(&row, from) : NULL;
    if (lane)
        s->heir = (struct dv_heir){ lane, lane->number, row, from->n_tokens };
}

static dsvk_status take_timeline(struct dv_session *s, const struct dv_session *from)
{
    memcpy(s->tokens, from->tokens, from->n_tokens * sizeof *s->tokens);
    s->n_tokens = from->n_tokens;
    s->n_cached = from->n_cached;
    s->answered = from->answered;
    s->knows    = from->knows;
    s->greatest = from->greatest;
    inherit(s, from);
    return from->cache ? dv_cache_fork(s->cache, from->cache) : DSVK_OK;
}

dsvk_status dv_session_fork(struct dv_session **out, const struct dv_session *session,
                            const struct dv_context *ctx)
{
    dsvk_status      status;
    struct dv_engine engine = session->engine;
    struct dv_setup  setup  = session->runner->asked;
    setup.ctx               = ctx;
    TRY(dv_session_new(out, &engine, &setup, &session->params));
    status = take_timeline(*out, session);
    if (status != DSVK_OK) {
        dv_session_free(*out);
        *out = NULL;
    }
    return status;
}
