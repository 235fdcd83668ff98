/* SPDX-License-Identifier: MIT */
/* The tensors of a layer, by the end of their name. */
#include "model/model.h"

const char *dv_layer_name(const struct dv_model_layer *layer, const char *suffix)
{
    struct dv_graph *g    = layer->g;
    const char      *name = dv_arena_printf(&g->arena, "model.layers.%u.%s", layer->index, suffix);
    if (!name && g->status == DSVK_OK)
        g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for a tensor name");
    return name;
}

dv_weight dv_layer_matrix(const struct dv_model_layer *layer, enum dv_role role, const char *suffix,
                          uint32_t rows, uint32_t cols)
{
    return dv_weight_matrix(layer->g, role, dv_layer_name(layer, suffix), rows, cols);
}

dv_weight dv_layer_vector(const struct dv_model_layer *layer, enum dv_role role, const char *suffix,
                          uint32_t n)
{
    return dv_weight_vector(layer->g, role, dv_layer_name(layer, suffix), n);
}
