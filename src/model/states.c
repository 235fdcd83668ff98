/* SPDX-License-Identifier: MIT */
/* Which layers keep what of each token between passes. Graphs declare these states, and the planner
 * lays them out. */
#include "model/model.h"

bool dv_model_keeps(struct dv_state_info *state, const struct dv_config *config, uint32_t layer,
                    enum dv_kept kept)
{
    switch (kept) {
    case DV_KEPT_LATENT: /* every layer's; the rope key is not scaled with the latent */
        *state = dv_state_cached("cache", layer, config->kv_lora, config->rope);
        return true;
    case DV_N_KEPT:
        break;
    }
    return false;
}

uint64_t dv_model_kept_values(const struct dv_config *config)
{
    struct dv_state_info state;
    uint64_t             values = 0;
    for (uint32_t layer = 0; layer < config->layers; layer++)
        for (unsigned k = 0; k < DV_N_KEPT; k++)
            if (dv_model_keeps(&state, config, layer, (enum dv_kept)k))
                values += state.values;
    return values;
}

void dv_layer_states(struct dv_model_layer *layer)
{
    for (unsigned k = 0; k < DV_N_KEPT; k++) {
        struct dv_state_info state;
        bool keeps     = dv_model_keeps(&state, layer->config, layer->index, (enum dv_kept)k);
        layer->kept[k] = keeps ? dv_state_new(layer->g, &state) : 0;
    }
}
