/* SPDX-License-Identifier: MIT */
/* Opening a folder or a published shape, and saying what it holds. */
#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "base/text.h"
#include "os/os.h"
#include "os/place.h"
#include "file/folder.h"

/* ---- describing ---- */

static const char *routing_name(const struct dv_config *c)
{
    if (c->experts == 0)
        return "none";
    switch (c->topk_method) {
    case DV_TOPK_GREEDY:
        return c->scoring == DV_SCORING_SIGMOID ? "sigmoid greedy" : "softmax greedy";
    case DV_TOPK_GROUP_LIMITED_GREEDY:
        return c->scoring == DV_SCORING_SIGMOID ? "sigmoid group_limited_greedy"
                                                : "softmax group_limited_greedy";
    default:
        return c->scoring == DV_SCORING_SIGMOID ? "sigmoid noaux_tc" : "softmax noaux_tc";
    }
}

/* "F8_E4M3 78%, BF16 22%", by bytes, largest first. */
static void describe_formats(dsvk_model *m)
{
    uint64_t bytes[DV_N_DTYPES] = { 0 }, total = 0;
    size_t   at = 0;
    char     share[DV_SIZE_BYTES];
    for (uint32_t i = 0; i < m->info.tensors; i++) {
        const struct dv_tensor_file *t = dv_checkpoint_tensor(m->checkpoint, i);
        bytes[dv_tensor_values(t)] += t->bytes;
        total += t->bytes;
    }
    for (;;) {
        unsigned best = 0;
        for (unsigned d = 1; d < DV_N_DTYPES; d++)
            best = bytes[d] > bytes[best] ? d : best;
        if (bytes[best] == 0 || at >= sizeof m->formats)
            return;
        dv_text_fixed(share, 100.0 * (double)bytes[best] / (double)total, 1);
        at += (size_t)snprintf(m->formats + at, sizeof m->formats - at, "%s%s %s%%", at ? ", " : "",
                               dv_dtype_name((enum dv_dtype)best), share);
        bytes[best] = 0;
    }
}

static void describe_files(dsvk_model *m)
{
    dsvk_model_info *i = &m->info;
    if (m->checkpoint) {
        i->bytes   = dv_checkpoint_bytes(m->checkpoint);
        i->tensors = dv_checkpoint_n_tensors(m->checkpoint);
        i->shards  = dv_checkpoint_n_shards(m->checkpoint);
        describe_formats(m);
    } else if (m->random) {
        snprintf(m->formats, sizeof m->formats, "%s, made up",
                 m->config.block_rows ? "F8_E4M3, BF16" : "BF16");
    }
}

/* What config.json says, as it stands there. */
static void describe_config(dsvk_model *m)
{
    const struct dv_config *c = &m->config;

    m->info = (dsvk_model_info){ .architecture   = c->model_type,
                                 .layers         = c->layers,
                                 .hidden         = c->hidden,
                                 .heads          = c->heads,
                                 .vocab          = c->vocab,
                                 .q_lora         = c->q_lora,
                                 .kv_lora        = c->kv_lora,
                                 .nope           = c->nope,
                                 .rope           = c->rope,
                                 .v_head         = c->v_head,
                                 .dense_ffn      = c->dense_ffn,
                                 .expert_ffn     = c->expert_ffn,
                                 .experts        = c->experts,
                                 .shared_experts = c->shared_experts,
                                 .top_k          = c->top_k,
                                 .groups         = c->groups,
                                 .top_k_groups   = c->top_k_groups,
                                 .mtp_layers     = c->mtp_layers,
                                 .max_context    = c->max_context,
                                 .routing        = routing_name(c),
                                 .chat_format    = dv_chat_format_name(m->chat),
                                 .number_formats = m->formats,
                                 .do_sample      = c->do_sample,
                                 .temperature    = c->temperature,
                                 .top_p          = c->top_p,
                                 .gen_top_k      = c->gen_top_k };
}

static dsvk_status describe(dsvk_model *m)
{
    const struct dv_config *c = &m->config;
    dsvk_model_info        *i = &m->info;
    describe_config(m);
    for (uint32_t l = 0; l < c->layers; l++)
        i->dense_layers += !dv_config_is_moe(c, l);
    i->latent_bytes = dv_model_kept_values(c) * 2;
    if (m->tokenizer) {
        i->tokenizer_size = dv_tokenizer_size(m->tokenizer);
        i->adds_bos       = dv_tokenizer_adds_bos(m->tokenizer);
    }
    describe_files(m);
    if (c->layers == 0) /* words alone: no model is known */
        return DSVK_OK;
    return dv_model_parameters(&i->parameters, &i->active_parameters, &m->ctx, c);
}

