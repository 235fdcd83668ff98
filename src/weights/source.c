/* SPDX-License-Identifier: MIT */
/* Stored tensors as packing wants them: by name, with their scales, the conversion that was asked
 * for, or made-up values where a shape has no files; and what a caller gives as it is. */
#include "weights/source.h"

#include "pack/narrow.h"

/* ---- from a checkpoint ---- */

static dsvk_status find_vector(struct dv_layout_source *part, const struct dv_context *ctx,
                               const struct dv_checkpoint *checkpoint, const char *name, uint32_t n)
{
    dsvk_status                  status;
    const struct dv_tensor_file *vector;
    TRY(dv_checkpoint_vector(&vector, ctx, checkpoint, name, n));
    *part = (struct dv_layout_source){
        .dtype = vector->dtype, .data = vector->data, .rows = 1, .cols = n
    };
    return DSVK_OK;
}

dsvk_status dv_source_matrix(struct dv_layout_source *part, const struct dv_context *ctx,
                             const struct dv_weight_source *source, const char *name, uint32_t rows,
                             uint32_t cols)
{
    dsvk_status           status;
    struct dv_matrix_file file;
    TRY(dv_checkpoint_matrix(&file, ctx, source->checkpoint, name, rows, cols));
    *part = (struct dv_layout_source){
        .dtype = file.dtype, .data = file.weight->data, .rows = file.rows, .cols = file.cols
    };
    if (file.scale) {
        part->scale_dtype = file.scale->dtype;
        part->scale       = file.scale->data;
        part->block_rows  = file.block_rows;
        part->block_cols  = file.block_cols;
    }
    return DSVK_OK;
}

dsvk_status dv_source_check_scales(const struct dv_context       *ctx,
                                   const struct dv_weight_source *source, const char *name,
                                   uint32_t rows, uint32_t cols)
{
    dsvk_status           status;
    struct dv_matrix_file file;
    TRY(dv_checkpoint_matrix(&file, ctx, source->checkpoint, name, rows, cols));
    if (file.dtype != DV_F8_E4M3)
        return DSVK_OK;
    return dv_checkpoint_check_scales(ctx, source->checkpoint, &file);
}

static void convert(struct dv_layout_source *part, const struct dv_weight_source *source,
                    const struct dv_weight_info *info)
{
    part->converted =
        info->kind != DV_WEIGHT_VECTOR &&
        dv_formats_target(&part->target, &source->to, info->role, part->dtype, part->cols);
}

/* ---- made up ---- */

/* Releases in FP8 keep these in BF16; vectors that correct the router are F32 in all of them. */
static enum dv_dtype published_dtype(const struct dv_config *config, enum dv_role role)
{
    if (role == DV_ROLE_ROUTER_BIAS)
        return DV_F32;
    bool plain = role == DV_ROLE_NORM || role == DV_ROLE_EMBEDDING || role == DV_ROLE_HEAD ||
                 role == DV_ROLE_ROUTER;
    return plain || config->block_rows == 0 ? DV_BF16 : DV_F8_E4M3;
}

static void make_up(struct dv_layout_source *part, const struct dv_weight_source *source,
                    const struct dv_weight_info *info, uint32_t p)
{
    const struct dv_config    *config   = source->config;
    static const unsigned char there[4] = { 0 };
    bool                       vector   = info->kind == DV_WEIGHT_VECTOR;
    *part = (struct dv_layout_source){ .dtype = published_dtype(config, info->role),
                                       .rows  = vector ? 1 : info->parts[p].rows,
                                       .cols  = vector ? info->cols : info->tensor_cols };
    if (part->dtype == DV_F8_E4M3) {
        part->scale_dtype = DV_F32;
        part->scale       = there;
        part->block_rows  = config->block_rows;
        part->block_cols  = config->block_cols;
    }
    convert(part, source, info);
    if (part->converted) /* nothing is there to convert: only the form counts */
        *part = dv_convert_form(part);
}

