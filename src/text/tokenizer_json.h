/* SPDX-License-Identifier: MIT */
/* What the readers of tokenizer.json and tokenizer_config.json share. */
#ifndef DV_TEXT_TOKENIZER_JSON_H
#define DV_TEXT_TOKENIZER_JSON_H

#include <jansson.h>

#include "json/json.h"
#include "text/tokenizer_parts.h"

struct dv_tokenizer_reader {
    struct dv_tokenizer     *tokenizer;
    const struct dv_context *ctx;
    const char              *where;
    size_t                   bytes; /* of the file */
};

#define BAD(reader, ...) dv_fail((reader)->ctx, DSVK_BAD_FILE, "tokenizer: %s: " __VA_ARGS__)
#define REFUSE(reader, ...) dv_fail((reader)->ctx, DSVK_UNSUPPORTED, "tokenizer: %s: " __VA_ARGS__)

/* Parses a JSON object without duplicate keys. The caller ends *out with json_decref(). */
dsvk_status dv_tokenizer_load_json(json_t **out, const struct dv_context *ctx,
                                   const struct dv_text *text);
/* The beginning token of the post-processor, after the vocabulary was read. */
void dv_tokenizer_read_begin(struct dv_tokenizer_reader *reader, const json_t *root);
/* The normalizer, which must be empty, and the pre-tokenizer. */
dsvk_status dv_tokenizer_read_steps(struct dv_tokenizer_reader *reader, const json_t *root);

static inline bool dv_tokenizer_says(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static inline const char *dv_tokenizer_type(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    return type ? type : "(none)";
}

#endif
