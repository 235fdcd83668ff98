/* SPDX-License-Identifier: MIT */
/* tokenizer_config.json: whether a beginning token is added, which, and two marks of the chat
 * template. The template is a program in another language: it is searched, never run. */
#include <string.h>

#include "file/tokenizer_json.h"

#define DEFAULT_BOS "<｜begin▁of▁sentence｜>"

/* The text between `{{` and `}}` is a literal that is always written: V3.1 so closes the
 * thinking that it did not open, others only compare with the same literal. */
static bool writes_literal(const char *template, const char *literal)
{
    size_t bytes = strlen(literal);
    for (const char *at = template; (at = strstr(at, literal)) != NULL; at++) {
        const char *before = at, *after = at + bytes;
        if (before == template || (before[-1] != '\'' && before[-1] != '"') || *after != before[-1])
            continue;
        for (before--; before > template && (before[-1] == ' ' || before[-1] == '-');)
            before--;
        for (after++; *after == ' ' || *after == '-';)
            after++;
        if (before >= template + 2 && before[-1] == '{' && before[-2] == '{' &&
            strncmp(after, "}}", 2) == 0)
            return true;
    }
    return false;
}

static void search_template(struct dv_tokenizer *tokenizer, const json_t *template)
{
    const char *text = json_string_value(template);
    if (!text)
        return;
    if (writes_literal(text, "</think>") || strstr(text, "<｜Assistant｜></think>"))
        tokenizer->template_closes_thinking = true;
    if (strstr(text, "<｜User｜>"))
        tokenizer->template_has_user_token = true;
}

static dsvk_status read_root(struct dv_tokenizer *tokenizer, const char *where, const json_t *root)
{
    const json_t *bos      = json_object_get(root, "bos_token");
    const json_t *text     = json_is_object(bos) ? json_object_get(bos, "content") : bos;
    const json_t *template = json_object_get(root, "chat_template"), *entry;
    size_t i;
    tokenizer->adds_bos = json_is_true(json_object_get(root, "add_bos_token"));
    if (json_is_string(text))
        tokenizer->bos = dv_tokenizer_find(tokenizer, json_string_value(text));
    if (tokenizer->adds_bos && tokenizer->bos < 0)
        return dv_fail(tokenizer->ctx, DSVK_BAD_FILE,
                       "tokenizer: %s: the configuration adds the token '%.100s', "
                       "which does not exist",
                       where, json_is_string(text) ? json_string_value(text) : "(none)");
    search_template(tokenizer, template);
    json_array_foreach(template, i, entry)
        search_template(tokenizer, json_object_get(entry, "template"));
    return DSVK_OK;
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
