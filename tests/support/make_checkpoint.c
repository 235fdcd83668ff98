/* SPDX-License-Identifier: MIT */
/* The recipes. Sizes are chosen to be unlike each other, so that a transposed or swapped one
 * shows, and small, so that a software device evaluates them in well under a second. */
#include "support/make_checkpoint.h"

#include <errno.h>
#include <string.h>

#include "os/os.h"
#include "support/make_parts.h"

#define V2 .arch = DV_ARCH_DEEPSEEK_V2, .model_type = "deepseek_v2"
#define V3 .arch = DV_ARCH_DEEPSEEK_V3, .model_type = "deepseek_v3"
#define YARN(factor_, fast, scale)                                                                 \
    .yarn = { .on               = true,                                                            \
              .factor           = factor_,                                                         \
              .beta_fast        = fast,                                                            \
              .beta_slow        = 1,                                                               \
              .mscale           = 1,                                                               \
              .mscale_all_dim   = scale,                                                           \
              .original_context = 256 }
#define HEAD(nope_, rope_, v) .nope = nope_, .rope = rope_, .v_head = v
#define EXPERTS(n, width, shared, best)                                                            \
    .experts = n, .expert_ffn = width, .shared_experts = shared, .top_k = best
#define GROUPS(n, kept) .groups = n, .top_k_groups = kept
#define SIGMOID                                                                                    \
    .scoring = DV_SCORING_SIGMOID, .topk_method = DV_TOPK_NOAUX_TC, .norm_topk = true,             \
    .has_correction_bias = true
#define BLOCKS(size) .block_rows = size, .block_cols = size

#define V3_TINY                                                                                    \
    V3, .hidden = 256, .layers = 4, .heads = 4, .vocab = 512, .q_lora = 192, .kv_lora = 64,        \
        HEAD(32, 16, 32), .dense_ffn = 320, EXPERTS(16, 48, 1, 4), GROUPS(4, 2), SIGMOID,          \
        .routed_scale = 2.5f, .norm_eps = 1e-6f, .rope_theta = 1e4, YARN(40, 32, 1),               \
        .max_context = 10240
#define V2_TINY                                                                                    \
    V2, .hidden = 128, .layers = 4, .heads = 4, .vocab = 512, .kv_lora = 64, HEAD(32, 16, 32),     \
        .dense_ffn = 384, EXPERTS(16, 64, 2, 4), .norm_eps = 1e-6f, .rope_theta = 1e4,             \
        .max_context = 10240
#define MOONLIGHT                                                                                  \
    V3, .hidden = 128, .layers = 4, .heads = 4, .vocab = 512, .kv_lora = 64, HEAD(32, 16, 32),     \
        .dense_ffn = 352, EXPERTS(16, 64, 2, 6), GROUPS(1, 1), SIGMOID, .routed_scale = 2.446f,    \
        .norm_eps = 1e-5f, .rope_theta = 5e4, .max_context = 8192
#define K2_TINY                                                                                    \
    .arch = DV_ARCH_KIMI_K2, .model_type = "kimi_k2", .hidden = 128, .layers = 3, .heads = 4,      \
    .vocab = 512, .q_lora = 96, .kv_lora = 64, HEAD(32, 16, 32), .dense_ffn = 320,                 \
    EXPERTS(24, 64, 1, 8), GROUPS(1, 1), SIGMOID, .routed_scale = 2.827f, .norm_eps = 1e-6f,       \
    .rope_theta = 5e4, YARN(32, 1, 1), .max_context = 8192
/* No width but the rope's is a multiple of 8, the vocabulary is prime-ish, the last FP8 blocks are
 * partial in both directions. */
#define ODD                                                                                        \
    V3, .hidden = 320, .layers = 3, .heads = 5, .vocab = 1003, .q_lora = 100, .kv_lora = 72,       \
        HEAD(36, 20, 28), .dense_ffn = 200, EXPERTS(10, 96, 1, 3), GROUPS(2, 1), SIGMOID,          \
        .routed_scale = 2.5f, .norm_eps = 1e-6f, .rope_theta = 1e4, YARN(40, 32, 0.707),           \
        .max_context = 10240

