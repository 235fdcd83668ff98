/* SPDX-License-Identifier: MIT */
/* Where passes are cut, and when they are recorded again. */
#include "kernel/slices.h"

#include <string.h>

#include "kernel/cost.h"
#include "kernel/program.h"

/* Costs are bytes. So many operations take as long as a byte, on processors and on GPUs; a dispatch
 * takes as long as so many bytes, whatever it does. */
#define FLOPS_A_BYTE 16u
#define DISPATCH_BYTES 16384u
/* Bytes a nanosecond before anything was measured: rather too few, which makes too many slices for
 * one pass. */
#define SLOW_RATE 0.05
#define SOFTWARE_RATE 1.0
#define INTEGRATED_RATE 10.0
#define DISCRETE_RATE 100.0
/* Noise must not make a program be recorded for ever: growing ends at one slice a stage. */
#define MOST_SHRINKS 3u

/* ---- rules ---- */

static uint64_t slices_of(uint64_t ns, uint64_t slice_ns)
{
    return ns / slice_ns + (ns % slice_ns != 0 || ns == 0);
}

uint32_t dv_slices_wanted(uint32_t n, uint64_t ns, uint64_t slice_ns, bool may_shrink)
{
    uint64_t wanted = slices_of(ns, slice_ns);
    bool     more   = wanted > (uint64_t)n + n / 4;
    bool     fewer  = may_shrink && slices_of(ns + ns / 2, slice_ns) < n;
    wanted          = wanted < UINT32_MAX ? wanted : UINT32_MAX;
    return more || fewer ? (uint32_t)wanted : n;
}

uint32_t dv_slices_first(const uint64_t *costs, uint32_t n, uint32_t slices)
{
    uint64_t total = 0, sum = 0;
    uint32_t taken = 0;
    if (slices <= 1 || n <= 1)
        return n;
    for (uint32_t i = 0; i < n; i++)
        total += costs[i];
    uint32_t most = n > slices ? n - slices + 1 : 1;
    do
        sum += costs[taken++];
    while (taken < most && sum + costs[taken] / 2 < total / slices);
    return taken;
}

/* ---- recording ---- */

static uint64_t cost_of(const struct dv_cost_site *site, const struct dv_graph *g,
                        const struct dv_node *node)
{
    struct dv_cost cost;
    dv_node_cost(&cost, site, g, node);
    return DISPATCH_BYTES + cost.weight_bytes + cost.cache_bytes + cost.flops / FLOPS_A_BYTE;
}

dsvk_status dv_slices_init(struct dv_program *p, const struct dv_cost_site *site)
{
    const struct dv_graph *g = p->graph;
    struct dv_slices      *s = &p->slices;
    s->nodes                 = dv_zalloc_array(p->dev->ctx, g->n_nodes, sizeof *s->nodes);
    if (!s->nodes)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u costs", g->n_nodes);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        s->nodes[i] = (struct dv_slice_node){ .cost = cost_of(site, g, &g->nodes[i]), .parts = 1 };
        s->cost += s->nodes[i].cost;
    }
    s->stages = dv_slice_steps(NULL, p);
    return DSVK_OK;
}

void dv_slices_done(struct dv_program *p)
{
    struct dv_slices *s = &p->slices;
    for (uint32_t i = 0; i < s->room; i++)
        dv_commands_free(s->commands[i]);
    dv_free(p->dev->ctx, s->commands);
    dv_free(p->dev->ctx, s->took);
    dv_free(p->dev->ctx, s->ends);
    dv_free(p->dev->ctx, s->steps);
    dv_free(p->dev->ctx, s->nodes);
}

/* *array becomes one of n elements; what was in it is lost. */
static dsvk_status make_array(struct dv_program *p, void *array, size_t n, size_t bytes)
{
    void *made = dv_zalloc_array(p->dev->ctx, n, bytes), *old;
    if (!made)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %zu slices", n);
    memcpy(&old, array, sizeof old);
    dv_free(p->dev->ctx, old);
    memcpy(array, &made, sizeof made);
    return DSVK_OK;
}

/* Room for n, all made. */
static dsvk_status make_commands(struct dv_program *p, uint32_t n)
{
    dsvk_status       status;
    struct dv_slices *s = &p->slices;
    TRY(make_array(p, &s->took, n, sizeof *s->took));
    TRY(make_array(p, &s->ends, n, sizeof *s->ends));
    for (; s->room > n; s->room--)
        dv_commands_free(s->commands[s->room - 1]);
    if (s->room == n)
        return DSVK_OK;
    struct dv_commands **all = dv_realloc(p->dev->ctx, s->commands, n * sizeof *all);
    if (!all)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u slices", n);
    s->commands = all;
    for (; s->room < n; s->room++)
        TRY(dv_commands_new(&s->commands[s->room], p->dev));
    return DSVK_OK;
}

