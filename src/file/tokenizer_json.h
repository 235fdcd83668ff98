/* SPDX-License-Identifier: MIT */
#ifndef DV_FILE_TOKENIZER_JSON_H
#define DV_FILE_TOKENIZER_JSON_H

#include <jansson.h>

#include "base/context.h"

/* Parses a JSON object without duplicate keys. The caller ends *out with json_decref(). */
dsvk_status dv_tokenizer_load_json(json_t **out, const struct dv_context *ctx, const char *where,
                                   const char *json, size_t bytes);

#endif
