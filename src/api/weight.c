/* SPDX-License-Identifier: MIT */
/* Weights from a caller's memory: checked here, then packed and loaded as those of a model are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/lent.h"
#include "base/size.h"
#include "base/text.h"
#include "engine/load.h"

#define MOST_VALUES (UINT64_C(1) << 33) /* 4 GiB of 4 bits */

/* ---- what the caller says ---- */

struct reader {
    const struct dv_context *ctx;
    const dsvk_matrix       *given;
    const char              *name;
    struct dv_layout_source *part;
};

static uint32_t members(const dsvk_matrix *m)
{
    return m->experts ? m->experts : 1;
}

static dsvk_status read_dtype(const struct reader *r)
{
    const dsvk_matrix      *m      = r->given;
    const struct dv_format *format = m->dtype ? dv_format_find(m->dtype) : NULL;
    if (!format)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT,
                       "weight: %s: format %.16s, not F32, F16, BF16, F8_E4M3, INT4 or FP4",
                       r->name, m->dtype ? m->dtype : "(none)");
    r->part->dtype = format->dtype;
    if (m->rows == 0 && format->scales != DV_SCALES_NONE)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT,
                       "weight: %s: a vector in %s, not F32, F16 or BF16", r->name, m->dtype);
    return DSVK_OK;
}

static dsvk_status read_shape(const struct reader *r)
{
    const dsvk_matrix *m      = r->given;
    uint32_t           unit   = dv_format_of(r->part->dtype)->scales == DV_SCALES_ROWS ? 8 : 4;
    uint64_t           values = (uint64_t)dv_max(m->rows, 1) * m->cols;
    if (m->cols == 0 || (m->rows == 0 && m->experts > 0) || m->experts > DV_MAX_EXPERTS)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT,
                       "weight: %s: %u x %u of %u experts; a matrix has columns, experts are "
                       "matrices, and at most %u",
                       r->name, m->rows, m->cols, m->experts, DV_MAX_EXPERTS);
    if (m->rows > 0 && m->cols % unit != 0)
        return dv_fail(r->ctx, DSVK_UNSUPPORTED, "weight: %s: %u columns of %s, not times %u",
                       r->name, m->cols, m->dtype, unit);
    if (values > MOST_VALUES)
        return dv_fail(r->ctx, DSVK_UNSUPPORTED, "weight: %s: %u x %u is above 4 GiB", r->name,
                       m->rows, m->cols);
    r->part->rows = dv_max(m->rows, 1);
    r->part->cols = m->cols;
    return DSVK_OK;
}

/* Of all experts, where they lie. */
static dsvk_status check_there(const struct reader *r, const void *whole, const void *const *each)
{
    for (uint32_t e = 0; each && e < members(r->given); e++)
        if (!each[e])
            return dv_fail(r->ctx, DSVK_BAD_ARGUMENT, "weight: %s: nothing is given for expert %u",
                           r->name, e);
    if (!each && !whole)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT, "weight: %s: no data is given", r->name);
    return DSVK_OK;
}

static dsvk_status check_bytes(const struct reader *r, const char *what, uint64_t given,
                               uint64_t each)
{
    uint64_t wanted = each * members(r->given);
    if (given == wanted)
        return DSVK_OK;
    return dv_fail(r->ctx, DSVK_BAD_ARGUMENT,
                   "weight: %s: %" PRIu64 " bytes of %s, where %u x %u in %s of %u take %" PRIu64,
                   r->name, given, what, r->part->rows, r->part->cols, r->given->dtype,
                   members(r->given), wanted);
}

static bool takes_scales_in(enum dv_dtype weights, enum dv_dtype scales)
{
    bool plain = scales == DV_F32 || scales == DV_F16 || scales == DV_BF16;
    if (weights == DV_FP4)
        return scales == DV_F8_E8M0;
    return plain || (scales == DV_F8_E8M0 && weights == DV_F8_E4M3);
}

