/* SPDX-License-Identifier: MIT */
/* /tokenize and /detokenize */
#include "ask.h"

#include "routes.h"

#include <stdlib.h>
#include <string.h>

static json_t *ids_of(const uint32_t *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

/* `content` or `prompt`, with `add_special` (BOS) and `parse_special`. */
static json_t *tokenize(struct server *server, const dsvk_model *model, const json_t *body,
                        struct refusal *why)
{
    const char *name = field(body, "content") ? "content" : "prompt", *text = NULL;
    bool        bos = false, special = false;
    uint32_t   *ids = NULL;
    size_t      n   = 0;
    if (!field_text(why, body, name, &text) || !field_flag(why, body, "add_special", &bos) ||
        !field_flag(why, body, "parse_special", &special))
        return NULL;
    if (!text) {
        refuse(why, 400, "content", "'content' takes a text");
        return NULL;
    }
    char reason[512];
    bos = bos && dsvk_model_describe(model)->adds_bos;
    pthread_mutex_lock(&server->encoding);
    dsvk_status status = dsvk_model_tokenize(model, text, strlen(text), special, bos, &ids, &n);
    if (status)
        dsvk_model_why(model, reason, sizeof reason);
    pthread_mutex_unlock(&server->encoding);
    if (status) {
        refuse(why, 400, NULL, "%s", reason);
        return NULL;
    }
    json_t *document = json_pack("{s:o, s:I}", "tokens", ids_of(ids, n), "count", (json_int_t)n);
    dsvk_model_free_memory(model, ids);
    return document;
}

/* Special tokens have no text; bytes that are no UTF-8 become U+FFFD. */
static json_t *detokenize(struct server *server, const dsvk_model *model, const json_t *body,
                          struct refusal *why)
{
    (void)server;
    size_t        n;
    char          piece[4096];
    dsvk_text     state = { 0 };
    struct buffer text  = { 0 };
    const json_t *list  = field(body, "tokens");
    if (!json_is_array(list)) {
        refuse(why, 400, "tokens", "'tokens' takes a list of token ids");
        return NULL;
    }
    uint32_t *ids = ids_read(model, list, &n, why);
    if (!ids)
        return NULL;
    for (size_t i = 0; i <= n; i++) {
        uint32_t id   = i < n ? ids[i] : DSVK_TEXT_END;
        size_t   made = dsvk_model_text(model, &state, id, piece, sizeof piece);
        if (made <= sizeof piece)
            buffer_add(&text, piece, made);
    }
    free(ids);
    json_t *document = json_pack("{s:s%}", "content", text.n ? text.data : "", text.n);
    buffer_done(&text);
    return document;
}

typedef json_t *maker(struct server *server, const dsvk_model *model, const json_t *body,
                      struct refusal *why);

/* The model need not be loaded. */
static enum MHD_Result serve(struct exchange *x, maker *make)
{
    struct refusal    why  = { 0 };
    json_t           *body = NULL, *document = NULL;
    const dsvk_model *model = NULL;
    if (ask_ready(x->server, &why))
        body = fields_read(&why, x->body.data, x->body.n);
    if (body)
        model = ask_described(x->server, body, &why);
    if (model)
        document = make(x->server, model, body, &why);
    json_decref(body);
    if (!why.status)
        return http_json(x, 200, document);
    return http_refuse(x, &why);
}

enum MHD_Result serve_tokenize(struct exchange *x)
{
    return serve(x, tokenize);
}

enum MHD_Result serve_detokenize(struct exchange *x)
{
    return serve(x, detokenize);
}
