/* SPDX-License-Identifier: MIT */
/* The tensors that the architecture needs, with shape and format checked. A format is
 * decided tensor by tensor: published configurations do not say which weights stayed unquantised.
 */
#include "file/checkpoint.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 160u

typedef unsigned long long ull; /* for %llu */

static const char *shape_text(const struct dv_tensor_file *tensor, char *text, size_t bytes)
{
    size_t at = 0;
    for (uint32_t i = 0; i < tensor->n_dims && at < bytes; i++)
        at += (size_t)snprintf(text + at, bytes - at, i ? " x %llu" : "%llu", (ull)tensor->dims[i]);
    if (tensor->n_dims == 0)
        snprintf(text, bytes, "no dimensions");
    return text;
}

static dsvk_status find(const struct dv_tensor_file **tensor, const struct dv_context *ctx,
                        const struct dv_checkpoint *checkpoint, const char *name)
{
    *tensor = dv_checkpoint_find(checkpoint, name);
    if (*tensor)
        return DSVK_OK;
    return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: no tensor %s",
                   dv_checkpoint_folder(checkpoint), name);
}

static bool is_plain_float(enum dv_dtype dtype)
{
    return dtype == DV_F32 || dtype == DV_F16 || dtype == DV_BF16;
}

static dsvk_status bad_format(const struct dv_context *ctx, const struct dv_tensor_file *tensor,
                              const char *expected)
{
    return dv_fail(ctx, DSVK_UNSUPPORTED, "checkpoint: %s: format %s, not %s", tensor->name,
                   dv_dtype_name(tensor->dtype), expected);
}

/* Block sizes in use and likely ones, the likeliest first. */
static const uint32_t block_sizes[] = { 128, 64, 32, 16, 256, 512 };
#define N_BLOCK_SIZES (sizeof block_sizes / sizeof *block_sizes)

/* Whether blocks of `block` values cover n values with `blocks` blocks. */
static bool fits(uint32_t n, uint64_t blocks, uint32_t block)
{
    return block != 0 && ((uint64_t)n + block - 1) / block == blocks;
}

/* Not square: scales for each row or for all rows, for groups of columns or for all. 0: nothing
 * fits. */
static uint32_t guess_rows(uint32_t rows, uint64_t blocks)
{
    return blocks == 1 ? rows : blocks == rows ? 1 : 0;
}

static uint32_t guess_cols(uint32_t cols, uint64_t blocks)
{
    for (size_t i = 0; i < N_BLOCK_SIZES && blocks > 1; i++)
        if (fits(cols, blocks, block_sizes[i]))
            return block_sizes[i];
    return blocks == 1 ? cols : 0;
}

static bool find_blocks(struct dv_matrix_file *matrix, const struct dv_config *config)
{
    const uint64_t *dims = matrix->scale->dims;
    uint32_t        rows = config->block_rows, cols = config->block_cols;
    bool            found;
    if (matrix->scale->n_dims != 2)
        return false;
    found = fits(matrix->rows, dims[0], rows) && fits(matrix->cols, dims[1], cols);
    for (size_t i = 0; i < N_BLOCK_SIZES && !found; i++) {
        rows = cols = block_sizes[i];
        found       = fits(matrix->rows, dims[0], rows) && fits(matrix->cols, dims[1], cols);
    }
    if (!found) {
        rows = guess_rows(matrix->rows, dims[0]);
        cols = guess_cols(matrix->cols, dims[1]);
    }
    matrix->block_rows = rows;
    matrix->block_cols = cols;
    return rows != 0 && cols != 0;
}

