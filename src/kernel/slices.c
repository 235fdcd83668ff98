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

static bool begins_stage(const struct dv_program *p, uint32_t i)
{
    return i > 0 && p->graph->nodes[i].stage != p->graph->nodes[i - 1].stage;
}

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
    p->slices.costs          = dv_zalloc_array(p->dev->ctx, g->n_nodes, sizeof *p->slices.costs);
    if (!p->slices.costs)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u costs", g->n_nodes);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        p->slices.costs[i] = cost_of(site, g, &g->nodes[i]);
        p->slices.cost += p->slices.costs[i];
        p->slices.stages += i == 0 || begins_stage(p, i);
    }
    return DSVK_OK;
}

void dv_slices_done(struct dv_program *p)
{
    for (uint32_t i = 0; i < p->slices.room; i++)
        dv_commands_free(p->slices.commands[i]);
    dv_free(p->dev->ctx, p->slices.commands);
    dv_free(p->dev->ctx, p->slices.took);
    dv_free(p->dev->ctx, p->slices.costs);
}

/* Room for n, all made. */
static dsvk_status make_commands(struct dv_program *p, uint32_t n)
{
    dsvk_status       status;
    struct dv_slices *s = &p->slices;
    for (; s->room > n; s->room--)
        dv_commands_free(s->commands[s->room - 1]);
    if (s->room == n)
        return DSVK_OK;
    struct dv_commands **all = dv_realloc(p->dev->ctx, s->commands, n * sizeof *all);
    if (!all)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u slices", n);
    s->commands    = all;
    uint64_t *took = dv_realloc(p->dev->ctx, s->took, n * sizeof *took);
    if (!took)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u times", n);
    s->took = took;
    for (; s->room < n; s->room++)
        TRY(dv_commands_new(&s->commands[s->room], p->dev));
    return DSVK_OK;
}

static dsvk_status record_slice(struct dv_program *p, struct dv_commands *c, uint32_t from,
                                uint32_t to)
{
    dsvk_status status;
    uint32_t    slots = p->graph->n_nodes + 1;
    TRY(dv_commands_begin(c));
    if (p->profile)
        TRY(dv_commands_timestamp(c, slots, 0));
    for (uint32_t i = from; i < to; i++) {
        if (i > from && (p->profile || begins_stage(p, i)))
            dv_commands_barrier(c);
        TRY(dv_record_node(p, c, i));
        if (p->profile)
            TRY(dv_commands_timestamp(c, slots, i + 1));
    }
    dv_commands_barrier_all(c);
    p->n_dispatches += c->n_dispatches;
    p->n_barriers += c->n_barriers;
    return dv_commands_end(c);
}

/* Costs of the stages, and where they end, in nodes. */
static void find_stages(const struct dv_program *p, uint64_t *costs, uint32_t *ends)
{
    uint32_t stage = 0;
    for (uint32_t i = 0; i < p->graph->n_nodes; i++) {
        stage += begins_stage(p, i);
        costs[stage] += p->slices.costs[i];
        ends[stage] = i + 1;
    }
}

static dsvk_status record(struct dv_program *p, uint32_t n)
{
    dsvk_status status;
    uint32_t    stages = p->slices.stages, done = 0;
    uint64_t   *costs = dv_zalloc_array(p->dev->ctx, stages, sizeof *costs);
    uint32_t   *ends  = dv_zalloc_array(p->dev->ctx, stages, sizeof *ends);
    p->slices.n       = 0;
    p->n_dispatches = p->n_barriers = 0;
    if (!costs || !ends) {
        status = dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u stages", stages);
        goto fail;
    }
    find_stages(p, costs, ends);
    TRY_OR(fail, make_commands(p, n));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = done ? ends[done - 1] : 0;
        done += dv_slices_first(costs + done, stages - done, n - i);
        TRY_OR(fail, record_slice(p, p->slices.commands[i], first, ends[done - 1]));
    }
    memset(p->slices.took, 0, n * sizeof *p->slices.took);
    p->slices.n = n;
fail:
    dv_free(p->dev->ctx, costs);
    dv_free(p->dev->ctx, ends);
    return status;
}

/* ---- by time ---- */

static uint64_t guess(const struct dv_program *p)
{
    const struct dv_caps *caps = &p->dev->caps;
    double                rate = p->dev->pass_rate;
    if (rate <= 0)
        rate = caps->is_software     ? SOFTWARE_RATE
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
    if (!p->profile && slice_ns > 0)
        n = dv_slices_wanted(n, known ? ns : guess(p), slice_ns, s->shrunk < MOST_SHRINKS);
    n = n < s->stages ? n : s->stages;
    if (n == s->n)
        return DSVK_OK;
    s->shrunk += n < s->n;
    return record(p, n);
}

bool dv_slices_may_queue(const struct dv_slices *s, uint32_t i, uint64_t slice_ns)
{
    return slice_ns == 0 || i == 0 || s->took[i - 1] + s->took[i] <= 2 * slice_ns;
}

void dv_slices_took(struct dv_program *p, uint64_t ns)
{
    struct dv_slices *s = &p->slices;
    s->times[1]         = s->times[0];
    s->times[0]         = ns ? ns : 1;
    if (p->graph->size.tokens > 1)
        p->dev->pass_rate = (double)s->cost / (double)least_time(s);
}
