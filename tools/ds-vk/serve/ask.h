/* SPDX-License-Identifier: MIT */
/* What a request asks for, in the terms of the library, whatever endpoint it came to. */
#ifndef SERVE_ASK_H
#define SERVE_ASK_H

#include "fields.h"
#include "serve.h"

#define MAX_ASK_STOPS 16
#define MAX_ASK_BIASES 1024
#define MAX_CHOICES 16

struct ask {
    struct served   *served; /* its model, which it has until it is freed */
    json_t          *body;   /* texts below are its */
    uint32_t        *ids;
    size_t           n_ids;
    dsvk_sampling    sampling;
    bool             has_seed;
    dsvk_bias        biases[MAX_ASK_BIASES];
    const char      *stops[MAX_ASK_STOPS];
    size_t           n_stops;
    size_t           limit; /* most tokens, at least 1 */
    uint32_t         n;     /* choices */
    bool             stream, usage, logprobs;
    bool             is_talk;  /* messages, whose answer is taken apart */
    bool             one_call; /* the answer ends behind the first call */
    bool             json; /* the text is JSON by this schema, which it owns; NULL: any object */
    char            *schema;
    char            *tools;    /* a JSON list in OpenAI's form, which it owns; NULL: none */
    char             call[80]; /* the function that must be called, where `must_call` */
    bool             must_call;
    char            *parameters; /* its schema, which it owns; NULL: none */
    dsvk_chat_params chat;       /* as the messages were encoded */
    dsvk_think       think;
    const char      *effort;          /* "max", where a format knows it; NULL: the usual */
    bool             think_is_a_hint; /* a model that cannot be asked answers all the same */
};

/* Whether the model is there; else why says what is going on. */
bool ask_ready(struct server *server, struct refusal *why);
/* The name of the model that is meant; it stays where it counts for nothing. */
bool ask_model(const struct server *server, const json_t *body, const char **name,
               struct refusal *why);
/* That model, which need not be loaded; NULL: why says why there is none. */
const dsvk_model *ask_described(struct server *server, const json_t *body, struct refusal *why);
/* Reads the body, and of it the model, which is there then. */
struct ask *ask_new(struct exchange *x, struct refusal *why);
void        ask_free(struct ask *ask);
/* stream, and all of ask_sampling() */
bool ask_common(struct ask *ask, struct refusal *why);

/* temperature, top_p, penalties, seed, logit_bias ... */
bool ask_sampling(struct ask *ask, struct refusal *why);
/* A text or a list of texts, not empty. */
bool ask_stops(struct ask *ask, const char *name, struct refusal *why);
/* The first of two names that is there; without: to the end of the context. */
bool ask_limit(struct ask *ask, const char *name, const char *older, struct refusal *why);
/* reasoning_effort, thinking, chat_template_kwargs */
bool ask_thinking(struct ask *ask, struct refusal *why);

/* Tools in OpenAI's form, of a list in another where `kind` says so; and who may be called. */
enum tools_kind { TOOLS_CHAT, TOOLS_RESPONSES, TOOLS_MESSAGES };
bool ask_tools(struct ask *ask, enum tools_kind kind, struct refusal *why);
/* What the text has to be: {"type": "text"}, "json_object" or "json_schema", under the name; NULL:
 * any text. */
bool ask_format(struct ask *ask, const char *name, const json_t *format, struct refusal *why);

/* The prompt: messages in the model's chat format; a text with BOS where the tokenizer adds it;
 * ids. They fit into the context then. */
bool ask_messages(struct ask *ask, struct server *server, const json_t *messages,
                  struct refusal *why);
bool ask_text(struct ask *ask, struct server *server, const char *text, struct refusal *why);
bool ask_ids(struct ask *ask, const json_t *ids, struct refusal *why);

/* Takes over ids that the library made. */
bool ask_adopt(struct ask *ask, uint32_t *made, size_t n, struct refusal *why);
/* The ids of a list, checked against the vocabulary; NULL: refused. The caller frees them. */
uint32_t *ids_read(const dsvk_model *model, const json_t *list, size_t *n, struct refusal *why);

#endif
