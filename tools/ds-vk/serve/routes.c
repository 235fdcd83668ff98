/* SPDX-License-Identifier: MIT */
#include "routes.h"

#include "serve.h"

#include <stdio.h>
#include <string.h>

static const struct route routes[] = {
    { "GET", "/health", ENVELOPE_OPENAI, true, serve_health },
    { "GET", "/v1/health", ENVELOPE_OPENAI, true, serve_health },
    { "GET", "/v1/models", ENVELOPE_OPENAI, false, serve_models },
    { "GET", "/models", ENVELOPE_OPENAI, false, serve_models },
    { "GET", "/props", ENVELOPE_OPENAI, false, serve_props },
    { "GET", "/metrics", ENVELOPE_OPENAI, false, serve_metrics },
    { "POST", "/v1/chat/completions", ENVELOPE_OPENAI, false, serve_chat },
    { "POST", "/chat/completions", ENVELOPE_OPENAI, false, serve_chat },
    { "POST", "/v1/completions", ENVELOPE_OPENAI, false, serve_completion },
    { "POST", "/completions", ENVELOPE_OPENAI, false, serve_completion },
    { "POST", "/v1/responses", ENVELOPE_OPENAI, false, serve_responses },
    { "POST", "/responses", ENVELOPE_OPENAI, false, serve_responses },
    { "POST", "/v1/messages", ENVELOPE_ANTHROPIC, false, serve_messages },
    { "POST", "/v1/messages/count_tokens", ENVELOPE_ANTHROPIC, false, serve_count_tokens },
    { "GET", "/", ENVELOPE_OPENAI, true, serve_root },
    { "GET", "/page.css", ENVELOPE_OPENAI, true, serve_page },
    { "GET", "/page.js", ENVELOPE_OPENAI, true, serve_page },
    { "GET", "/stream.js", ENVELOPE_OPENAI, true, serve_page },
    { "GET", "/text.js", ENVELOPE_OPENAI, true, serve_page },
    { "GET", "/api/version", ENVELOPE_OLLAMA, true, serve_ollama_version },
    { "GET", "/api/tags", ENVELOPE_OLLAMA, false, serve_ollama_tags },
    { "POST", "/api/show", ENVELOPE_OLLAMA, false, serve_ollama_show },
    { "POST", "/api/chat", ENVELOPE_OLLAMA, false, serve_ollama_chat },
    { "POST", "/api/generate", ENVELOPE_OLLAMA, false, serve_ollama_generate },
    { "POST", "/tokenize", ENVELOPE_OPENAI, false, serve_tokenize },
    { "POST", "/detokenize", ENVELOPE_OPENAI, false, serve_detokenize },
};

#define N (sizeof routes / sizeof *routes)

const struct route *route_find(struct exchange *x, const char *method, const char *path,
                               struct refusal *why)
{
    static const struct route preflight = { "OPTIONS", "", ENVELOPE_OPENAI, true, http_preflight };
    const struct route       *nearest   = NULL;
    if (strcmp(method, "OPTIONS") == 0)
        return &preflight;
    for (size_t i = 0; i < N; i++)
        if (strcmp(routes[i].path, path) == 0) {
            nearest = &routes[i];
            if (strcmp(routes[i].method, method) == 0)
                return nearest;
        }
    if (!nearest) {
        refuse(why, 404, NULL, "there is no %.200s", path);
        return NULL;
    }
    snprintf(x->allow, sizeof x->allow, "%s, OPTIONS", nearest->method);
    refuse(why, 405, NULL, "%s takes %s, not %.20s", path, nearest->method, method);
    return NULL;
}
