/* SPDX-License-Identifier: MIT */
/* Which tensors a recipe has, in the order of a release, and how they are spread over files. */
#include <string.h>

#include "support/make_parts.h"

uint32_t dv_make_blocks(uint32_t n, uint32_t block)
{
    return (n + block - 1) / block;
}

static void add(struct dv_make_list *list, enum dv_make_kind kind, uint32_t rows, uint32_t cols,
                enum dv_dtype dtype, const char *name)
{
    if (list->recipe->all_f32)
        dtype = DV_F32;
    if (list->n == list->room || !name)
        list->status = DSVK_NO_MEMORY;
    if (list->status != DSVK_OK)
        return;
    list->items[list->n++] =
        (struct dv_make_item){ .name   = name,
                               .weight = name,
                               .kind   = kind,
                               .dtype  = dtype,
                               .rows   = rows,
                               .cols   = cols,
                               .bytes  = (uint64_t)rows * cols * dv_dtype_bytes(dtype) };
}

static void add_vector(struct dv_make_list *list, const char *prefix, const char *name, uint32_t n)
{
    add(list, DV_MAKE_NORM, 1, n, DV_BF16,
        dv_arena_printf(&list->arena, "%s%s.weight", prefix, name));
}

/* A matrix that stays BF16 in FP8 releases: embedding, head, router. */
static void add_plain(struct dv_make_list *list, enum dv_make_kind kind, const char *prefix,
                      const char *name, uint32_t rows, uint32_t cols)
{
    add(list, kind, rows, cols, DV_BF16,
        dv_arena_printf(&list->arena, "%s%s.weight", prefix, name));
}

/* Packed values and their scales, for each row and 32 columns; the values are those that `X.weight`
 * would have. */
static void add_packed(struct dv_make_list *list, const char *prefix, const char *name,
                       uint32_t rows, uint32_t cols)
{
    bool  int4   = list->four == DV_INT4;
    char *weight = dv_arena_printf(&list->arena, "%s%s.weight", prefix, name);
    add(list, DV_MAKE_LINEAR, rows, cols, int4 ? DV_I32 : DV_I8,
        int4 ? dv_arena_printf(&list->arena, "%s_packed", weight) : weight);
    add(list, DV_MAKE_SCALE, rows, cols, int4 ? DV_BF16 : DV_F8_E8M0,
        dv_arena_printf(&list->arena, int4 ? "%s%s.weight_scale" : "%s%s.scale", prefix, name));
    if (list->status != DSVK_OK)
        return;
    for (uint32_t i = list->n - 2; i < list->n; i++) {
        list->items[i].weight = weight;
        list->items[i].four   = list->four;
    }
    list->items[list->n - 2].bytes = (uint64_t)rows * cols / 2;
    list->items[list->n - 1].bytes = (uint64_t)rows * dv_make_blocks(cols, 32) * (int4 ? 2 : 1);
    if (!int4)
        return;
    add(list, DV_MAKE_SHAPE, 1, 2, DV_I64, dv_arena_printf(&list->arena, "%s_shape", weight));
    if (list->status == DSVK_OK) {
        list->items[list->n - 1].rows = rows;
        list->items[list->n - 1].cols = cols;
    }
}

static void add_linear(struct dv_make_list *list, const char *prefix, const char *name,
                       uint32_t rows, uint32_t cols)
{
    const struct dv_config *c = &list->recipe->config;
    if (list->four) {
        add_packed(list, prefix, name, rows, cols);
        return;
    }
    add_plain(list, DV_MAKE_LINEAR, prefix, name, rows, cols);
    if (list->status != DSVK_OK || !c->block_rows)
        return;
    struct dv_make_item *weight = &list->items[list->n - 1];
    weight->dtype               = DV_F8_E4M3;
    weight->bytes               = (uint64_t)rows * cols;
    add(list, DV_MAKE_SCALE, rows, cols, DV_F32,
        dv_arena_printf(&list->arena, "%s_scale_inv", weight->name));
    if (list->status != DSVK_OK)
        return;
    list->items[list->n - 1].weight = weight->name;
    list->items[list->n - 1].bytes  = (uint64_t)dv_make_blocks(rows, c->block_rows) *
                                     dv_make_blocks(cols, c->block_cols) * sizeof(float);
}

