/* SPDX-License-Identifier: MIT */
/* tokenizer_config.json: whether a beginning token is added, which, and the chat
 * template. */
#include "file/chat_template.h"
#include "file/tokenizer_json.h"

#define DEFAULT_BOS "<｜begin▁of▁sentence｜>"

static dsvk_status read_root(struct dv_tokenizer *tokenizer, const char *where, const json_t *root)
{
    const json_t *bos  = json_object_get(root, "bos_token");
    const json_t *text = json_is_object(bos) ? json_object_get(bos, "content") : bos;
    tokenizer->adds_bos = json_is_true(json_object_get(root, "add_bos_token"));
    if (json_is_string(text))
        tokenizer->bos = dv_tokenizer_find(tokenizer, json_string_value(text));
    if (tokenizer->adds_bos && tokenizer->bos < 0)
        return dv_fail(tokenizer->ctx, DSVK_BAD_FILE,
                       "tokenizer: %s: the configuration adds the token '%.100s', "
                       "which does not exist",
                       where, json_is_string(text) ? json_string_value(text) : "(none)");
    return dv_chat_template_take(tokenizer, dv_json_get(root, "chat_template"));
}

dsvk_status dv_tokenizer_read_config(struct dv_tokenizer *tokenizer, const char *where,
                                     const char *json, size_t bytes)
{
    dsvk_status status;
    json_t     *root;
    tokenizer->bos = dv_tokenizer_find(tokenizer, DEFAULT_BOS);
    if (!json)
        return DSVK_OK;
    TRY(dv_tokenizer_load_json(&root, tokenizer->ctx, where, json, bytes));
    status = read_root(tokenizer, where, root);
    json_decref(root);
    return status;
}
