/* SPDX-License-Identifier: MIT */
/* A pass with experts in tiers. The commands end where experts are chosen; the host reads the
 * choice, brings what is missing and goes on. A pass that wants more experts than there are slots
 * takes them in waves, those that are there first, so that each comes once. */
#include <string.h>

#include "engine/session.h"

#define MOST_EXPERTS 512u /* of a layer: expert_plan's limit */

struct choice {
    const struct dv_program      *program;
    const struct dv_program_part *part;
    uint32_t                      n, ids[MOST_EXPERTS]; /* ascending */
    uint32_t                      taken;                /* of `order`, by earlier waves */
    uint32_t                      order[MOST_EXPERTS];  /* those on the device first */
    bool                          wave[MOST_EXPERTS];   /* by id: in this wave */
};

static dsvk_status take_id(const struct dv_session *s, const struct dv_program_part *part,
                           bool *chosen, uint32_t id)
{
    if (id >= part->n_experts || id >= MOST_EXPERTS)
        return dv_fail(s->setup.ctx, DSVK_UNSUPPORTED,
                       "session: the device chose expert %u of %u in layer %u", id, part->n_experts,
                       part->layer);
    chosen[id] = true;
    return DSVK_OK;
}

static dsvk_status read_choice(struct choice *c, const struct dv_session *s)
{
    dsvk_status                   status;
    const struct dv_program_part *part                 = c->part;
    const uint32_t               *words                = c->program->choice->mapped;
    bool                          chosen[MOST_EXPERTS] = { false };
    uint32_t                      tiles                = part->max_tiles ? words[0] : 0;
    if (tiles > part->max_tiles)
        return dv_fail(s->setup.ctx, DSVK_UNSUPPORTED,
                       "session: the device planned %u tiles, of at most %u, in layer %u", tiles,
                       part->max_tiles, part->layer);
    for (uint32_t i = 0; i < tiles; i++)
        TRY(take_id(s, part, chosen, words[4 + 4 * i]));
    for (uint32_t t = 0; part->max_tiles == 0 && t < part->rows; t++)
        for (uint32_t k = 0; k < part->top_k; k++)
            TRY(take_id(s, part, chosen, words[t * part->stride + k]));
    c->n = 0;
    for (uint32_t id = 0; id < MOST_EXPERTS; id++)
        if (chosen[id])
            c->ids[c->n++] = id;
    return DSVK_OK;
}

/* By tier, so that nothing leaves that is still wanted; ascending within a tier. */
static void set_order(struct choice *c, const struct dv_experts *x)
{
    uint32_t n = 0;
    for (int tier = DV_TIER_DEVICE; tier <= DV_TIER_DISK; tier++)
        for (uint32_t i = 0; i < c->n; i++)
            if ((int)dv_experts_tier(x, c->part->layer, c->ids[i]) == tier)
                c->order[n++] = c->ids[i];
    c->taken = 0;
}

/* The tiles of this wave's experts alone. */
static void write_tiles(const struct choice *c)
{
    const uint32_t *from = c->program->choice->mapped;
    uint32_t       *to = c->program->wave->mapped, n = 0;
    for (uint32_t i = 0; i < from[0]; i++)
        if (c->wave[from[4 + 4 * i]])
            memcpy(to + 4 + 4 * n++, from + 4 + 4 * i, 16);
    memset(to, 0, 16);
    to[0] = n;
}

static dsvk_status run_wave(struct choice *c, struct dv_session *s, struct dv_experts *x)
{
    dsvk_status     status;
    uint32_t        left = c->n - c->taken, slots = dv_experts_slots(x);
    uint32_t        n   = left < slots ? left : slots;
    const uint32_t *ids = c->order + c->taken;

    struct dv_submission wave = { c->part->commands, .prompt = !c->program->graph->size.batch };
    if (c->taken > 0) /* else it was asked before the part */
        TRY(dv_session_between(s, !c->program->graph->size.batch));
    TRY(dv_experts_bring(x, c->part->layer, ids, n, c->part->max_tiles == 0));
    memset(c->wave, 0, sizeof c->wave);
    for (uint32_t i = 0; i < n; i++)
        c->wave[ids[i]] = true;
    if (c->part->max_tiles)
        write_tiles(c);
    TRY(dv_session_between(s, false)); /* bringing may take long; what came must stay */
    TRY(dv_session_submit(s, &wave));
    s->stats.submissions++;
    c->taken += n;
    /* The next wave takes other slots' places and writes other tiles. */
    return c->taken < c->n ? dv_stream_wait(s->engine.stream, s->engine.stream->submitted, 0)
                           : DSVK_OK;
}

static dsvk_status run_experts(struct dv_session *s, const struct dv_program *p,
                               const struct dv_program_part *part)
{
    dsvk_status        status;
    struct dv_experts *x = dv_weights_experts(s->engine.weights);
    struct choice      c = { .program = p, .part = part };
    TRY(dv_stream_wait(s->engine.stream, s->engine.stream->submitted, 0));
    TRY(read_choice(&c, s));
    dv_experts_want(x, part->layer, c.ids, c.n);
    set_order(&c, x);
    if (part->max_tiles == 0 && c.n > dv_experts_slots(x))
        return dv_fail(s->setup.ctx, DSVK_NO_VRAM, "session: %u experts at a time in %u slots", c.n,
                       dv_experts_slots(x));
    while (c.taken < c.n)
        TRY(run_wave(&c, s, x));
    return DSVK_OK;
}

dsvk_status dv_session_run_parts(struct dv_session *s, const struct dv_program *p)
{
    dsvk_status status;
    bool        lends = !p->graph->size.batch;
    for (uint32_t i = 0; i < p->n_parts; i++) {
        const struct dv_program_part *part  = &p->parts[i];
        struct dv_submission          plain = { part->commands, .prompt = lends, .rests = lends };
        if (i > 0)
            TRY_OR(fail, dv_session_between(s, lends));
        TRY_OR(fail, part->experts ? run_experts(s, p, part) : dv_session_submit(s, &plain));
        s->stats.submissions += i > 0 && !part->experts; /* one is counted for the pass */
    }
    TRY_OR(fail, dv_stream_wait(s->engine.stream, s->engine.stream->submitted, 0));
    return DSVK_OK;
fail:
    dv_stream_settle(s->engine.stream);
    return status;
}

void dv_session_expert_stats(const struct dv_session *s, dsvk_session_stats *stats)
{
    const struct dv_weights      *w      = s->engine.weights; /* NULL: dropped */
    const struct dv_experts      *x      = w ? dv_weights_experts(w) : NULL;
    const struct dv_expert_stats *before = &s->experts_before;
    if (!x)
        return;
    stats->experts           = x->n_layers * x->n_experts;
    stats->expert_slots      = dv_experts_slots(x);
    stats->host_experts      = x->residency.n_slots[DV_TIER_HOST];
    stats->host_bytes        = dv_experts_host_bytes(x);
    stats->expert_hits       = x->stats.hits - before->hits;
    stats->expert_from_host  = x->stats.from_host - before->from_host;
    stats->expert_from_disk  = x->stats.from_disk - before->from_disk;
    stats->expert_host_bytes = x->stats.host_bytes - before->host_bytes;
    stats->expert_disk_bytes = x->stats.disk_bytes - before->disk_bytes;
    stats->expert_seconds    = x->stats.seconds - before->seconds;
}
