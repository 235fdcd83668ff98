/* SPDX-License-Identifier: MIT */
/* config.json says how large everything is, so nothing in it is believed: each key has a range,
 * and the products that become matrix widths are checked here once. */
#include "file/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/os.h"
#include "file/config_quant.h"
#include "file/json.h"

#define MAX_WIDTH (1u << 20)
#define MAX_LAYERS 1024u
#define MAX_EXPERTS 4096u
#define MAX_CONTEXT (1u << 24)
#define MAX_FILE_BYTES (16u << 20)

static const struct arch_name {
    const char  *model_type, *architecture;
    enum dv_arch arch;
} arch_names[] = {
    { "deepseek_v2", "DeepseekV2ForCausalLM", DV_ARCH_DEEPSEEK_V2 },
    { "deepseek_v3", "DeepseekV3ForCausalLM", DV_ARCH_DEEPSEEK_V3 },
    { "kimi_k2", "KimiK2ForCausalLM", DV_ARCH_KIMI_K2 },
    { "glm4_moe_lite", "Glm4MoeLiteForCausalLM", DV_ARCH_GLM4_MOE_LITE },
};

/* Records a sentence about several keys at once. */
#define REFUSE(json, ...)                                                                          \
    do {                                                                                           \
        if ((json)->status == DSVK_OK)                                                             \
            (json)->status = dv_fail((json)->ctx, DSVK_BAD_FILE, "config: " __VA_ARGS__);          \
    } while (0)

static void read_arch(struct dv_config *config, struct dv_json *json)
{
    const json_t *list         = dv_json_get(json, "architectures");
    const char   *architecture = json_string_value(json_array_get(list, 0));
    const char   *type         = dv_json_text_or(json, "model_type", NULL);
    if (!type && !architecture) {
        dv_json_missing(json, "model_type");
        return;
    }
    for (size_t i = 0; i < sizeof arch_names / sizeof *arch_names; i++) {
        const struct arch_name *name = &arch_names[i];
        if (strcmp(type ? type : architecture, type ? name->model_type : name->architecture) == 0) {
            config->arch = name->arch;
            snprintf(config->model_type, sizeof config->model_type, "%s", name->model_type);
            return;
        }
    }
    if (json->status == DSVK_OK)
        json->status = dv_fail(json->ctx, DSVK_UNSUPPORTED,
                               "config: %s: model type %.40s is not one of deepseek_v2, "
                               "deepseek_v3, kimi_k2, glm4_moe_lite",
                               json->where, type ? type : architecture);
}

/* A width that kernels index four values at a time. */
static uint32_t width(struct dv_json *json, const char *key)
{
    uint32_t value = dv_json_u32(json, key, 1, MAX_WIDTH);
    if (value % 4 != 0 && json->status == DSVK_OK)
        json->status = dv_fail(json->ctx, DSVK_UNSUPPORTED,
                               "config: %s: %s %u is not a multiple of 4", json->where, key, value);
    return value;
}

static void check_product(struct dv_json *json, const char *what, uint32_t n, uint32_t each)
{
    if ((uint64_t)n * each > MAX_WIDTH)
        REFUSE(json, "%s: %u %s of %u values, more than %u together", json->where, n, what, each,
               MAX_WIDTH);
}

static void read_shape(struct dv_config *config, struct dv_json *json)
{
    config->hidden = width(json, "hidden_size");
    config->layers = dv_json_u32(json, "num_hidden_layers", 1, MAX_LAYERS);
    config->heads  = dv_json_u32(json, "num_attention_heads", 1, MAX_WIDTH);
    config->vocab  = dv_json_u32(json, "vocab_size", 1, MAX_WIDTH);
    config->q_lora = dv_json_get(json, "q_lora_rank") ? width(json, "q_lora_rank") : 0;

    config->kv_lora   = width(json, "kv_lora_rank");
    config->nope      = width(json, "qk_nope_head_dim");
    config->rope      = width(json, "qk_rope_head_dim");
    config->v_head    = width(json, "v_head_dim");
    config->dense_ffn = width(json, "intermediate_size");
    check_product(json, "heads", config->heads, config->nope + config->rope);
    check_product(json, "heads", config->heads, config->nope + config->v_head);

    config->max_context = dv_json_u32(json, "max_position_embeddings", 1, MAX_CONTEXT);
    config->mtp_layers  = dv_json_u32_or(json, "num_nextn_predict_layers", 0, 0, MAX_LAYERS);
    config->tied_head   = dv_json_bool_or(json, "tie_word_embeddings", false);
    config->norm_eps    = (float)dv_json_number_or(json, "rms_norm_eps", 1e-6, 1e-30, 1.0);

    const char *act = dv_json_text_or(json, "hidden_act", "silu");
    if (strcmp(act, "silu") != 0)
        dv_json_unsupported(json, "hidden_act", act);
    if (dv_json_bool_or(json, "attention_bias", false))
        dv_json_unsupported(json, "attention_bias", "true");
    if (!dv_json_bool_or(json, "rope_interleave", true))
        dv_json_unsupported(json, "rope_interleave", "false");
    /* Sparse attention under a dense model type would be read as dense, and be wrong late. */
    if (dv_json_get(json, "index_topk"))
        dv_json_unsupported(json, "index_topk", "(sparse attention)");
}

