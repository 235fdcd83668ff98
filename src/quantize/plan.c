/* SPDX-License-Identifier: MIT */
/* What becomes of each tensor of a checkpoint that is converted. */
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "quantize/quantize.h"
#include "pack/narrow.h"

#define SHARD_BYTES UINT64_C(5000000000)
#define PACKED "_packed"

/* ---- matrices ---- */

/* Whether the matrix called `name` is converted. */
static bool is_converted(const struct dv_quantizing *q, const char *name)
{
    struct dv_quantize_matrix    m;
    char                         packed[300];
    enum dv_dtype                unused;
    const struct dv_tensor_file *t = dv_checkpoint_find(q->checkpoint, name);
    snprintf(packed, sizeof packed, "%s" PACKED, name);
    if (!t)
        t = dv_checkpoint_find(q->checkpoint, packed);
    return t && dv_quantize_matrix(&m, t) && dv_quantize_target(&unused, q, &m);
}

/* The matrix whose scale, shape or the like a tensor is; false for all others. `tail`: how the name
 * ends. */
static bool owner_of(char weight[256], const char **tail, const char *name)
{
    static const char *const ends[][2] = {
        { "_scale_inv", "" },
        { "_scale", "" },
        { "_shape", "" },
        { ".scale", ".weight" },
        { ".input_scale", ".weight" },
        { ".output_scale", ".weight" },
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t stem = strlen(name) - strlen(ends[i][0]);
        *tail       = ends[i][0];
        if (!dv_text_ends(name, ends[i][0]) || stem + 8 > 256)
            continue;
        snprintf(weight, 256, "%.*s%s", (int)stem, name, ends[i][1]);
        if (dv_text_ends(weight, ".weight"))
            return true;
    }
    return false;
}

/* ---- how they are stored ---- */

static enum dv_stored_kind kind_of_target(enum dv_dtype target)
{
    return target == DV_F8_E4M3 ? DV_STORED_BLOCKS
           : target == DV_INT4  ? DV_STORED_INT4
           : target == DV_FP4   ? DV_STORED_FP4
                                : DV_STORED_PLAIN;
}

/* The kinds that the new folder has, which decide in whose words it is written: DeepSeek's have no
 * INT4 and no scales of rows, compressed-tensors' no FP4 of this kind. */
static void survey(struct dv_quantizing *q)
{
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(q->checkpoint); i++) {
        struct dv_quantize_matrix m;
        enum dv_dtype             target;
        enum dv_stored_kind       kind;
        if (!dv_quantize_matrix(&m, dv_checkpoint_tensor(q->checkpoint, i)))
            continue;
        if (dv_quantize_target(&target, q, &m)) {
            kind = kind_of_target(target);
            q->new_fp8 |= kind == DV_STORED_BLOCKS;
            q->new_int4 |= kind == DV_STORED_INT4;
            q->n_converted++;
        } else {
            kind = dv_quantize_kind(q, &m);
            q->old_fp8 |= kind == DV_STORED_BLOCKS;
        }
        q->kinds[kind] = true;
    }
    q->compressed =
        q->kinds[DV_STORED_INT4] ||
        ((q->kinds[DV_STORED_ROWS] || q->kinds[DV_STORED_WHOLE]) && !q->kinds[DV_STORED_FP4]);
}

/* ---- tensors ---- */

static struct dv_new_tensor *add(struct dv_quantizing *q, const char *name, const char *dtype,
                                 uint64_t rows, uint64_t cols, uint64_t bytes)
{
    struct dv_new_tensor *t = &q->tensors[q->n++];

    t->name    = name;
    t->dtype   = dtype;
    t->n_dims  = 2;
    t->dims[0] = rows;
    t->dims[1] = cols;
    t->bytes   = bytes;
    return t;
}

static const char *scale_name(struct dv_quantizing *q, const char *name, enum dv_dtype target)
{
    if (target == DV_FP4)
        return dv_arena_printf(&q->arena, "%.*s.scale", (int)strlen(name) - 7, name);
    return dv_arena_printf(&q->arena, q->compressed ? "%s_scale" : "%s_scale_inv", name);
}

static void add_scales(struct dv_quantizing *q, const char *name,
                       const struct dv_layout_source *part)
{
    struct dv_layout_source form = dv_convert_form(part);
    struct dv_new_tensor   *t =
        add(q, name, dv_dtype_name(form.scale_dtype), dv_ceil_div(part->rows, form.block_rows),
            dv_ceil_div(part->cols, form.block_cols), dv_convert_scale_bytes(part, part->rows));
    t->part   = *part;
    t->scales = true;
}

