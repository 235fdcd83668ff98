/* SPDX-License-Identifier: MIT */
/* The safetensors files. Each tensor has its own random stream, keyed by its name, so a scale can
 * be computed apart from its weight. Randomness is integer sums, and floats are only multiplied
 * or divided, or added exactly: the bytes do not depend on compiler or C library. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "support/make_parts.h"

#define E4M3_MAX 448.0f

struct maker {
    struct dv_make_list list;
    uint64_t            seed;
    float              *values; /* of one tensor */
};

static uint64_t random_next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z          = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z          = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Near normal, standard deviation 1: twelve uniform 16-bit numbers, less their mean. */
static double random_normal(uint64_t *state)
{
    int32_t sum = -393210;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t bits = random_next(state);
        sum += (int32_t)((bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) +
                         (bits >> 48));
    }
    return sum / 65536.0;
}
static void make_values(struct maker *m, const struct dv_make_item *item)
{
    uint64_t state = m->seed ^ 0xCBF29CE484222325u; /* FNV-1a of the name, begun from the seed */
    for (const char *c = item->weight; *c; c++)
        state = (state ^ (unsigned char)*c) * 0x100000001B3u;
    /* Outputs of about the size of the inputs; 0.125 n + 1 is exact in a float. */
    double   spread = item->kind == DV_MAKE_EMBEDDING ? 1.0 : 1.0 / sqrt((double)item->cols);
    uint64_t n      = (uint64_t)item->rows * item->cols;
    for (uint64_t i = 0; i < n; i++) {
        double normal = random_normal(&state);
        if (item->kind == DV_MAKE_NORM)
            m->values[i] = (float)(1.0 + normal * 0.125);
        else
            m->values[i] = (float)(normal * (item->kind == DV_MAKE_BIAS ? 0.1 : spread));
    }
}

/* The scale of a block: its largest value becomes the largest that e4m3 holds. */
static float block_scale(const struct maker *m, const struct dv_make_item *item, uint32_t row,
                         uint32_t col)
{
    const struct dv_config *c    = &m->list.recipe->config;
    float                   most = 0;
    for (uint32_t i = row; i < item->rows && i < row + c->block_rows; i++)
        for (uint32_t j = col; j < item->cols && j < col + c->block_cols; j++)
            most = fmaxf(most, fabsf(m->values[(uint64_t)i * item->cols + j]));
    return most > 0 ? most / E4M3_MAX : 1.0f;
}

static void write_scaled(FILE *file, struct maker *m, const struct dv_make_item *item)
{
    const struct dv_config *c = &m->list.recipe->config;
    for (uint32_t row = 0; row < item->rows; row += c->block_rows)
        for (uint32_t col = 0; col < item->cols; col += c->block_cols) {
            float scale = block_scale(m, item, row, col);
            if (item->kind == DV_MAKE_SCALE) {
                fwrite(&scale, sizeof scale, 1, file);
                continue;
            }
            for (uint32_t i = row; i < item->rows && i < row + c->block_rows; i++)
                for (uint32_t j = col; j < item->cols && j < col + c->block_cols; j++)
                    m->values[(uint64_t)i * item->cols + j] /= scale;
        }
    if (item->kind != DV_MAKE_SCALE)
        for (uint64_t i = 0; i < item->bytes; i++)
            fputc(dv_e4m3_encode(m->values[i]), file);
}

/* A group's scale: its largest value becomes 7, or at most 6. */
static float group_scale(const float *values, uint32_t n, enum dv_dtype four)
{
    float most = 0;
    int   power;
    for (uint32_t k = 0; k < n; k++)
        most = fmaxf(most, fabsf(values[k]));
    if (most == 0)
        return 1.0f;
    if (four == DV_INT4)
        return dv_bf16_decode(dv_bf16_encode(most / 7.0f));
    return frexpf(most / 6.0f, &power) == 0.5f ? ldexpf(0.5f, power) : ldexpf(1.0f, power);
}

static unsigned code_of(float value, enum dv_dtype four)
{
    if (four == DV_FP4)
        return dv_e2m1_encode(value);
    return (unsigned)(8 + (int)fminf(7.0f, fmaxf(-8.0f, nearbyintf(value))));
}

