/* SPDX-License-Identifier: MIT */
/* What a report of a bug needs to know, as lines at level DEBUG: the device and the model, and what
 * was chosen for them. Numbers alone: names of folders are the user's. */
#include <stdio.h>

#include "api/handles.h"
#include "base/text.h"

static const char *yes(bool has)
{
    return has ? "yes" : "no";
}

static const char *const caches[] = {
#define WORD(name, word) [DSVK_CACHE_##name] = word,
    DSVK_CACHE_MAP(WORD)
#undef WORD
};
static const char *const formats[] = {
#define WORD(name, word) [DSVK_WEIGHTS_##name] = word,
    DSVK_WEIGHTS_MAP(WORD)
#undef WORD
};
static const char *const heads[] = {
#define WORD(name, word) [DSVK_HEAD_##name] = word,
    DSVK_HEAD_MAP(WORD)
#undef WORD
};

/* ---- the device ---- */

#define SHAPES_BYTES 96

/* "f16 16x16x16, bf16 16x16x16", or "none". */
static const char *matrices(char text[SHAPES_BYTES], const struct dv_caps *caps)
{
    static const char *const names[DV_N_COOP_TYPES] = { "f16", "bf16", "e4m3" };
    size_t                   at                     = 0;
    snprintf(text, SHAPES_BYTES, "none");
    for (unsigned i = 0; i < DV_N_COOP_TYPES; i++) {
        const struct dv_coop_shape *s = &caps->coop[i];
        if (s->m > 0 && at < SHAPES_BYTES)
            at += (size_t)snprintf(text + at, SHAPES_BYTES - at, "%s%s %ux%ux%u", at ? ", " : "",
                                   names[i], s->m, s->n, s->k);
    }
    return text;
}

static void report_heaps(const struct dv_context *ctx, const struct dv_caps *caps)
{
    char size[DV_SIZE_BYTES], left[DV_SIZE_BYTES];
    for (uint32_t i = 0; i < caps->n_heaps; i++)
        dv_log(ctx, DSVK_LOG_DEBUG, "device: heap %u of %s, %s free%s%s%s%s", i,
               dv_text_size(size, caps->heaps[i].size), dv_text_size(left, caps->heaps[i].free),
               caps->heaps[i].local ? ", of the device" : "",
               caps->heaps[i].visible ? ", seen by the host" : "",
               i == caps->device_heap ? ", for weights" : "",
               i == caps->host_heap ? ", for the host" : "");
}

static void report_kernels(const struct dv_context *ctx, const struct dv_caps *caps)
{
    struct dv_tuning t;
    dv_tuning_of(&t, caps);
    dv_log(
        ctx, DSVK_LOG_DEBUG,
        "device: products in workgroups of %u, %u or %u groups, %u tokens; rows in %u; attention "
        "in %u, %u heads, %u positions; f16 preferred %s",
        t.matmul_workgroup, t.matmul_groups, t.matmul_groups_wide, t.matmul_tokens, t.row_workgroup,
        t.attend_workgroup, t.attend_heads, t.attend_rows, yes(dv_prefers_f16(caps)));
}

void dv_report_device(const dsvk_device *device)
{
    const struct dv_context *ctx  = &device->ctx;
    const struct dv_caps    *caps = &device->dev->caps;
    char                     limit[DV_SIZE_BYTES], buffer[DV_SIZE_BYTES], coop[SHAPES_BYTES];
    dv_log(ctx, DSVK_LOG_DEBUG, "ds-vk %s on \"%s\", %s, Vulkan %s", dsvk_version(), caps->name,
           caps->driver, device->info.api);
    dv_log(ctx, DSVK_LOG_DEBUG,
           "device: subgroups of %u (%u to %u), workgroups of %u, %u bytes shared; matrices %s",
           caps->subgroup, caps->subgroup_min, caps->subgroup_max, caps->max_workgroup,
           caps->max_shared_bytes, matrices(coop, caps));
    dv_log(
        ctx, DSVK_LOG_DEBUG,
        "device: int64 %s, float16 %s, subgroup sizes %s, subgroup sums %s, host memory in place "
        "%s, budget %s, times %s, software %s",
        yes(caps->int64), yes(caps->float16), yes(caps->subgroup_size_control),
        yes(caps->subgroup_arithmetic), yes(caps->host_import), yes(caps->memory_budget),
        yes(caps->timestamp_ns > 0), yes(caps->is_software));
    dv_log(ctx, DSVK_LOG_DEBUG, "device: at most %s, in buffers of %s, mapped %s",
           dv_text_size(limit, device->dev->bytes_limit),
           dv_text_size(buffer, dv_caps_buffer_bytes(caps)), yes(caps->device_mapped));
    report_heaps(ctx, caps);
    report_kernels(ctx, caps);
}

/* ---- the model ---- */

void dv_report_model(const dsvk_model *model)
{
    const struct dv_context *ctx = &model->ctx;
    const dsvk_model_info   *i   = &model->info;
    char                     size[DV_SIZE_BYTES];
    dv_log(ctx, DSVK_LOG_DEBUG,
           "model: %s, %u layers (%u dense), hidden %u, %u heads, latents of %u + %u, vocabulary "
           "%u, context %u",
           i->architecture, i->layers, i->dense_layers, i->hidden, i->heads, i->kv_lora, i->rope,
           i->vocab, i->max_context);
    dv_log(ctx, DSVK_LOG_DEBUG,
           "model: %u experts of %u, %u shared, %u of %u groups, %u a token, routing %s",
           i->experts, i->expert_ffn, i->shared_experts, i->top_k_groups, i->groups, i->top_k,
           i->routing);
    dv_log(ctx, DSVK_LOG_DEBUG, "model: %u tensors in %u files, %s, %s; %u ids, chat format %s",
           i->tensors, i->shards, dv_text_size(size, i->bytes), i->number_formats,
           i->tokenizer_size, i->chat_format);
}

void dv_report_load(const dsvk_model *model, const struct dv_setup *setup)
{
    char               size[DV_SIZE_BYTES];
    struct dv_experts *x = dv_weights_experts(model->weights);
    dv_log(&model->ctx, DSVK_LOG_DEBUG,
           "load: weights %s, head %s, products in %s%s, %s on the device, experts %s",
           formats[model->run.weights], heads[model->run.head], setup->math_f16 ? "f16" : "f32",
           setup->no_fuse ? ", not fused" : "",
           dv_text_size(size, dv_weights_bytes(model->weights)), x ? "in tiers" : "all there");
}

/* ---- a session ---- */

void dv_report_session(const dsvk_session *session, dsvk_cache cache)
{
    const struct dv_session *s = session->session;
    const struct dv_runner  *r = s->runner;
    char                     size[DV_SIZE_BYTES], arena[DV_SIZE_BYTES], from[DV_SIZE_BYTES];
    dv_log(&session->ctx, DSVK_LOG_DEBUG,
           "session: context %u, chunks of %u, cache %s of %s, %s of activations", s->setup.context,
           s->setup.chunk, caches[cache], dv_text_size(size, s->cache->bytes),
           dv_text_size(arena, dv_runner_arena_bytes(r)));
    snprintf(from, sizeof from, s->materialise_from < UINT32_MAX ? "from %u tokens on" : "never",
             s->materialise_from);
    dv_log(&session->ctx, DSVK_LOG_DEBUG,
           "session: splits of %u positions, keys materialised %s, %u of %u ids, %u expert slots",
           r->split, from, s->setup.choices, s->setup.config->vocab, s->setup.expert_slots);
}
