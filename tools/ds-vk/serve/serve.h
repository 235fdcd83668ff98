/* SPDX-License-Identifier: MIT */
/* What all of `ds-vk serve` shares: the command line's objects, the engine, HTTP, and what the
 * options say. A request comes in by http.c, is checked by guard.c, finds its function in routes.c,
 * becomes an `ask` (ask.h) and an `answer` (answer.h) in the dialect of its endpoint, whose jobs
 * the engine (engine.h) works on. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "../cli.h"
#include "engine.h"
#include "http.h"

#include <stdatomic.h>

#define MAX_KEYS 64

struct server {
    struct cli     *cli;
    struct engine   engine;
    struct http     http;
    char            name[256];  /* of the model */
    int64_t         started_at; /* seconds since 1970 */
    pthread_mutex_t encoding;   /* so that dsvk_model_why() speaks of this thread's call */
    dsvk_sampling   sampling;   /* where a request says nothing */
    double          time_limit; /* seconds */
    atomic_bool     cancelling; /* what is in work ends now */
    char           *keys[MAX_KEYS];
    size_t          n_keys;
    const char     *allowed_hosts, *allowed_origins; /* separated by commas; NULL: none */
};

#endif