static void add_ffn(struct dv_make_list *list, const char *prefix, uint32_t hidden, uint32_t width)
{
    add_linear(list, prefix, "gate_proj", width, hidden);
    add_linear(list, prefix, "up_proj", width, hidden);
    add_linear(list, prefix, "down_proj", hidden, width);
}

static void add_experts(struct dv_make_list *list, const char *layer)
{
    const struct dv_config *c = &list->recipe->config;
    char                    prefix[64];
    add_plain(list, DV_MAKE_LINEAR, layer, "mlp.gate", c->experts, c->hidden);
    if (c->has_correction_bias)
        add(list, DV_MAKE_BIAS, 1, c->experts, DV_F32,
            dv_arena_printf(&list->arena, "%smlp.gate.e_score_correction_bias", layer));
    snprintf(prefix, sizeof prefix, "%smlp.shared_experts.", layer);
    add_ffn(list, prefix, c->hidden, c->shared_experts * c->expert_ffn);
    list->four = list->recipe->experts;
    for (uint32_t i = 0; i < c->experts; i++) {
        snprintf(prefix, sizeof prefix, "%smlp.experts.%u.", layer, i);
        add_ffn(list, prefix, c->hidden, c->expert_ffn);
    }
    list->four = 0;
}

static void add_layer(struct dv_make_list *list, uint32_t i)
{
    const struct dv_config *c      = &list->recipe->config;
    uint32_t                q_rows = c->heads * (c->nope + c->rope);
    char                    layer[32], mlp[40];
    snprintf(layer, sizeof layer, "model.layers.%u.", i);
    add_vector(list, layer, "input_layernorm", c->hidden);
    add_vector(list, layer, "post_attention_layernorm", c->hidden);
    if (c->q_lora) {
        add_linear(list, layer, "self_attn.q_a_proj", c->q_lora, c->hidden);
        add_vector(list, layer, "self_attn.q_a_layernorm", c->q_lora);
        add_linear(list, layer, "self_attn.q_b_proj", q_rows, c->q_lora);
    } else {
        add_linear(list, layer, "self_attn.q_proj", q_rows, c->hidden);
    }
    add_linear(list, layer, "self_attn.kv_a_proj_with_mqa", c->kv_lora + c->rope, c->hidden);
    add_vector(list, layer, "self_attn.kv_a_layernorm", c->kv_lora);
    add_linear(list, layer, "self_attn.kv_b_proj", c->heads * (c->nope + c->v_head), c->kv_lora);
    add_linear(list, layer, "self_attn.o_proj", c->hidden, c->heads * c->v_head);
    snprintf(mlp, sizeof mlp, "%smlp.", layer);
    if (dv_config_is_moe(c, i))
        add_experts(list, layer);
    else
        add_ffn(list, mlp, c->hidden, c->dense_ffn);
}

/* A prediction layer, stored after the last layer, with copies of embedding and head. */
static void add_mtp(struct dv_make_list *list, uint32_t i)
{
    const struct dv_config *c = &list->recipe->config;
    char                    layer[32];
    add_layer(list, i);
    snprintf(layer, sizeof layer, "model.layers.%u.", i);
    add_vector(list, layer, "enorm", c->hidden);
    add_vector(list, layer, "hnorm", c->hidden);
    add_plain(list, DV_MAKE_LINEAR, layer, "eh_proj", c->hidden, 2 * c->hidden);
    add_vector(list, layer, "shared_head.norm", c->hidden);
    add_plain(list, DV_MAKE_EMBEDDING, layer, "embed_tokens", c->vocab, c->hidden);
    add_plain(list, DV_MAKE_LINEAR, layer, "shared_head.head", c->vocab, c->hidden);
    if (list->status != DSVK_OK)
        return;
    list->items[list->n - 2].weight = "model.embed_tokens.weight";
    list->items[list->n - 1].weight = "lm_head.weight";
}

static void add_all(struct dv_make_list *list)
{
    const struct dv_config *c = &list->recipe->config;
    add_plain(list, DV_MAKE_EMBEDDING, "model.", "embed_tokens", c->vocab, c->hidden);
    for (uint32_t i = 0; i < c->layers; i++)
        add_layer(list, i);
    for (uint32_t i = 0; i < c->mtp_layers; i++)
        add_mtp(list, c->layers + i);
    add_vector(list, "model.", "norm", c->hidden);
    if (!c->tied_head)
        add_plain(list, DV_MAKE_LINEAR, "", "lm_head", c->vocab, c->hidden);
}