static void read_router(struct dv_config *config, struct dv_json *json)
{
    bool        v2      = config->arch == DV_ARCH_DEEPSEEK_V2;
    const char *scoring = dv_json_text_or(json, "scoring_func", v2 ? "softmax" : "sigmoid");
    const char *method  = dv_json_text_or(json, "topk_method", v2 ? "greedy" : "noaux_tc");

    if (strcmp(scoring, "softmax") == 0)
        config->scoring = DV_SCORING_SOFTMAX;
    else if (strcmp(scoring, "sigmoid") == 0)
        config->scoring = DV_SCORING_SIGMOID;
    else
        dv_json_unsupported(json, "scoring_func", scoring);

    /* "gready" is how the configuration class of the first V2 release spells it. */
    if (strcmp(method, "greedy") == 0 || strcmp(method, "gready") == 0)
        config->topk_method = DV_TOPK_GREEDY;
    else if (strcmp(method, "group_limited_greedy") == 0)
        config->topk_method = DV_TOPK_GROUP_LIMITED_GREEDY;
    else if (strcmp(method, "noaux_tc") == 0)
        config->topk_method = DV_TOPK_NOAUX_TC;
    else
        dv_json_unsupported(json, "topk_method", method);

    config->has_correction_bias = config->topk_method == DV_TOPK_NOAUX_TC;
    config->norm_topk           = dv_json_bool_or(json, "norm_topk_prob", !v2);
    config->routed_scale = (float)dv_json_number_or(json, "routed_scaling_factor", 1.0, 1e-6, 1e6);
}

static void check_groups(struct dv_config *config, struct dv_json *json)
{
    if (json->status != DSVK_OK)
        return;
    if (config->top_k > config->experts)
        REFUSE(json, "%s: num_experts_per_tok %u of only %u experts", json->where, config->top_k,
               config->experts);
    if (config->topk_method == DV_TOPK_GREEDY) {
        config->groups = config->top_k_groups = 1; /* this method does not look at groups */
        return;
    }
    if (config->experts % config->groups != 0)
        REFUSE(json, "%s: %u experts do not divide into n_group %u groups", json->where,
               config->experts, config->groups);
    if (config->top_k_groups > config->groups)
        REFUSE(json, "%s: topk_group %u of only %u groups", json->where, config->top_k_groups,
               config->groups);
    uint32_t each = config->experts / config->groups;
    if (config->top_k > config->top_k_groups * each)
        REFUSE(json, "%s: num_experts_per_tok %u of only %u experts in topk_group %u groups",
               json->where, config->top_k, config->top_k_groups * each, config->top_k_groups);
    /* A group's score is the sum of its two best. */
    if (config->topk_method == DV_TOPK_NOAUX_TC && config->groups > 1 && each < 2)
        REFUSE(json, "%s: n_group %u leaves 1 expert a group, noaux_tc needs 2", json->where,
               config->groups);
}

/* glm4_moe_lite says twice which layers are dense; both must agree. */
static void read_layer_types(struct dv_config *config, struct dv_json *json)
{
    json_t *types = dv_json_get(json, "mlp_layer_types");
    if (!types)
        return;
    if (!json_is_array(types) || json_array_size(types) < config->layers) {
        dv_json_refuse(json, "mlp_layer_types", "an array with a text for each layer");
        return;
    }
    if (!dv_json_get(json, "first_k_dense_replace"))
        while (config->first_dense < config->layers && config->experts &&
               json_is_string(json_array_get(types, config->first_dense)) &&
               strcmp(json_string_value(json_array_get(types, config->first_dense)), "dense") == 0)
            config->first_dense++;
    for (uint32_t i = 0; i < config->layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        const char *want = dv_config_is_moe(config, i) ? "sparse" : "dense";
        if (!type || strcmp(type, want) != 0) {
            REFUSE(json, "%s: mlp_layer_types[%u] is %.40s where first_k_dense_replace says %s",
                   json->where, i, type ? type : "no text", want);
            return;
        }
    }
}

