/* SPDX-License-Identifier: MIT */
/* config.json and generation_config.json, in the spelling of the published ones. */
#include "support/make_parts.h"

static const struct {
    const char *architecture;
} architectures[] = {
    [DV_ARCH_DEEPSEEK_V2]   = { "DeepseekV2ForCausalLM" },
    [DV_ARCH_DEEPSEEK_V3]   = { "DeepseekV3ForCausalLM" },
    [DV_ARCH_KIMI_K2]       = { "DeepseekV3ForCausalLM" },
    [DV_ARCH_GLM4_MOE_LITE] = { "Glm4MoeLiteForCausalLM" },
    [DV_ARCH_YOUTU]         = { "YoutuForCausalLM" },
};

static const char *const methods[] = {
    [DV_TOPK_GREEDY]               = "greedy",
    [DV_TOPK_GROUP_LIMITED_GREEDY] = "group_limited_greedy",
    [DV_TOPK_NOAUX_TC]             = "noaux_tc",
};

static const char *yes(bool value)
{
    return value ? "true" : "false";
}

static void write_shape(FILE *file, const struct dv_config *c)
{
    fprintf(file,
            "  \"hidden_size\": %u,\n  \"intermediate_size\": %u,\n"
            "  \"num_hidden_layers\": %u,\n  \"num_attention_heads\": %u,\n"
            "  \"num_key_value_heads\": %u,\n  \"vocab_size\": %u,\n"
            "  \"kv_lora_rank\": %u,\n  \"qk_nope_head_dim\": %u,\n"
            "  \"qk_rope_head_dim\": %u,\n  \"v_head_dim\": %u,\n"
            "  \"max_position_embeddings\": %u,\n  \"num_nextn_predict_layers\": %u,\n"
            "  \"tie_word_embeddings\": %s,\n  \"rms_norm_eps\": %g,\n",
            c->hidden, c->dense_ffn, c->layers, c->heads, c->heads, c->vocab, c->kv_lora, c->nope,
            c->rope, c->v_head, c->max_context, c->mtp_layers, yes(c->tied_head),
            (double)c->norm_eps);
    if (c->q_lora)
        fprintf(file, "  \"q_lora_rank\": %u,\n", c->q_lora);
    else
        fprintf(file, "  \"q_lora_rank\": null,\n");
}

static void write_experts(FILE *file, const struct dv_config *c)
{
    fprintf(file,
            "  \"moe_intermediate_size\": %u,\n  \"n_routed_experts\": %u,\n"
            "  \"n_shared_experts\": %u,\n  \"num_experts_per_tok\": %u,\n"
            "  \"n_group\": %u,\n  \"topk_group\": %u,\n  \"first_k_dense_replace\": %u,\n"
            "  \"moe_layer_freq\": %u,\n  \"scoring_func\": \"%s\",\n  \"topk_method\": \"%s\",\n"
            "  \"norm_topk_prob\": %s,\n  \"routed_scaling_factor\": %#g,\n",
            c->expert_ffn, c->experts, c->shared_experts, c->top_k, c->groups, c->top_k_groups,
            c->first_dense, c->moe_every, c->scoring == DV_SCORING_SOFTMAX ? "softmax" : "sigmoid",
            methods[c->topk_method], yes(c->norm_topk), (double)c->routed_scale);
}

static void write_rope(FILE *file, const struct dv_recipe *recipe)
{
    const struct dv_config *c = &recipe->config;
    if (recipe->new_rope) {
        fprintf(file, "  \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": %g},\n",
                c->rope_theta);
        fprintf(file, "  \"mlp_layer_types\": [");
        for (uint32_t i = 0; i < c->layers; i++)
            fprintf(file, "%s\"%s\"", i ? ", " : "", dv_config_is_moe(c, i) ? "sparse" : "dense");
        fprintf(file, "],\n");
        return;
    }
    fprintf(file, "  \"rope_theta\": %g,\n", c->rope_theta);
    if (c->yarn.on)
        fprintf(file,
                "  \"rope_scaling\": {\"type\": \"yarn\", \"factor\": %g, \"beta_fast\": %g,\n"
                "    \"beta_slow\": %g, \"mscale\": %g, \"mscale_all_dim\": %g,\n"
                "    \"original_max_position_embeddings\": %u},\n",
                c->yarn.factor, c->yarn.beta_fast, c->yarn.beta_slow, c->yarn.mscale,
                c->yarn.mscale_all_dim, c->yarn.original_context);
    else
        fprintf(file, "  \"rope_scaling\": null,\n");
}

dsvk_status dv_make_config(const struct dv_context *ctx, const struct dv_recipe *recipe,
                           const char *folder)
{
    dsvk_status             status;
    FILE                   *file;
    const struct dv_config *c = &recipe->config;
    TRY(dv_make_open(&file, ctx, folder, "config.json"));
    fprintf(file, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n",
            architectures[c->arch].architecture, c->model_type);
    write_shape(file, c);
    if (c->experts)
        write_experts(file, c);
    write_rope(file, recipe);
    if (recipe->experts == DV_INT4)
        fprintf(file, "  \"quantization_config\": {\"quant_method\": \"compressed-tensors\",\n"
                      "    \"format\": \"pack-quantized\", \"config_groups\": {\"group_0\":\n"
                      "    {\"targets\": [\"Linear\"], \"weights\": {\"num_bits\": 4,\n"
                      "      \"type\": \"int\", \"strategy\": \"group\", \"group_size\": 32,\n"
                      "      \"symmetric\": true}}}},\n");
    if (c->block_rows)
        fprintf(file,
                "  \"quantization_config\": {\"quant_method\": \"fp8\", \"fmt\": \"e4m3\",\n"
                "    \"activation_scheme\": \"dynamic\", \"weight_block_size\": [%u, %u]},\n",
                c->block_rows, c->block_cols);
    fprintf(file,
            "  \"hidden_act\": \"silu\",\n  \"attention_bias\": false,\n"
            "  \"torch_dtype\": \"%s\",\n"
            "  \"bos_token_id\": 0,\n  \"eos_token_id\": 1\n}\n",
            recipe->all_f32 ? "float32" : "bfloat16");
    TRY(dv_make_close(file, ctx, "config.json"));

    TRY(dv_make_open(&file, ctx, folder, "generation_config.json"));
    fprintf(file, "{\"bos_token_id\": 0, \"eos_token_id\": 1, \"do_sample\": true,\n"
                  " \"temperature\": 0.6, \"top_p\": 0.95}\n");
    return dv_make_close(file, ctx, "generation_config.json");
}
