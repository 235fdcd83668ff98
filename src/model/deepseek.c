/* SPDX-License-Identifier: MIT */
/* The decoder of DeepSeek-V2, V3 and their kin:
 *   x += MLA(RMSNorm(x));  x += FFN(RMSNorm(x));  logits = head(RMSNorm(x))
 * (DeepSeek-V2 report, section 2; DeepSeek-V3 report, section 2.1). */
#include "model/model.h"

static dv_tensor attention_block(const struct dv_model_layer *layer, dv_tensor x)
{
    const struct dv_config *c = layer->config;
    dv_weight norm = dv_layer_vector(layer, DV_ROLE_NORM, "input_layernorm.weight", c->hidden);
    return dv_add(layer->g, x, dv_mla(layer, dv_rms_norm(layer->g, x, norm, c->norm_eps)));
}

static dv_tensor ffn_block(const struct dv_model_layer *layer, dv_tensor x, bool experts)
{
    const struct dv_config *c = layer->config;
    dv_weight               norm =
        dv_layer_vector(layer, DV_ROLE_NORM, "post_attention_layernorm.weight", c->hidden);
    dv_tensor h = dv_rms_norm(layer->g, x, norm, c->norm_eps);
    return dv_add(layer->g, x, experts ? dv_moe(layer, h) : dv_dense_ffn(layer, h));
}

static dv_weight rope_table(struct dv_graph *g, const struct dv_config *config)
{
    struct dv_weight_info info = { .kind        = DV_WEIGHT_ROPE,
                                   .name        = "rope",
                                   .rows        = g->size.context,
                                   .cols        = config->rope,
                                   .slices      = 1,
                                   .tensor_cols = config->rope };
    return dv_weight_add(g, &info);
}

static dv_weight embedding(struct dv_graph *g, const struct dv_config *config)
{
    return dv_weight_matrix(g, DV_ROLE_EMBEDDING, "model.embed_tokens.weight", config->vocab,
                            config->hidden);
}

static void head(struct dv_graph *g, const struct dv_config *config, dv_tensor x)
{
    dv_weight norm = dv_weight_vector(g, DV_ROLE_NORM, "model.norm.weight", config->hidden);
    dv_weight head = config->tied_head ? embedding(g, config)
                                       : dv_weight_matrix(g, DV_ROLE_HEAD, "lm_head.weight",
                                                          config->vocab, config->hidden);
    g->logits      = dv_matmul(g, head, dv_rms_norm(g, x, norm, config->norm_eps), 0);
    g->token       = dv_argmax(g, g->logits);
}

static dsvk_status finish(struct dv_graph **out, struct dv_graph *g)
{
    dsvk_status status = dv_graph_finish(g);
    if (status != DSVK_OK)
        dv_graph_free(g);
    else
        *out = g;
    return status;
}

dsvk_status dv_model_build(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config, const struct dv_graph_size *size)
{
    *out               = NULL;
    struct dv_graph *g = dv_graph_new(ctx, size);
    if (!g)
        return dv_fail(ctx, DSVK_NO_MEMORY, "graph: no memory for it");

    dv_tensor             x     = dv_embed(g, embedding(g, config)); /* [tokens, hidden] */
    struct dv_model_layer layer = { .g = g, .config = config, .rope = rope_table(g, config) };
    for (uint32_t i = 0; i < config->layers; i++) {
        layer.index = g->layer = i;
        dv_layer_states(&layer);
        x = attention_block(&layer, x);
        x = ffn_block(&layer, x, dv_config_is_moe(config, i));
    }
    g->layer = config->layers;
    if (!size->all_rows && !size->batch)
        x = dv_view_rows(g, x, size->tokens - 1, 1);
    head(g, config, x);
    return finish(out, g);
}

/* ---- all tensors that checkpoints of such a model may have ---- */

/* What a layer has that predicts tokens ahead, besides that of all layers (DeepSeek-V3 report,
 * section 2.2). */
static void predictor(const struct dv_model_layer *layer)
{
    uint32_t hidden = layer->config->hidden, vocab = layer->config->vocab;
    dv_layer_vector(layer, DV_ROLE_NORM, "enorm.weight", hidden);
    dv_layer_vector(layer, DV_ROLE_NORM, "hnorm.weight", hidden);
    dv_layer_vector(layer, DV_ROLE_NORM, "shared_head.norm.weight", hidden);
    dv_layer_matrix(layer, DV_ROLE_PREDICTOR, "eh_proj.weight", hidden, 2 * hidden);
    dv_layer_matrix(layer, DV_ROLE_EMBEDDING, "embed_tokens.weight", vocab, hidden);
    dv_layer_matrix(layer, DV_ROLE_HEAD, "shared_head.head.weight", vocab, hidden);
}

dsvk_status dv_model_roles(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config)
{
    *out               = NULL;
    struct dv_graph *g = dv_graph_new(ctx, &dv_model_one_token);
    if (!g)
        return dv_fail(ctx, DSVK_NO_MEMORY, "graph: no memory for it");
    dv_tensor             x     = dv_embed(g, embedding(g, config));
    struct dv_model_layer layer = { .g = g, .config = config, .rope = rope_table(g, config) };
    dv_layer_states(&layer);
    x = attention_block(&layer, x);
    x = ffn_block(&layer, x, false);
    if (config->experts)
        x = ffn_block(&layer, x, true);
    predictor(&layer);
    head(g, config, x);
    return finish(out, g);
}
