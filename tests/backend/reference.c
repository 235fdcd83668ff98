/* SPDX-License-Identifier: MIT */
/* Weights from random bits, and the references run over a graph of them. */
#include "backend/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "graph/build.h"
#include "tensor/formats.h"

static uint64_t state = 1;

/* splitmix64 */
static uint64_t random_word(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z          = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z          = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

float random_value(void)
{
    return (float)((double)(random_word() >> 40) / (1 << 23) - 1);
}

void random_values(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = random_value();
}

/* ---- matrices ---- */

static void *room(size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    assert_non_null(memory);
    return memory;
}

static void fill_data(struct matrix *m, enum dv_dtype dtype, size_t n)
{
    float spread = m->m.rows ? 1 / sqrtf((float)m->m.cols) : 0.5f;
    m->data      = room(dv_dtype_size(dtype, n), 1);
    for (size_t i = 0; i < n; i++) {
        float    value = (m->m.rows ? 0 : 1) + spread * random_value();
        uint16_t half  = dtype == DV_F16 ? dv_f16_encode(value) : dv_bf16_encode(value);
        if (dtype == DV_F32)
            memcpy(m->data + i * 4, &value, 4);
        else if (dtype == DV_F16 || dtype == DV_BF16)
            memcpy(m->data + i * 2, &half, 2);
        else if (dtype == DV_F8_E4M3)
            m->data[i] = (unsigned char)(random_word() % 0x7F | (random_word() & 0x80));
        else
            m->data[i / 2] = (unsigned char)random_word();
    }
}

static void fill_scales(struct matrix *m, const struct dv_format *format, size_t n)
{
    uint32_t width = dv_dtype_bytes(format->scale_dtype);
    float    usual = format->dtype == DV_F8_E4M3 ? 150.0f : 4.0f;
    m->scales      = room(n, width);
    for (size_t i = 0; i < n; i++) {
        float    scale = ldexpf((1 + 0.5f * random_value()) / (usual * sqrtf((float)m->m.cols)),
                                -(int)(random_word() % 5));
        uint16_t half  = dv_bf16_encode(scale);
        if (format->scale_dtype == DV_F32)
            memcpy(m->scales + i * 4, &scale, 4);
        else if (format->scale_dtype == DV_BF16)
            memcpy(m->scales + i * 2, &half, 2);
        else
            m->scales[i] = (unsigned char)(127 + ilogbf(scale));
    }
}

static void unpack(struct matrix *m, const struct dv_format *format, uint32_t rows,
                   uint32_t block_rows, uint32_t block_cols)
{
    uint32_t cols = m->m.cols, experts = m->m.experts ? m->m.experts : 1;
    m->values = room((size_t)experts * rows * cols, sizeof *m->values);
    for (uint32_t r = 0; r < experts * rows; r++)
        for (uint32_t k = 0; k < cols; k++) {
            float value = dv_dtype_get(format->dtype, m->data, (uint64_t)r * cols + k);
            if (m->scales) {
                uint32_t down = (rows - 1) / block_rows + 1, across = (cols - 1) / block_cols + 1;
                uint32_t at = (r / rows * down + r % rows / block_rows) * across + k / block_cols;
                value *= dv_dtype_get(format->scale_dtype, m->scales, at);
            }
            m->values[(size_t)r * cols + k] = value;
        }
}

struct matrix matrix(const char *dtype, uint32_t rows, uint32_t cols, uint32_t experts,
                     uint32_t block)
{
    struct matrix           m      = { .m = { .dtype      = dtype,
                                              .rows       = rows,
                                              .cols       = cols,
                                              .experts    = experts,
                                              .block_rows = block,
                                              .block_cols = block } };
    const struct dv_format *format = dv_format_find(dtype);
    uint32_t                n = rows ? rows : 1, copies = experts ? experts : 1;
    uint32_t                block_rows = block ? block : format->block_rows;
    uint32_t                block_cols = block ? block : format->block_cols;
    fill_data(&m, format->dtype, (size_t)copies * n * cols);
    m.m.data  = m.data;
    m.m.bytes = dv_dtype_size(format->dtype, (uint64_t)copies * n * cols);
    if (format->scales != DV_SCALES_NONE) {
        size_t scales = (size_t)copies * ((n - 1) / block_rows + 1) * ((cols - 1) / block_cols + 1);
        fill_scales(&m, format, scales);
        m.m.scales      = m.scales;
        m.m.scale_bytes = scales * dv_dtype_bytes(format->scale_dtype);
    }
    unpack(&m, format, n, block_rows, block_cols);
    return m;
}

void matrix_done(struct matrix *m)
{
    free(m->data);
    free(m->scales);
    free(m->values);
}

/* ---- graphs ---- */

void reference_begin(struct reference *r, uint32_t tokens)
{
    memset(r, 0, sizeof *r);
    dv_context_init(&r->ctx, NULL, NULL);
    r->g = dv_graph_new(&r->ctx, &(struct dv_graph_size){ .tokens = tokens, .tile = 8 });
    assert_non_null(r->g);
    r->site = (struct dv_ref_site){ .graph   = r->g,
                                    .values  = r->values,
                                    .weights = (const float **)(void *)r->weights };
}

void reference_end(struct reference *r)
{
    for (size_t i = 0; i < REFERENCE_VALUES; i++)
        free(r->values[i]);
    for (size_t i = 0; i < sizeof r->weights / sizeof *r->weights; i++)
        free(r->weights[i]);
    dv_graph_free(r->g);
}

dv_tensor reference_input(struct reference *r, uint32_t rows, uint32_t cols, const void *data)
{
    dv_tensor x = dv_graph_value(r->g, "input", rows, cols);
    assert_true(x != 0 && x < REFERENCE_VALUES);
    r->values[x] = room((size_t)rows * r->g->values[x].stride, 4);
    for (uint32_t i = 0; i < rows; i++)
        memcpy(dv_ref_words(&r->site, x, i), (const char *)data + (size_t)i * cols * 4, cols * 4);
    return x;
}

dv_weight reference_weight(struct reference *r, const struct matrix *m, const struct matrix *up)
{
    static unsigned       n;
    uint32_t              experts = m->m.experts ? m->m.experts : 1;
    size_t                one     = (size_t)(m->m.rows ? m->m.rows : 1) * m->m.cols;
    const char           *name    = dv_arena_printf(&r->g->arena, "w%u", ++n);
    struct dv_weight_info info    = {
           .kind    = up          ? DV_WEIGHT_PAIR
                      : m->m.rows ? DV_WEIGHT_MATRIX
                                  : DV_WEIGHT_VECTOR,
           .name    = name,
           .experts = m->m.experts,
           .rows    = m->m.rows ? m->m.rows : 1,
           .cols    = m->m.cols,
           .slices  = 1,
           .n_parts = 1,
           .parts   = { { name, m->m.rows } },
    };
    dv_weight w = dv_weight_add(r->g, &info);
    assert_true(w != 0 && w < sizeof r->weights / sizeof *r->weights);
    float *values = r->weights[w] = room(experts * one * (up ? 2 : 1), sizeof *values);
    for (uint32_t e = 0; e < experts; e++) {
        memcpy(values, m->values + e * one, one * sizeof *values);
        values += one;
        if (up)
            memcpy(values, up->values + e * one, one * sizeof *values);
        values += up ? one : 0;
    }
    return w;
}

void reference_run(struct reference *r)
{
    assert_int_equal(dv_graph_finish(r->g), DSVK_OK);
    for (uint32_t i = 0; i < r->g->n_nodes; i++) {
        const struct dv_node *node = &r->g->nodes[i];
        for (uint32_t k = 0; k < dv_n_outputs(node->op); k++) {
            dv_tensor              y = node->out.at[k];
            const struct dv_value *v = &r->g->values[y];
            if (y && v->kind == DV_VALUE_ACTIVATION)
                r->values[y] = room((size_t)v->rows * v->stride, 4);
        }
        dv_ref_of(node->op)(&r->site, node);
    }
}

double tolerance_of(uint32_t n)
{
    return 8 * sqrt(n) * 5.9604645e-8;
}

void expect_close(struct reference *r, dv_tensor y, const float *got, uint32_t stride,
                  double tolerance)
{
    const struct dv_value *v = &r->g->values[y];
    for (uint32_t i = 0; i < v->rows; i++) {
        const float *row     = dv_ref_row(&r->site, y, i);
        double       largest = 0;
        for (uint32_t k = 0; k < v->cols; k++)
            largest = fmax(largest, fabs(row[k]));
        for (uint32_t k = 0; k < v->cols; k++)
            if (!(fabs((double)got[(size_t)i * stride + k] - row[k]) <= tolerance * largest))
                fail_msg("%s: row %u, column %u: %.9g, expected %.9g", v->name, i, k,
                         (double)got[(size_t)i * stride + k], (double)row[k]);
    }
}
