/* SPDX-License-Identifier: MIT */
/* The safetensors files. Each tensor has its own random stream, keyed by its name, so a scale can
 * be computed apart from its weight. Randomness is integer sums, and floats are only multiplied
 * or divided, or added exactly: the bytes do not depend on compiler or C library. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/number.h"
#include "support/make_parts.h"

#define MAX_ITEMS 1024u
#define E4M3_MAX 448.0f

enum kind { EMBEDDING, LINEAR, NORM, BIAS, SCALE, SHAPE };

struct item {
    const char   *name, *weight; /* weight: whose values; a scale's is another than its name */
    enum kind     kind;
    enum dv_dtype dtype;
    uint32_t      rows, cols; /* of the values; a vector has 1 row */
    enum dv_dtype four;       /* INT4 or FP4: packed values, or the scales of such */
    uint32_t      shard;
    uint64_t      bytes;
};

struct maker {
    const struct dv_context *ctx;
    const struct dv_recipe  *recipe;
    uint64_t                 seed;
    enum dv_dtype            four; /* of the linear layers that are added; 0: the config's */
    struct dv_arena          arena;
    uint32_t                 n;
    struct item             *items;
    float                   *values;
    dsvk_status              status;
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

static uint32_t blocks(uint32_t n, uint32_t block)
{
    return (n + block - 1) / block;
}

static void add(struct maker *m, enum kind kind, uint32_t rows, uint32_t cols, enum dv_dtype dtype,
                const char *name)
{
    if (m->n == MAX_ITEMS || !name)
        m->status = DSVK_NO_MEMORY;
    if (m->status != DSVK_OK)
        return;
    m->items[m->n++] = (struct item){ .name   = name,
                                      .weight = name,
                                      .kind   = kind,
                                      .dtype  = dtype,
                                      .rows   = rows,
                                      .cols   = cols,
                                      .bytes  = (uint64_t)rows * cols * dv_dtype_bytes(dtype) };
}

static void add_vector(struct maker *m, const char *prefix, const char *name, uint32_t n)
{
    add(m, NORM, 1, n, DV_BF16, dv_arena_printf(&m->arena, "%s%s.weight", prefix, name));
}

/* A matrix that stays BF16 in FP8 releases: embedding, head, router. */
static void add_plain(struct maker *m, enum kind kind, const char *prefix, const char *name,
                      uint32_t rows, uint32_t cols)
{
    add(m, kind, rows, cols, DV_BF16, dv_arena_printf(&m->arena, "%s%s.weight", prefix, name));
}

/* Packed values and their scales, for each row and 32 columns; the values are those that `X.weight`
 * would have. */
static void add_packed(struct maker *m, const char *prefix, const char *name, uint32_t rows,
                       uint32_t cols)
{
    bool  int4   = m->four == DV_INT4;
    char *weight = dv_arena_printf(&m->arena, "%s%s.weight", prefix, name);
    add(m, LINEAR, rows, cols, int4 ? DV_I32 : DV_I8,
        int4 ? dv_arena_printf(&m->arena, "%s_packed", weight) : weight);
    add(m, SCALE, rows, cols, int4 ? DV_BF16 : DV_F8_E8M0,
        dv_arena_printf(&m->arena, int4 ? "%s%s.weight_scale" : "%s%s.scale", prefix, name));
    if (m->status != DSVK_OK)
        return;
    for (uint32_t i = m->n - 2; i < m->n; i++) {
        m->items[i].weight = weight;
        m->items[i].four   = m->four;
    }
    m->items[m->n - 2].bytes = (uint64_t)rows * cols / 2;
    m->items[m->n - 1].bytes = (uint64_t)rows * blocks(cols, 32) * (int4 ? 2 : 1);
    if (!int4)
        return;
    add(m, SHAPE, 1, 2, DV_I64, dv_arena_printf(&m->arena, "%s_shape", weight));
    if (m->status == DSVK_OK) {
        m->items[m->n - 1].rows = rows;
        m->items[m->n - 1].cols = cols;
    }
}

static void add_linear(struct maker *m, const char *prefix, const char *name, uint32_t rows,
                       uint32_t cols)
{
    const struct dv_config *c = &m->recipe->config;
    if (m->four) {
        add_packed(m, prefix, name, rows, cols);
        return;
    }
    add_plain(m, LINEAR, prefix, name, rows, cols);
    if (m->status != DSVK_OK || !c->block_rows)
        return;
    struct item *weight = &m->items[m->n - 1];
    weight->dtype       = DV_F8_E4M3;
    weight->bytes       = (uint64_t)rows * cols;
    add(m, SCALE, rows, cols, DV_F32, dv_arena_printf(&m->arena, "%s_scale_inv", weight->name));
    if (m->status != DSVK_OK)
        return;
    m->items[m->n - 1].weight = weight->name;
    m->items[m->n - 1].bytes =
        (uint64_t)blocks(rows, c->block_rows) * blocks(cols, c->block_cols) * sizeof(float);
}

static void add_ffn(struct maker *m, const char *prefix, uint32_t hidden, uint32_t width)
{
    add_linear(m, prefix, "gate_proj", width, hidden);
    add_linear(m, prefix, "up_proj", width, hidden);
    add_linear(m, prefix, "down_proj", hidden, width);
}

static void add_experts(struct maker *m, const char *layer)
{
    const struct dv_config *c = &m->recipe->config;
    char                    prefix[64];
    add_plain(m, LINEAR, layer, "mlp.gate", c->experts, c->hidden);
    if (c->has_correction_bias)
        add(m, BIAS, 1, c->experts, DV_F32,
            dv_arena_printf(&m->arena, "%smlp.gate.e_score_correction_bias", layer));
    snprintf(prefix, sizeof prefix, "%smlp.shared_experts.", layer);
    add_ffn(m, prefix, c->hidden, c->shared_experts * c->expert_ffn);
    m->four = m->recipe->experts;
    for (uint32_t i = 0; i < c->experts; i++) {
        snprintf(prefix, sizeof prefix, "%smlp.experts.%u.", layer, i);
        add_ffn(m, prefix, c->hidden, c->expert_ffn);
    }
    m->four = 0;
}

static void add_layer(struct maker *m, uint32_t i)
{
    const struct dv_config *c      = &m->recipe->config;
    uint32_t                q_rows = c->heads * (c->nope + c->rope);
    char                    layer[32], mlp[40];
    snprintf(layer, sizeof layer, "model.layers.%u.", i);
    add_vector(m, layer, "input_layernorm", c->hidden);
    add_vector(m, layer, "post_attention_layernorm", c->hidden);
    if (c->q_lora) {
        add_linear(m, layer, "self_attn.q_a_proj", c->q_lora, c->hidden);
        add_vector(m, layer, "self_attn.q_a_layernorm", c->q_lora);
        add_linear(m, layer, "self_attn.q_b_proj", q_rows, c->q_lora);
    } else {
        add_linear(m, layer, "self_attn.q_proj", q_rows, c->hidden);
    }
    add_linear(m, layer, "self_attn.kv_a_proj_with_mqa", c->kv_lora + c->rope, c->hidden);
    add_vector(m, layer, "self_attn.kv_a_layernorm", c->kv_lora);
    add_linear(m, layer, "self_attn.kv_b_proj", c->heads * (c->nope + c->v_head), c->kv_lora);
    add_linear(m, layer, "self_attn.o_proj", c->hidden, c->heads * c->v_head);
    snprintf(mlp, sizeof mlp, "%smlp.", layer);
    if (dv_config_is_moe(c, i))
        add_experts(m, layer);
    else
        add_ffn(m, mlp, c->hidden, c->dense_ffn);
}

/* A prediction layer, stored after the last layer, with copies of embedding and head. */
static void add_mtp(struct maker *m, uint32_t i)
{
    const struct dv_config *c = &m->recipe->config;
    char                    layer[32];
    add_layer(m, i);
    snprintf(layer, sizeof layer, "model.layers.%u.", i);
    add_vector(m, layer, "enorm", c->hidden);
    add_vector(m, layer, "hnorm", c->hidden);
    add_plain(m, LINEAR, layer, "eh_proj", c->hidden, 2 * c->hidden);
    add_vector(m, layer, "shared_head.norm", c->hidden);
    add_plain(m, EMBEDDING, layer, "embed_tokens", c->vocab, c->hidden);
    add_plain(m, LINEAR, layer, "shared_head.head", c->vocab, c->hidden);
    if (m->status != DSVK_OK)
        return;
    m->items[m->n - 2].weight = "model.embed_tokens.weight";
    m->items[m->n - 1].weight = "lm_head.weight";
}

static void add_all(struct maker *m)
{
    const struct dv_config *c = &m->recipe->config;
    add_plain(m, EMBEDDING, "model.", "embed_tokens", c->vocab, c->hidden);
    for (uint32_t i = 0; i < c->layers; i++)
        add_layer(m, i);
    for (uint32_t i = 0; i < c->mtp_layers; i++)
        add_mtp(m, c->layers + i);
    add_vector(m, "model.", "norm", c->hidden);
    if (!c->tied_head)
        add_plain(m, LINEAR, "", "lm_head", c->vocab, c->hidden);
    for (uint32_t i = 0; i < m->n; i++) {
        m->items[i].shard = (uint32_t)((uint64_t)i * m->recipe->shards / m->n);
        if (m->recipe->scales_apart && m->items[i].kind == SCALE)
            m->items[i].shard = (m->items[i - 1].shard + 1) % m->recipe->shards;
    }
}

static void make_values(struct maker *m, const struct item *item)
{
    uint64_t state = m->seed ^ 0xCBF29CE484222325u; /* FNV-1a of the name, begun from the seed */
    for (const char *c = item->weight; *c; c++)
        state = (state ^ (unsigned char)*c) * 0x100000001B3u;
    /* Outputs of about the size of the inputs; 0.125 n + 1 is exact in a float. */
    double   spread = item->kind == EMBEDDING ? 1.0 : 1.0 / sqrt((double)item->cols);
    uint64_t n      = (uint64_t)item->rows * item->cols;
    for (uint64_t i = 0; i < n; i++) {
        double normal = random_normal(&state);
        if (item->kind == NORM)
            m->values[i] = (float)(1.0 + normal * 0.125);
        else
            m->values[i] = (float)(normal * (item->kind == BIAS ? 0.1 : spread));
    }
}

/* The scale of a block: its largest value becomes the largest that e4m3 holds. */
static float block_scale(const struct maker *m, const struct item *item, uint32_t row, uint32_t col)
{
    const struct dv_config *c    = &m->recipe->config;
    float                   most = 0;
    for (uint32_t i = row; i < item->rows && i < row + c->block_rows; i++)
        for (uint32_t j = col; j < item->cols && j < col + c->block_cols; j++)
            most = fmaxf(most, fabsf(m->values[(uint64_t)i * item->cols + j]));
    return most > 0 ? most / E4M3_MAX : 1.0f;
}

static void write_scaled(FILE *file, struct maker *m, const struct item *item)
{
    const struct dv_config *c = &m->recipe->config;
    for (uint32_t row = 0; row < item->rows; row += c->block_rows)
        for (uint32_t col = 0; col < item->cols; col += c->block_cols) {
            float scale = block_scale(m, item, row, col);
            if (item->kind == SCALE) {
                fwrite(&scale, sizeof scale, 1, file);
                continue;
            }
            for (uint32_t i = row; i < item->rows && i < row + c->block_rows; i++)
                for (uint32_t j = col; j < item->cols && j < col + c->block_cols; j++)
                    m->values[(uint64_t)i * item->cols + j] /= scale;
        }
    if (item->kind != SCALE)
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

static void write_group(FILE *file, const struct item *item, const float *values, uint32_t n)
{
    float    scale = group_scale(values, n, item->four);
    uint16_t half  = dv_bf16_encode(scale);
    if (item->kind == SCALE && item->four == DV_INT4)
        fwrite(&half, sizeof half, 1, file);
    else if (item->kind == SCALE)
        fputc(half >> 7, file); /* a power of two's exponent */
    else
        for (uint32_t k = 0; k < n; k += 2)
            fputc((int)(code_of(values[k] / scale, item->four) |
                        code_of(values[k + 1] / scale, item->four) << 4), file);
}

static void write_item(FILE *file, struct maker *m, const struct item *item)
{
    if (item->kind == SHAPE) {
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
    if (item->kind == SCALE || item->dtype == DV_F8_E4M3) {
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

/* The JSON header of one shard, padded so that the data is aligned to 8 bytes. */
static char *make_header(struct maker *m, uint32_t shard)
{
    const struct dv_config *c    = &m->recipe->config;
    uint64_t                at   = 0;
    size_t                  room = m->n * 200u + 64, length;
    char                   *all  = dv_arena_alloc(&m->arena, room, 1);
    if (!all)
        return NULL;
    length = (size_t)snprintf(all, room, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (uint32_t i = 0; i < m->n; i++) {
        const struct item *item = &m->items[i];
        uint32_t           rows = item->rows, cols = item->cols;
        if (item->shard != shard)
            continue;
        if (item->kind == SHAPE) {
            cols = 2;
        } else if (item->four) {
            cols = item->kind == SCALE ? blocks(cols, 32) : cols / (item->four == DV_INT4 ? 8 : 2);
        } else if (item->kind == SCALE) {
            rows = blocks(rows, c->block_rows);
            cols = blocks(cols, c->block_cols);
        }
        length +=
            (size_t)snprintf(all + length, room - length, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                             item->name, dv_dtype_name(item->dtype));
        if (item->kind != NORM && item->kind != BIAS && item->kind != SHAPE)
            length += (size_t)snprintf(all + length, room - length, "%u,", rows);
        length +=
            (size_t)snprintf(all + length, room - length, "%u],\"data_offsets\":[%llu,%llu]}", cols,
                             (unsigned long long)at, (unsigned long long)(at + item->bytes));
        at += item->bytes;
    }
    length += (size_t)snprintf(all + length, room - length, "}");
    while (length % 8 != 0)
        all[length++] = ' ';
    return all;
}

static void shard_name(char *text, size_t bytes, uint32_t i, uint32_t n)
{
    if (n == 1)
        snprintf(text, bytes, "model.safetensors");
    else
        snprintf(text, bytes, "model-%05u-of-%05u.safetensors", i + 1, n);
}

static dsvk_status write_shard(struct maker *m, const char *folder, uint32_t shard)
{
    dsvk_status status;
    FILE       *file;
    char        name[64];
    char       *header = make_header(m, shard);
    if (!header)
        return DSVK_NO_MEMORY;
    shard_name(name, sizeof name, shard, m->recipe->shards);
    TRY(dv_make_open(&file, m->ctx, folder, name));
    uint64_t length = strlen(header);
    for (unsigned i = 0; i < 8; i++)
        fputc((int)(length >> 8 * i & 255), file);
    fwrite(header, 1, length, file);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->items[i].shard == shard)
            write_item(file, m, &m->items[i]);
    return dv_make_close(file, m->ctx, name);
}

static dsvk_status write_index(struct maker *m, const char *folder)
{
    dsvk_status status;
    FILE       *file;
    char        name[64];
    uint64_t    total = 0;
    TRY(dv_make_open(&file, m->ctx, folder, "model.safetensors.index.json"));
    for (uint32_t i = 0; i < m->n; i++)
        total += m->items[i].bytes;
    fprintf(file, "{\n \"metadata\": {\"total_size\": %llu},\n \"weight_map\": {",
            (unsigned long long)total);
    for (uint32_t i = 0; i < m->n; i++) {
        shard_name(name, sizeof name, m->items[i].shard, m->recipe->shards);
        fprintf(file, "%s\n  \"%s\": \"%s\"", i ? "," : "", m->items[i].name, name);
    }
    fprintf(file, "\n }\n}\n");
    return dv_make_close(file, m->ctx, "model.safetensors.index.json");
}

static dsvk_status write_all(struct maker *m, const char *folder)
{
    dsvk_status status;
    uint64_t    most = 0;
    m->items         = dv_arena_alloc(&m->arena, MAX_ITEMS, sizeof *m->items);
    if (!m->items)
        return DSVK_NO_MEMORY;
    add_all(m);
    for (uint32_t i = 0; i < m->n; i++)
        if (most < (uint64_t)m->items[i].rows * m->items[i].cols)
            most = (uint64_t)m->items[i].rows * m->items[i].cols;
    m->values = dv_arena_alloc(&m->arena, (size_t)most, sizeof *m->values);
    if (m->status != DSVK_OK || !m->values)
        return DSVK_NO_MEMORY;
    for (uint32_t i = 0; i < m->recipe->shards; i++)
        TRY(write_shard(m, folder, i));
    return m->recipe->shards > 1 ? write_index(m, folder) : DSVK_OK;
}

dsvk_status dv_make_tensors(const struct dv_context *ctx, const struct dv_recipe *recipe,
                            uint64_t seed, const char *folder)
{
    struct maker m = { .ctx = ctx, .recipe = recipe, .seed = seed };
    dv_arena_init(&m.arena, ctx);
    dsvk_status status = write_all(&m, folder);
    if (status == DSVK_NO_MEMORY)
        dv_fail(ctx, status, "make: %s: no memory for its tensors", folder);
    dv_arena_done(&m.arena);
    return status;
}