static dsvk_status read_scales(const struct reader *r)
{
    dsvk_status              status;
    const dsvk_matrix       *m      = r->given;
    struct dv_layout_source *part   = r->part;
    const struct dv_format  *format = dv_format_of(part->dtype);
    bool                     there  = m->scales || m->scales_of;
    if (!there && format->scales != DV_SCALES_ROWS)
        return DSVK_OK;
    if (format->scales == DV_SCALES_NONE || !there)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT, "weight: %s: %s %s scales", r->name, m->dtype,
                       there ? "has no" : "without");
    part->scale_dtype = format->scale_dtype;
    if (m->scale_dtype && (!dv_dtype_find(&part->scale_dtype, m->scale_dtype) ||
                           !takes_scales_in(part->dtype, part->scale_dtype)))
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT, "weight: %s: scales of %s in %.16s", r->name,
                       m->dtype, m->scale_dtype);
    part->block_rows = m->block_rows ? m->block_rows : format->block_rows;
    part->block_cols = m->block_cols ? m->block_cols : format->block_cols;
    if (format->scales == DV_SCALES_ROWS && part->block_rows != 1)
        return dv_fail(r->ctx, DSVK_BAD_ARGUMENT, "weight: %s: scales of %s for %u rows, not one",
                       r->name, m->dtype, part->block_rows);
    TRY(check_there(r, m->scales, m->scales_of));
    part->scale = m->scales_of ? m->scales_of[0] : m->scales;
    return check_bytes(r, "scales", m->scale_bytes, dv_layout_scale_bytes(part, part->rows));
}

/* What no format tells: the first scale that is no number or out of its range. */
static dsvk_status check_scales(const struct reader *r, const struct dv_given *given)
{
    const struct dv_layout_source *part  = &given->part;
    uint32_t                       width = part->scale ? dv_dtype_bytes(part->scale_dtype) : 1;
    uint64_t                       n     = dv_layout_scale_bytes(part, part->rows) / width;
    bool                           fp8   = part->dtype == DV_F8_E4M3;
    float most = 0x1p127f / dv_format_of(part->dtype)->factor; /* packed ones are finite */
    for (uint32_t e = 0; part->scale && e < members(r->given); e++) {
        struct dv_layout_source one;
        dv_given_part(&one, given, e);
        for (uint64_t i = 0; i < n; i++) {
            float scale = dv_dtype_get(one.scale_dtype, one.scale, i);
            char  text[DV_SIZE_BYTES];
            if (scale > 0 ? scale <= most : scale == 0 && !fp8)
                continue;
            return dv_fail(r->ctx, DSVK_BAD_ARGUMENT,
                           "weight: %s: scale %" PRIu64 " of matrix %u is %s", r->name, i, e,
                           dv_text_short(text, (double)scale, 6));
        }
    }
    return DSVK_OK;
}

static dsvk_status read_matrix(struct dv_given *given, const struct dv_context *ctx,
                               const char *name, const dsvk_matrix *m)
{
    dsvk_status   status;
    struct reader r = { ctx, m, name, &given->part };
    *given          = (struct dv_given){ .data_of = m->data_of, .scales_of = m->scales_of };
    TRY(read_dtype(&r));
    TRY(read_shape(&r));
    TRY(check_there(&r, m->data, m->data_of));
    given->part.data = m->data_of ? m->data_of[0] : m->data;
    given->data_step = dv_layout_value_bytes(&given->part, given->part.rows);
    TRY(check_bytes(&r, "data", m->bytes, given->data_step));
    TRY(read_scales(&r));
    given->scale_step = dv_layout_scale_bytes(&given->part, given->part.rows);
    return check_scales(&r, given);
}

/* ---- making ---- */

static dsvk_status check_pair(const struct dv_context *ctx, const dsvk_matrix *gate,
                              const dsvk_matrix *up)
{
    if (up->rows == gate->rows && up->cols == gate->cols && up->experts == gate->experts &&
        gate->rows > 0)
        return DSVK_OK;
    return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                   "weight: a gate of %u x %u and %u experts with an up matrix of %u x %u and %u",
                   gate->rows, gate->cols, gate->experts, up->rows, up->cols, up->experts);
}

