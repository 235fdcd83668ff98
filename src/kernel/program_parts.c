/* SPDX-License-Identifier: MIT */
/* Recording in parts, for experts in tiers: each layer's products with experts are a part that
 * may run several times a pass, and all between those of two layers is one more part. */
#include <string.h>

#include "kernel/program.h"

enum which { ALL, REPEATED, OTHERS };

/* Nodes from .. to-1 that are wanted, with a barrier where the stage changes. */
static dsvk_status record_nodes(const struct dv_recording *r, struct dv_commands *c, uint32_t from,
                                uint32_t to, enum which which)
{
    dsvk_status            status;
    const struct dv_graph *g     = r->program->graph;
    bool                   any   = c->n_dispatches > 0;
    uint32_t               stage = UINT32_MAX;
    for (uint32_t i = from; i < to; i++) {
        if (which != ALL && dv_node_repeats(g, &g->nodes[i]) != (which == REPEATED))
            continue;
        if (any && g->nodes[i].stage != stage)
            dv_commands_barrier(c);
        TRY(dv_record_node(r->program, c, i));
        stage = g->nodes[i].stage;
        any   = true;
    }
    return DSVK_OK;
}

/* The next node from `i` on that reads experts; n_nodes when there is none. */
static uint32_t find_experts(const struct dv_graph *g, uint32_t i)
{
    while (i < g->n_nodes && !dv_node_reads_experts(g, &g->nodes[i]))
        i++;
    return i;
}

/* Nodes are sorted by stage: the first node of the stage of node i, and the end of the stage of the
 * last node that reads experts of the same layer. */
static void find_span(const struct dv_graph *g, uint32_t i, uint32_t *first, uint32_t *end)
{
    uint32_t last = i;
    for (uint32_t k = i; k < g->n_nodes; k++)
        if (g->nodes[k].layer == g->nodes[i].layer && dv_node_reads_experts(g, &g->nodes[k]))
            last = k;
    for (*first = i; *first > 0 && g->nodes[*first - 1].stage == g->nodes[i].stage;)
        --*first;
    for (*end = last; *end < g->n_nodes && g->nodes[*end].stage == g->nodes[last].stage;)
        ++*end;
}

static dsvk_status begin_part(struct dv_program_part **part, struct dv_program *p)
{
    dsvk_status status;
    *part = &p->parts[p->n_parts];
    TRY(dv_commands_new(&(*part)->commands, p->dev));
    p->n_parts++;
    return dv_commands_begin((*part)->commands);
}

static dsvk_status end_part(struct dv_program *p, struct dv_program_part *part)
{
    dv_commands_barrier_all(part->commands);
    p->n_dispatches += part->commands->n_dispatches;
    p->n_barriers += part->commands->n_barriers;
    return dv_commands_end(part->commands);
}

/* What the host needs to know of the choice that node i reads. */
static void describe(struct dv_program_part *part, const struct dv_graph *g, uint32_t i)
{
    struct dv_expert_use   use   = dv_node_expert_use(&g->nodes[i]);
    const struct dv_value *route = &g->values[use.route];
    part->experts                = true;
    part->layer                  = g->nodes[i].layer;
    part->n_experts              = g->weights[use.experts].experts;
    part->top_k                  = use.top_k;
    part->rows                   = route->rows;
    part->stride                 = route->stride;
    part->max_tiles              = 0;
    if (use.plan)
        part->max_tiles = dv_expert_plan_tiles(route->rows, use.top_k, part->n_experts, use.tile);
}

static uint64_t choice_bytes(const struct dv_program_part *part)
{
    return part->max_tiles ? 16 + (uint64_t)part->max_tiles * 16
                           : (uint64_t)part->rows * part->stride * 4;
}

/* Of the route or the plan that node i reads. */
static uint64_t choice_offset(const struct dv_graph *g, const struct dv_program_part *part,
                              uint32_t i)
{
    struct dv_expert_use use = dv_node_expert_use(&g->nodes[i]);
    return g->values[part->max_tiles ? use.plan : use.route].arena_offset;
}

/* The end of a plain part, before experts: node i is the first that reads them. */
static dsvk_status read_choice(const struct dv_recording *r, struct dv_commands *c, uint32_t i)
{
    dsvk_status            status;
    struct dv_program     *p    = r->program;
    struct dv_program_part like = { 0 };
    describe(&like, p->graph, i);
    uint64_t bytes = choice_bytes(&like);
    if (!p->choice) { /* layers do not differ in this */
        TRY(dv_buffer_new(&p->choice, p->dev, bytes, DV_MEMORY_READBACK, "chosen experts"));
        TRY(dv_buffer_new(&p->wave, p->dev, bytes, DV_MEMORY_UPLOAD, "chosen experts"));
    }
    dv_commands_barrier_all(c);
    dv_commands_copy(c, r->params->arena, choice_offset(p->graph, &like, i), p->choice, 0, bytes);
    return DSVK_OK;
}

static dsvk_status record_experts(const struct dv_recording *r, uint32_t i, uint32_t first,
                                  uint32_t end)
{
    dsvk_status             status;
    struct dv_program      *p = r->program;
    struct dv_program_part *part;
    TRY(begin_part(&part, p));
    describe(part, p->graph, i);
    if (part->max_tiles) {
        dv_commands_copy(part->commands, p->wave, 0, r->params->arena,
                         choice_offset(p->graph, part, i), choice_bytes(part));
        dv_commands_barrier_all(part->commands);
    }
    TRY(record_nodes(r, part->commands, first, end, REPEATED));
    return end_part(p, part);
}

dsvk_status dv_record_parts(const struct dv_recording *r)
{
    dsvk_status             status;
    struct dv_program      *p = r->program;
    const struct dv_graph  *g = p->graph;
    struct dv_program_part *part;
    uint32_t                n = 0, first = 0, end = 0, next;
    for (uint32_t i = find_experts(g, 0); i < g->n_nodes; i = find_experts(g, end), n += 2)
        find_span(g, i, &first, &end);
    p->parts = dv_zalloc_array(p->dev->ctx, n + 1, sizeof *p->parts);
    if (!p->parts)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u parts", n + 1);
    for (first = end = 0;; first = next) {
        uint32_t i = find_experts(g, end), after = end, until = g->n_nodes;
        next = i;
        if (i < g->n_nodes)
            find_span(g, i, &next, &end), until = next;
        TRY(begin_part(&part, p));
        TRY(record_nodes(r, part->commands, first, after, OTHERS));
        TRY(record_nodes(r, part->commands, after, until, ALL));
        if (i == g->n_nodes)
            return end_part(p, part);
        TRY(read_choice(r, part->commands, i));
        TRY(end_part(p, part));
        TRY(record_experts(r, i, next, end));
    }
}

void dv_program_parts_free(struct dv_program *program)
{
    for (uint32_t i = 0; i < program->n_parts; i++)
        dv_commands_free(program->parts[i].commands);
    dv_buffer_free(program->choice);
    dv_buffer_free(program->wave);
    dv_free(program->dev->ctx, program->parts);
}