/* The tensors that a matrix is stored as, in the spelling of the releases. */
static dsvk_status add_converted(struct dv_quantizing *q, const struct dv_quantize_matrix *m,
                                 const struct dv_layout_source *part)
{
    const struct dv_format *format = dv_format_of(part->target);
    const char             *name   = m->stored;
    bool                    int4   = part->target == DV_INT4;
    const char             *values = dv_arena_printf(&q->arena, int4 ? "%s" PACKED : "%s", name);
    const char             *scale  = scale_name(q, name, part->target);
    const char             *shape  = dv_arena_printf(&q->arena, "%s_shape", name);
    if (!values || !scale || !shape)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for names");
    struct dv_new_tensor *t = add(q, values, dv_dtype_name(format->tensor), part->rows,
                                  part->cols / dv_format_packing(part->target),
                                  dv_dtype_size(part->target, (uint64_t)part->rows * part->cols));
    t->part                 = *part;
    t->kind                 = kind_of_target(part->target);
    t->role                 = dv_model_role(q->roles, m->name);
    if (format->scales != DV_SCALES_NONE)
        add_scales(q, scale, part);
    if (int4) {
        t           = add(q, shape, "I64", 2, 0, 16);
        t->n_dims   = 1;
        t->shape[0] = part->rows;
        t->shape[1] = part->cols;
    }
    return DSVK_OK;
}

/* A scale of FP8 that is kept gets the name that the new config means. */
static dsvk_status kept_name(const char **out, struct dv_quantizing *q,
                             const struct dv_tensor_file *from)
{
    char                      weight[256], taken[300];
    const char               *tail, *want = q->compressed ? "_scale" : "_scale_inv";
    struct dv_quantize_matrix m;
    *out = from->stored;
    if (!owner_of(weight, &tail, from->name) ||
        (strcmp(tail, "_scale") != 0 && strcmp(tail, "_scale_inv") != 0))
        return DSVK_OK;
    const struct dv_tensor_file *t = dv_checkpoint_find(q->checkpoint, weight);
    snprintf(taken, sizeof taken, "%s%s", weight, want);
    if (!t || !dv_quantize_matrix(&m, t) || m.dtype != DV_F8_E4M3 ||
        dv_checkpoint_find(q->checkpoint, taken))
        return DSVK_OK;
    *out = dv_arena_printf(&q->arena, "%s%s", m.stored, want);
    return *out ? DSVK_OK : dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for names");
}

static dsvk_status add_kept(struct dv_quantizing *q, const struct dv_tensor_file *from)
{
    dsvk_status               status;
    const char               *name;
    struct dv_quantize_matrix m;
    TRY(kept_name(&name, q, from));
    struct dv_new_tensor *t = add(q, name, dv_dtype_name(from->dtype), 0, 0, from->bytes);
    t->n_dims               = from->n_dims;
    memcpy(t->dims, from->dims, sizeof t->dims);
    t->copied = from;
    t->role   = dv_model_role(q->roles, from->name);
    if (dv_quantize_matrix(&m, from))
        t->kind = dv_quantize_kind(q, &m);
    return DSVK_OK;
}

static dsvk_status plan_tensor(struct dv_quantizing *q, const struct dv_tensor_file *from)
{
    dsvk_status               status;
    struct dv_quantize_matrix m;
    char                      weight[256];
    const char               *tail;
    struct dv_layout_source   part;
    enum dv_dtype             target;
    struct dv_weight_source   source = { .checkpoint = q->checkpoint };
    if (owner_of(weight, &tail, from->name) && is_converted(q, weight))
        return DSVK_OK;
    if (!dv_quantize_matrix(&m, from) || !dv_quantize_target(&target, q, &m))
        return add_kept(q, from);
    TRY(dv_source_check_scales(q->ctx, &source, m.name, m.rows, m.cols));
    TRY(dv_source_matrix(&part, q->ctx, &source, m.name, m.rows, m.cols));
    part.target    = target;
    part.converted = true;
    return add_converted(q, &m, &part);
}

/* Shards of at most 5 GB, unless one matrix needs more; a matrix and its scales stay together. */
static void divide(struct dv_quantizing *q)
{
    uint64_t shard = 0;
    q->n_shards    = 1;
    for (uint32_t i = 0; i < q->n; i++) {
        struct dv_new_tensor *t = &q->tensors[i];
        if (shard > 0 && shard + t->bytes > SHARD_BYTES && !t->scales) {
            q->n_shards++;
            shard = 0;
        }
        t->shard = q->n_shards - 1;
        shard += t->bytes;
        q->bytes += t->bytes;
    }
}

/* ---- all ---- */

dsvk_status dv_quantize_plan(struct dv_quantizing *q)
{
    dsvk_status status;
    uint32_t    n = dv_checkpoint_n_tensors(q->checkpoint);
    char        text[96];
    if (!dv_quantize_changes(text, q))
        return dv_fail(q->ctx, DSVK_BAD_ARGUMENT,
                       "quantize: %s: no weight would change: all matrices are %s",
                       dv_checkpoint_folder(q->checkpoint), text);
    survey(q);
    q->tensors = dv_zalloc_array(q->ctx, (size_t)n * 3, sizeof *q->tensors);
    if (!q->tensors)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for %u tensors", n);
    for (uint32_t i = 0; i < n; i++) {
        if (i % 64 == 0) /* it reads scales, which takes its time with a large model */
            TRY(dv_quantize_go_on(q));
        TRY(plan_tensor(q, dv_checkpoint_tensor(q->checkpoint, i)));
    }
    divide(q);
    return DSVK_OK;
}
