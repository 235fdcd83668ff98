/* SPDX-License-Identifier: MIT */
/* Prints a graph as text or JSON; print_dot.c draws it. */
#include "graph/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void dv_print_put(const struct dv_print_out *out, const char *format, ...)
{
    char    text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        out->printer->write(out->printer->user, text, strlen(text));
}

#define put dv_print_put

dv_tensor dv_print_storage(const struct dv_graph *g, dv_tensor x)
{
    return g->values[x].kind == DV_VALUE_VIEW ? g->values[x].base : x;
}

/* "%12[1x2048]", with the columns of a view. */
static void put_value(const struct dv_print_out *out, dv_tensor x)
{
    const struct dv_value *v = &out->g->values[x];
    if (v->kind == DV_VALUE_STATE)
        put(out, "%%%u[%s]", x, v->name);
    else if (v->kind == DV_VALUE_VIEW)
        put(out, "%%%u[%ux%u at %u]", v->base, v->rows, v->cols, v->offset);
    else
        put(out, "%%%u[%ux%u]", x, v->rows, v->cols);
}

static void put_weight(const struct dv_print_out *out, dv_weight w)
{
    const struct dv_weight_info *info = &out->g->weights[w];
    put(out, "%s", info->name);
    for (uint32_t i = 1; i < info->n_parts; i++)
        put(out, "%s%s", info->kind == DV_WEIGHT_PAIR ? "|" : "+", info->parts[i].name);
    if (info->slices > 1)
        put(out, "(%u heads of %ux%u)", info->slices, info->rows, info->cols);
}

static void text_node(const struct dv_print_out *out, const struct dv_node *node)
{
    if (out->plan)
        put(out, "%4u  ", node->stage);
    put(out, "%-13s ", dv_op_name(node->op));
    for (uint32_t i = 0; i < dv_n_outputs(node->op); i++)
        if (node->out.at[i]) {
            put(out, i ? ", " : "");
            put_value(out, node->out.at[i]);
            if (out->plan && out->g->values[node->out.at[i]].kind == DV_VALUE_ACTIVATION)
                put(out, "@%llu", (unsigned long long)out->g->values[node->out.at[i]].arena_offset);
        }
    put(out, " <-");
    for (uint32_t i = 0; i < dv_n_inputs(node->op); i++)
        if (node->in.at[i]) {
            put(out, " ");
            put_value(out, node->in.at[i]);
        }
    for (uint32_t i = 0; i < dv_n_weights(node->op); i++)
        if (node->w.at[i]) {
            put(out, " ");
            put_weight(out, node->w.at[i]);
        }
    put(out, "\n");
}

static uint32_t live_nodes(const struct dv_graph *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        n += !g->nodes[i].dead;
    return n;
}

static void print_text(const struct dv_print_out *out)
{
    uint32_t tokens = out->g->size.tokens;
    for (uint32_t i = 0; i < out->g->n_nodes; i++)
        if (!out->g->nodes[i].dead)
            text_node(out, &out->g->nodes[i]);
    char times[DV_SIZE_BYTES];
    if (out->plan && out->plan->passes)
        put(out, "weights: %llu bytes touched, at least %llu (%s times that), passes: %u\n",
            (unsigned long long)out->plan->weight_bytes,
            (unsigned long long)out->plan->least_weight_bytes,
            dv_text_fixed(
                times, (double)out->plan->weight_bytes / (double)out->plan->least_weight_bytes, 3),
            out->plan->passes);
    if (out->plan)
        put(out,
            "summary: %u nodes, %u dispatches, %u barriers, 1 submission, %llu arena bytes, "
            "%u token%s\n",
            out->plan->nodes, out->plan->dispatches, out->plan->barriers,
            (unsigned long long)out->plan->arena_bytes, tokens, tokens == 1 ? "" : "s");
    else
        put(out, "summary: %u nodes, %u token%s\n", live_nodes(out->g), tokens,
            tokens == 1 ? "" : "s");
}

static void json_list(const struct dv_print_out *out, const char *key, const dv_tensor *list,
                      uint32_t n)
{
    const char *comma = "";
    put(out, ", \"%s\": [", key);
    for (uint32_t i = 0; i < n; i++)
        if (list[i]) {
            const struct dv_value *v = &out->g->values[list[i]];
            put(out, "%s{\"value\": %u, \"rows\": %u, \"cols\": %u, \"offset\": %llu}", comma,
                dv_print_storage(out->g, list[i]), v->rows, v->cols,
                (unsigned long long)(out->g->values[dv_print_storage(out->g, list[i])]
                                         .arena_offset +
                                     (uint64_t)v->offset * 4));
            comma = ", ";
        }
    put(out, "]");
}

static void json_weights(const struct dv_print_out *out, const struct dv_node *node)
{
    const char *comma = "";
    put(out, ", \"weights\": [");
    for (uint32_t i = 0; i < dv_n_weights(node->op); i++)
        if (node->w.at[i]) {
            put(out, "%s\"", comma);
            put_weight(out, node->w.at[i]);
            put(out, "\"");
            comma = ", ";
        }
    put(out, "]}");
}

static void print_json(const struct dv_print_out *out)
{
    const char *comma = "";
    put(out, "{\"tokens\": %u, \"nodes\": [", out->g->size.tokens);
    for (uint32_t i = 0; i < out->g->n_nodes; i++) {
        const struct dv_node *node = &out->g->nodes[i];
        if (node->dead)
            continue;
        put(out, "%s\n  {\"op\": \"%s\", \"layer\": %u, \"stage\": %u", comma, dv_op_name(node->op),
            node->layer, node->stage);
        json_list(out, "out", node->out.at, dv_n_outputs(node->op));
        json_list(out, "in", node->in.at, dv_n_inputs(node->op));
        json_weights(out, node);
        comma = ",";
    }
    put(out, "],\n \"summary\": {\"nodes\": %u", out->plan ? out->plan->nodes : live_nodes(out->g));
    if (out->plan)
        put(out,
            ", \"dispatches\": %u, \"barriers\": %u, \"submissions\": 1, \"arena_bytes\": %llu",
            out->plan->dispatches, out->plan->barriers, (unsigned long long)out->plan->arena_bytes);
    if (out->plan && out->plan->passes)
        put(out, ", \"passes\": %u, \"weight_bytes\": %llu, \"least_weight_bytes\": %llu",
            out->plan->passes, (unsigned long long)out->plan->weight_bytes,
            (unsigned long long)out->plan->least_weight_bytes);
    put(out, "}}\n");
}

void dv_graph_print(const struct dv_graph *g, const struct dv_plan *plan,
                    enum dv_print_format format, const struct dv_printer *printer)
{
    struct dv_print_out out = { .printer = printer, .g = g, .plan = plan };
    switch (format) {
    case DV_PRINT_TEXT:
        print_text(&out);
        break;
    case DV_PRINT_DOT:
        dv_print_dot(&out);
        break;
    case DV_PRINT_JSON:
        print_json(&out);
        break;
    }
}
