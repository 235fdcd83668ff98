/* SPDX-License-Identifier: MIT */
/* States are declared here: a record of each token that one layer keeps between passes. */
#include "graph/build.h"

#include "base/size.h"

/* The layouts are described in shaders/lib/cache.glsl. */
static uint32_t record_bytes(unsigned format, uint32_t scaled, uint32_t plain)
{
    uint32_t scales = dv_ceil_div(scaled, DV_CACHE_BLOCK(scaled));
    uint32_t bytes  = scaled * DV_CACHE_LATENT_BYTES(format) +
                     scales * DV_CACHE_SCALE_BYTES(format) + plain * DV_CACHE_ROPE_BYTES(format);
    return dv_round_up(bytes, 16);
}

struct dv_state_info dv_state_cached(const char *name, uint32_t layer, uint32_t scaled,
                                     uint32_t plain)
{
    struct dv_state_info info = { .name = name, .layer = layer, .values = scaled + plain };
    for (unsigned f = 0; f < DV_N_CACHES; f++)
        info.bytes[f] = record_bytes(f, scaled, plain);
    return info;
}

dv_state dv_state_new(struct dv_graph *g, const struct dv_state_info *info)
{
    if (g->status != DSVK_OK ||
        !dv_graph_grow(g, (void **)&g->states, g->n_states, &g->cap_states, sizeof *g->states))
        return 0;
    g->states[++g->n_states] = *info;
    return g->n_states;
}

dv_tensor dv_graph_state(struct dv_graph *g, dv_state state)
{
    if (g->status != DSVK_OK ||
        !dv_graph_grow(g, (void **)&g->values, g->n_values, &g->cap_values, sizeof *g->values))
        return 0;
    g->values[++g->n_values] =
        (struct dv_value){ .kind = DV_VALUE_STATE, .name = g->states[state].name, .state = state };
    return g->n_values;
}
