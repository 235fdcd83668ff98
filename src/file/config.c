/* SPDX-License-Identifier: MIT */
/* config.json says how large everything is, so nothing in it is believed: each key has a range,
 * and the products that become matrix widths are checked here once. */
#include "file/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "os/os.h"
#include "os/place.h"
#include "file/config_parts.h"
#include "file/config_quant.h"

#define MAX_LAYERS 1024u
#define MAX_EXPERTS 4096u
#define MAX_FILE_BYTES (16u << 20)

static const struct arch_name {
    const char  *model_type, *architecture;
    enum dv_arch arch;
} arch_names[] = {
    { "deepseek_v2", "DeepseekV2ForCausalLM", DV_ARCH_DEEPSEEK_V2 },
    { "deepseek_v3", "DeepseekV3ForCausalLM", DV_ARCH_DEEPSEEK_V3 },
    { "kimi_k2", "KimiK2ForCausalLM", DV_ARCH_KIMI_K2 },
    { "glm4_moe_lite", "Glm4MoeLiteForCausalLM", DV_ARCH_GLM4_MOE_LITE },
    { "youtu", "YoutuForCausalLM", DV_ARCH_YOUTU }, /* dense */
};

/* Records a sentence about several keys at once. */
#define REFUSE(json, ...)                                                                          \
    do {                                                                                           \
        if ((json)->status == DSVK_OK)                                                             \
            (json)->status = dv_fail((json)->ctx, DSVK_BAD_FILE, "config: " __VA_ARGS__);          \
    } while (0)

static void refuse_arch(struct dv_json *json, const char *type)
{
    char   names[256] = "";
    size_t at         = 0;
    for (size_t i = 0; i < sizeof arch_names / sizeof *arch_names && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               arch_names[i].model_type);
    json->status =
        dv_fail(json->ctx, DSVK_UNSUPPORTED, "config: %s: model type %.40s is not one of %s",
                json->where, type, names);
}

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
        refuse_arch(json, type ? type : architecture);
}

/* A width that kernels index four values at a time. */
static uint32_t width(struct dv_json *json, const char *key)
{
    uint32_t value = dv_json_u32(json, key, 1, DV_MAX_WIDTH);
    if (value % 4 != 0 && json->status == DSVK_OK)
        json->status = dv_fail(json->ctx, DSVK_UNSUPPORTED,
                               "config: %s: %s %u is not a multiple of 4", json->where, key, value);
    return value;
}

static void check_product(struct dv_json *json, const char *what, uint32_t n, uint32_t each)
{
    if ((uint64_t)n * each > DV_MAX_WIDTH)
        REFUSE(json, "%s: %u %s of %u values, more than %u together", json->where, n, what, each,
               DV_MAX_WIDTH);
}

