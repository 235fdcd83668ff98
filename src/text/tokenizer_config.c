/* SPDX-License-Identifier: MIT */
/* tokenizer_config.json: whether a beginning token is added, which, and the chat
 * template. */
#include "text/chat_template.h"
#include "text/tokenizer_json.h"

#define DEFAULT_BOS "<｜begin▁of▁sentence｜>"

/* A text, or an added token with its content. */
static const json_t *content_of(const json_t *root, const char *key)
{
    const json_t *token = json_object_get(root, key);
    return json_is_object(token) ? json_object_get(token, "content") : token;
}

/* Where it does not say whether a text begins with a token, tokenizer.json has said it. */
static dsvk_status read_root(struct dv_tokenizer *tokenizer, const char *where, const json_t *root)
{
    const json_t *adds = dv_json_member(root, "add_bos_token");
    const json_t *text = content_of(root, "bos_token"), *end = content_of(root, "eos_token");
    if (json_is_string(text))
        tokenizer->bos = dv_tokenizer_find(tokenizer, json_string_value(text));
    if (json_is_string(end))
        tokenizer->eos = dv_tokenizer_find(tokenizer, json_string_value(end));
    if (adds)
        tokenizer->adds_bos = json_is_true(adds);
    if (tokenizer->begins && tokenizer->adds_bos && (!adds || tokenizer->bos < 0))
        tokenizer->bos = tokenizer->begin;
    if (tokenizer->adds_bos && tokenizer->bos < 0)
        return dv_fail(tokenizer->ctx, DSVK_BAD_FILE,
                       "tokenizer: %s: the configuration adds the token '%.100s', "
                       "which does not exist",
                       where, json_is_string(text) ? json_string_value(text) : "(none)");
    return dv_chat_template_take(tokenizer, dv_json_member(root, "chat_template"));
}

dsvk_status dv_tokenizer_read_config(struct dv_tokenizer *tokenizer, const struct dv_text *text)
{
    dsvk_status status;
    json_t     *root;
    tokenizer->adds_bos = tokenizer->begins;
    tokenizer->bos =
        tokenizer->begins ? tokenizer->begin : dv_tokenizer_find(tokenizer, DEFAULT_BOS);
    tokenizer->eos = -1;
    if (!text->data)
        return DSVK_OK;
    TRY(dv_tokenizer_load_json(&root, tokenizer->ctx, text));
    status = read_root(tokenizer, text->where, root);
    json_decref(root);
    return status;
}