dsvk_status dv_checkpoint_check_scales(const struct dv_context     *ctx,
                                       const struct dv_checkpoint  *checkpoint,
                                       const struct dv_matrix_file *matrix)
{
    const struct dv_tensor_file *scale = matrix->scale;
    unsigned char                some[4096];
    uint32_t                     each = scale ? dv_dtype_bytes(scale->dtype) : 0;
    for (uint64_t at = 0; scale && at < scale->bytes; at += sizeof some) {
        uint64_t left = scale->bytes - at, n = left < sizeof some ? left : sizeof some;
        if (dv_checkpoint_read(checkpoint, some, scale->data + at, n) != n)
            return dv_fail(ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: cannot be read: its file has become shorter, or the "
                           "disk fails",
                           scale->name);
        for (uint64_t i = 0; i < n / each; i++) {
            float value = dv_dtype_get(scale->dtype, some, i);
            if (!(value > 0.0f && value <= 3.4028235e38f))
                return dv_fail(ctx, DSVK_BAD_FILE,
                               "checkpoint: %s: scale %llu is %g, not finite and above 0",
                               scale->name, (ull)(at / each + i), (double)value);
        }
    }
    return DSVK_OK;
}

/* `X.weight` has `X.weight_scale_inv`, or `X.scale` in later releases. */
static const struct dv_tensor_file *find_scale(const struct dv_checkpoint *checkpoint,
                                               const char                 *name)
{
    static const char suffix[] = ".weight";
    char              text[NAME_BYTES + 16];
    size_t            length = strlen(name), tail = sizeof suffix - 1;
    if (length >= NAME_BYTES)
        return NULL;
    snprintf(text, sizeof text, "%s_scale_inv", name);
    const struct dv_tensor_file *scale = dv_checkpoint_find(checkpoint, text);
    if (scale || length < tail || strcmp(name + length - tail, suffix) != 0)
        return scale;
    snprintf(text, sizeof text, "%.*s.scale", (int)(length - tail), name);
    return dv_checkpoint_find(checkpoint, text);
}

static dsvk_status add_scale(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                             const struct dv_checkpoint *checkpoint)
{
    const char                  *name  = matrix->weight->name;
    const struct dv_tensor_file *scale = find_scale(checkpoint, name);
    char                         text[96];
    if (!scale)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: FP8 without %s_scale_inv", name, name);
    if (!is_plain_float(scale->dtype) && scale->dtype != DV_F8_E8M0)
        return bad_format(ctx, scale, "F32, F16, BF16 or F8_E8M0");
    matrix->scale = scale;
    if (!find_blocks(matrix, dv_checkpoint_config(checkpoint)))
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s scales do not divide a matrix of %u x %u into blocks",
                       scale->name, shape_text(scale, text, sizeof text), matrix->rows,
                       matrix->cols);
    return DSVK_OK;
}

dsvk_status dv_checkpoint_matrix(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t rows, uint32_t cols)
{
    dsvk_status           status;
    char                  text[96];
    struct dv_matrix_file made = { .rows = rows, .cols = cols };
    memset(matrix, 0, sizeof *matrix);
    TRY(find(&made.weight, ctx, checkpoint, name));
    if (made.weight->n_dims != 2 || made.weight->dims[0] != rows || made.weight->dims[1] != cols)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: shape %s, where config says %u x %u",
                       name, shape_text(made.weight, text, sizeof text), rows, cols);
    if (made.weight->dtype == DV_F8_E4M3)
        TRY(add_scale(&made, ctx, checkpoint));
    else if (!is_plain_float(made.weight->dtype))
        return bad_format(ctx, made.weight, "F32, F16, BF16 or F8_E4M3");
    *matrix = made;
    return DSVK_OK;
}

dsvk_status dv_checkpoint_vector(const struct dv_tensor_file **vector, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t n)
{
    dsvk_status                  status;
    char                         text[96];
    const struct dv_tensor_file *found;
    *vector = NULL;
    TRY(find(&found, ctx, checkpoint, name));
    if (found->n_dims != 1 || found->dims[0] != n)
        return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: shape %s, where config says %u", name,
                       shape_text(found, text, sizeof text), n);
    if (!is_plain_float(found->dtype))
        return bad_format(ctx, found, "F32, F16 or BF16");
    *vector = found;
    return DSVK_OK;
}

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
