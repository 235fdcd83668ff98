/* SPDX-License-Identifier: MIT */
/* Replies, and the envelopes that the makers of each API gave its errors. */
#include "routes.h"
#include "serve.h"

#include <stdio.h>
#include <string.h>

/* Consumes the response. */
static enum MHD_Result queue(struct exchange *x, int status, const char *type,
                             struct MHD_Response *response)
{
    struct http *http = &x->server->http;
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (x->origin)
        MHD_add_response_header(response, "Access-Control-Allow-Origin", x->origin);
    MHD_add_response_header(response, "Vary", "Origin, Accept");
    if (x->page)
        MHD_add_response_header(response, "Content-Security-Policy",
                                "default-src 'none'; script-src 'self'; style-src 'self'; "
                                "connect-src 'self'; img-src data:; base-uri 'none'; "
                                "form-action 'self'; frame-ancestors 'none'");
    if (x->allow[0])
        MHD_add_response_header(response, "Allow", x->allow);
    if (x->refusal.retry_after) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", x->refusal.retry_after);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    pthread_mutex_lock(&http->lock);
    http->by_status[status / 100 < 6 ? status / 100 : 5]++;
    pthread_mutex_unlock(&http->lock);
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result http_text(struct exchange *x, int status, const char *type, struct buffer *text)
{
    bool            failed = text->failed;
    enum MHD_Result result =
        failed ? MHD_NO
               : queue(x, status, type,
                       MHD_create_response_from_buffer(text->n, text->n ? text->data : "",
                                                       MHD_RESPMEM_MUST_COPY));
    buffer_done(text);
    return result;
}

enum MHD_Result http_json(struct exchange *x, int status, json_t *document)
{
    struct buffer text = { 0 };
    buffer_json(&text, document);
    return http_text(x, status, "application/json", &text);
}

enum MHD_Result http_preflight(struct exchange *x)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    const char          *headers  = http_header(x, "Access-Control-Request-Headers");
    if (response && x->origin) {
        MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST");
        MHD_add_response_header(response, "Access-Control-Max-Age", "600");
        if (headers)
            MHD_add_response_header(response, "Access-Control-Allow-Headers", headers);
    }
    return queue(x, 204, "text/plain", response);
}

/* ---- streams ---- */

struct streaming {
    struct http_stream     stream;
    struct MHD_Connection *connection;
};

static ssize_t read_stream(void *user, uint64_t at, char *out, size_t room)
{
    struct streaming *s = user;
    (void)at;
    MHD_set_connection_option(s->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    ssize_t n = s->stream.read(s->stream.user, out, room);
    MHD_set_connection_option(s->connection, MHD_CONNECTION_OPTION_TIMEOUT, 60u);
    return n >= 0    ? n
           : n == -1 ? MHD_CONTENT_READER_END_OF_STREAM
                     : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void done_stream(void *user)
{
    struct streaming *s = user;
    s->stream.done(s->stream.user);
    free(s);
}

enum MHD_Result http_stream(struct exchange *x, const struct http_stream *stream)
{
    struct streaming *s = malloc(sizeof *s);
    if (s)
        *s = (struct streaming){ *stream, x->connection };
    struct MHD_Response *response = s ? MHD_create_response_from_callback(
                                            MHD_SIZE_UNKNOWN, 32 << 10, read_stream, s, done_stream)
                                      : NULL;
    if (!response) {
        free(s);
        stream->done(stream->user);
        return MHD_NO;
    }
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* of proxies */
    return queue(x, 200, stream->content_type, response);
}

/* ---- errors ---- */

static const char *openai_type(int status)
{
    return status == 401   ? "authentication_error"
           : status == 403 ? "permission_error"
           : status == 404 ? "not_found_error"
           : status == 429 ? "rate_limit_error"
           : status < 500  ? "invalid_request_error"
                           : "server_error";
}

static const char *anthropic_type(int status)
{
    return status == 413   ? "request_too_large"
           : status == 503 ? "overloaded_error"
           : status >= 500 ? "api_error"
                           : openai_type(status);
}

json_t *reply_error(enum envelope envelope, const struct refusal *why)
{
    if (envelope == ENVELOPE_OLLAMA)
        return json_pack("{s:s}", "error", why->message);
    if (envelope == ENVELOPE_ANTHROPIC)
        return json_pack("{s:s, s:{s:s, s:s}}", "type", "error", "error", "type",
                         anthropic_type(why->status), "message", why->message);
    return json_pack("{s:{s:s, s:s, s:s?, s:s?}}", "error", "message", why->message, "type",
                     openai_type(why->status), "param", why->param[0] ? why->param : NULL, "code",
                     why->code);
}

enum MHD_Result http_refuse(struct exchange *x, const struct refusal *why)
{
    if (&x->refusal != why)
        x->refusal = *why;
    enum envelope envelope = x->route ? x->route->envelope : ENVELOPE_OPENAI;
    return http_json(x, why->status, reply_error(envelope, why));
}