static void read_experts(struct dv_config *config, struct dv_json *json)
{
    config->moe_every = 1;
    if (!dv_json_get(json, "n_routed_experts"))
        return;
    config->experts        = dv_json_u32(json, "n_routed_experts", 1, MAX_EXPERTS);
    config->expert_ffn     = width(json, "moe_intermediate_size");
    config->shared_experts = dv_json_u32_or(json, "n_shared_experts", 0, 0, MAX_EXPERTS);
    config->top_k          = dv_json_u32(json, "num_experts_per_tok", 1, MAX_EXPERTS);
    config->groups         = dv_json_u32_or(json, "n_group", 1, 1, MAX_EXPERTS);
    config->top_k_groups   = dv_json_u32_or(json, "topk_group", 1, 1, MAX_EXPERTS);
    config->first_dense    = dv_json_u32_or(json, "first_k_dense_replace", 0, 0, MAX_LAYERS);
    config->moe_every      = dv_json_u32_or(json, "moe_layer_freq", 1, 1, MAX_LAYERS);
    check_product(json, "shared experts", config->shared_experts, config->expert_ffn);
    read_router(config, json);
    check_groups(config, json);
    if (json->status == DSVK_OK)
        read_layer_types(config, json);
}

static void read_yarn(struct dv_config *config, struct dv_json *rope)
{
    config->yarn.on     = true;
    config->yarn.factor = dv_json_number_or(rope, "factor", NAN, 1.0, 65536.0);
    config->yarn.original_context =
        dv_json_u32(rope, "original_max_position_embeddings", 1, MAX_CONTEXT);
    config->yarn.beta_fast      = dv_json_number_or(rope, "beta_fast", 32.0, 1e-3, 1e6);
    config->yarn.beta_slow      = dv_json_number_or(rope, "beta_slow", 1.0, 1e-3, 1e6);
    config->yarn.mscale         = dv_json_number_or(rope, "mscale", 1.0, 0.0, 100.0);
    config->yarn.mscale_all_dim = dv_json_number_or(rope, "mscale_all_dim", 0.0, 0.0, 100.0);
    if (config->yarn.beta_slow > config->yarn.beta_fast)
        REFUSE(rope, "%s: beta_slow %g is above beta_fast %g", rope->where, config->yarn.beta_slow,
               config->yarn.beta_fast);
    if (dv_json_get(rope, "attention_factor"))
        dv_json_unsupported(rope, "attention_factor", "of rope scaling");
}

/* `rope_parameters` is the newer spelling, with the base inside; `rope_scaling` the older. */
static void read_rope(struct dv_config *config, struct dv_json *json)
{
    struct dv_json rope  = dv_json_child(json, "rope_parameters");
    bool           newer = rope.object != NULL;
    if (!newer)
        rope = dv_json_child(json, "rope_scaling");
    double outer       = dv_json_number_or(json, "rope_theta", 10000.0, 1.0, 1e12);
    rope.status        = json->status; /* one sentence is enough */
    config->rope_theta = dv_json_number_or(&rope, "rope_theta", outer, 1.0, 1e12);
    if (json->status == DSVK_OK && rope.object) {
        const char *type = dv_json_text_or(&rope, "rope_type", NULL);
        if (!type)
            type = dv_json_text_or(&rope, "type", newer ? "default" : NULL);
        if (!type)
            dv_json_missing(&rope, "rope_scaling type");
        else if (strcmp(type, "yarn") == 0)
            read_yarn(config, &rope);
        else if (strcmp(type, "default") != 0)
            dv_json_unsupported(&rope, "rope scaling type", type);
        json->status = rope.status;
    }
}