static void write_group(FILE *file, const struct dv_make_item *item, const float *values,
                        uint32_t n)
{
    float    scale = group_scale(values, n, item->four);
    uint16_t half  = dv_bf16_encode(scale);
    if (item->kind == DV_MAKE_SCALE && item->four == DV_INT4)
        fwrite(&half, sizeof half, 1, file);
    else if (item->kind == DV_MAKE_SCALE)
        fputc(half >> 7, file); /* a power of two's exponent */
    else
        for (uint32_t k = 0; k < n; k += 2)
            fputc((int)(code_of(values[k] / scale, item->four) |
                        code_of(values[k + 1] / scale, item->four) << 4),
                  file);
}

static void write_item(FILE *file, struct maker *m, const struct dv_make_item *item)
{
    if (item->kind == DV_MAKE_SHAPE) {
        fwrite(&(uint64_t){ item->rows }, 8, 1, file);
        fwrite(&(uint64_t){ item->cols }, 8, 1, file);
        return;
    }
    make_values(m, item);
    for (uint32_t i = 0; item->four && i < item->rows; i++)
        for (uint32_t k = 0; k < item->cols; k += 32)
            write_group(file, item, m->values + (uint64_t)i * item->cols + k,
                        item->cols - k < 32 ? item->cols - k : 32);
    if (item->four)
        return;
    if (item->kind == DV_MAKE_SCALE || item->dtype == DV_F8_E4M3) {
        write_scaled(file, m, item);
        return;
    }
    for (uint64_t i = 0; i < (uint64_t)item->rows * item->cols; i++) {
        uint16_t half = dv_bf16_encode(m->values[i]);
        if (item->dtype == DV_F32)
            fwrite(&m->values[i], sizeof(float), 1, file);
        else
            fwrite(&half, sizeof half, 1, file);
    }
}
static dsvk_status write_shard(struct maker *m, const char *folder, uint32_t shard)
{
    dsvk_status status;
    FILE       *file;
    char        name[64], *header = dv_make_header(&m->list, shard);
    if (!header)
        return dv_fail(m->list.ctx, DSVK_NO_MEMORY, "make: no memory for a header");
    dv_make_shard_name(&m->list, shard, name);
    status = dv_make_open(&file, m->list.ctx, folder, name);
    if (status == DSVK_OK) {
        uint64_t length = strlen(header);
        for (unsigned i = 0; i < 8; i++)
            fputc((int)(length >> 8 * i & 255), file);
        fwrite(header, 1, length, file);
        for (uint32_t i = 0; i < m->list.n; i++)
            if (m->list.items[i].shard == shard)
                write_item(file, m, &m->list.items[i]);
        status = dv_make_close(file, m->list.ctx, name);
    }
    dv_free(m->list.ctx, header);
    return status;
}

static dsvk_status write_all(struct maker *m, const char *folder)
{
    dsvk_status status;
    uint64_t    most = 0;
    for (uint32_t i = 0; i < m->list.n; i++)
        if (most < (uint64_t)m->list.items[i].rows * m->list.items[i].cols)
            most = (uint64_t)m->list.items[i].rows * m->list.items[i].cols;
    m->values = dv_arena_alloc(&m->list.arena, (size_t)most, sizeof *m->values);
    if (!m->values)
        return dv_fail(m->list.ctx, DSVK_NO_MEMORY, "make: no memory for a tensor");
    for (uint32_t i = 0; i < m->list.shards; i++)
        TRY(write_shard(m, folder, i));
    return m->list.shards > 1 ? dv_make_index(&m->list, folder) : DSVK_OK;
}

dsvk_status dv_make_tensors(const struct dv_context *ctx, const struct dv_recipe *recipe,
                            uint64_t seed, const char *folder)
{
    struct maker m      = { .seed = seed };
    dsvk_status  status = dv_make_list_init(&m.list, ctx, recipe);
    if (status == DSVK_OK)
        status = write_all(&m, folder);
    dv_make_list_done(&m.list);
    return status;
}