static const struct dv_recipe recipes[] = {
    { { V3_TINY, BLOCKS(128), .mtp_layers = 1 }, .shards = 1 },
    { { V3_TINY }, .shards = 1 },
    { { V2_TINY, GROUPS(1, 1), .scoring = DV_SCORING_SOFTMAX, .topk_method = DV_TOPK_GREEDY,
        .routed_scale = 1.0f, YARN(40, 32, 0.707) },
      .shards = 3 },
    { { V2_TINY, .q_lora = 96, GROUPS(4, 2), .scoring = DV_SCORING_SOFTMAX,
        .topk_method = DV_TOPK_GROUP_LIMITED_GREEDY, .routed_scale = 16.0f, YARN(40, 32, 1) },
      .shards = 1 },
    { { MOONLIGHT }, .shards = 2 },
    { { K2_TINY, BLOCKS(128) }, .shards = 2, .scales_apart = true },
    { { ODD }, .shards = 1 },
    { { ODD, BLOCKS(128) }, .shards = 1 },
    { { .arch       = DV_ARCH_GLM4_MOE_LITE,
        .model_type = "glm4_moe_lite",
        .hidden     = 128,
        .layers     = 3,
        .heads      = 5,
        .vocab      = 512,
        .q_lora     = 96,
        .kv_lora    = 64,
        HEAD(48, 16, 64),
        .dense_ffn = 320,
        EXPERTS(16, 64, 1, 4),
        GROUPS(1, 1),
        SIGMOID,
        .routed_scale = 1.8f,
        .norm_eps     = 1e-5f,
        .rope_theta   = 1e6,
        .max_context  = 8192 },
      .shards   = 1,
      .new_rope = true },
    { { MOONLIGHT, .tied_head = true }, .shards = 1 },
    { { V3_TINY, BLOCKS(64) }, .shards = 1 },
    { { K2_TINY }, .shards = 1, .experts = DV_INT4 },
    { { V3_TINY, BLOCKS(128), .mtp_layers = 1 }, .shards = 1, .experts = DV_FP4 },
    { { .arch       = DV_ARCH_YOUTU,
        .model_type = "youtu",
        .hidden     = 128,
        .layers     = 3,
        .heads      = 6,
        .vocab      = 512,
        .q_lora     = 96,
        .kv_lora    = 64,
        HEAD(32, 16, 24),
        .dense_ffn   = 384,
        .norm_eps    = 1e-6f,
        .rope_theta  = 1.6e6,
        .max_context = 8192,
        .tied_head   = true },
      .shards = 1 },
};

const char *const dv_make_checkpoint_names[] = {
    "v3",      "v3-bf16", "v2lite", "v2",      "moonlight", "k2",    "odd", "odd-fp8",
    "glmlite", "tied",    "fp8-64", "k2-int4", "v3-fp4",    "youtu", NULL,
};

dsvk_status dv_make_open(FILE **file, const struct dv_context *ctx, const char *folder,
                         const char *name)
{
    char path[1024];
    *file = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path)
        *file = fopen(path, "wb");
    if (!*file)
        return dv_fail(ctx, DSVK_BAD_FILE, "make: %s/%s: %s", folder, name, strerror(errno));
    return DSVK_OK;
}

dsvk_status dv_make_close(FILE *file, const struct dv_context *ctx, const char *name)
{
    bool bad = ferror(file) != 0;
    bad      = fclose(file) != 0 || bad;
    return bad ? dv_fail(ctx, DSVK_BAD_FILE, "make: %s: cannot be written", name) : DSVK_OK;
}

dsvk_status dv_make_checkpoint(const struct dv_context *ctx, const char *name, uint64_t seed,
                               const char *folder)
{
    dsvk_status status;
    for (size_t i = 0; dv_make_checkpoint_names[i]; i++) {
        if (strcmp(dv_make_checkpoint_names[i], name) != 0)
            continue;
        struct dv_recipe recipe   = recipes[i];
        recipe.config.first_dense = recipe.config.moe_every = 1;
        TRY(dv_folder_make(ctx, folder, false));
        TRY(dv_make_config(ctx, &recipe, folder));
        TRY(dv_make_tokenizer(ctx, &recipe, folder));
        return dv_make_tensors(ctx, &recipe, seed, folder);
    }
    return dv_fail(ctx, DSVK_BAD_ARGUMENT, "make: no checkpoint is called %s", name);
}
