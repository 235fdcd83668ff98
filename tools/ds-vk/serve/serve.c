/* SPDX-License-Identifier: MIT */
/* `ds-vk serve`: listens first, so that a port that is taken is known at once and /health can say
 * "loading"; then loads, then answers until it is asked to stop. */
#include "serve.h"

#include "../run.h"
#include "keys.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PORT 8080
#define TIME_LIMIT 3600
#define GRACE 10
#define LAST_WORDS 3

static const char stopping[] =
    "note: stopping when the answers in work are whole; a second interrupt ends them\n";

static uint64_t given_or(const struct cli *cli, size_t option, uint64_t otherwise)
{
    const struct option_value *value = &cli->options.values[option];
    return value->given ? value->count : otherwise;
}

static void settle(struct server *server, struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    *server            = (struct server){ .cli = cli, .http = { .listens = MHD_INVALID_SOCKET } };
    server->started_at = (int64_t)time(NULL);
    server->time_limit = (double)given_or(cli, OPT_TIME_LIMIT, TIME_LIMIT);
    server->allowed_hosts   = values[OPT_ALLOW_HOST].text;
    server->allowed_origins = values[OPT_ALLOW_ORIGIN].text;
    pthread_mutex_init(&server->encoding, NULL);
}

/* The address is printed once all that can be known to be wrong is known. */
static int open_port(struct server *server)
{
    struct cli *cli  = server->cli;
    const char *host = cli->options.values[OPT_HOST].text;
    uint16_t    port = (uint16_t)given_or(cli, OPT_PORT, PORT);
    char        line[320];
    host     = host ? host : "127.0.0.1";
    int code = http_listen(&server->http, server, host, &port);
    if (code == EXIT_DONE)
        code = models_open(server);
    if (code == EXIT_DONE)
        code = http_start(&server->http);
    if (code)
        return code;
    bool brackets = strchr(host, ':') != NULL;
    int  n        = snprintf(line, sizeof line, "http://%s%.250s%s:%u\n", brackets ? "[" : "", host,
                     brackets ? "]" : "", (unsigned)port);
    return cli_write(cli, line, (size_t)n);
}

static void doze(struct server *server)
{
    http_tidy(&server->http);
    models_tidy(server);
    host_rest(0.1);
}

/* Answers in work become whole if they do so soon; nothing new begins. */
static void wind_up(struct server *server)
{
    double until = host_seconds() + (double)given_or(server->cli, OPT_GRACE, GRACE);
    models_stop(server);
    http_quiet(&server->http);
    while (http_requests(&server->http) > 0 && host_seconds() < until)
        doze(server);
    atomic_store(&server->cancelling, true);
    until = host_seconds() + LAST_WORDS; /* clients hear why */
    while (http_requests(&server->http) > 0 && host_seconds() < until)
        doze(server);
}

static int serve(struct server *server)
{
    struct cli *cli  = server->cli;
    int         code = models_check(cli);
    if (code == EXIT_DONE)
        code = keys_read(server);
    if (code == EXIT_DONE)
        code = store_check(cli);
    if (code == EXIT_DONE)
        code = open_port(server);
    if (code == EXIT_DONE)
        code = models_start(server);
    if (code == EXIT_DONE)
        host_on_signal(HOST_FINISH, cli->log.verbosity < 0 ? NULL : stopping);
    while (code == EXIT_DONE && !host_interrupted())
        doze(server);
    if (server->http.daemon)
        wind_up(server);
    http_done(&server->http);
    models_done(server);
    return code;
}

int command_serve(struct cli *cli)
{
    struct server *server = malloc(sizeof *server);
    if (!server)
        return cli_fail(cli, "no memory for the server");
    settle(server, cli);
    int code = serve(server);
    keys_forget(server);
    pthread_mutex_destroy(&server->encoding);
    free(server);
    return code;
}
