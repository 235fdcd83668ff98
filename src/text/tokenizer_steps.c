/* SPDX-License-Identifier: MIT */
/* The steps that tokenizer.json names before the model: normalizer and pre-tokenizer. */
#include <string.h>

#include "text/tokenizer_json.h"

static dsvk_status read_split(struct dv_tokenizer_reader *reader, const json_t *step)
{
    const json_t *pattern  = dv_json_member(step, "pattern");
    const json_t *regex    = dv_json_member(pattern, "Regex");
    const json_t *plain    = dv_json_member(pattern, "String");
    const char   *behavior = json_string_value(dv_json_member(step, "behavior"));
    if (!behavior || strcmp(behavior, "Isolated") != 0)
        return REFUSE(reader, "a Split behaves '%.60s', not Isolated", reader->where,
                      behavior ? behavior : "(none)");
    if (dv_tokenizer_says(step, "invert"))
        return REFUSE(reader, "a Split is inverted", reader->where);
    if (!json_is_string(regex) && !json_is_string(plain))
        return BAD(reader, "a Split without a pattern", reader->where);
    const json_t *text = json_is_string(regex) ? regex : plain;
    return dv_pretoken_add(reader->tokenizer->pretoken, reader->where, json_string_value(text),
                           json_string_length(text), text == plain);
}

static dsvk_status read_step(struct dv_tokenizer_reader *reader, const json_t *step, bool last)
{
    const char *type = dv_tokenizer_type(step);
    if (strcmp(type, "Split") == 0)
        return read_split(reader, step);
    if (strcmp(type, "Digits") == 0) {
        const char *pattern = dv_tokenizer_says(step, "individual_digits") ? "\\p{N}" : "\\p{N}+";
        return dv_pretoken_add(reader->tokenizer->pretoken, reader->where, pattern, strlen(pattern),
                               false);
    }
    if (strcmp(type, "ByteLevel") != 0 || !last)
        return REFUSE(reader, "a pre-tokenizer step of type '%.60s' %s", reader->where, type,
                      last ? "at the end, where ByteLevel is needed" : "before the end");
    /* Both are on when the file does not say. */
    if (!json_is_false(json_object_get(step, "add_prefix_space")))
        return REFUSE(reader, "ByteLevel adds a space before the text", reader->where);
    if (!json_is_false(json_object_get(step, "use_regex")))
        return REFUSE(reader, "ByteLevel has a regex of its own", reader->where);
    return DSVK_OK;
}

static dsvk_status read_pretokenizer(struct dv_tokenizer_reader *reader, const json_t *root)
{
    const json_t *node = dv_json_member(root, "pre_tokenizer"), *step;
    dsvk_status   status;
    size_t        i;
    TRY(dv_pretoken_new(&reader->tokenizer->pretoken, reader->ctx));
    if (strcmp(dv_tokenizer_type(node), "Sequence") != 0)
        return read_step(reader, node, true);
    const json_t *steps = dv_json_member(node, "pretokenizers");
    if (json_array_size(steps) == 0)
        return REFUSE(reader, "a pre-tokenizer without ByteLevel", reader->where);
    json_array_foreach(steps, i, step)
        TRY(read_step(reader, step, i + 1 == json_array_size(steps)));
    return DSVK_OK;
}

static dsvk_status check_normalizer(const struct dv_tokenizer_reader *reader, const json_t *root)
{
    const json_t *normalizer = dv_json_member(root, "normalizer");
    if (!normalizer || (strcmp(dv_tokenizer_type(normalizer), "Sequence") == 0 &&
                        json_array_size(dv_json_member(normalizer, "normalizers")) == 0))
        return DSVK_OK;
    return REFUSE(reader, "a normalizer of type '%.60s' that is not empty", reader->where,
                  dv_tokenizer_type(normalizer));
}

dsvk_status dv_tokenizer_read_steps(struct dv_tokenizer_reader *reader, const json_t *root)
{
    dsvk_status status;
    TRY(check_normalizer(reader, root));
    return read_pretokenizer(reader, root);
}