uint64_t dv_source_seed(const struct dv_weight_info *info, uint32_t expert)
{
    uint64_t seed = expert;
    for (const char *c = info->parts[0].name; *c; c++)
        seed = seed * UINT64_C(0x100000001b3) + (unsigned char)*c;
    return seed * UINT64_C(0x9e3779b97f4a7c15) + info->row0;
}

/* Norms near 1, so that activations keep their size; the router's correction small. */
float dv_source_made_up(const struct dv_weight_info *info, uint32_t k)
{
    uint64_t seed = (dv_source_seed(info, 0) + k) * UINT64_C(0xd1b54a32d192ed03);
    float    x    = (float)(seed >> 40) * 0x1p-24f - 0.5f;
    return info->role == DV_ROLE_ROUTER_BIAS ? 0.01f * x : 1.0f + 0.25f * x;
}

/* ---- given ---- */

void dv_given_part(struct dv_layout_source *part, const struct dv_given *given, uint32_t expert)
{
    *part = given->part;
    if (given->data_of)
        part->data = given->data_of[expert];
    else
        part->data += expert * given->data_step;
    if (given->scales_of)
        part->scale = given->scales_of[expert];
    else if (part->scale)
        part->scale += expert * given->scale_step;
}

/* ---- all ---- */

dsvk_status dv_source_part(struct dv_layout_source *part, const struct dv_context *ctx,
                           const struct dv_weight_source *source, const struct dv_weight_info *info,
                           uint32_t p, uint32_t expert)
{
    dsvk_status status;
    char        name[256];
    if (source->given) {
        dv_given_part(part, &source->given[p], expert);
        return DSVK_OK;
    }
    if (!source->checkpoint) {
        make_up(part, source, info, p);
        return DSVK_OK;
    }
    dv_weight_tensor_name(name, info->parts[p].name, expert);
    if (info->kind == DV_WEIGHT_VECTOR)
        return find_vector(part, ctx, source->checkpoint, name, info->cols);
    TRY(dv_source_matrix(part, ctx, source, name, info->parts[p].rows, info->tensor_cols));
    convert(part, source, info);
    return DSVK_OK;
}

uint64_t dv_source_bytes(const struct dv_weight_info *info, const struct dv_layout_source *stored)
{
    struct dv_layout_source        form   = dv_convert_form(stored);
    const struct dv_layout_source *part   = &form;
    uint64_t                       values = (uint64_t)info->rows * info->slices * info->cols;
    if (info->kind == DV_WEIGHT_VECTOR)
        return dv_dtype_size(part->dtype, info->cols);
    if (info->kind == DV_WEIGHT_PAIR)
        values *= 2;
    uint64_t bytes = dv_dtype_size(part->dtype, values), block;
    if (part->scale) {
        block = (uint64_t)part->block_rows * part->block_cols;
        bytes += (values + block - 1) / block * dv_dtype_bytes(part->scale_dtype);
    }
    return bytes;
}

dsvk_status dv_source_places(struct dv_weight_place **places, const struct dv_context *ctx,
                             const struct dv_weight_source *source, const struct dv_graph *g)
{
    dsvk_status             status = DSVK_OK;
    struct dv_weight_place *list   = dv_zalloc_array(ctx, g->n_weights + 1, sizeof *list);
    *places                        = NULL;
    if (!list)
        return dv_fail(ctx, DSVK_NO_MEMORY, "weights: no memory for %u places", g->n_weights);
    for (dv_weight w = 1; w <= g->n_weights && status == DSVK_OK; w++) {
        const struct dv_weight_info *info = &g->weights[w];
        struct dv_layout_source      parts[DV_MAX_PARTS];
        struct dv_layout             layout;
        if (info->kind == DV_WEIGHT_ROPE || info->kind == DV_WEIGHT_VECTOR)
            continue;
        for (uint32_t p = 0; p < info->n_parts && status == DSVK_OK; p++)
            status = dv_source_part(&parts[p], ctx, source, info, p, 0);
        if (status == DSVK_OK)
            status = dv_layout_of(&layout, ctx, info, parts);
        if (status == DSVK_OK)
            dv_layout_place(&list[w], &layout, 0);
    }
    if (status == DSVK_OK)
        *places = list;
    else
        dv_free(ctx, list);
    return status;
}