/* ---- opening ---- */

static bool has_file(const char *folder, const char *name)
{
    char path[DV_PATH_BYTES];
    return dv_place_join(path, folder, name) && dv_file_exists(path);
}

/* A folder without a tokenizer is no failure here; one with a broken tokenizer is. */
static dsvk_status open_tokenizer(dsvk_model *m, const char *folder)
{
    dsvk_status status;
    if (!dv_tokenizer_exists(folder))
        return DSVK_OK;
    TRY(dv_tokenizer_open(&m->tokenizer, &m->ctx, folder));
    if (m->config.n_eos == 0 && dv_tokenizer_eos(m->tokenizer) >= 0)
        m->config.eos[m->config.n_eos++] = (uint32_t)dv_tokenizer_eos(m->tokenizer);
    m->chat = dv_chat_detect(m->tokenizer, m->config.model_type);
    return DSVK_OK;
}

/* Ids and text need no weights. What config.json says of end tokens counts where there is one. */
static dsvk_status open_words(dsvk_model *m, const char *folder)
{
    static const struct dv_config none = {
        .bos = -1, .temperature = 1.0f, .top_p = 1.0f, .moe_every = 1
    };
    dsvk_status       status = DSVK_BAD_FILE;
    struct dv_capture capture;
    dv_capture(&capture, &m->ctx);
    if (has_file(folder, "config.json"))
        status = dv_config_read(&m->config, &capture.ctx, folder);
    if (status == DSVK_NO_MEMORY)
        return dv_fail(&m->ctx, status, "%s", capture.line);
    if (status != DSVK_OK) {
        m->config = none;
        dv_log(&m->ctx, DSVK_LOG_DEBUG, "not needed: %s", capture.line);
    }
    return open_tokenizer(m, folder);
}

static dsvk_status open_parts(dsvk_model *m, const dsvk_model_params *params, const char *folder)
{
    dsvk_status status;
    if (params->config_only)
        return dv_config_read(&m->config, &m->ctx, folder);
    if (params->tokenizer_only)
        return open_words(m, folder);
    TRY(dv_checkpoint_open(&m->checkpoint, &m->ctx, folder));
    m->config = *dv_checkpoint_config(m->checkpoint);
    TRY(dv_model_check(&m->ctx, m->checkpoint));
    return open_tokenizer(m, folder);
}

static dsvk_status open_folder(dsvk_model *m, const dsvk_model_params *params)
{
    dsvk_status status;
    char       *folder;
    if (params->like) {
        TRY(dv_config_like(&m->config, &m->ctx, params->like));
        if (params->layers > m->config.layers)
            return dv_fail(&m->ctx, DSVK_BAD_ARGUMENT, "%.64s: it has %u layers, %u were asked for",
                           params->like, m->config.layers, params->layers);
        if (params->layers > 0 && params->layers < m->config.layers)
            m->config.layers = params->layers;
        m->random = !params->config_only;
        return DSVK_OK;
    }
    if (!params->folder)
        return dv_fail(&m->ctx, DSVK_BAD_ARGUMENT, "model: neither a folder nor a published shape");
    TRY(dv_model_folder(&folder, &m->ctx, params->folder));
    status = open_parts(m, params, folder);
    dv_free(&m->ctx, folder);
    return status;
}

dsvk_status dsvk_model_open(dsvk_model **out, const dsvk_model_params *params)
{
    static const dsvk_model_params usual = { 0 };
    dsvk_status                    status;
    struct dv_context              ctx;
    *out   = NULL;
    params = params ? params : &usual;
    dv_context_init(&ctx, &params->log, &params->allocator);
    dsvk_model *m = dv_zalloc(&ctx, sizeof *m);
    if (!m)
        return dv_fail(&ctx, DSVK_NO_MEMORY, "model: no memory for it");
    m->ctx     = ctx;
    m->ctx.why = &m->why;
    atomic_init(&m->users, 1);
    status = open_folder(m, params);
    if (status == DSVK_OK)
        status = describe(m);
    if (status != DSVK_OK) {
        dsvk_model_close(m);
        return status;
    }
    dv_report_model(m);
    *out = m;
    return DSVK_OK;
}

void dsvk_model_close(dsvk_model *model)
{
    if (!model || atomic_fetch_sub(&model->users, 1) > 1)
        return;
    struct dv_context ctx = model->ctx;
    dv_model_leave_device(model);
    dv_model_drop_words(model);
    dv_tokenizer_free(model->tokenizer);
    dv_checkpoint_close(model->checkpoint);
    dv_free(&ctx, model);
}
