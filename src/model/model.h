/* SPDX-License-Identifier: MIT */
/* From a config to a graph, in the order and with the names of the papers. */
#ifndef DV_MODEL_MODEL_H
#define DV_MODEL_MODEL_H

#include "file/checkpoint.h"
#include "graph/graph.h"

/* The graph of one pass as built, without fusion. The caller frees it. */
dsvk_status dv_model_build(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config, const struct dv_graph_size *size);

/* ---- which tensors a model has ---- */

/* The graph of one token as built: its weights name each tensor that the model needs. */
extern const struct dv_graph_size dv_model_one_token;
dsvk_status dv_model_weights(struct dv_graph **out, const struct dv_context *ctx,
                             const struct dv_config *config);
/* Weight parameters of the main model: all, and those that one token uses. */
dsvk_status dv_model_parameters(uint64_t *all, uint64_t *active, const struct dv_context *ctx,
                                const struct dv_config *config);
/* Checks that every tensor which the model needs is there, with the right shape and format, before
 * anything is allocated for it. Headers only. */
dsvk_status dv_model_check(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint);

/* A graph that is asked for roles and never run: of a layer with all that layers of such a model
 * may have, those that predict tokens ahead too. */
dsvk_status dv_model_roles(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config);
/* The role of a tensor of a checkpoint, whatever the numbers of its layer and expert; NONE: the
 * model does not know it. */
enum dv_role dv_model_role(const struct dv_graph *roles, const char *name);

/* ---- what follows from a config ---- */

/* The softmax scale with YaRN's mscale squared, and the frequencies of the rope pairs (double
 * precision, rope/2 of them); *mscale is what cos and sin are multiplied by. */
float dv_model_softmax_scale(const struct dv_config *config);
void dv_model_rope_frequencies(const struct dv_config *config, double *frequencies, double *mscale);

/* From how many tokens on a pass that starts at position 0 is cheaper with materialised keys and
 * values; UINT32_MAX: never. */
uint32_t dv_model_materialise_from(const struct dv_config *config);

/* ---- what layers keep between passes ---- */

enum dv_kept {
    DV_KEPT_LATENT, /* the latent and the rotated rope key */
    DV_N_KEPT
};

/* The state of a layer that keeps this; false: it does not. Graphs declare the states of layer 0
 * first, and those of a layer in the order above: so a dv_state is the same in all graphs. */
bool dv_model_keeps(struct dv_state_info *state, const struct dv_config *config, uint32_t layer,
                    enum dv_kept kept);
/* Numbers that all layers together keep of a token. */
uint64_t dv_model_kept_values(const struct dv_config *config);

/* ---- the parts of a graph ---- */

struct dv_model_layer {
    struct dv_graph        *g;
    const struct dv_config *config;
    uint32_t                index;
    dv_weight               rope;            /* the (cos, sin) table */
    dv_state                kept[DV_N_KEPT]; /* 0: not by this layer */
};

/* Declares the states of the layer. */
void dv_layer_states(struct dv_model_layer *layer);
/* "model.layers.<index>.<suffix>", in the graph's arena. */
const char *dv_layer_name(const struct dv_model_layer *layer, const char *suffix);
/* The weight of that tensor. */
dv_weight dv_layer_matrix(const struct dv_model_layer *layer, enum dv_role role, const char *suffix,
                          uint32_t rows, uint32_t cols);
dv_weight dv_layer_vector(const struct dv_model_layer *layer, enum dv_role role, const char *suffix,
                          uint32_t n);

dv_tensor dv_mla(const struct dv_model_layer *layer, dv_tensor h); /* attention output */
dv_tensor dv_moe(const struct dv_model_layer *layer, dv_tensor h); /* routed + shared */
dv_tensor dv_dense_ffn(const struct dv_model_layer *layer, dv_tensor h);

#endif
