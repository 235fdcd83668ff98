/* SPDX-License-Identifier: MIT */
/* The endpoints. */
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H

#include "http.h"

enum envelope { ENVELOPE_OPENAI, ENVELOPE_ANTHROPIC, ENVELOPE_OLLAMA };

struct route {
    const char   *method, *path;
    enum envelope envelope; /* of its errors */
    bool          open;     /* without a key */
    enum MHD_Result (*serve)(struct exchange *x);
};

/* NULL when there is none, and then why; where another method would do, x->allow says which. */
const struct route *route_find(struct exchange *x, const char *method, const char *path,
                               struct refusal *why);
json_t             *reply_error(enum envelope envelope, const struct refusal *why);

#define SERVE(name) enum MHD_Result serve_##name(struct exchange *x)
SERVE(health);
SERVE(models);
SERVE(props);
SERVE(metrics);
SERVE(tokenize);
SERVE(detokenize);
SERVE(chat);
SERVE(completion);
SERVE(messages);
SERVE(count_tokens);
SERVE(responses);
SERVE(root);
SERVE(page);
SERVE(ollama_chat);
SERVE(ollama_generate);
SERVE(ollama_tags);
SERVE(ollama_show);
SERVE(ollama_version);
#undef SERVE

#endif
