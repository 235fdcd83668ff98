/* SPDX-License-Identifier: MIT */
/* Any bytes as the body of a request to the server, over the library that only pretends: there is
 * one reply, whole, of a status that the request may get, and its JSON can be read. The first byte
 * says the endpoint. What is left out is HTTP itself, which has stand-ins here. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "routes.h"
#include "serve.h"

struct MHD_Response {
    char                         *data;
    size_t                        n;
    MHD_ContentReaderCallback     reader;
    MHD_ContentReaderFreeCallback done;
    void                         *user;
};

static unsigned replies;
static unsigned replied; /* the status */

struct MHD_Response *MHD_create_response_from_buffer(size_t n, void *data,
                                                     enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = calloc(1, sizeof *response);
    (void)mode;
    if (!response || !(response->data = malloc(n + 1)))
        abort();
    memcpy(response->data, data, n);
    response->n = n;
    return response;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block,
                                                       MHD_ContentReaderCallback reader, void *user,
                                                       MHD_ContentReaderFreeCallback done)
{
    struct MHD_Response *response = calloc(1, sizeof *response);
    (void)size, (void)block;
    if (!response)
        abort();
    *response = (struct MHD_Response){ .reader = reader, .done = done, .user = user };
    return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *name,
                                        const char *value)
{
    (void)response;
    return name && value ? MHD_YES : MHD_NO;
}

enum MHD_Result MHD_set_connection_option(struct MHD_Connection     *connection,
                                          enum MHD_CONNECTION_OPTION option, ...)
{
    (void)connection, (void)option;
    return MHD_YES;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                        const char *name)
{
    (void)connection, (void)kind, (void)name;
    return NULL;
}

/* All that a client would read; a stream ends well. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                                   struct MHD_Response *response)
{
    char piece[777];
    (void)connection;
    replies++;
    replied = status;
    if (response->data) {
        json_t *document =
            json_loadb(response->data, response->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!document && strncmp(response->data, "event:", 6) != 0)
            abort();
        json_decref(document);
        return MHD_YES;
    }
    ssize_t n;
    for (uint64_t at = 0; (n = response->reader(response->user, at, piece, sizeof piece)) >= 0;)
        at += (uint64_t)n;
    if (n != MHD_CONTENT_READER_END_OF_STREAM)
        abort();
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *response)
{
    if (response->done)
        response->done(response->user);
    free(response->data);
    free(response);
}

bool http_gone(const struct exchange *x)
{
    (void)x;
    return false;
}

const char *http_header(const struct exchange *x, const char *name)
{
    (void)x, (void)name;
    return NULL;
}

/* ---- the server ---- */

static struct server *begin(void)
{
    static struct cli    cli = { .command = "serve" };
    static struct server server;
    log_init(&cli.log);
    cli.log.verbosity                = -1;
    cli.options.values[OPT_MODEL]    = (struct option_value){ .given = 1, .text = "scripted-v4" };
    cli.options.values[OPT_PARALLEL] = (struct option_value){ .given = 1, .count = 1 };
    cli.options.values[OPT_CTX]      = (struct option_value){ .given = 1, .count = 2000 };
    server                           = (struct server){ .cli = &cli, .time_limit = 60 };
    pthread_mutex_init(&server.encoding, NULL);
    pthread_mutex_init(&server.http.lock, NULL);
    if (models_open(&server) || models_start(&server))
        abort();
    return &server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct route routes[] = {
        { "POST", "chat", ENVELOPE_OPENAI, false, serve_chat },
        { "POST", "responses", ENVELOPE_OPENAI, false, serve_responses },
        { "POST", "messages", ENVELOPE_ANTHROPIC, false, serve_messages },
        { "POST", "completion", ENVELOPE_OPENAI, false, serve_completion },
        { "POST", "count_tokens", ENVELOPE_ANTHROPIC, false, serve_count_tokens },
        { "POST", "ollama_chat", ENVELOPE_OLLAMA, false, serve_ollama_chat },
        { "POST", "ollama_generate", ENVELOPE_OLLAMA, false, serve_ollama_generate },
        { "POST", "tokenize", ENVELOPE_OPENAI, false, serve_tokenize },
        { "POST", "detokenize", ENVELOPE_OPENAI, false, serve_detokenize },
    };
    static struct server *server;
    if (bytes == 0)
        return 0;
    if (!server)
        server = begin();
    const struct route *route = &routes[data[0] % (sizeof routes / sizeof *routes)];
    struct exchange     x     = { .server = server, .route = route };
    buffer_add(&x.body, (const char *)data + 1, bytes - 1);
    replies = 0;
    if (route->serve(&x) != MHD_YES || replies != 1)
        abort();
    if (replied != 200 && (replied < 400 || replied >= 500))
        abort();
    buffer_done(&x.body);
    return 0;
}
