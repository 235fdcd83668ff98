/* SPDX-License-Identifier: MIT */
/* The plan: nodes that do not depend on each other share a stage, one barrier stands between
 * stages, and each activation gets a place in one arena that it shares with values whose lives do
 * not overlap its own. Lives are counted in stages, because the dispatches of a stage run at the
 * same time. */
#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* Places start at multiples of this many bytes: a cache line of any device. */
#define ALIGN 256u

struct stages {
    uint32_t first, last;
};

struct life {
    dv_tensor value;
    uint32_t  first, last; /* stages */
    uint64_t  bytes, offset;
};

static dv_tensor storage_of(const struct dv_graph *g, dv_tensor x)
{
    return g->values[x].kind == DV_VALUE_VIEW ? g->values[x].base : x;
}

/* A node runs one stage after the last of those that it reads from. */
static uint32_t set_stages(struct dv_graph *g)
{
    uint32_t stages = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct dv_node *node = &g->nodes[i];
        node->stage          = 0;
        for (uint32_t k = 0; !node->dead && k < dv_n_inputs(node->op); k++) {
            uint32_t producer =
                node->in.at[k] ? g->values[storage_of(g, node->in.at[k])].producer : 0;
            if (producer && g->nodes[producer - 1].stage + 1 > node->stage)
                node->stage = g->nodes[producer - 1].stage + 1;
        }
        if (!node->dead && node->stage + 1 > stages)
            stages = node->stage + 1;
    }
    return stages;
}

/* Removes dead nodes and sorts by stage, keeping the order inside a stage. */
static bool sort_nodes(struct dv_graph *g, uint32_t stages, uint32_t *live)
{
    uint32_t       *start  = dv_zalloc_array(g->ctx, stages + 1, sizeof *start);
    struct dv_node *sorted = dv_zalloc_array(g->ctx, g->n_nodes + 1, sizeof *sorted);
    if (start && sorted) {
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (!g->nodes[i].dead)
                start[g->nodes[i].stage + 1]++;
        for (uint32_t s = 0; s < stages; s++)
            start[s + 1] += start[s];
        *live = start[stages];
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (!g->nodes[i].dead)
                sorted[start[g->nodes[i].stage]++] = g->nodes[i];
        memcpy(g->nodes, sorted, *live * sizeof *sorted);
        g->n_nodes = *live;
    }
    bool ok = start && sorted;
    dv_free(g->ctx, start);
    dv_free(g->ctx, sorted);
    return ok;
}

static void set_producers(struct dv_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        for (uint32_t k = 0; k < dv_n_outputs(node->op); k++)
            if (node->out.at[k])
                g->values[node->out.at[k]].producer = i + 1;
    }
}

static void touch(struct life *lives, dv_tensor value, uint32_t stage)
{
    struct life *life = &lives[value];
    if (life->bytes == 0 || stage < life->first)
        life->first = stage;
    if (life->bytes == 0 || stage > life->last)
        life->last = stage;
    life->bytes = 1; /* seen; the size is filled in later */
}

/* Stages that run once for each part of a layer's experts (`tiers`) count as one long stage: what
 * a repetition reads or writes must not have been overwritten by a later stage. */
static void find_repeated(const struct dv_graph *g, struct stages *spans, uint32_t stages)
{
    for (uint32_t s = 0; s <= stages; s++)
        spans[s] = (struct stages){ s, s };
    for (uint32_t i = 0; g->size.tiers && i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        uint32_t              end  = i + 1;
        if (!dv_node_reads_experts(g, node) || spans[node->stage].last > node->stage)
            continue;
        uint32_t last = node->stage;
        for (; end < g->n_nodes; end++)
            if (g->nodes[end].layer == node->layer && dv_node_reads_experts(g, &g->nodes[end]))
                last = g->nodes[end].stage;
        uint32_t first = spans[node->stage].first;
        for (uint32_t s = first; s <= last; s++)
            spans[s] = (struct stages){ first, last };
    }
}

static void touch_all(struct life *lives, dv_tensor value, const struct stages *span)
{
    touch(lives, value, span->first);
    touch(lives, value, span->last);
}

