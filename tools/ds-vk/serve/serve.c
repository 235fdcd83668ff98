/* SPDX-License-Identifier: MIT */
/* `ds-vk serve`: listens first, so that a port that is taken is known at once and /health can say
 * "loading"; then loads, then answers until it is asked to stop. */
#define _POSIX_C_SOURCE 200809L
#include "serve.h"

#include "../run.h"
#include "keys.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARALLEL 4
#define QUEUE 64
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

/* The last part of the folder's name. */
static void name_model(struct server *server)
{
    const struct option_value *values = server->cli->options.values;
    const char                *path   = values[OPT_MODEL].text ? values[OPT_MODEL].text : "demo";
    size_t                     n      = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t at = n;
    while (at > 0 && path[at - 1] != '/')
        at--;
    if (values[OPT_ALIAS].given)
        snprintf(server->name, sizeof server->name, "%s", values[OPT_ALIAS].text);
    else
        snprintf(server->name, sizeof server->name, "%.*s", (int)(n - at), path + at);
    for (char *c = server->name; *c; c++) /* it goes into JSON, and a file's name may be anything */
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
}

static void settle(struct server *server, struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    *server                           = (struct server){ .cli = cli, .http = { .listens = -1 } };
    server->started_at                = (int64_t)time(NULL);
    server->time_limit                = (double)given_or(cli, OPT_TIME_LIMIT, TIME_LIMIT);
    server->allowed_hosts             = values[OPT_ALLOW_HOST].text;
    server->allowed_origins           = values[OPT_ALLOW_ORIGIN].text;
    pthread_mutex_init(&server->encoding, NULL);
    name_model(server);
}

static int open_model(struct server *server)
{
    struct cli *cli  = server->cli;
    int         code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE && dsvk_model_describe(cli->model)->tokenizer_size == 0)
        code = cli_fail(cli, "the model has no tokenizer, which a server needs");
    return code;
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
        code = open_model(server);
    if (code == EXIT_DONE)
        code = http_start(&server->http);
    if (code)
        return code;
    bool brackets = strchr(host, ':') != NULL;
    int  n        = snprintf(line, sizeof line, "http://%s%.250s%s:%u\n", brackets ? "[" : "", host,
                     brackets ? "]" : "", (unsigned)port);
    return cli_write(cli, line, (size_t)n);
}

static int load(struct server *server)
{
    struct cli *cli  = server->cli;
    int         code = cli_load(cli, (uint32_t)cli->options.values[OPT_CTX].count);
    if (code)
        return code;
    server->sampling = sampling_choose(cli);
    code             = engine_start(&server->engine);
    cli->log.at_once = code == EXIT_DONE; /* from here on it is a request's */
    if (code == EXIT_DONE)
        log_note(&cli->log, "%s is ready: a context of %u tokens, %u answers at once", server->name,
                 server->engine.context, server->engine.parallel);
    return code;
}

static void doze(struct server *server)
{
    http_tidy(&server->http);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL); /* a signal ends it */
}

/* Answers in work become whole if they do so soon; nothing new begins. */
static void wind_up(struct server *server)
{
    double until = host_seconds() + (double)given_or(server->cli, OPT_GRACE, GRACE);
    engine_stop(&server->engine);
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
    int         code = keys_read(server);
    if (code == EXIT_DONE)
        code = store_check(cli);
    if (code == EXIT_DONE &&
        !engine_init(&server->engine, cli, (uint32_t)given_or(cli, OPT_PARALLEL, PARALLEL),
                     (uint32_t)given_or(cli, OPT_QUEUE, QUEUE)))
        code = cli_fail(cli, "no memory for the queue");
    if (code == EXIT_DONE)
        code = open_port(server);
    if (code == EXIT_DONE)
        code = load(server);
    if (code == EXIT_DONE)
        host_on_signal(HOST_FINISH, cli->log.verbosity < 0 ? NULL : stopping);
    while (code == EXIT_DONE && !host_interrupted())
        doze(server);
    if (server->http.daemon)
        wind_up(server);
    http_done(&server->http);
    if (server->engine.slots)
        engine_done(&server->engine);
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
