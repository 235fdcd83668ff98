/* SPDX-License-Identifier: MIT */
/* The post-processor of tokenizer.json: the tokens that are put around a text. A beginning token is
 * read; another form gives a warning, since the ids of other programs would have more. */
#include <string.h>

#include "text/tokenizer_json.h"

static void warn(const struct dv_tokenizer_reader *reader, const char *type, const char *what)
{
    dv_log(reader->ctx, DSVK_LOG_WARN,
           "tokenizer: %s: its post-processor %.60s %s, which is ignored: ids can differ from "
           "those of other programs",
           reader->where, type, what);
}

/* The one id of a special token of a template; -1: there is none, or no such token. */
static int64_t find_id(const struct dv_tokenizer *tokenizer, const json_t *template,
                       const char                *name)
{
    const json_t *entry = json_object_get(json_object_get(template, "special_tokens"), name);
    const json_t *ids = json_object_get(entry, "ids"), *id = json_array_get(ids, 0);
    if (!entry)
        return dv_tokenizer_find(tokenizer, name);
    if (json_array_size(ids) != 1 || !json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= tokenizer->size ||
        !tokenizer->tokens[json_integer_value(id)].bytes)
        return -1;
    return json_integer_value(id);
}

/* A special token or none, then the text, then nothing. */
static void read_template(struct dv_tokenizer_reader *reader, const json_t *template)
{
    const json_t *parts = dv_json_member(template, "single");
    size_t        n     = json_array_size(parts);
    const json_t *first = json_object_get(json_array_get(parts, 0), "SpecialToken");
    const json_t *text  = json_object_get(json_array_get(parts, n - 1), "Sequence");
    const char   *name  = json_string_value(json_object_get(first, "id"));
    if (n == 1 && text)
        return;
    if (n != 2 || !name || !text) {
        warn(reader, "TemplateProcessing", "puts other tokens around a text than one before it");
        return;
    }
    int64_t id = find_id(reader->tokenizer, template, name);
    if (id < 0) {
        warn(reader, "TemplateProcessing", "puts a token before a text that does not exist");
        return;
    }
    reader->tokenizer->begins = true;
    reader->tokenizer->begin  = (uint32_t)id;
}

static void read_processor(struct dv_tokenizer_reader *reader, const json_t *processor)
{
    const char *type = dv_tokenizer_type(processor);
    if (strcmp(type, "TemplateProcessing") == 0)
        read_template(reader, processor);
    else if (strcmp(type, "ByteLevel") != 0) /* offsets only, which nobody asks for here */
        warn(reader, type, "is of an unknown type");
}

void dv_tokenizer_read_begin(struct dv_tokenizer_reader *reader, const json_t *root)
{
    const json_t *processor = dv_json_member(root, "post_processor"), *part;
    size_t        i;
    if (!processor)
        return;
    if (strcmp(dv_tokenizer_type(processor), "Sequence") != 0) {
        read_processor(reader, processor);
        return;
    }
    json_array_foreach(dv_json_member(processor, "processors"), i, part)
        read_processor(reader, part);
}
