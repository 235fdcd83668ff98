/* SPDX-License-Identifier: MIT */
/* `rope_parameters` is the newer spelling, with the base inside; `rope_scaling` the older, with the
 * base beside it. Savers write both, one often empty or with what a class has as its default. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "file/config_parts.h"

#define DEFAULT_THETA 10000.0
#define NEWER "rope_parameters"
#define OLDER "rope_scaling"

static void read_yarn(struct dv_config *config, struct dv_json *rope)
{
    config->yarn.on     = true;
    config->yarn.factor = dv_json_number_or(rope, "factor", NAN, 1.0, 65536.0);
    config->yarn.original_context =
        dv_json_u32(rope, "original_max_position_embeddings", 1, DV_MAX_CONTEXT);
    config->yarn.beta_fast      = dv_json_number_or(rope, "beta_fast", 32.0, 1e-3, 1e6);
    config->yarn.beta_slow      = dv_json_number_or(rope, "beta_slow", 1.0, 1e-3, 1e6);
    config->yarn.mscale         = dv_json_number_or(rope, "mscale", 1.0, 0.0, 100.0);
    config->yarn.mscale_all_dim = dv_json_number_or(rope, "mscale_all_dim", 0.0, 0.0, 100.0);
    if (config->yarn.beta_slow > config->yarn.beta_fast && rope->status == DSVK_OK) {
        char slow[DV_SIZE_BYTES], fast[DV_SIZE_BYTES];
        rope->status =
            dv_fail(rope->ctx, DSVK_BAD_FILE, "config: %s: beta_slow %s is above beta_fast %s",
                    rope->where, dv_text_short(slow, config->yarn.beta_slow, 6),
                    dv_text_short(fast, config->yarn.beta_fast, 6));
    }
    if (dv_json_get(rope, "attention_factor"))
        dv_json_unsupported(rope, "attention_factor", "of rope scaling");
}

/* The type of one of the two; "" where it says nothing. */
static const char *type_of(struct dv_json *rope, bool newer)
{
    const char *type  = dv_json_text_or(rope, "rope_type", NULL);
    const char *older = dv_json_text_or(rope, "type", NULL);
    if (!rope->object || json_object_size(rope->object) == 0)
        return "";
    if (!type || (older && strcmp(type, "default") == 0))
        type = older;
    if (!type && (newer || !dv_json_get(rope, "factor")))
        type = "default";
    if (!type)
        dv_json_missing(rope, "rope_scaling type");
    return type ? type : "";
}

static bool scales(const char *type)
{
    return *type && strcmp(type, "default") != 0;
}

static void read_scaling(struct dv_config *config, struct dv_json *rope, const char *type)
{
    if (strcmp(type, "yarn") == 0)
        read_yarn(config, rope);
    else if (scales(type))
        dv_json_unsupported(rope, "rope scaling type", type);
}

/* Whether the one that does not count would have given the same. */
static bool agrees(const struct dv_config *config, const struct dv_json *rope, const char *type)
{
    struct dv_capture capture;
    struct dv_config  other = { .layers = 0 };
    struct dv_json    quiet = *rope;
    dv_capture(&capture, rope->ctx);
    quiet.ctx = &capture.ctx;
    read_scaling(&other, &quiet, type);
    return quiet.status == DSVK_OK && other.yarn.on == config->yarn.on &&
           other.yarn.factor == config->yarn.factor &&
           other.yarn.original_context == config->yarn.original_context &&
           other.yarn.beta_fast == config->yarn.beta_fast &&
           other.yarn.beta_slow == config->yarn.beta_slow &&
           other.yarn.mscale == config->yarn.mscale &&
           other.yarn.mscale_all_dim == config->yarn.mscale_all_dim;
}

/* One that is not the default wins, of several the newest. */
static void read_theta(struct dv_config *config, struct dv_json *json, struct dv_json *newer,
                       struct dv_json *older)
{
    struct dv_json *places[] = { newer, older, json };
    double          found    = 0.0;
    bool            differ   = false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double theta = dv_json_number_or(places[i], "rope_theta", 0.0, 1.0, 1e12);
        json->status = places[i]->status;
        if (json->status != DSVK_OK)
            return;
        if (!dv_json_get(places[i], "rope_theta"))
            continue;
        differ = differ || (found != 0.0 && theta != found);
        if (found == 0.0 || (found == DEFAULT_THETA && theta != DEFAULT_THETA))
            found = theta;
    }
    config->rope_theta = found != 0.0 ? found : DEFAULT_THETA;
    char text[DV_SIZE_BYTES];
    if (differ)
        dv_log(json->ctx, DSVK_LOG_WARN,
               "config: %s: rope_theta is there with different values: %s is taken", json->where,
               dv_text_short(text, config->rope_theta, 6));
}

void dv_config_rope(struct dv_config *config, struct dv_json *json)
{
    struct dv_json newer = dv_json_child(json, NEWER), older = dv_json_child(json, OLDER);
    if (json->status != DSVK_OK)
        return; /* one sentence is enough */
    const char     *new_type = type_of(&newer, true), *old_type = type_of(&older, false);
    bool            take_new = *new_type && (scales(new_type) || !scales(old_type));
    struct dv_json *taken    = take_new ? &newer : &older;
    if (newer.status == DSVK_OK && older.status == DSVK_OK)
        read_theta(config, json, &newer, &older);
    taken->status = json->status != DSVK_OK ? json->status : taken->status;
    read_scaling(config, taken, take_new ? new_type : old_type);
    if (json->status == DSVK_OK)
        json->status = newer.status != DSVK_OK ? newer.status : older.status;
    if (json->status == DSVK_OK && *new_type && *old_type &&
        !agrees(config, take_new ? &older : &newer, take_new ? old_type : new_type))
        dv_log(json->ctx, DSVK_LOG_WARN,
               "config: %s: " NEWER " and " OLDER " disagree: %s of %s is taken", json->where,
               take_new ? new_type : old_type, take_new ? NEWER : OLDER);
}