/* Stop tokens: one id or a list. */
static void read_eos(struct dv_config *config, struct dv_json *json)
{
    json_t *eos  = dv_json_get(json, "eos_token_id");
    bool    list = json_is_array(eos);
    size_t  n    = list ? json_array_size(eos) : 1;
    if (!eos)
        return;
    if (n > DV_MAX_EOS)
        dv_json_refuse(json, "eos_token_id", "at most 16 ids");
    config->n_eos = 0;
    for (size_t i = 0; i < n && json->status == DSVK_OK; i++) {
        const json_t *id    = list ? json_array_get(eos, i) : eos;
        json_int_t    value = json_is_integer(id) ? json_integer_value(id) : -1;
        if (value < 0 || value >= config->vocab)
            dv_json_refuse(json, "eos_token_id", "ids inside the vocabulary");
        else
            config->eos[config->n_eos++] = (uint32_t)value;
    }
}

static void read_tokens(struct dv_config *config, struct dv_json *json)
{
    if (dv_json_get(json, "bos_token_id"))
        config->bos = dv_json_u32(json, "bos_token_id", 0, config->vocab ? config->vocab - 1 : 0);
    read_eos(config, json);
}

static void read_generation(struct dv_config *config, struct dv_json *json)
{
    read_tokens(config, json);
    config->do_sample   = dv_json_bool_or(json, "do_sample", false);
    config->temperature = (float)dv_json_number_or(json, "temperature", 1.0, 0.0, 100.0);
    config->top_p       = (float)dv_json_number_or(json, "top_p", 1.0, 1e-6, 1.0);
    config->gen_top_k   = dv_json_u32_or(json, "top_k", 0, 0, MAX_WIDTH);
}

static void read_config(struct dv_config *config, struct dv_json *json)
{
    struct dv_json text = dv_json_child(json, "text_config");
    if (text.object)
        *json = text;
    read_arch(config, json);
    read_shape(config, json);
    read_experts(config, json);
    read_rope(config, json);
    dv_config_quantization(config, json);
    read_tokens(config, json);
}

static dsvk_status parse(struct dv_config *config, const struct dv_context *ctx, const char *where,
                         const char *text, size_t bytes,
                         void (*read)(struct dv_config *, struct dv_json *))
{
    dsvk_status    status;
    struct dv_json json = { .ctx = ctx, .module = "config", .where = where };
    json_t        *root;
    TRY(dv_json_load(&root, ctx, "config", where, text, bytes));
    json.object = root;
    if (json_is_object(root))
        read(config, &json);
    else
        json.status = dv_fail(ctx, DSVK_BAD_FILE, "config: %s: not a JSON object", where);
    json_decref(root);
    return json.status;
}

dsvk_status dv_config_parse(struct dv_config *config, const struct dv_context *ctx,
                            const char *where, const char *json, size_t bytes,
                            const char *generation_json, size_t generation_bytes)
{
    struct dv_config made = { .bos = -1, .routed_scale = 1.0f, .temperature = 1.0f, .top_p = 1.0f };
    dsvk_status      status;
    memset(config, 0, sizeof *config);
    TRY(parse(&made, ctx, where, json, bytes, read_config));
    if (generation_json)
        TRY(parse(&made, ctx, where, generation_json, generation_bytes, read_generation));
    *config = made;
    return DSVK_OK;
}

static dsvk_status read_folder(struct dv_config *config, struct dv_arena *arena, char **config_text,
                               char **generation_text, const char *folder)
{
    const struct dv_context *ctx = arena->ctx;
    dsvk_status              status;
    size_t                   bytes, generation_bytes = 0;
    const char              *path = dv_arena_printf(arena, "%s/config.json", folder);
    const char *generation        = dv_arena_printf(arena, "%s/generation_config.json", folder);
    if (!path || !generation)
        return dv_fail(ctx, DSVK_NO_MEMORY, "config: %s: no memory for its path", folder);
    TRY(dv_file_read(config_text, &bytes, ctx, path, MAX_FILE_BYTES));
    if (dv_file_exists(generation))
        TRY(dv_file_read(generation_text, &generation_bytes, ctx, generation, MAX_FILE_BYTES));
    return dv_config_parse(config, ctx, folder, *config_text, bytes, *generation_text,
                           generation_bytes);
}

dsvk_status dv_config_read(struct dv_config *config, const struct dv_context *ctx,
                           const char *folder)
{
    struct dv_arena arena;
    char           *config_text = NULL, *generation_text = NULL;
    memset(config, 0, sizeof *config);
    dv_arena_init(&arena, ctx);
    dsvk_status status = read_folder(config, &arena, &config_text, &generation_text, folder);
    dv_free(ctx, config_text);
    dv_free(ctx, generation_text);
    dv_arena_done(&arena);
    return status;
}
