/* SPDX-License-Identifier: MIT */
/* In the forms of OpenAI: a list of objects for chats, four lists for texts. */
#include "logprobs.h"

#include <stdio.h>
#include <string.h>

#define LEAST (-9999.0) /* OpenAI's word for what has no logarithm, and JSON no number */

bool ask_logprobs(struct ask *ask, struct refusal *why)
{
    static const int64_t range[] = { 0, DSVK_MOST_LOGPROBS };
    int64_t              n       = 0;
    if (!field_flag(why, ask->body, "logprobs", &ask->logprobs) ||
        !field_count(why, ask->body, "top_logprobs", range, &n))
        return false;
    if (n > 0 && !ask->logprobs)
        return refuse(why, 400, "top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
    ask->sampling.n_logprobs = (uint32_t)n;
    return true;
}

bool ask_text_logprobs(struct ask *ask, struct refusal *why)
{
    static const int64_t range[] = { 0, DSVK_MOST_LOGPROBS };
    const json_t        *given   = field(ask->body, "logprobs");
    int64_t              n       = 0;
    if (json_is_false(given))
        return true;
    if (!field_count(why, ask->body, "logprobs", range, &n))
        return false;
    ask->logprobs            = given != NULL;
    ask->sampling.n_logprobs = (uint32_t)n;
    return true;
}

/* A token's text; of bytes that are no whole signs, as OpenAI writes them: "bytes:\xe6\xbc". */
static json_t *token_text(const char *bytes, size_t n)
{
    json_t *text = json_stringn(bytes ? bytes : "", n);
    if (text)
        return text;
    struct buffer out = { 0 };
    buffer_text(&out, "bytes:");
    for (size_t i = 0; i < n; i++)
        buffer_print(&out, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    text = buffer_string(&out);
    buffer_done(&out);
    return text;
}

static json_t *entry(const struct choice *c, const dsvk_logprob *l)
{
    size_t      n;
    const char *bytes = dsvk_model_token(c->answer->ask->served->model, l->token, &n);
    json_t     *list  = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer((unsigned char)bytes[i]));
    return json_pack("{s:o, s:f, s:o}", "token", token_text(bytes, n), "logprob",
                     l->logprob > LEAST ? (double)l->logprob : LEAST, "bytes", list);
}

static void take(void *user, size_t position, const dsvk_logprob *chosen, const dsvk_logprob *best,
                 size_t n)
{
    struct choice *c   = user;
    json_t        *all = json_array();
    (void)position;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, entry(c, &best[i]));
    json_decref(c->drawn);
    c->drawn = entry(c, chosen);
    json_object_set_new(c->drawn, "top_logprobs", all);
}

bool logprobs_init(struct choice *c, struct refusal *why)
{
    if (!c->answer->ask->logprobs)
        return true;
    c->fresh                             = json_array();
    c->told                              = json_array();
    c->job.params.sampling.logprobs      = take;
    c->job.params.sampling.logprobs_user = c;
    return (c->fresh && c->told) || refuse(why, 503, NULL, "no memory for the answer");
}

void logprobs_done(struct choice *c)
{
    json_decref(c->drawn);
    json_decref(c->fresh);
    json_decref(c->told);
}

void logprobs_begin(struct choice *c, uint32_t token)
{
    if (c->drawn && !dsvk_model_token_is_special(c->answer->ask->served->model, token))
        json_array_append(c->fresh, c->drawn);
    json_decref(c->drawn);
    c->drawn = NULL;
}

void logprobs_drop(struct choice *c)
{
    if (c->fresh)
        json_array_clear(c->fresh);
}

void logprobs_tell(struct choice *c)
{
    if (!c->fresh)
        return;
    json_array_extend(c->told, c->fresh);
    json_array_clear(c->fresh);
}

json_t *logprobs_of_chat(struct choice *c)
{
    if (!c->told)
        return NULL;
    json_t *content = json_copy(c->told);
    json_array_clear(c->told);
    return json_pack("{s:o, s:n}", "content", content, "refusal");
}

static size_t count_signs(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static json_t *best_of(const json_t *entry)
{
    const json_t *best = json_object_get(entry, "top_logprobs");
    json_t       *all  = json_object();
    for (size_t i = 0; i < json_array_size(best); i++) {
        const json_t *one = json_array_get(best, i);
        json_object_set(all, json_string_value(json_object_get(one, "token")),
                        json_object_get(one, "logprob"));
    }
    return all;
}

json_t *logprobs_of_text(struct choice *c)
{
    if (!c->told)
        return NULL;
    json_t *tokens = json_array(), *values = json_array(), *best = json_array(),
           *offsets = json_array();
    for (size_t i = 0; i < json_array_size(c->told); i++) {
        const json_t *one = json_array_get(c->told, i);
        json_array_append(tokens, json_object_get(one, "token"));
        json_array_append(values, json_object_get(one, "logprob"));
        json_array_append_new(best, best_of(one));
        json_array_append_new(offsets, json_integer((json_int_t)c->signs));
        c->signs += count_signs(json_string_value(json_object_get(one, "token")));
    }
    json_array_clear(c->told);
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", values,
                     "top_logprobs", best, "text_offset", offsets);
}