/* The recipe, with the names of its parts. */
static void describe(dsvk_weight *w, const dsvk_matrix *m, const dsvk_matrix *up)
{
    const dsvk_matrix *all[2] = { m, up };
    w->info                   = (struct dv_weight_info){ .kind        = DV_WEIGHT_MATRIX,
                                                         .experts     = m->experts,
                                                         .rows        = dv_max(m->rows, 1),
                                                         .cols        = m->cols,
                                                         .slices      = 1,
                                                         .tensor_cols = m->cols,
                                                         .n_parts     = up ? 2 : 1 };
    if (m->rows == 0)
        w->info.kind = DV_WEIGHT_VECTOR;
    if (up)
        w->info.kind = DV_WEIGHT_PAIR;
    for (uint32_t p = 0; p < w->info.n_parts; p++) {
        snprintf(w->text[p], sizeof w->text[p], "%.*s", (int)sizeof w->text[p] - 1,
                 all[p]->name ? all[p]->name : "weight");
        w->info.parts[p] = (struct dv_weight_part){ w->text[p], w->info.rows };
    }
    w->info.name = w->text[0];
}

/* Loading takes its recipes from graphs: one that nobody runs. */
static dsvk_status load(dsvk_weight *w, const struct dv_given *given)
{
    dsvk_status             status;
    dsvk_device            *device = w->device;
    struct dv_graph_size    size   = { .tokens = 1 };
    struct dv_weight_source source = { .given = given };
    struct dv_turn_progress others; /* who come in between */
    struct dv_graph        *g = dv_graph_new(&device->ctx, &size);
    if (!g)
        return dv_fail(&device->ctx, DSVK_NO_MEMORY, "weight: no memory for its recipe");
    dv_embed(g, dv_weight_add(g, &w->info));
    TRY_OR(fail, dv_graph_finish(g));
    dv_turn_progress_init(&others, device->turn, NULL);
    dv_device_read_budget(device->dev, true);
    struct dv_load_params params = {
        .source = &source, .graphs = &g, .n_graphs = 1, .progress = &others.given
    };
    TRY_OR(fail, dv_weights_load(&w->weights, device->dev, device->stream, &params));
    w->place = *dv_weights_find(w->weights, &w->info);
    atomic_store(&w->bytes, dv_weights_bytes(w->weights));
fail:
    dv_graph_free(g);
    return status;
}

static dsvk_status make(dsvk_weight *w, const dsvk_matrix *m, const dsvk_matrix *up)
{
    dsvk_status              status;
    const struct dv_context *ctx = &w->device->ctx;
    struct dv_given          given[2];
    describe(w, m, up);
    TRY(read_matrix(&given[0], ctx, w->text[0], m));
    if (up) {
        TRY(check_pair(ctx, m, up));
        TRY(read_matrix(&given[1], ctx, w->text[1], up));
    }
    TRY(dv_lent_begin(w->device));
    status = load(w, given);
    if (status == DSVK_OK) {
        w->next            = w->device->weights;
        w->device->weights = w;
    }
    return dv_lent_end(w->device, status);
}

dsvk_status dsvk_weight_new(dsvk_weight **out, dsvk_device *device, const dsvk_matrix *matrix,
                            const dsvk_matrix *up)
{
    if (!out)
        return DSVK_BAD_ARGUMENT;
    *out = NULL;
    if (!device || !matrix)
        return DSVK_BAD_ARGUMENT;
    dsvk_weight *w = dv_zalloc(&device->ctx, sizeof *w);
    if (!w)
        return dv_fail(&device->ctx, DSVK_NO_MEMORY, "weight: no memory for it");
    w->device = device;
    atomic_init(&w->users, 1);
    atomic_fetch_add(&device->users, 1);
    dsvk_status status = make(w, matrix, up);
    if (status == DSVK_OK)
        *out = w;
    else
        dsvk_weight_free(w);
    return status;
}

void dsvk_weight_free(dsvk_weight *w)
{
    if (!w || atomic_fetch_sub(&w->users, 1) > 1)
        return;
    dsvk_device  *device = w->device;
    bool          mine   = dv_turn_take(device->turn);
    dsvk_weight **link   = &device->weights;
    while (*link && *link != w)
        link = &(*link)->next;
    if (*link)
        *link = w->next;
    dv_weights_free(w->weights);
    if (mine)
        dv_turn_give(device->turn);
    dv_free(&device->ctx, w);
    dsvk_device_close(device);
}

uint64_t dsvk_weight_bytes(const dsvk_weight *w)
{
    return w ? atomic_load(&w->bytes) : 0;
}
