/* SPDX-License-Identifier: MIT */
#include "planner/recipes.h"

#include "planner/sizes.h"

dsvk_status dv_recipe_graphs(struct dv_graph *graphs[2], uint32_t *n, const struct dv_setup *setup)
{
    dsvk_status          status;
    struct dv_graph_size size = { .tokens = 1, .context = 1024, .split = 1024, .tile = 16 };
    bool                 both =
        setup->math_f16 && dv_model_materialise_from(setup->config) <= setup->config->max_context;
    graphs[0] = graphs[1] = NULL;
    for (*n = 0; *n < (both ? 2u : 1u); ++*n) {
        size.materialise = *n == 1;
        TRY(dv_engine_graph(&graphs[*n], setup->ctx, setup->config, &size, setup->no_fuse));
    }
    return DSVK_OK;
}
