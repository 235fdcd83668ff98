/* SPDX-License-Identifier: MIT */
/* The models that a server has: the one that it was started with, or with --model-dir all in the
 * folder. Of these none is on the device at first. One comes when a request names it, and goes when
 * nobody has asked it for --keep-loaded minutes, or when another one needs its place. Several are
 * there at once where each fits whole, with the context that it would have alone.
 *
 * A request has its model from models_take() to models_release(), and nobody takes it away
 * meanwhile: who needs its place waits, and then those who come for it wait, too. */
#ifndef SERVE_MODELS_H
#define SERVE_MODELS_H

#include "engine.h"
#include "fields.h"

struct exchange;
struct server;

enum model_state { MODEL_AWAY, MODEL_MOVES, MODEL_HERE };

struct served {
    struct server *server;
    char           name[256];
    char          *folder;   /* NULL: what the options say */
    dsvk_model    *model;    /* its headers and tokenizer; NULL: its folder could not be read */
    struct engine  engine;   /* while it is here */
    dsvk_sampling  sampling; /* where a request says nothing; the same */
    char           why[512]; /* its folder could not be read; of served_open() */
    /* under models.lock, as `model` */
    enum model_state state;
    uint32_t         users;
    double           used_at;
};

struct models {
    struct served       *list; /* in the order of their names */
    size_t               n;
    bool                 many; /* --model-dir */
    double               keep; /* seconds; 0: until its place is needed */
    pthread_mutex_t      lock; /* of all below */
    pthread_cond_t       changed;
    bool                 ready, stopping;
    bool                 moving;  /* somebody brings or puts away one */
    const struct served *awaited; /* waits until another one is free; NULL: none does */
    struct served       *last;    /* that was asked for; NULL: none yet */
    dsvk_stop           *stop;    /* of loading */
    struct engine_counts past;    /* of engines that are gone */
};

/* What can be known to be wrong at once. An exit status, here and below. */
int models_check(struct cli *cli);
/* Opens the model, or finds those of the folder and opens the device. */
int models_open(struct server *server);
/* Loads the model, where there is one alone. */
int models_start(struct server *server);
/* Puts away what nobody has asked for long enough. Called now and then. */
void models_tidy(struct server *server);
/* No job comes in any more. */
void models_stop(struct server *server);
void models_done(struct server *server);

/* The model of a name; NULL names the one that was asked for last, or the first. A server with one
 * model has it under any name. NULL: there is none, and why says so. */
struct served *models_find(struct server *server, const char *name, struct refusal *why);
/* The same, loaded, which may take its time. */
struct served *models_take(struct exchange *x, const char *name, struct refusal *why);
void           models_release(struct served *served);

/* NULL where its folder could not be read, here and below. It stays as long as the server. */
const dsvk_model      *models_described(struct served *served);
const dsvk_model_info *models_info(struct served *served);
/* "loaded", "loading", "unloaded" */
const char *models_word(struct served *served);
/* Answers of a model at once. */
uint32_t models_parallel(const struct server *server);
/* Its engine's where it is here, else what it may become. */
uint32_t models_context(struct served *served);
/* Of all engines together; LOADING until the server can be asked. */
enum engine_state    models_state(struct server *server);
struct engine_counts models_counts(struct server *server);

/* ---- its parts ---- */

/* Reads its headers; NULL: served->why says why not. */
dsvk_model *served_open(struct served *served);
/* The one that the server began with. An exit status. */
int served_start(struct served *served);
/* Puts it on the device, which it fits on. The lock is not held. */
bool served_bring(struct served *served, struct refusal *why);
/* The lock is not held, and it has no users. */
void served_put_away(struct served *served);
/* Whether there is room for all of it beside what is there. */
bool served_fits(const struct served *served);
void models_add_counts(struct engine_counts *sum, const struct engine_counts *c);
/* Calls each with the name of each folder in `folder` that has a config.json; why not, or NULL. */
const char *folders_each(const char *folder, bool (*each)(void *user, const char *name),
                         void       *user);

#endif
