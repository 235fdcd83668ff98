/* SPDX-License-Identifier: MIT */
/* Adds up the device time of dispatches by kernel, from timestamps of each pass. It measures
 * nothing itself and costs nothing where nobody asked for it. */
#include "engine/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Further matrices of a node: the shared expert's, the second of two projections. */
static void add_others(char *text, size_t bytes, const struct dv_graph *g,
                       const struct dv_node *node, dv_weight first)
{
    for (uint32_t k = 0; k < dv_n_weights(node->op); k++) {
        const struct dv_weight_info *info = &g->weights[node->w.at[k]];
        if (node->w.at[k] == 0 || node->w.at[k] == first || !dv_weight_is_matrix(info))
            continue;
        uint32_t rows = info->rows * (info->kind == DV_WEIGHT_PAIR ? 2 : 1);
        int      n    = snprintf(text, bytes, "+%ux%u", rows, info->cols);
        if (n < 0 || (size_t)n >= bytes)
            return;
        text += n;
        bytes -= (size_t)n;
    }
}

static void describe(dsvk_profile_row *row, const struct dv_program *program,
                     const struct dv_node *node)
{
    const struct dv_graph *g = program->graph;
    dv_weight              w = dv_node_matrix(g, node);
    *row                     = (dsvk_profile_row){ .op = dv_op_name(node->op), .format = "" };
    if (w == 0) {
        snprintf(row->kernel, sizeof row->kernel, "%s", row->op);
        return;
    }
    const struct dv_weight_info *info = &g->weights[w];
    row->format                       = dv_weight_format_name(program->places[w].format);
    row->rows                         = info->rows * (info->kind == DV_WEIGHT_PAIR ? 2 : 1);
    row->cols                         = info->cols;
    row->matrices                     = info->experts ? info->experts : info->slices;
    int n = snprintf(row->kernel, sizeof row->kernel, "%s %s ", row->op, row->format);
    if (row->matrices > 1)
        n += snprintf(row->kernel + n, sizeof row->kernel - (size_t)n, "%ux", row->matrices);
    n += snprintf(row->kernel + n, sizeof row->kernel - (size_t)n, "%ux%u", row->rows, row->cols);
    add_others(row->kernel + n, sizeof row->kernel - (size_t)n, g, node, w);
}

static dsvk_profile_row *find_row(struct dv_profile *profile, const dsvk_profile_row *like)
{
    for (uint32_t i = 0; i < profile->n; i++)
        if (strcmp(profile->rows[i].kernel, like->kernel) == 0)
            return &profile->rows[i];
    if (profile->n == profile->capacity) {
        uint32_t          capacity = profile->capacity ? 2 * profile->capacity : 32;
        dsvk_profile_row *rows = dv_realloc(profile->ctx, profile->rows, capacity * sizeof *rows);
        if (!rows)
            return NULL;
        profile->rows     = rows;
        profile->capacity = capacity;
    }
    profile->rows[profile->n] = *like;
    return &profile->rows[profile->n++];
}

dsvk_status dv_profile_add(struct dv_profile *profile, struct dv_program *program,
                           uint32_t position, const struct dv_state_place *states)
{
    dsvk_status            status;
    const struct dv_graph *g    = program->graph;
    uint64_t              *ns   = dv_zalloc_array(profile->ctx, g->n_nodes, sizeof *ns);
    struct dv_cost_site    site = { program->places, states, position };
    if (!ns)
        return dv_fail(profile->ctx, DSVK_NO_MEMORY, "profile: no memory for %u times", g->n_nodes);
    TRY_OR(fail, dv_program_times(program, ns));
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        dsvk_profile_row like;
        struct dv_cost   cost;
        describe(&like, program, &g->nodes[i]);
        dsvk_profile_row *row = find_row(profile, &like);
        if (!row) {
            status = dv_fail(profile->ctx, DSVK_NO_MEMORY, "profile: no memory for its rows");
            goto fail;
        }
        dv_node_cost(&cost, &site, g, &g->nodes[i]);
        row->dispatches++;
        row->seconds += (double)ns[i] * 1e-9;
        row->bytes += cost.weight_bytes + cost.cache_bytes;
        row->flops += cost.flops;
    }
fail:
    dv_free(profile->ctx, ns);
    return status;
}

static int by_time(const void *a, const void *b)
{
    const dsvk_profile_row *x = a, *y = b;
    return x->seconds < y->seconds ? 1 : x->seconds > y->seconds ? -1 : 0;
}

dsvk_status dv_profile_rows(const struct dv_profile *profile, dsvk_profile_row **rows, uint32_t *n)
{
    *n    = 0;
    *rows = dv_zalloc_array(profile->ctx, (size_t)profile->n + 1, sizeof **rows);
    if (!*rows)
        return dv_fail(profile->ctx, DSVK_NO_MEMORY, "profile: no memory for its rows");
    if (profile->n > 0)
        memcpy(*rows, profile->rows, profile->n * sizeof **rows);
    *n = profile->n;
    qsort(*rows, *n, sizeof **rows, by_time);
    return DSVK_OK;
}

void dv_profile_done(struct dv_profile *profile)
{
    dv_free(profile->ctx, profile->rows);
    profile->rows = NULL;
    profile->n = profile->capacity = 0;
}
