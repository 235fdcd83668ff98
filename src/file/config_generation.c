/* SPDX-License-Identifier: MIT */
/* Begin and end tokens, and how to choose others. config.json is a fact; generation_config.json
 * suggests, and is written by hand more often than not. */
#include <string.h>

#include "file/config_parts.h"

/* The id of an entry; -1: none inside the vocabulary. */
static int64_t read_id(const struct dv_config *config, const json_t *id)
{
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
    return value < 0 || value >= config->vocab ? -1 : (int64_t)value;
}

static bool has_end(const struct dv_config *config, uint32_t id)
{
    for (uint32_t i = 0; i < config->n_eos; i++)
        if (config->eos[i] == id)
            return true;
    return false;
}

/* Adds one id or a list of them; false: some make no sense. */
static bool add_ends(struct dv_config *config, const json_t *eos)
{
    bool   list = json_is_array(eos), fine = true;
    size_t n = list ? json_array_size(eos) : 1;
    for (size_t i = 0; i < n; i++) {
        int64_t id = read_id(config, list ? json_array_get(eos, i) : eos);
        if (id >= 0 && has_end(config, (uint32_t)id))
            continue;
        if (id >= 0 && config->n_eos < DV_MAX_EOS)
            config->eos[config->n_eos++] = (uint32_t)id;
        else
            fine = false;
    }
    return fine;
}

static void read_ends(struct dv_config *config, struct dv_json *json, const json_t *eos)
{
    if (json_array_size(eos) > DV_MAX_EOS)
        dv_json_refuse(json, "eos_token_id", "at most 16 ids");
    else if (eos && !json_is_null(eos) && !add_ends(config, eos))
        dv_json_refuse(json, "eos_token_id", "ids inside the vocabulary, at most 16");
}

void dv_config_tokens(struct dv_config *config, struct dv_json *json, const json_t *outer)
{
    if (dv_json_get(json, "bos_token_id"))
        config->bos = dv_json_u32(json, "bos_token_id", 0, config->vocab ? config->vocab - 1 : 0);
    if (json->status != DSVK_OK)
        return;
    config->n_eos = 0;
    read_ends(config, json, dv_json_get(json, "eos_token_id"));
    /* Both end a text: the text model's own, and those of the model around it. */
    read_ends(config, json, json_object_get(outer, "eos_token_id"));
}

/* ---- suggestions ---- */

/* The first failure since the last call is kept as a warning, others go to the debug level. */
static void forgive(struct dv_json *json, struct dv_capture *capture, bool *warned)
{
    if (json->status != DSVK_OK)
        dv_log(capture->outer, *warned ? DSVK_LOG_DEBUG : DSVK_LOG_WARN, "%s; it is ignored",
               capture->line);
    *warned      = *warned || json->status != DSVK_OK;
    json->status = DSVK_OK;
}

static void suggest_ends(struct dv_config *config, struct dv_json *json)
{
    const json_t    *eos   = dv_json_get(json, "eos_token_id");
    struct dv_config other = { .vocab = config->vocab };
    if (!eos)
        return;
    if (!add_ends(&other, eos))
        json->status = dv_fail(json->ctx, DSVK_BAD_FILE,
                               "config: %s: eos_token_id has what is no id of the vocabulary of "
                               "%u tokens, or more than %u",
                               json->where, config->vocab, DV_MAX_EOS);
    if (other.n_eos == 0)
        return;
    config->n_eos = other.n_eos;
    memcpy(config->eos, other.eos, sizeof config->eos);
}

static void suggest_begin(struct dv_config *config, struct dv_json *json)
{
    const json_t *bos = dv_json_get(json, "bos_token_id");
    int64_t       id  = bos ? read_id(config, bos) : -1;
    if (bos && id < 0)
        dv_json_refuse(json, "bos_token_id", "an id inside the vocabulary");
    else if (bos)
        config->bos = id;
}

/* -1 and 0 say that there is no limit; 50.0 is 50. */
static void suggest_top_k(struct dv_config *config, struct dv_json *json)
{
    double top_k = dv_json_number_or(json, "top_k", 0.0, -1.0, DV_MAX_WIDTH);
    if (top_k != (double)(int32_t)top_k)
        dv_json_refuse(json, "top_k", "a whole number");
    else if (json->status == DSVK_OK)
        config->gen_top_k = top_k > 0.0 ? (uint32_t)top_k : 0;
}

static void suggest(struct dv_config *config, struct dv_json *json, struct dv_capture *capture)
{
    bool warned = false;
    suggest_begin(config, json);
    forgive(json, capture, &warned);
    suggest_ends(config, json);
    forgive(json, capture, &warned);
    config->do_sample = dv_json_bool_or(json, "do_sample", false);
    forgive(json, capture, &warned);
    config->temperature = (float)dv_json_number_or(json, "temperature", 1.0, 0.0, 100.0);
    forgive(json, capture, &warned);
    config->top_p = (float)dv_json_number_or(json, "top_p", 1.0, 1e-6, 1.0);
    forgive(json, capture, &warned);
    suggest_top_k(config, json);
    forgive(json, capture, &warned);
}

dsvk_status dv_config_generation(struct dv_config *config, const struct dv_context *ctx,
                                 const struct dv_text *text)
{
    struct dv_capture capture;
    struct dv_json    json = { .ctx = &capture.ctx, .module = "config", .where = text->where };
    json_t           *root;
    dv_capture(&capture, ctx);
    dsvk_status status =
        dv_json_load(&root, &capture.ctx, "config", text->where, text->data, text->bytes);
    if (status == DSVK_NO_MEMORY)
        return dv_fail(ctx, status, "%s", capture.line);
    json.object = root;
    if (status != DSVK_OK)
        dv_log(ctx, DSVK_LOG_WARN, "%s; it is ignored", capture.line);
    else if (!json_is_object(root))
        dv_log(ctx, DSVK_LOG_WARN, "config: %s: not a JSON object; it is ignored", text->where);
    else
        suggest(config, &json, &capture);
    json_decref(root);
    return DSVK_OK;
}
