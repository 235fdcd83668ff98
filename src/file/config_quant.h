/* SPDX-License-Identifier: MIT */
/* What config.json says of stored formats. It is only checked here: which tensor has which format,
 * the tensors say. */
#ifndef DV_FILE_CONFIG_QUANT_H
#define DV_FILE_CONFIG_QUANT_H

#include "file/config.h"
#include "json/json.h"

/* Reads `quantization_config` of `json`, if it is there. */
void dv_config_quantization(struct dv_config *config, struct dv_json *json);

#endif
