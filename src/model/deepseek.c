/* SPDX-License-Identifier: MIT */
/* The decoder of DeepSeek-V2, V3 and their kin:
 *   x += MLA(RMSNorm(x));  x += FFN(RMSNorm(x));  logits = head(RMSNorm(x))
 * (DeepSeek-V2 report, section 2; DeepSeek-V3 report, section 2.1). */
#include "model/model.h"

const char *dv_layer_name(const struct dv_model_layer *layer, const char *suffix)
{
    struct dv_graph *g    = layer->g;
    const char      *name = dv_arena_printf(&g->arena, "model.layers.%u.%s", layer->index, suffix);
    if (!name && g->status == DSVK_OK)
        g->status = dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for a tensor name");
    return name;
}

static dv_tensor decoder_layer(const struct dv_model_layer *layer, dv_tensor x)
{
    struct dv_graph        *g      = layer->g;
    const struct dv_config *config = layer->config;
    dv_weight               attention_norm =
        dv_weight_vector(g, dv_layer_name(layer, "input_layernorm.weight"), config->hidden);
    dv_weight ffn_norm = dv_weight_vector(
        g, dv_layer_name(layer, "post_attention_layernorm.weight"), config->hidden);

    dv_tensor h = dv_rms_norm(g, x, attention_norm, config->norm_eps);
    x           = dv_add(g, x, dv_mla(layer, h));
    h           = dv_rms_norm(g, x, ffn_norm, config->norm_eps);
    return dv_add(
        g, x, dv_config_is_moe(config, layer->index) ? dv_moe(layer, h) : dv_dense_ffn(layer, h));
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

dsvk_status dv_model_build(struct dv_graph **out, const struct dv_context *ctx,
                           const struct dv_config *config, const struct dv_graph_size *size)
{
    *out               = NULL;
    struct dv_graph *g = dv_graph_new(ctx, size);
    if (!g)
        return dv_fail(ctx, DSVK_NO_MEMORY, "graph: no memory for it");

    dv_weight embedding =
        dv_weight_matrix(g, "model.embed_tokens.weight", config->vocab, config->hidden);
    struct dv_model_layer layer = { .g = g, .config = config, .rope = rope_table(g, config) };
    dv_tensor             x     = dv_embed(g, embedding); /* [tokens, hidden] */
    for (uint32_t i = 0; i < config->layers; i++) {
        layer.index = g->layer = i;
        x                      = decoder_layer(&layer, x);
    }
    g->layer = config->layers;
    if (!size->all_rows)
        x = dv_view_rows(g, x, size->tokens - 1, 1);
    dv_weight norm = dv_weight_vector(g, "model.norm.weight", config->hidden);
    dv_weight head = config->tied_head
                         ? embedding
                         : dv_weight_matrix(g, "lm_head.weight", config->vocab, config->hidden);
    g->logits      = dv_matmul(g, head, dv_rms_norm(g, x, norm, config->norm_eps), 0);
    g->token       = dv_argmax(g, g->logits);

    dsvk_status status = dv_graph_finish(g);
    if (status != DSVK_OK)
        dv_graph_free(g);
    else
        *out = g;
    return status;
}
