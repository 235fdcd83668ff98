/* SPDX-License-Identifier: MIT */
/* What all of `ds-vk serve` shares: the command line's objects, the models, HTTP, and what the
 * options say. A request comes in by http.c, is checked by guard.c, finds its function in routes.c,
 * becomes an `ask` (ask.h) and an `answer` (answer.h) in the dialect of its endpoint, whose jobs
 * the engine (engine.h) of its model (models.h) works on. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "../cli.h"
#include "http.h"
#include "models.h"

#include <stdatomic.h>

#define MAX_KEYS 64
#define PARALLEL 4
#define QUEUE 64
#define USUAL_CONTEXT 8192 /* that sessions take where nobody says more, and the model has it */

struct server {
    struct cli     *cli;
    struct models   models;
    struct http     http;
    int64_t         started_at; /* seconds since 1970 */
    pthread_mutex_t encoding;   /* so that dsvk_model_why() speaks of this thread's call */
    double          time_limit; /* seconds */
    atomic_bool     cancelling; /* what is in work ends now */
    char           *keys[MAX_KEYS];
    size_t          n_keys;
    const char     *allowed_hosts, *allowed_origins; /* separated by commas; NULL: none */
};

#endif
