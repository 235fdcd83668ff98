/* SPDX-License-Identifier: MIT */
/* Which tensors of a checkpoint are matrices that can be converted, and how they are stored. */
#include <string.h>

#include "base/text.h"
#include "quantize/quantize.h"
#include "pack/narrow.h"

#define MAX_DIM (1u << 24)
#define PACKED "_packed"

bool dv_quantize_matrix(struct dv_quantize_matrix *m, const struct dv_tensor_file *t)
{
    size_t length   = strlen(t->name);
    m->dtype        = dv_tensor_values(t);
    uint32_t pack   = dv_format_packing(m->dtype);
    size_t   stored = strlen(t->stored), packed = m->dtype == DV_INT4 ? strlen(PACKED) : 0;
    if (t->n_dims != 2 || t->dims[0] > MAX_DIM || t->dims[1] > MAX_DIM / pack ||
        length >= sizeof m->name || stored >= sizeof m->stored)
        return false;
    snprintf(m->name, sizeof m->name, "%.*s", (int)(length - packed), t->name);
    snprintf(m->stored, sizeof m->stored, "%.*s", (int)(stored - packed), t->stored);
    m->rows = (uint32_t)t->dims[0];
    m->cols = (uint32_t)t->dims[1] * pack;
    return m->rows > 0 && m->cols > 0 && dv_text_ends(m->name, ".weight");
}

bool dv_quantize_target(enum dv_dtype *target, const struct dv_quantizing *q,
                        const struct dv_quantize_matrix *m)
{
    return dv_formats_target(target, &q->to, dv_model_role(q->roles, m->name), m->dtype, m->cols);
}

enum dv_stored_kind dv_quantize_kind(struct dv_quantizing *q, const struct dv_quantize_matrix *m)
{
    struct dv_capture     capture;
    struct dv_matrix_file file;
    if (m->dtype != DV_F8_E4M3 && m->dtype != DV_INT4 && m->dtype != DV_FP4)
        return DV_STORED_PLAIN;
    dv_capture(&capture, q->ctx);
    if (dv_checkpoint_matrix(&file, &capture.ctx, q->checkpoint, m->name, m->rows, m->cols) !=
        DSVK_OK)
        return DV_STORED_OTHER;
    if (m->dtype == DV_FP4)
        return DV_STORED_FP4;
    if (m->dtype == DV_INT4) {
        q->int4_group = file.block_cols;
        return DV_STORED_INT4;
    }
    if (file.block_rows == 1 && file.block_cols >= file.cols && file.rows > 1)
        return DV_STORED_ROWS;
    bool one   = file.block_rows >= file.rows && file.block_cols >= file.cols;
    bool block = file.rows <= DV_FP8_BLOCK && file.cols <= DV_FP8_BLOCK && file.scale->n_dims == 2;
    return one && !block && file.scale->bytes == dv_dtype_bytes(file.scale->dtype) &&
                   dv_checkpoint_config(q->checkpoint)->block_rows == 0
               ? DV_STORED_WHOLE
               : DV_STORED_BLOCKS;
}

bool dv_quantize_changes(char text[96], const struct dv_quantizing *q)
{
    bool          there[DV_N_DTYPES] = { false };
    size_t        at = 0, left = 0;
    enum dv_dtype unused;
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(q->checkpoint); i++) {
        struct dv_quantize_matrix m;
        if (!dv_quantize_matrix(&m, dv_checkpoint_tensor(q->checkpoint, i)))
            continue;
        if (dv_quantize_target(&unused, q, &m))
            return true;
        left += !there[m.dtype];
        there[m.dtype] = true;
    }
    text[0] = 0;
    for (unsigned d = 0; d < DV_N_DTYPES && at < 96; d++)
        if (there[d])
            at += (size_t)snprintf(text + at, 96 - at, "%s%s", dv_dtype_name((enum dv_dtype)d),
                                   --left == 0 ? ""
                                   : left == 1 ? " and "
                                               : ", ");
    return false;
}

/* Tiles of eight rows have one scale on the device, so that these become F32. */
static bool has_row_scales(struct dv_quantizing *q)
{
    struct dv_quantize_matrix m;
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(q->checkpoint); i++)
        if (dv_quantize_matrix(&m, dv_checkpoint_tensor(q->checkpoint, i)) &&
            dv_quantize_kind(q, &m) == DV_STORED_ROWS)
            return true;
    return false;
}

dsvk_status dv_quantize_warn(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                             const struct dv_conversion *to)
{
    dsvk_status          status;
    char                 text[96];
    struct dv_quantizing q = { .ctx = ctx, .checkpoint = checkpoint, .to = *to };
    TRY(dv_model_roles(&q.roles, ctx, dv_checkpoint_config(checkpoint)));
    if (!dv_formats_keep(to) && !dv_quantize_changes(text, &q))
        dv_log(ctx, DSVK_LOG_WARN, "weights: no weight is converted: all matrices are %s", text);
    if ((to->weights == DSVK_WEIGHTS_KEEP || to->weights == DSVK_WEIGHTS_FP8) && has_row_scales(&q))
        dv_log(ctx, DSVK_LOG_WARN,
               "weights: FP8 with a scale for each row takes 4 bytes a weight on the device; "
               "converted to bf16 (--weights bf16) 2, rounded");
    dv_graph_free(q.roles);
    return DSVK_OK;
}
