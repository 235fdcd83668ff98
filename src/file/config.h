/* SPDX-License-Identifier: MIT */
/* config.json and generation_config.json of the DeepSeek family, checked. */
#ifndef DV_FILE_CONFIG_H
#define DV_FILE_CONFIG_H

#include "base/context.h"
#include "base/text.h"

enum dv_arch {
    DV_ARCH_DEEPSEEK_V2,
    DV_ARCH_DEEPSEEK_V3,
    DV_ARCH_KIMI_K2,
    DV_ARCH_GLM4_MOE_LITE,
    DV_ARCH_YOUTU
};
enum dv_scoring { DV_SCORING_SOFTMAX, DV_SCORING_SIGMOID };
enum dv_topk_method { DV_TOPK_GREEDY, DV_TOPK_GROUP_LIMITED_GREEDY, DV_TOPK_NOAUX_TC };

#define DV_MAX_EOS 16

struct dv_config {
    enum dv_arch arch;
    char         model_type[32];
    uint32_t     hidden, layers, heads, vocab;
    uint32_t     q_lora; /* 0: a single q_proj */
    uint32_t     kv_lora, nope, rope, v_head;
    uint32_t     dense_ffn; /* intermediate_size */
    uint32_t     expert_ffn, experts, shared_experts, top_k, groups,
        top_k_groups; /* 0 experts: dense */
    uint32_t first_dense,
        moe_every; /* layer i is MoE iff i >= first_dense and i % moe_every == 0 */
    enum dv_scoring     scoring;
    enum dv_topk_method topk_method;
    bool                norm_topk, tied_head, has_correction_bias; /* bias: noaux_tc */
    float               routed_scale, norm_eps;
    double              rope_theta;
    struct {
        bool     on;
        double   factor, beta_fast, beta_slow, mscale, mscale_all_dim;
        uint32_t original_context;
    } yarn;
    uint32_t max_context;            /* max_position_embeddings */
    uint32_t mtp_layers;             /* num_nextn_predict_layers */
    uint32_t block_rows, block_cols; /* quantization_config.weight_block_size, 0 = none */
    /* generation_config.json over config.json */
    int64_t  bos; /* -1: none */
    uint32_t n_eos;
    uint32_t eos[DV_MAX_EOS];
    bool     do_sample;
    float    temperature, top_p; /* 1 when not said */
    uint32_t gen_top_k;          /* 0: off */
};

/* Reads FOLDER/config.json, and generation_config.json where there is one, which can only suggest:
 * what makes no sense there is ignored with a warning. `text_config` (Kimi-K2.5) is looked into;
 * keys about tokens beside it count. Missing shape keys, zeros, top_k > experts, groups that do not
 * divide, and other architectures are refused with the key and its value. Limits: 2^20 for any
 * width, 1024 layers, 4096 experts, 2^24 context. Widths that kernels index in fours (hidden,
 * q_lora, kv_lora, nope, rope, v_head, ffn widths) must be multiples of 4. */
dsvk_status dv_config_read(struct dv_config *config, const struct dv_context *ctx,
                           const char *folder);
/* The same from texts in memory; the data of `suggestions` may be NULL. */
dsvk_status dv_config_parse(struct dv_config *config, const struct dv_context *ctx,
                            const struct dv_text *facts, const struct dv_text *suggestions);
/* A published shape by name: one of dv_config_like_name(). */
dsvk_status dv_config_like(struct dv_config *config, const struct dv_context *ctx,
                           const char *name);
const char *dv_config_like_name(uint32_t index); /* NULL behind the last */
bool        dv_config_is_moe(const struct dv_config *config, uint32_t layer);

#endif
