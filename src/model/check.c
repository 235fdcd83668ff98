/* SPDX-License-Identifier: MIT */
/* Whether a checkpoint has all that its architecture needs. */
#include <stdio.h>

#include "file/checkpoint.h"

#define NAME_BYTES 160u

/* What the check walks with: `prefix` is the layer, or the part of it, that names begin with. */
struct walk {
    const struct dv_context    *ctx;
    const struct dv_checkpoint *checkpoint;
    char                        prefix[NAME_BYTES / 2];
};

static dsvk_status matrix(const struct walk *walk, const char *name, uint32_t rows, uint32_t cols)
{
    struct dv_matrix_file unused;
    char                  text[NAME_BYTES];
    snprintf(text, sizeof text, "%s%s.weight", walk->prefix, name);
    return dv_checkpoint_matrix(&unused, walk->ctx, walk->checkpoint, text, rows, cols);
}

static dsvk_status vector(const struct walk *walk, const char *name, uint32_t n)
{
    const struct dv_tensor_file *unused;
    char                         text[NAME_BYTES];
    snprintf(text, sizeof text, "%s%s", walk->prefix, name);
    return dv_checkpoint_vector(&unused, walk->ctx, walk->checkpoint, text, n);
}

static dsvk_status check_attention(const struct walk *walk, const struct dv_config *config)
{
    dsvk_status status;
    uint32_t    q_rows = config->heads * (config->nope + config->rope), hidden = config->hidden;
    TRY(vector(walk, "input_layernorm.weight", hidden));
    TRY(vector(walk, "post_attention_layernorm.weight", hidden));
    if (config->q_lora) {
        TRY(matrix(walk, "self_attn.q_a_proj", config->q_lora, hidden));
        TRY(vector(walk, "self_attn.q_a_layernorm.weight", config->q_lora));
        TRY(matrix(walk, "self_attn.q_b_proj", q_rows, config->q_lora));
    } else {
        TRY(matrix(walk, "self_attn.q_proj", q_rows, hidden));
    }
    TRY(matrix(walk, "self_attn.kv_a_proj_with_mqa", config->kv_lora + config->rope, hidden));
    TRY(vector(walk, "self_attn.kv_a_layernorm.weight", config->kv_lora));
    TRY(matrix(walk, "self_attn.kv_b_proj", config->heads * (config->nope + config->v_head),
               config->kv_lora));
    return matrix(walk, "self_attn.o_proj", hidden, config->heads * config->v_head);
}

/* Gate, up and down of one feed-forward block. */
static dsvk_status check_ffn(const struct walk *walk, const char *name, uint32_t hidden,
                             uint32_t width)
{
    dsvk_status status;
    struct walk inner = *walk;
    snprintf(inner.prefix, sizeof inner.prefix, "%s%s", walk->prefix, name);
    TRY(matrix(&inner, "gate_proj", width, hidden));
    TRY(matrix(&inner, "up_proj", width, hidden));
    return matrix(&inner, "down_proj", hidden, width);
}

static dsvk_status check_experts(const struct walk *walk, const struct dv_config *config)
{
    dsvk_status status;
    char        name[NAME_BYTES];
    uint32_t    hidden = config->hidden;
    TRY(matrix(walk, "mlp.gate", config->experts, hidden));
    if (config->has_correction_bias)
        TRY(vector(walk, "mlp.gate.e_score_correction_bias", config->experts));
    if (config->shared_experts)
        TRY(check_ffn(walk, "mlp.shared_experts.", hidden,
                      config->shared_experts * config->expert_ffn));
    snprintf(name, sizeof name, "%smlp.experts.gate_up_proj", walk->prefix);
    if (dv_checkpoint_find(walk->checkpoint, name))
        return dv_fail(walk->ctx, DSVK_UNSUPPORTED,
                       "checkpoint: %s: experts fused into one tensor are not supported", name);
    for (uint32_t i = 0; i < config->experts; i++) {
        snprintf(name, sizeof name, "mlp.experts.%u.", i);
        TRY(check_ffn(walk, name, hidden, config->expert_ffn));
    }
    return DSVK_OK;
}

dsvk_status dv_checkpoint_check(const struct dv_context    *ctx,
                                const struct dv_checkpoint *checkpoint)
{
    dsvk_status             status;
    const struct dv_config *config = dv_checkpoint_config(checkpoint);
    struct walk             walk   = { .ctx = ctx, .checkpoint = checkpoint };
    TRY(matrix(&walk, "model.embed_tokens", config->vocab, config->hidden));
    TRY(vector(&walk, "model.norm.weight", config->hidden));
    if (!config->tied_head)
        TRY(matrix(&walk, "lm_head", config->vocab, config->hidden));
    for (uint32_t i = 0; i < config->layers; i++) {
        snprintf(walk.prefix, sizeof walk.prefix, "model.layers.%u.", i);
        TRY(check_attention(&walk, config));
        if (dv_config_is_moe(config, i))
            TRY(check_experts(&walk, config));
        else
            TRY(check_ffn(&walk, "mlp.", config->hidden, config->dense_ffn));
    }
    return DSVK_OK;
}