static void read_shape(struct dv_config *config, struct dv_json *json)
{
    config->hidden = width(json, "hidden_size");
    config->layers = dv_json_u32(json, "num_hidden_layers", 1, MAX_LAYERS);
    config->heads  = dv_json_u32(json, "num_attention_heads", 1, DV_MAX_WIDTH);
    config->vocab  = dv_json_u32(json, "vocab_size", 1, DV_MAX_WIDTH);
    config->q_lora = dv_json_get(json, "q_lora_rank") ? width(json, "q_lora_rank") : 0;

    config->kv_lora   = width(json, "kv_lora_rank");
    config->nope      = width(json, "qk_nope_head_dim");
    config->rope      = width(json, "qk_rope_head_dim");
    config->v_head    = width(json, "v_head_dim");
    config->dense_ffn = width(json, "intermediate_size");
    check_product(json, "heads", config->heads, config->nope + config->rope);
    check_product(json, "heads", config->heads, config->nope + config->v_head);

    config->max_context = dv_json_u32(json, "max_position_embeddings", 1, DV_MAX_CONTEXT);
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

/* Keys of the model around the text model that are about its text. */
static void take_outer(struct dv_json *text, const json_t *outer)
{
    static const char *const keys[] = { "bos_token_id", "pad_token_id", "quantization_config",
                                        "compression_config", "tie_word_embeddings" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(outer, keys[i]);
        if (!value || dv_json_get(text, keys[i]) || text->status != DSVK_OK)
            continue;
        if (json_object_set(text->object, keys[i], value) != 0)
            text->status = dv_fail(text->ctx, DSVK_NO_MEMORY, "config: %s: no memory for %s",
                                   text->where, keys[i]);
    }
}

static void read_config(struct dv_config *config, struct dv_json *json)
{
    struct dv_json text  = dv_json_child(json, "text_config");
    const json_t  *outer = NULL;
    if (text.object && (dv_json_get(&text, "hidden_size") || !dv_json_get(json, "hidden_size"))) {
        outer = json->object;
        *json = text;
        take_outer(json, outer);
    }
    read_arch(config, json);
    read_shape(config, json);
    read_experts(config, json);
    dv_config_rope(config, json);
    dv_config_quantization(config, json);
    dv_config_tokens(config, json, outer);
}

static dsvk_status parse(struct dv_config *config, const struct dv_context *ctx,
                         const struct dv_text *text)
{
    dsvk_status    status;
    struct dv_json json = { .ctx = ctx, .module = "config", .where = text->where };
    json_t        *root;
    *config =
        (struct dv_config){ .bos = -1, .routed_scale = 1.0f, .temperature = 1.0f, .top_p = 1.0f };
    TRY(dv_json_load(&root, ctx, "config", text->where, text->data, text->bytes));
    json.object = root;
    if (json_is_object(root))
        read_config(config, &json);
    else
        json.status = dv_fail(ctx, DSVK_BAD_FILE, "config: %s: not a JSON object", text->where);
    json_decref(root);
    return json.status;
}

dsvk_status dv_config_parse(struct dv_config *config, const struct dv_context *ctx,
                            const struct dv_text *facts, const struct dv_text *suggestions)
{
    dsvk_status status = parse(config, ctx, facts);
    if (status == DSVK_OK && suggestions->data)
        status = dv_config_generation(config, ctx, suggestions);
    if (status != DSVK_OK)
        memset(config, 0, sizeof *config);
    return status;
}

static dsvk_status read_fact(struct dv_config *config, const struct dv_context *ctx,
                             const char *path)
{
    dsvk_status status;
    char       *text;
    size_t      bytes;
    TRY(dv_file_read(&text, &bytes, ctx, path, MAX_FILE_BYTES));
    status = parse(config, ctx, &(struct dv_text){ path, text, bytes });
    dv_free(ctx, text);
    return status;
}

static dsvk_status read_suggestions(struct dv_config *config, const struct dv_context *ctx,
                                    const char *path)
{
    struct dv_capture capture;
    char             *text;
    size_t            bytes;
    if (!dv_place_taken(path))
        return DSVK_OK;
    dv_capture(&capture, ctx);
    dsvk_status status = dv_file_read(&text, &bytes, &capture.ctx, path, MAX_FILE_BYTES);
    if (status == DSVK_NO_MEMORY)
        return dv_fail(ctx, status, "%s", capture.line);
    if (status != DSVK_OK) {
        dv_log(ctx, DSVK_LOG_WARN, "%s; it is ignored", capture.line);
        return DSVK_OK;
    }
    status = dv_config_generation(config, ctx, &(struct dv_text){ path, text, bytes });
    dv_free(ctx, text);
    return status;
}

dsvk_status dv_config_read(struct dv_config *config, const struct dv_context *ctx,
                           const char *folder)
{
    dsvk_status     status = DSVK_NO_MEMORY;
    struct dv_arena arena;
    dv_arena_init(&arena, ctx);
    const char *path        = dv_arena_printf(&arena, "%s/config.json", folder);
    const char *suggestions = dv_arena_printf(&arena, "%s/generation_config.json", folder);
    if (path && suggestions)
        status = read_fact(config, ctx, path);
    else
        dv_fail(ctx, status, "config: %s: no memory for its path", folder);
    if (status == DSVK_OK)
        status = read_suggestions(config, ctx, suggestions);
    if (status != DSVK_OK)
        memset(config, 0, sizeof *config);
    dv_arena_done(&arena);
    return status;
}
