/* SPDX-License-Identifier: MIT */
/* Connections and requests, as libmicrohttpd tells of them. */
#include "routes.h"
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CONNECTIONS 512
#define HEAD_BYTES ((size_t)32 << 10)
#define STACK_BYTES ((size_t)1 << 20)
#define READ_SECONDS 60
#define WRITE_SECONDS 60u

/* ---- connections ---- */

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = user;
    pthread_mutex_lock(&http->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct connection *made = calloc(1, sizeof *made);
        if (made) {
            *made             = (struct connection){ .next     = http->connections,
                                                     .fd       = info->connect_fd,
                                                     .deadline = host_seconds() + READ_SECONDS };
            http->connections = made;
        }
        *context = made;
    } else {
        struct connection **at = &http->connections;
        while (*at && *at != *context)
            at = &(*at)->next;
        if (*at)
            *at = (*at)->next;
        free(*context);
        *context = NULL;
    }
    pthread_mutex_unlock(&http->lock);
}

static void set_deadline(struct http *http, struct connection *socket, double deadline)
{
    pthread_mutex_lock(&http->lock);
    socket->deadline = deadline;
    pthread_mutex_unlock(&http->lock);
}

void http_tidy(struct http *http)
{
    double now = host_seconds();
    pthread_mutex_lock(&http->lock);
    for (struct connection *c = http->connections; c; c = c->next)
        if (c->deadline > 0 && now > c->deadline) {
            system_shutdown(c->fd); /* its thread closes it */
            c->deadline = 0;
        }
    pthread_mutex_unlock(&http->lock);
}

/* A client that closes its side is not waited for: whoever still wants an answer leaves it open. */
bool http_gone(const struct exchange *x)
{
    return system_gone(x->socket->fd);
}

const char *http_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* ---- a request ---- */

static void forget_body(struct exchange *x)
{
    struct http *http = &x->server->http;
    pthread_mutex_lock(&http->lock);
    http->body_bytes -= x->counted;
    pthread_mutex_unlock(&http->lock);
    x->counted = 0;
    buffer_done(&x->body);
}

/* All of the body is read, also of one that is refused: the client hears why then. */
static void add_body(struct exchange *x, const char *bytes, size_t n)
{
    struct http *http = &x->server->http;
    if (x->refusal.status)
        return;
    pthread_mutex_lock(&http->lock);
    bool room = http->body_bytes + n <= MAX_BODIES;
    http->body_bytes += room ? n : 0;
    x->counted += room ? n : 0;
    pthread_mutex_unlock(&http->lock);
    if (x->body.n + n > MAX_BODY)
        refuse(&x->refusal, 413, NULL, "the body has more than %zu bytes", MAX_BODY);
    else if (!room)
        refuse(&x->refusal, 503, NULL, "too many large requests at once");
    else
        buffer_add(&x->body, bytes, n);
    if (x->body.failed)
        refuse(&x->refusal, 503, NULL, "no memory for the body");
    if (x->refusal.status)
        forget_body(x);
}

/* What can be said before the body is there. */
static void begin(struct exchange *x, const char *method, const char *path)
{
    struct refusal *why    = &x->refusal;
    const char     *length = http_header(x, "Content-Length");
    x->head                = strcmp(method, "HEAD") == 0;
    x->route               = route_find(x, x->head ? "GET" : method, path, why);
    struct refusal first   = { 0 };
    if (!guard_admits(x, &first))
        *why = first;
    if (length && strtoull(length, NULL, 10) > MAX_BODY)
        refuse(why, 413, NULL, "the body has %s bytes, more than %zu", length, MAX_BODY);
}

static enum MHD_Result answer(struct exchange *x)
{
    struct http *http = &x->server->http;
    set_deadline(http, x->socket, 0);
    /* The thread may wait for long: that is no idle connection. */
    MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    enum MHD_Result result = x->refusal.status ? http_refuse(x, &x->refusal) : x->route->serve(x);
    MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, WRITE_SECONDS);
    forget_body(x);
    return result;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n, void **context)
{
    struct server   *server = user;
    struct exchange *x      = *context;
    (void)version;
    if (!x) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        x = calloc(1, sizeof *x);
        if (!x || !info->socket_context) {
            free(x);
            return MHD_NO;
        }
        *x       = (struct exchange){ .server     = server,
                                      .connection = connection,
                                      .socket     = info->socket_context };
        *context = x;
        pthread_mutex_lock(&server->http.lock);
        server->http.n_requests++;
        pthread_mutex_unlock(&server->http.lock);
        begin(x, method, path);
        return x->refusal.status ? answer(x) : MHD_YES;
    }
    if (*n > 0) {
        add_body(x, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    return answer(x);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http     *http = &((struct server *)user)->http;
    struct exchange *x    = *context;
    (void)connection;
    (void)code;
    if (!x)
        return;
    forget_body(x);
    set_deadline(http, x->socket, host_seconds() + READ_SECONDS); /* the next one's */
    pthread_mutex_lock(&http->lock);
    http->n_requests--;
    pthread_mutex_unlock(&http->lock);
    free(x);
    *context = NULL;
}

/* ---- the daemon ---- */

int http_listen(struct http *http, struct server *server, const char *host, uint16_t *port)
{
    struct system_listening listening;
    unsigned                wanted = *port;
    system_listen(&listening, host, port);
    *http = (struct http){ .server = server, .listens = listening.socket };
    pthread_mutex_init(&http->lock, NULL);
    if (listening.no_host)
        return cli_fail(server->cli, "--host %s: %s", host, listening.why);
    if (http->listens == MHD_INVALID_SOCKET)
        return cli_fail(server->cli, "%s, port %u: %s", host, wanted, listening.why);
    if (!listening.loopback && server->n_keys == 0)
        log_note(&server->cli->log,
                 "%s can be reached from the network, by anyone: --api-key-file asks for a key",
                 host);
    return EXIT_DONE;
}

static void on_log(void *user, const char *format, va_list arguments)
{
    struct server *server = user;
    char           line[512];
    dsvk_log       sink = log_sink(&server->cli->log);
    int            n    = vsnprintf(line, sizeof line, format, arguments);
    if (n > 0 && sink.level >= DSVK_LOG_DEBUG) {
        line[strcspn(line, "\r\n")] = 0;
        sink.write(sink.user, DSVK_LOG_DEBUG, line);
    }
}

int http_start(struct http *http)
{
    struct server        *server    = http->server;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, server },
        { MHD_OPTION_LISTEN_SOCKET, (intptr_t)http->listens, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, WRITE_SECONDS, NULL },
        { MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, http },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG;
    http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY,
                                    options, MHD_OPTION_END);
    return http->daemon ? EXIT_DONE : cli_fail(server->cli, "the HTTP server does not start");
}

void http_quiet(struct http *http)
{
    MHD_socket listens = MHD_quiesce_daemon(http->daemon);
    if (listens != MHD_INVALID_SOCKET)
        system_close(listens);
    http->listens = MHD_INVALID_SOCKET;
}

uint32_t http_requests(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    uint32_t n = http->n_requests;
    pthread_mutex_unlock(&http->lock);
    return n;
}

void http_done(struct http *http)
{
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    if (http->listens != MHD_INVALID_SOCKET && !http->daemon)
        system_close(http->listens);
    pthread_mutex_destroy(&http->lock);
}
