/* SPDX-License-Identifier: MIT */
/* Tensors from the seed and their names, packed for the device and unpacked for the references. */
#include "ops/harness_parts.h"

#include <math.h>

#include "base/number.h"
#include "pack/layout.h"

/* splitmix64 */
uint64_t op_random_word(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z          = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z          = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

float op_random(struct op_bench *b)
{
    return (float)((double)(op_random_word(&b->random) >> 40) / (1 << 23) - 1);
}

uint32_t op_random_below(struct op_bench *b, uint32_t n)
{
    return (uint32_t)(op_random_word(&b->random) % n);
}

static uint64_t seed_of(const struct op_bench *b, const char *name)
{
    uint64_t hash = b->p.seed;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

static float uniform(uint64_t *state)
{
    return (float)((double)(op_random_word(state) >> 40) / (1 << 23) - 1);
}

static float *make_scales(struct op_bench *b, uint64_t *state, uint32_t rows, uint32_t cols)
{
    uint32_t n      = ((rows - 1) / b->p.block + 1) * ((cols - 1) / b->p.block + 1);
    float   *scales = op_alloc(b, n, sizeof *scales);
    /* Codes are spread over all binades up to 448; 150 is about their root mean square. Blocks of
     * one matrix differ by up to 16 times. */
    for (uint32_t i = 0; i < n; i++)
        scales[i] = ldexpf((1.0f + 0.5f * uniform(state)) / (150.0f * sqrtf((float)cols)),
                           -(int)(op_random_word(state) % 5));
    return scales;
}

/* Of 4-bit formats, for each row and 32 columns: bf16 for INT4, powers of two for FP4. */
static const unsigned char *make_row_scales(struct op_bench *b, uint64_t *state,
                                            const struct dv_layout_source *source)
{
    uint32_t       n   = source->rows * ((source->cols - 1) / DV_GROUP + 1);
    unsigned char *out = op_alloc(b, n, 2);
    for (uint32_t i = 0; i < n; i++) {
        int      power = (int)(op_random_word(state) % 5);
        float    scale = (1.0f + 0.5f * uniform(state)) / (4.0f * sqrtf((float)source->cols));
        uint16_t half  = dv_bf16_encode(ldexpf(scale, -power));
        if (source->scale_dtype == DV_BF16)
            memcpy(out + i * 2, &half, 2);
        else
            out[i] = (unsigned char)(127 - power + ilogbf(scale));
    }
    return out;
}

static enum dv_weight_format format_of(const struct op_bench *b, const char *name)
{
    const char *other = b->p.other_name;
    return other && strncmp(name, other, strlen(other)) == 0 ? b->p.other_format : b->p.format;
}

/* Made-up values in a format; those with scales are any bits that are numbers. */
static const unsigned char *make_data(struct op_bench *b, uint64_t *state,
                                      enum dv_weight_format format, size_t n, float spread)
{
    unsigned char *data = op_alloc(b, dv_dtype_size(dv_formats[format].dtype, n), 1);
    for (size_t i = 0; i < n; i++) {
        float    value = spread * uniform(state);
        uint16_t half  = format == DV_FORMAT_F16 ? dv_f16_encode(value) : dv_bf16_encode(value);
        if (format == DV_FORMAT_F32) {
            memcpy(data + i * 4, &value, 4);
        } else if (format == DV_FORMAT_E4M3) {
            data[i] = (unsigned char)op_random_word(state);
            if ((data[i] & 0x7F) == 0x7F) /* NaN */
                data[i] ^= 1;
        } else if (dv_formats[format].scales == DV_SCALES_ROWS) {
            data[i / 2] = (unsigned char)op_random_word(state);
        } else {
            memcpy(data + i * 2, &half, 2);
        }
    }
    return data;
}

/* The stored tensor of a part. */
static struct dv_layout_source make_source(struct op_bench *b, const struct dv_weight_info *info,
                                           uint32_t part, uint32_t expert)
{
    enum dv_weight_format   format = format_of(b, info->parts[part].name);
    struct dv_layout_source source = { .dtype       = dv_formats[format].dtype,
                                       .rows        = info->parts[part].rows,
                                       .cols        = info->tensor_cols,
                                       .scale_dtype = DV_F32,
                                       .block_rows  = b->p.block,
                                       .block_cols  = b->p.block };
    char                    name[128];
    snprintf(name, sizeof name, info->parts[part].name, expert);
    uint64_t state = seed_of(b, name);
    source.data    = make_data(b, &state, format, (size_t)source.rows * source.cols,
                               1.0f / sqrtf((float)info->cols));
    if (format == DV_FORMAT_E4M3)
        source.scale = (const unsigned char *)make_scales(b, &state, source.rows, source.cols);
    if (dv_formats[format].scales == DV_SCALES_ROWS) {
        source.scale_dtype = dv_formats[format].scale_dtype;
        source.block_rows  = dv_formats[format].block_rows;
        source.block_cols  = dv_formats[format].block_cols;
        source.scale       = make_row_scales(b, &state, &source);
    }
    return source;
}

static float value_at(const struct dv_layout_source *source, uint32_t row, uint32_t col)
{
    float value = dv_dtype_get(source->dtype, source->data, (uint64_t)row * source->cols + col);
    if (source->scale)
        value *= dv_dtype_get(source->scale_dtype, source->scale,
                              (uint64_t)row / source->block_rows *
                                      ((source->cols - 1) / source->block_cols + 1) +
                                  col / source->block_cols);
    return value;
}

/* One expert's matrix as the references want it. */
static float *unpack(float *out, const struct dv_weight_info *info,
                     const struct dv_layout_source *parts)
{
    for (uint32_t p = 0; info->n_parts > 1 && p < info->n_parts; p++)
        for (uint32_t r = 0; r < parts[p].rows; r++)
            for (uint32_t k = 0; k < info->cols; k++)
                *out++ = value_at(&parts[p], r, k);
    for (uint32_t s = 0; info->n_parts == 1 && s < info->slices; s++)
        for (uint32_t i = 0; i < info->rows; i++)
            for (uint32_t k = 0; k < info->cols; k++) {
                uint32_t row = info->row0 + s * info->row_step + (info->transposed ? k : i);
                *out++       = value_at(parts, row, info->transposed ? i : k);
            }
    return out;
}

static uint32_t copies(const struct dv_weight_info *info)
{
    return info->experts ? info->experts : 1;
}

static void make_parts(struct op_bench *b, const struct dv_weight_info *info, uint32_t expert,
                       struct dv_layout_source *parts)
{
    for (uint32_t p = 0; p < info->n_parts; p++)
        parts[p] = make_source(b, info, p, expert);
}

static void make_vector(struct op_bench *b, const struct dv_weight_info *info, float *values)
{
    uint64_t state = seed_of(b, info->name);
    for (uint32_t i = 0; i < info->cols; i++)
        values[i] = 1.0f + 0.5f * uniform(&state);
}

static void make_rope(const struct dv_weight_info *info, float *values)
{
    for (uint32_t position = 0; position < info->rows; position++)
        for (uint32_t i = 0; i < info->cols; i += 2) {
            double angle = position * pow(10000.0, -(double)i / info->cols);
            *values++    = (float)cos(angle);
            *values++    = (float)sin(angle);
        }
}

float *op_weight_values(struct op_bench *b, dv_weight weight)
{
    const struct dv_weight_info *info = &b->graph->weights[weight];
    struct dv_layout_source      parts[DV_MAX_PARTS];
    assert_true(weight != 0 && weight < OP_MAX_WEIGHTS);
    if (b->weights[weight])
        return b->weights[weight];
    size_t rows   = (size_t)info->rows * info->slices * (info->kind == DV_WEIGHT_PAIR ? 2 : 1);
    float *values = b->weights[weight] =
        op_alloc(b, rows * copies(info) * info->cols, sizeof *values);
    if (info->kind == DV_WEIGHT_VECTOR)
        make_vector(b, info, values);
    else if (info->kind == DV_WEIGHT_ROPE)
        make_rope(info, values);
    else
        for (uint32_t e = 0; e < copies(info); e++) {
            make_parts(b, info, e, parts);
            values = unpack(values, info, parts);
        }
    return b->weights[weight];
}

/* ---- the device's copy ---- */

struct blob {
    unsigned char *data; /* NULL: only measure */
    uint64_t       address, bytes;
};

static uint64_t reserve(struct blob *blob, uint64_t bytes)
{
    uint64_t at = blob->bytes;
    blob->bytes += (bytes + 511) / 256 * 256; /* at least one byte between neighbours */
    return at;
}

static void place_floats(struct op_bench *b, struct blob *blob, dv_weight w)
{
    const struct dv_weight_info *info   = &b->graph->weights[w];
    const float                 *values = op_weight_values(b, w);
    uint64_t                     bytes  = (uint64_t)info->rows * info->cols * sizeof(float);
    uint64_t                     at     = reserve(blob, bytes);
    if (blob->data)
        memcpy(blob->data + at, values, bytes);
    b->places[w] = (struct dv_weight_place){ .address = blob->address + at };
}

static void place_matrix(struct op_bench *b, struct blob *blob, dv_weight w)
{
    const struct dv_weight_info *info  = &b->graph->weights[w];
    uint64_t                     table = info->experts ? reserve(blob, info->experts * 8u) : 0;
    struct dv_layout_source      parts[DV_MAX_PARTS];
    struct dv_layout             layout;
    op_weight_values(b, w);
    for (uint32_t e = 0; e < copies(info); e++) {
        make_parts(b, info, e, parts);
        op_need(b, dv_layout_of(&layout, &op_device.ctx, info, parts), info->name);
        uint64_t at = reserve(blob, layout.bytes), address = blob->address + at;
        dv_layout_place(&b->places[w], &layout, address);
        if (blob->data) {
            dv_layout_pack(blob->data + at, &layout, info, parts);
            if (info->experts)
                memcpy(blob->data + table + e * 8u, &address, sizeof address);
        }
    }
    if (info->experts)
        b->places[w].address = blob->address + table;
}

static void place_all(struct op_bench *b, struct blob *blob)
{
    blob->bytes = 0;
    for (dv_weight w = 1; w <= b->graph->n_weights; w++) {
        enum dv_weight_kind kind = b->graph->weights[w].kind;
        if (kind == DV_WEIGHT_VECTOR || kind == DV_WEIGHT_ROPE)
            place_floats(b, blob, w);
        else
            place_matrix(b, blob, w);
    }
}

void op_place_weights(struct op_bench *b)
{
    struct blob blob = { NULL, 0, 0 };
    if (b->graph->n_weights == 0)
        return;
    place_all(b, &blob);
    blob.data = op_alloc(b, blob.bytes, 1);
    memset(blob.data, 0xFF, blob.bytes); /* NaN between the weights */
    b->blob      = op_upload(b, blob.data, blob.bytes, "weights");
    blob.address = b->blob->address;
    place_all(b, &blob);
    op_need(b, dv_stream_upload(op_device.stream, b->blob, 0, blob.data, blob.bytes), "weights");
}

/* ---- recipes ---- */

dv_weight op_matrix(struct op_bench *b, const char *name, uint32_t rows, uint32_t cols)
{
    return dv_weight_matrix(b->graph, DV_ROLE_NONE, name, rows, cols);
}

dv_weight op_vector(struct op_bench *b, const char *name, uint32_t cols)
{
    return dv_weight_vector(b->graph, DV_ROLE_NONE, name, cols);
}

dv_weight op_experts(struct op_bench *b, const char *name, uint32_t experts, uint32_t rows,
                     uint32_t cols)
{
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .name        = name,
                                   .experts     = experts,
                                   .rows        = rows,
                                   .cols        = cols,
                                   .slices      = 1,
                                   .tensor_cols = cols,
                                   .n_parts     = 1,
                                   .parts       = { { name, rows } } };
    return dv_weight_add(b->graph, &info);
}

dv_weight op_rope_table(struct op_bench *b, uint32_t dim)
{
    struct dv_weight_info info = { .kind        = DV_WEIGHT_ROPE,
                                   .name        = "rope",
                                   .rows        = b->p.context,
                                   .cols        = dim,
                                   .slices      = 1,
                                   .tensor_cols = dim };
    return dv_weight_add(b->graph, &info);
}