/* lives[v] for every value that a live node writes or reads. */
static void find_lives(const struct dv_graph *g, struct life *lives, const struct stages *spans,
                       uint32_t stages)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        const struct stages  *span = &spans[node->stage];
        for (uint32_t k = 0; k < dv_n_outputs(node->op); k++)
            if (node->out.at[k])
                touch_all(lives, node->out.at[k], span);
        for (uint32_t k = 0; k < dv_n_inputs(node->op); k++)
            if (node->in.at[k])
                touch_all(lives, storage_of(g, node->in.at[k]), span);
        if (g->size.keep_routes && dv_node_route(node))
            touch(lives, dv_node_route(node), stages);
    }
    /* The results are read after the pass. */
    touch(lives, storage_of(g, g->logits), stages);
    touch(lives, storage_of(g, g->token), stages);
}

static int by_size(const void *a, const void *b)
{
    const struct life *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static bool overlap(const struct life *a, const struct life *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which `life` collides with none of the n already placed, which are sorted by
 * offset. */
static uint64_t find_place(const struct life *const *placed, uint32_t n, const struct life *life)
{
    uint64_t offset = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!overlap(placed[i], life))
            continue;
        if (placed[i]->offset >= offset + life->bytes)
            break;
        if (placed[i]->offset + placed[i]->bytes > offset)
            offset = placed[i]->offset + placed[i]->bytes;
    }
    return offset;
}

/* Largest first: the classic offline heuristic, within a few per cent of the bound for these
 * graphs. */
static uint64_t place(struct dv_graph *g, struct life *lives, uint32_t n,
                      const struct life **placed)
{
    uint64_t total = 0;
    qsort(lives, n, sizeof *lives, by_size);
    for (uint32_t i = 0; i < n; i++) {
        lives[i].offset = find_place(placed, i, &lives[i]);
        uint32_t at     = i;
        for (; at > 0 && placed[at - 1]->offset > lives[i].offset; at--)
            placed[at] = placed[at - 1];
        placed[at]                             = &lives[i];
        g->values[lives[i].value].arena_offset = lives[i].offset;
        if (lives[i].offset + lives[i].bytes > total)
            total = lives[i].offset + lives[i].bytes;
    }
    return total;
}

static dsvk_status plan_arena(struct dv_graph *g, struct dv_plan *plan)
{
    struct life        *lives  = dv_zalloc_array(g->ctx, g->n_values + 1, sizeof *lives);
    const struct life **placed = dv_zalloc_array(g->ctx, g->n_values + 1, sizeof *placed);
    struct stages      *spans  = dv_zalloc_array(g->ctx, plan->stages + 1, sizeof *spans);
    if (lives && placed && spans) {
        find_repeated(g, spans, plan->stages);
        find_lives(g, lives, spans, plan->stages);
        uint32_t n = 0;
        for (dv_tensor v = 1; v <= g->n_values; v++) {
            if (lives[v].bytes == 0 || g->values[v].kind != DV_VALUE_ACTIVATION ||
                g->values[v].outside)
                continue;
            uint64_t bytes = (uint64_t)g->values[v].rows * g->values[v].stride * 4;
            lives[n]       = (struct life){ .value = v,
                                            .first = lives[v].first,
                                            .last  = lives[v].last,
                                            .bytes = dv_round_up(bytes, ALIGN) };
            n++;
        }
        plan->arena_bytes = place(g, lives, n, placed);
    }
    bool ok = lives && placed && spans;
    dv_free(g->ctx, lives);
    dv_free(g->ctx, placed);
    dv_free(g->ctx, spans);
    return ok ? DSVK_OK : dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for its plan");
}

dsvk_status dv_graph_plan(struct dv_graph *g, struct dv_plan *plan)
{
    *plan = (struct dv_plan){ 0 };
    if (g->status != DSVK_OK)
        return g->status;
    plan->stages = set_stages(g);
    if (!sort_nodes(g, plan->stages, &plan->nodes))
        return g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for its plan");
    set_producers(g);
    plan->dispatches = plan->nodes;
    plan->barriers   = plan->stages ? plan->stages - 1 : 0;
    return g->status = plan_arena(g, plan);
}
