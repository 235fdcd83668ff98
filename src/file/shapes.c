/* SPDX-License-Identifier: MIT */
/* What follows from a configuration without a checkpoint: the published shapes by name, for plans
 * and benchmarks. Sources: the config.json of each model. */
#include <stdio.h>
#include <string.h>

#include "file/config.h"

#define YARN(factor_, fast, slow, scale)                                                           \
    .yarn = { .on               = true,                                                            \
              .factor           = factor_,                                                         \
              .beta_fast        = fast,                                                            \
              .beta_slow        = slow,                                                            \
              .mscale           = scale,                                                           \
              .mscale_all_dim   = scale,                                                           \
              .original_context = 4096 }
#define SOFTMAX(method) .scoring = DV_SCORING_SOFTMAX, .topk_method = method
#define SIGMOID                                                                                    \
    .scoring = DV_SCORING_SIGMOID, .topk_method = DV_TOPK_NOAUX_TC, .norm_topk = true,             \
    .has_correction_bias = true
#define HEAD(nope_, v) .kv_lora = 512, .nope = nope_, .rope = 64, .v_head = v
#define STOPS(bos_, eos_) .bos = bos_, .n_eos = 1, .eos = { eos_ }

static const struct shape {
    const char      *name;
    struct dv_config config;
} shapes[] = {
    { "v2-lite",
      { .arch       = DV_ARCH_DEEPSEEK_V2,
        .model_type = "deepseek_v2",
        .hidden     = 2048,
        .layers     = 27,
        .heads      = 16,
        .vocab      = 102400,
        HEAD(128, 128),
        .dense_ffn      = 10944,
        .expert_ffn     = 1408,
        .experts        = 64,
        .shared_experts = 2,
        .top_k          = 6,
        .groups         = 1,
        .top_k_groups   = 1,
        .first_dense    = 1,
        SOFTMAX(DV_TOPK_GREEDY),
        .routed_scale = 1.0f,
        .norm_eps     = 1e-6f,
        .rope_theta   = 1e4,
        YARN(40, 32, 1, 0.707),
        .max_context = 163840,
        STOPS(100000, 100001) } },
    { "v2",
      { .arch       = DV_ARCH_DEEPSEEK_V2,
        .model_type = "deepseek_v2",
        .hidden     = 5120,
        .layers     = 60,
        .heads      = 128,
        .vocab      = 102400,
        .q_lora     = 1536,
        HEAD(128, 128),
        .dense_ffn      = 12288,
        .expert_ffn     = 1536,
        .experts        = 160,
        .shared_experts = 2,
        .top_k          = 6,
        .groups         = 8,
        .top_k_groups   = 3,
        .first_dense    = 1,
        SOFTMAX(DV_TOPK_GROUP_LIMITED_GREEDY),
        .routed_scale = 16.0f,
        .norm_eps     = 1e-6f,
        .rope_theta   = 1e4,
        YARN(40, 32, 1, 1.0),
        .max_context = 163840,
        STOPS(100000, 100001) } },
    { "v3",
      { .arch       = DV_ARCH_DEEPSEEK_V3,
        .model_type = "deepseek_v3",
        .hidden     = 7168,
        .layers     = 61,
        .heads      = 128,
        .vocab      = 129280,
        .q_lora     = 1536,
        HEAD(128, 128),
        .dense_ffn      = 18432,
        .expert_ffn     = 2048,
        .experts        = 256,
        .shared_experts = 1,
        .top_k          = 8,
        .groups         = 8,
        .top_k_groups   = 4,
        .first_dense    = 3,
        SIGMOID,
        .routed_scale = 2.5f,
        .norm_eps     = 1e-6f,
        .rope_theta   = 1e4,
        YARN(40, 32, 1, 1.0),
        .max_context = 163840,
        .mtp_layers  = 1,
        .block_rows  = 128,
        .block_cols  = 128,
        STOPS(0, 1) } },
    { "moonlight",
      { .arch       = DV_ARCH_DEEPSEEK_V3,
        .model_type = "deepseek_v3",
        .hidden     = 2048,
        .layers     = 27,
        .heads      = 16,
        .vocab      = 163840,
        HEAD(128, 128),
        .dense_ffn      = 11264,
        .expert_ffn     = 1408,
        .experts        = 64,
        .shared_experts = 2,
        .top_k          = 6,
        .groups         = 1,
        .top_k_groups   = 1,
        .first_dense    = 1,
        SIGMOID,
        .routed_scale = 2.446f,
        .norm_eps     = 1e-5f,
        .rope_theta   = 5e4,
        .max_context  = 8192,
        STOPS(163584, 163586) } },
    { "glm-4.7-flash",
      { .arch       = DV_ARCH_GLM4_MOE_LITE,
        .model_type = "glm4_moe_lite",
        .hidden     = 2048,
        .layers     = 47,
        .heads      = 20,
        .vocab      = 154880,
        .q_lora     = 768,
        HEAD(192, 256),
        .dense_ffn      = 10240,
        .expert_ffn     = 1536,
        .experts        = 64,
        .shared_experts = 1,
        .top_k          = 4,
        .groups         = 1,
        .top_k_groups   = 1,
        .first_dense    = 1,
        SIGMOID,
        .routed_scale = 1.8f,
        .norm_eps     = 1e-5f,
        .rope_theta   = 1e6,
        .max_context  = 202752,
        .mtp_layers   = 1,
        .bos          = -1 } },
    { "kimi-k2",
      { .arch       = DV_ARCH_KIMI_K2,
        .model_type = "kimi_k2",
        .hidden     = 7168,
        .layers     = 61,
        .heads      = 64,
        .vocab      = 163840,
        .q_lora     = 1536,
        HEAD(128, 128),
        .dense_ffn      = 18432,
        .expert_ffn     = 2048,
        .experts        = 384,
        .shared_experts = 1,
        .top_k          = 8,
        .groups         = 1,
        .top_k_groups   = 1,
        .first_dense    = 1,
        SIGMOID,
        .routed_scale = 2.827f,
        .norm_eps     = 1e-6f,
        .rope_theta   = 5e4,
        YARN(32, 1, 1, 1.0),
        .max_context = 131072,
        .block_rows  = 128,
        .block_cols  = 128,
        STOPS(163584, 163585) } },
    { "youtu-llm",
      { .arch       = DV_ARCH_YOUTU,
        .model_type = "youtu",
        .hidden     = 2048,
        .layers     = 32,
        .heads      = 16,
        .vocab      = 128256,
        .q_lora     = 1536,
        HEAD(128, 128),
        .dense_ffn   = 6144,
        .tied_head   = true,
        .norm_eps    = 1e-6f,
        .rope_theta  = 1.6e6,
        .max_context = 131072,
        STOPS(128000, 128001) } },
};

dsvk_status dv_config_like(struct dv_config *config, const struct dv_context *ctx, const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0) {
            *config             = shapes[i].config;
            config->moe_every   = 1;
            config->temperature = config->top_p = 1.0f;
            return DSVK_OK;
        }
    *config           = (struct dv_config){ 0 };
    char   names[256] = "";
    size_t at         = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && at < sizeof names; i++)
        at +=
            (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", shapes[i].name);
    return dv_fail(ctx, DSVK_BAD_ARGUMENT, "config: %.40s is not one of %s", name, names);
}

const char *dv_config_like_name(uint32_t index)
{
    return index < sizeof shapes / sizeof *shapes ? shapes[index].name : NULL;
}

bool dv_config_is_moe(const struct dv_config *config, uint32_t layer)
{
    return config->experts && layer >= config->first_dense && layer % config->moe_every == 0;
}
