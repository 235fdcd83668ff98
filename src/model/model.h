/* SPDX-License-Identifier: MIT */
/* From a config to a graph, in the order and with the names of the papers. */
#ifndef DV_MODEL_MODEL_H
#define DV_MODEL_MODEL_H

#include "file/config.h"
#include "graph/graph.h"

/* The graph of one pass as built, without fusion. The caller frees it. */
dsvk_status dv_model_build(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config, const struct dv_graph_size *size);

/* The softmax scale with YaRN's mscale squared, and the frequencies of the rope pairs (double
 * precision, rope/2 of them); *mscale is what cos and sin are multiplied by. */
float dv_model_softmax_scale(const struct dv_config *config);
void dv_model_rope_frequencies(const struct dv_config *config, double *frequencies, double *mscale);

/* From how many tokens on a pass that starts at position 0 is cheaper with materialised keys and
 * values; UINT32_MAX: never. */
uint32_t dv_model_materialise_from(const struct dv_config *config);

/* ---- the parts, for deepseek.c ---- */

struct dv_model_layer {
    struct dv_graph        *g;
    const struct dv_config *config;
    uint32_t                index;
    dv_weight               rope; /* the (cos, sin) table */
};

/* "model.layers.<index>.<suffix>", in the graph's arena. */
const char *dv_layer_name(const struct dv_model_layer *layer, const char *suffix);

dv_tensor dv_mla(const struct dv_model_layer *layer, dv_tensor h); /* attention output */
dv_tensor dv_moe(const struct dv_model_layer *layer, dv_tensor h); /* routed + shared */
dv_tensor dv_dense_ffn(const struct dv_model_layer *layer, dv_tensor h);

#endif
