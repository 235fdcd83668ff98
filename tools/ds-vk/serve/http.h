/* SPDX-License-Identifier: MIT */
/* HTTP: connections, bodies and replies, by libmicrohttpd with a thread for each connection. What
 * is asked and answered is the routes' business (routes.h). A reply is a JSON document, a text, or
 * a stream that a reader fills piece by piece.
 *
 * Limits: MAX_CONNECTIONS; a request's head of 32 KiB; bodies of MAX_BODY, and of MAX_BODIES
 * together; a request must be there whole in READ_SECONDS; a client that takes nothing of a reply
 * for WRITE_SECONDS is left. */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "buffer.h"
#include "fields.h"
#include "system.h"

struct server;
struct route;

#define MAX_BODY ((size_t)16 << 20)
#define MAX_BODIES ((size_t)256 << 20)

struct connection {
    struct connection *next;
    MHD_socket         fd;
    double             deadline; /* for what is being read; 0: none, a reply is in work */
};

struct http {
    struct server     *server;
    struct MHD_Daemon *daemon;
    MHD_socket         listens; /* MHD_INVALID_SOCKET: none */
    pthread_mutex_t    lock;    /* of all below */
    struct connection *connections;
    size_t             body_bytes;   /* of all requests */
    uint64_t           by_status[6]; /* replies of 1xx, 2xx ... */
    uint32_t           n_requests;   /* in work */
};

/* One request, in the thread of its connection until it is replied to. */
struct exchange {
    struct server         *server;
    struct MHD_Connection *connection;
    struct connection     *socket;
    const struct route    *route;
    bool                   head; /* HEAD: as GET, without the body */
    struct buffer          body;
    size_t                 counted; /* of http.body_bytes */
    struct refusal         refusal; /* found before the body was read */
    const char            *origin;  /* of a page that may read the reply; NULL */
    char                   allow[64];
    bool                   page; /* the reply is for a browser, which may load nothing else */
};

/* Reads of a stream: bytes written to `out`, at most `room`, 0: none now, < 0: the end (-1) or a
 * failure (-2). It may wait. */
struct http_stream {
    const char *content_type;
    ssize_t (*read)(void *user, char *out, size_t room);
    void (*done)(void *user); /* the reply is over, whatever came of it */
    void *user;
};

/* Binds and listens; `host` is a name or an address. An exit status; *port is what it became. */
int http_listen(struct http *http, struct server *server, const char *host, uint16_t *port);
/* Starts to answer. An exit status. */
int http_start(struct http *http);
/* Ends connections whose request does not come. Called now and then. */
void http_tidy(struct http *http);
/* Accepts no connections any more. */
void http_quiet(struct http *http);
/* Requests in work. */
uint32_t http_requests(struct http *http);
void     http_done(struct http *http);

const char *http_header(const struct exchange *x, const char *name);
/* Whether the client has left, asked without waiting. */
bool http_gone(const struct exchange *x);

/* Each answers whether the reply was taken on; exactly one for an exchange. */
enum MHD_Result http_json(struct exchange *x, int status, json_t *document);
enum MHD_Result http_text(struct exchange *x, int status, const char *type, struct buffer *text);
enum MHD_Result http_stream(struct exchange *x, const struct http_stream *stream);
/* What a browser asks before it lets a page send a request. */
enum MHD_Result http_preflight(struct exchange *x);
/* In the envelope of its route. */
enum MHD_Result http_refuse(struct exchange *x, const struct refusal *why);

/* ---- its parts ---- */

/* Host, Origin and the key of a request; false: it is refused (guard.c). */
bool guard_admits(struct exchange *x, struct refusal *why);

#endif