static dsvk_status record_step(struct dv_program *p, struct dv_commands *c,
                               const struct dv_slice_step *step)
{
    dsvk_status status;
    for (uint32_t i = step->first; i < step->end; i++) {
        if (i > step->first && p->profile)
            dv_commands_barrier(c);
        TRY(dv_record_part(p, c, i, step->part, p->slices.nodes[i].parts));
        if (p->profile)
            TRY(dv_commands_timestamp(c, p->graph->n_nodes + 1, i + 1));
    }
    return DSVK_OK;
}

/* Parts of a node need no barrier between them: they write different places. */
static dsvk_status record_slice(struct dv_program *p, struct dv_commands *c, uint32_t from,
                                uint32_t to)
{
    dsvk_status                 status;
    const struct dv_slice_step *steps = p->slices.steps;
    TRY(dv_commands_begin(c));
    if (p->profile)
        TRY(dv_commands_timestamp(c, p->graph->n_nodes + 1, 0));
    for (uint32_t i = from; i < to; i++) {
        if (i > from && steps[i].part == 0)
            dv_commands_barrier(c);
        TRY(record_step(p, c, &steps[i]));
    }
    dv_commands_barrier_all(c);
    p->n_dispatches += c->n_dispatches;
    p->n_barriers += c->n_barriers;
    return dv_commands_end(c);
}

/* The steps, and by what they are weighed: times once there are some. */
static dsvk_status find_steps(uint64_t **costs, struct dv_program *p, uint32_t n)
{
    dsvk_status       status;
    struct dv_slices *s     = &p->slices;
    bool              known = s->times[0] != 0;
    TRY(make_array(p, &s->steps, n, sizeof *s->steps));
    TRY(make_array(p, costs, n, sizeof **costs));
    dv_slice_steps(s->steps, p);
    for (uint32_t i = 0; i < p->graph->n_nodes; i++)
        s->nodes[i].basis = known ? s->nodes[i].ns + 1 : (double)s->nodes[i].cost;
    for (uint32_t i = 0; i < n; i++)
        (*costs)[i] = (uint64_t)dv_slice_step_cost(s, &s->steps[i]) + 1;
    return DSVK_OK;
}

static dsvk_status record(struct dv_program *p, uint32_t n)
{
    dsvk_status       status;
    struct dv_slices *s     = &p->slices;
    uint32_t          steps = dv_slice_steps(NULL, p), done = 0;
    uint64_t         *costs = NULL;
    s->n                    = 0;
    p->n_dispatches = p->n_barriers = 0;
    TRY_OR(fail, find_steps(&costs, p, steps));
    TRY_OR(fail, make_commands(p, n));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = done;
        done += dv_slices_first(costs + done, steps - done, n - i);
        s->ends[i] = done;
        TRY_OR(fail, record_slice(p, s->commands[i], first, done));
    }
    s->n = n;
fail:
    dv_free(p->dev->ctx, costs);
    return status;
}

/* ---- by time ---- */

static uint64_t guess(const struct dv_program *p)
{
    const struct dv_caps *caps = &p->dev->caps;
    double                rate = p->dev->pass_rate;
    if (rate <= 0)
        rate = caps->slow            ? SLOW_RATE
               : caps->is_software   ? SOFTWARE_RATE
               : caps->is_integrated ? INTEGRATED_RATE
                                     : DISCRETE_RATE;
    return p->graph->size.tokens > 1 ? (uint64_t)((double)p->slices.cost / rate) : 0;
}

/* One slow pass may have had other reasons. 0: nothing was measured. */
static uint64_t least_time(const struct dv_slices *s)
{
    return s->times[1] == 0 || s->times[0] < s->times[1] ? s->times[0] : s->times[1];
}

dsvk_status dv_slices_fit(struct dv_program *p, uint64_t slice_ns)
{
    struct dv_slices *s     = &p->slices;
    uint64_t          ns    = least_time(s);
    bool              known = ns != 0, again = s->n != 0;
    uint32_t          n = again ? s->n : 1;
    if (again && !known)
        return DSVK_OK;
    bool cut = false;
    if (!p->profile && slice_ns > 0) {
        uint64_t aim = slice_ns - slice_ns / 4; /* the next pass may be at a greater depth */
        n            = dv_slices_wanted(n, known ? ns : guess(p), aim, s->shrunk < MOST_SHRINKS);
        cut          = dv_slices_cut(p, aim, n == 1 && s->n > 1);
    }
    uint32_t most = dv_slice_steps(NULL, p);
    n             = n < most ? n : most;
    if (n == s->n && !cut)
        return DSVK_OK;
    s->shrunk += n < s->n;
    return record(p, n);
}

bool dv_slices_may_queue(const struct dv_slices *s, uint32_t i, uint64_t slice_ns)
{
    if (slice_ns == 0 || i == 0)
        return true;
    uint64_t before = s->took[i - 1], after = s->took[i];
    return before && after && before + after <= slice_ns;
}

void dv_slices_took(struct dv_program *p, uint64_t ns)
{
    struct dv_slices *s = &p->slices;
    s->times[1]         = s->times[0];
    s->times[0]         = ns ? ns : 1;
    dv_slices_learn(p);
    if (p->graph->size.tokens > 1)
        p->dev->pass_rate = (double)s->cost / (double)least_time(s);
}
