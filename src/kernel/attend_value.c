/* SPDX-License-Identifier: MIT */
/* attend's combination and the value projection. The workgroup is that of matmul, whose bits this must
 * give; tokens and groups of a workgroup do not change a sum. */
#include <string.h>

#include "kernel/kernel.h"

/* Merging is repeated by every workgroup of a head, so each takes more rows than matmul does. */
#define GROUPS 2
#define TOKENS 4

static dsvk_status dispatch_attend_value(struct dv_dispatch *dispatch, const struct dv_kernel_site *site,
                            const struct dv_node *node)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    const struct dv_weight_info *info = &site->graph->weights[node->w[0]];
    struct dv_operand            partials = dv_site_operand(site, node->in[0]);
    struct dv_operand            y = dv_site_operand(site, node->out[0]);
    struct dv_attend_value_args  args = {
        .w = dv_site_matrix(site, node->w[0]),
        .step = dv_address_of(site->step),
        .partials = partials.address,
        .y = y.address,
        .partials_stride = partials.stride,
        .y_stride = y.stride,
        .tokens = y.rows,
        .rows = info->rows,
        .heads = node->heads,
        .split = node->split,
        .splits = node->splits,
    };
    uint32_t workgroup = tuning.matmul_workgroup;
    uint32_t tokens = y.rows < TOKENS ? y.rows : TOKENS;
    while (tokens > 1 && (tokens * node->kv + workgroup * GROUPS) * 4 > site->caps->max_shared_bytes)
        tokens--;
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "attend_value",
                      .spec = { workgroup, 0, site->weights[node->w[0]].format, GROUPS, tokens,
                                site->math_f16, node->kv / 4 },
                      .n_spec = 7 },
        .groups = { node->heads * ((args.w.groups + GROUPS - 1) / GROUPS),
                    (y.rows + tokens - 1) / tokens, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_attend_value = { "attend_value", dispatch_attend_value };
