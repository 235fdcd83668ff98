/* SPDX-License-Identifier: MIT */
/* A graph as a picture, for Graphviz: a cluster for each layer, a colour for each kind of op. */
#include <string.h>

#include "graph/print.h"

#define put dv_print_put

enum kind { KIND_END, KIND_PRODUCT, KIND_ATTENTION, KIND_EXPERTS, KIND_OTHER };

static const char *const colours[] = {
    [KIND_END] = "#e4e4e4",     [KIND_PRODUCT] = "#d6e6f8", [KIND_ATTENTION] = "#fbe3c0",
    [KIND_EXPERTS] = "#d3efd5", [KIND_OTHER] = "#ffffff",
};

static enum kind kind_of(enum dv_op op)
{
    switch (op) {
    case DV_OP_embed:
    case DV_OP_argmax:
        return KIND_END;
    case DV_OP_matmul:
    case DV_OP_project:
    case DV_OP_project_two:
        return KIND_PRODUCT;
    case DV_OP_rope:
    case DV_OP_cache_write:
    case DV_OP_attend:
    case DV_OP_combine:
    case DV_OP_attend_heads:
    case DV_OP_mla_prepare:
    case DV_OP_attend_value:
        return KIND_ATTENTION;
    case DV_OP_router:
    case DV_OP_expert_plan:
    case DV_OP_expert_matmul:
    case DV_OP_expert_sum:
    case DV_OP_expert_up:
    case DV_OP_expert_down:
    case DV_OP_route_up:
        return KIND_EXPERTS;
    default:
        return KIND_OTHER;
    }
}

static uint32_t producer_of(const struct dv_graph *g, dv_tensor x)
{
    return x ? g->values[dv_print_storage(g, x)].producer : 0;
}

/* Nodes after the last layer count one layer on: that of the logits. */
static bool in_layer(const struct dv_graph *g, const struct dv_node *node, uint32_t layer)
{
    uint32_t head = producer_of(g, g->logits);
    return !node->dead && node->op != DV_OP_embed && node->layer == layer &&
           !(head && node->layer == g->nodes[head - 1].layer);
}

/* "model.layers.3.mlp.gate.weight" in its layer's cluster is "mlp.gate". */
static void put_name(const struct dv_print_out *out, const char *name)
{
    static const char layers[] = "model.layers.";
    size_t            n;
    if (strncmp(name, layers, sizeof layers - 1) == 0) {
        name += sizeof layers - 1;
        name += strspn(name, "0123456789");
        name += *name == '.';
    }
    n = strlen(name);
    if (n > 7 && strcmp(name + n - 7, ".weight") == 0)
        n -= 7;
    put(out, "%.*s", (int)n, name);
}

static void put_weight(const struct dv_print_out *out, dv_weight w)
{
    const struct dv_weight_info *info = &out->g->weights[w];
    put(out, "\\n");
    put_name(out, info->name);
    for (uint32_t i = 1; i < info->n_parts; i++) {
        put(out, info->kind == DV_WEIGHT_PAIR ? " |\\n" : " +\\n");
        put_name(out, info->parts[i].name);
    }
    put(out, " [");
    if (info->experts)
        put(out, "%u of ", info->experts);
    if (info->slices > 1)
        put(out, "%u x ", info->slices);
    if (info->rows)
        put(out, "%ux", info->rows);
    put(out, "%u]", info->cols);
}

static void put_box(const struct dv_print_out *out, uint32_t i)
{
    const struct dv_graph *g    = out->g;
    const struct dv_node  *node = &g->nodes[i];
    put(out, "  n%u [fillcolor=\"%s\", label=\"%s", i, colours[kind_of(node->op)],
        dv_op_name(node->op));
    if (out->plan)
        put(out, ", stage %u", node->stage);
    for (uint32_t k = 0; k < dv_n_outputs(node->op); k++) {
        const struct dv_value *v = &g->values[node->out.at[k]];
        if (!node->out.at[k])
            continue;
        if (v->kind == DV_VALUE_STATE)
            put(out, "\\n-> %s", v->name);
        else
            put(out, "\\n-> %ux%u", v->rows, v->cols);
    }
    for (uint32_t k = 0; k < dv_n_weights(node->op); k++)
        if (node->w.at[k])
            put_weight(out, node->w.at[k]);
    put(out, "\"];\n");
}

/* One arrow from a node that makes several of the inputs. */
static void put_arrows(const struct dv_print_out *out, uint32_t i)
{
    const struct dv_node *node = &out->g->nodes[i];
    for (uint32_t k = 0; k < dv_n_inputs(node->op); k++) {
        uint32_t producer = producer_of(out->g, node->in.at[k]);
        for (uint32_t before = 0; before < k; before++)
            if (producer == producer_of(out->g, node->in.at[before]))
                producer = 0;
        if (producer)
            put(out, "  n%u -> n%u;\n", producer - 1, i);
    }
}

static void put_layer(const struct dv_print_out *out, uint32_t layer)
{
    const struct dv_graph *g       = out->g;
    bool                   experts = false, any = false;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (in_layer(g, &g->nodes[i], layer)) {
            any = true;
            experts |= kind_of(g->nodes[i].op) == KIND_EXPERTS;
        }
    if (!any)
        return;
    put(out, "  subgraph cluster_%u {\n  label=\"layer %u: %s\";\n", layer, layer,
        experts ? "experts" : "dense");
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (in_layer(g, &g->nodes[i], layer))
            put_box(out, i);
    put(out, "  }\n");
}

void dv_print_dot(const struct dv_print_out *out)
{
    const struct dv_graph *g = out->g;
    uint32_t               n = 0;
    put(out, "digraph dsvk {\n"
             "  graph [fontname=\"sans-serif\", style=\"rounded\", color=\"#808080\"];\n"
             "  node [shape=box, style=\"filled\", fontname=\"monospace\", fontsize=10];\n");
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead && g->nodes[i].layer >= n)
            n = g->nodes[i].layer + 1;
    for (uint32_t layer = 0; layer < n; layer++)
        put_layer(out, layer);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead && !in_layer(g, &g->nodes[i], g->nodes[i].layer))
            put_box(out, i);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead)
            put_arrows(out, i);
    put(out, "}\n");
}
