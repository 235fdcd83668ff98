/* SPDX-License-Identifier: MIT */
/* What the readers of config.json share. */
#ifndef DV_FILE_CONFIG_PARTS_H
#define DV_FILE_CONFIG_PARTS_H

#include "file/config.h"
#include "json/json.h"

#define DV_MAX_WIDTH (1u << 20)
#define DV_MAX_CONTEXT (1u << 24)

/* rope_theta, rope_parameters and rope_scaling. */
void dv_config_rope(struct dv_config *config, struct dv_json *json);
/* Begin and end tokens of config.json; `outer` are those beside text_config, or NULL. */
void dv_config_tokens(struct dv_config *config, struct dv_json *json, const json_t *outer);
/* generation_config.json only suggests: what makes no sense there is ignored with one warning.
 * NO_MEMORY alone is a failure. */
dsvk_status dv_config_generation(struct dv_config *config, const struct dv_context *ctx,
                                 const struct dv_text *text);

#endif
