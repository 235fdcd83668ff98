/* SPDX-License-Identifier: MIT */
/* The rules of a plan, in their plainest form: every pair of values is compared. */
#include "test.h"

#include <stdlib.h>

struct range {
    uint32_t first, last; /* stages */
    uint64_t from, to;    /* bytes of the arena */
};

static dv_tensor storage_of(const struct dv_graph *g, dv_tensor x)
{
    return g->values[x].kind == DV_VALUE_VIEW ? g->values[x].base : x;
}

static void see(struct range *range, uint32_t stage)
{
    if (range->to == 0 || stage < range->first)
        range->first = stage;
    if (range->to == 0 || stage > range->last)
        range->last = stage;
    range->to = 1;
}

static void check_view(const struct dv_graph *g, dv_tensor x, const char *what)
{
    const struct dv_value *v = &g->values[x];
    if (v->kind != DV_VALUE_VIEW)
        return;
    const struct dv_value *base = &g->values[v->base];
    uint64_t               end  = v->offset + (uint64_t)(v->rows - 1) * v->stride + v->cols;
    if (base->kind != DV_VALUE_ACTIVATION || end > (uint64_t)base->rows * base->stride)
        fail_msg("%s: the view %%%u ends outside its base", what, x);
}

/* Producers by this walk alone: the graph's own notes are what is tested. */
static void check_order(const struct dv_graph *g, const char *what)
{
    uint32_t *made = calloc(g->n_values + 1, sizeof *made); /* stage + 1 */
    assert_non_null(made);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        if (node->dead || (i > 0 && node->stage < g->nodes[i - 1].stage))
            fail_msg("%s: node %u is dead or out of order", what, i);
        for (uint32_t k = 0; k < dv_n_inputs(node->op); k++) {
            dv_tensor x = node->in.at[k] ? storage_of(g, node->in.at[k]) : 0;
            if (x && (made[x] == 0 || made[x] > node->stage))
                fail_msg("%s: node %u (%s) reads %%%u too early", what, i, dv_op_name(node->op), x);
            if (x)
                check_view(g, node->in.at[k], what);
        }
        for (uint32_t k = 0; k < dv_n_outputs(node->op); k++) {
            if (node->out.at[k] && made[node->out.at[k]])
                fail_msg("%s: %%%u is made twice", what, node->out.at[k]);
            if (node->out.at[k])
                made[node->out.at[k]] = node->stage + 1;
        }
    }
    free(made);
}

static void find_ranges(const struct dv_graph *g, struct range *ranges)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct dv_node *node = &g->nodes[i];
        for (uint32_t k = 0; k < dv_n_outputs(node->op); k++)
            if (node->out.at[k])
                see(&ranges[node->out.at[k]], node->stage);
        for (uint32_t k = 0; k < dv_n_inputs(node->op); k++)
            if (node->in.at[k])
                see(&ranges[storage_of(g, node->in.at[k])], node->stage);
        if (g->size.keep_routes && dv_node_route(node))
            see(&ranges[dv_node_route(node)], UINT32_MAX);
    }
    see(&ranges[storage_of(g, g->logits)], UINT32_MAX);
    see(&ranges[storage_of(g, g->token)], UINT32_MAX);
}

static void check_places(const struct dv_graph *g, const struct dv_plan *plan, const char *what)
{
    struct range *ranges = calloc(g->n_values + 1, sizeof *ranges);
    assert_non_null(ranges);
    find_ranges(g, ranges);
    for (dv_tensor v = 1; v <= g->n_values; v++) {
        const struct dv_value *value = &g->values[v];
        bool                   used  = ranges[v].to && value->kind == DV_VALUE_ACTIVATION;
        ranges[v].from               = value->arena_offset;
        ranges[v].to = used ? value->arena_offset + (uint64_t)value->rows * value->stride * 4 : 0;
        if (ranges[v].to > plan->arena_bytes)
            fail_msg("%s: %%%u ends behind the arena", what, v);
        for (dv_tensor u = 1; u < v; u++)
            if (ranges[u].to && ranges[v].to && ranges[u].first <= ranges[v].last &&
                ranges[v].first <= ranges[u].last && ranges[u].from < ranges[v].to &&
                ranges[v].from < ranges[u].to)
                fail_msg("%s: %%%u and %%%u live together and overlap", what, u, v);
    }
    free(ranges);
}

void expect_sound_plan(const struct dv_graph *g, const struct dv_plan *plan, const char *what)
{
    check_order(g, what);
    check_places(g, plan, what);
    if (plan->nodes != g->n_nodes || plan->dispatches < plan->nodes ||
        plan->stages != g->nodes[g->n_nodes - 1].stage + 1 || plan->barriers != plan->stages - 1)
        fail_msg("%s: the plan's counts are not the graph's", what);
}