/* Equal numbers of tensors a file, or files of up to shard_bytes. */
static void spread(struct dv_make_list *list)
{
    const struct dv_recipe *recipe = list->recipe;
    uint64_t                bytes  = 0;
    list->shards                   = recipe->shard_bytes ? 1 : recipe->shards;
    for (uint32_t i = 0; i < list->n; i++) {
        struct dv_make_item *item = &list->items[i];
        if (!recipe->shard_bytes) {
            item->shard = (uint32_t)((uint64_t)i * recipe->shards / list->n);
            if (recipe->scales_apart && item->kind == DV_MAKE_SCALE)
                item->shard = (list->items[i - 1].shard + 1) % recipe->shards;
            continue;
        }
        if (bytes > 0 && bytes + item->bytes > recipe->shard_bytes) {
            list->shards++;
            bytes = 0;
        }
        bytes += item->bytes;
        item->shard = list->shards - 1;
    }
}

dsvk_status dv_make_list_init(struct dv_make_list *list, const struct dv_context *ctx,
                              const struct dv_recipe *recipe)
{
    const struct dv_config *c = &recipe->config;
    *list                     = (struct dv_make_list){ .ctx = ctx, .recipe = recipe };
    dv_arena_init(&list->arena, ctx);
    /* A layer has at most 14 matrices and 10 vectors besides its experts. */
    list->room  = 8 + (c->layers + c->mtp_layers) * (40 + c->experts * 9);
    list->items = dv_arena_alloc(&list->arena, list->room, sizeof *list->items);
    if (list->items)
        add_all(list);
    if (!list->items || list->status != DSVK_OK)
        return dv_fail(ctx, DSVK_NO_MEMORY, "make: no memory for a list of tensors");
    spread(list);
    for (uint32_t i = 0; i < list->n; i++)
        list->bytes += list->items[i].bytes;
    return DSVK_OK;
}

void dv_make_list_done(struct dv_make_list *list)
{
    dv_arena_done(&list->arena);
}

char *dv_make_header(const struct dv_make_list *list, uint32_t shard)
{
    const struct dv_config *c    = &list->recipe->config;
    uint64_t                at   = 0;
    size_t                  room = 64, length;
    for (uint32_t i = 0; i < list->n; i++)
        room += list->items[i].shard == shard ? 200 : 0;
    char *all = dv_zalloc(list->ctx, room);
    if (!all)
        return NULL;
    length = (size_t)snprintf(all, room, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (uint32_t i = 0; i < list->n; i++) {
        const struct dv_make_item *item = &list->items[i];
        uint32_t                   rows = item->rows, cols = item->cols;
        if (item->shard != shard)
            continue;
        if (item->kind == DV_MAKE_SHAPE) {
            cols = 2;
        } else if (item->four) {
            cols = item->kind == DV_MAKE_SCALE ? dv_make_blocks(cols, 32)
                                               : cols / (item->four == DV_INT4 ? 8 : 2);
        } else if (item->kind == DV_MAKE_SCALE) {
            rows = dv_make_blocks(rows, c->block_rows);
            cols = dv_make_blocks(cols, c->block_cols);
        }
        length +=
            (size_t)snprintf(all + length, room - length, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                             item->name, dv_dtype_name(item->dtype));
        if (item->kind != DV_MAKE_NORM && item->kind != DV_MAKE_BIAS && item->kind != DV_MAKE_SHAPE)
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

void dv_make_shard_name(const struct dv_make_list *list, uint32_t i, char text[64])
{
    if (list->shards == 1)
        snprintf(text, 64, "model.safetensors");
    else
        snprintf(text, 64, "model-%05u-of-%05u.safetensors", i + 1, list->shards);
}

dsvk_status dv_make_index(const struct dv_make_list *list, const char *folder)
{
    dsvk_status status;
    FILE       *file;
    char        name[64];
    TRY(dv_make_open(&file, list->ctx, folder, "model.safetensors.index.json"));
    fprintf(file, "{\n \"metadata\": {\"total_size\": %llu},\n \"weight_map\": {",
            (unsigned long long)list->bytes);
    for (uint32_t i = 0; i < list->n; i++) {
        dv_make_shard_name(list, list->items[i].shard, name);
        fprintf(file, "%s\n  \"%s\": \"%s\"", i ? "," : "", list->items[i].name, name);
    }
    fprintf(file, "\n }\n}\n");
    return dv_make_close(file, list->ctx, "model.safetensors.index.json");
}
