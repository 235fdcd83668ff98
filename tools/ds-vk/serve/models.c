/* SPDX-License-Identifier: MIT */
/* Which models there are, and who has one. */
#include "models.h"

#include "../run.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_MINUTES 10

/* ---- what there is ---- */

/* The last part of a path. It goes into JSON, and a file's name may be anything. */
static void name_it(struct served *served, const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && host_is_slash(path[n - 1]))
        n--;
    size_t at = n;
    while (at > 0 && !host_is_slash(path[at - 1]))
        at--;
    snprintf(served->name, sizeof served->name, "%.*s", (int)(n - at), path + at);
    for (char *c = served->name; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
}

static struct served *add(struct server *server, const char *path)
{
    struct models *models = &server->models;
    struct served *list   = realloc(models->list, (models->n + 1) * sizeof *list);
    if (!list)
        return NULL;
    models->list    = list;
    list[models->n] = (struct served){ .server = server };
    name_it(&list[models->n], path);
    return &list[models->n++];
}

static bool add_folder(void *user, const char *name)
{
    struct server *server = user;
    const char    *folder = server->cli->options.values[OPT_MODEL_DIR].text;
    struct served *served = add(server, name);
    size_t         room   = strlen(folder) + strlen(name) + 2;
    if (served && (served->folder = malloc(room)) != NULL)
        snprintf(served->folder, room, "%s/%s", folder, name);
    return served && served->folder;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct served *)a)->name, ((const struct served *)b)->name);
}

int models_check(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    bool                       many   = values[OPT_MODEL_DIR].given;
    if (many && (values[OPT_MODEL].given || values[OPT_ALIAS].given))
        return cli_usage(cli, "--model-dir and --%s exclude each other",
                         values[OPT_MODEL].given ? "model" : "alias");
    if (!many && values[OPT_KEEP_LOADED].given)
        return cli_usage(cli, "--keep-loaded goes with --model-dir");
    return EXIT_DONE;
}

static int open_many(struct server *server)
{
    struct cli                *cli    = server->cli;
    struct models             *models = &server->models;
    const struct option_value *values = cli->options.values;
    const char                *folder = values[OPT_MODEL_DIR].text;
    const char                *why    = folders_each(folder, add_folder, server);
    double minutes = values[OPT_KEEP_LOADED].given ? values[OPT_KEEP_LOADED].real : KEEP_MINUTES;
    models->keep   = 60 * minutes;
    if (why)
        return cli_fail(cli, "--model-dir %s: %s", folder, why);
    if (models->n == 0)
        return cli_fail(cli, "--model-dir %s: none of its folders has a config.json%s", folder,
                        cli_is_checkpoint(folder) ? "; it is a model's own, which --model takes"
                                                  : "");
    qsort(models->list, models->n, sizeof *models->list, by_name);
    int code         = cli_open_device(cli);
    cli->log.at_once = code == EXIT_DONE;
    for (size_t i = 0; i < models->n && code == EXIT_DONE; i++)
        models->list[i].model = served_open(&models->list[i]);
    return code;
}

static int open_one(struct server *server)
{
    struct cli                *cli    = server->cli;
    const struct option_value *values = cli->options.values;
    const char                *path   = values[OPT_MODEL].given ? values[OPT_MODEL].text : "demo";
    struct served             *served = add(server, path);
    if (!served)
        return cli_fail(cli, "no memory for the model's name");
    if (values[OPT_ALIAS].given)
        snprintf(served->name, sizeof served->name, "%s", values[OPT_ALIAS].text);
    int code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE && dsvk_model_describe(cli->model)->tokenizer_size == 0)
        code = cli_fail(cli, "the model has no tokenizer, which a server needs");
    served->model = cli->model;
    return code;
}

int models_open(struct server *server)
{
    struct models *models = &server->models;
    struct cli    *cli    = server->cli;
    models->many          = cli->options.values[OPT_MODEL_DIR].given;
    pthread_mutex_init(&models->lock, NULL);
    system_moment_init(&models->changed);
    if (dsvk_stop_new(&models->stop, NULL))
        return cli_fail(cli, "no memory for the models");
    return models->many ? open_many(server) : open_one(server);
}

int models_start(struct server *server)
{
    struct models *models = &server->models;
    struct cli    *cli    = server->cli;
    struct served *served = &models->list[0];
    int            code   = EXIT_DONE;
    if (!models->many)
        code = served_start(served);
    else
        log_note(&cli->log, "%zu model%s in %s", models->n, PLURAL(models->n),
                 cli->options.values[OPT_MODEL_DIR].text);
    pthread_mutex_lock(&models->lock);
    models->ready = code == EXIT_DONE;
    if (!models->many && models->ready)
        served->state = MODEL_HERE;
    pthread_mutex_unlock(&models->lock);
    return code;
}

void models_done(struct server *server)
{
    struct models *models = &server->models;
    if (!models->stop)
        return;
    for (size_t i = 0; i < models->n; i++) {
        struct served *served = &models->list[i];
        engine_done(&served->engine);
        if (models->many)
            dsvk_model_close(served->model);
        free(served->folder);
    }
    free(models->list);
    dsvk_stop_free(models->stop);
    pthread_cond_destroy(&models->changed);
    pthread_mutex_destroy(&models->lock);
}

/* ---- what they are ---- */

const dsvk_model *models_described(struct served *served)
{
    pthread_mutex_lock(&served->server->models.lock);
    const dsvk_model *model = served->model;
    pthread_mutex_unlock(&served->server->models.lock);
    return model;
}

const dsvk_model_info *models_info(struct served *served)
{
    const dsvk_model *model = models_described(served);
    return model ? dsvk_model_describe(model) : NULL;
}

struct served *models_find(struct server *server, const char *name, struct refusal *why)
{
    struct models *models = &server->models;
    size_t         n      = name ? strlen(name) : 0;
    pthread_mutex_lock(&models->lock);
    struct served *found = models->last ? models->last : &models->list[0];
    pthread_mutex_unlock(&models->lock);
    if (!models->many || !name)
        return found;
    /* Ollama's clients name a version, too. */
    if (n > 7 && strcmp(name + n - 7, ":latest") == 0)
        n -= 7;
    for (size_t i = 0; i < models->n; i++)
        if (strlen(models->list[i].name) == n && strncmp(models->list[i].name, name, n) == 0)
            return &models->list[i];
    why->code = "model_not_found";
    refuse(why, 404, "model", "there is no model '%.200s'; /v1/models lists those that are", name);
    return NULL;
}

const char *models_word(struct served *served)
{
    static const char *const words[] = { "unloaded", "loading", "loaded" };
    pthread_mutex_lock(&served->server->models.lock);
    enum model_state state = served->state;
    pthread_mutex_unlock(&served->server->models.lock);
    return words[state];
}

uint32_t models_parallel(const struct server *server)
{
    const struct option_value *given = &server->cli->options.values[OPT_PARALLEL];
    return given->given ? (uint32_t)given->count : PARALLEL;
}

uint32_t models_context(struct served *served)
{
    struct models         *models = &served->server->models;
    const dsvk_model_info *info   = models_info(served);
    uint32_t               most   = info ? info->max_context : 0;
    uint64_t               given  = served->server->cli->options.values[OPT_CTX].count;
    pthread_mutex_lock(&models->lock);
    uint32_t context = served->state == MODEL_HERE ? served->engine.context : 0;
    pthread_mutex_unlock(&models->lock);
    if (context)
        return context;
    given = given ? given : USUAL_CONTEXT;
    return given < most ? (uint32_t)given : most;
}

void models_add_counts(struct engine_counts *sum, const struct engine_counts *c)
{
    sum->jobs += c->jobs;
    sum->failed += c->failed;
    sum->cancelled += c->cancelled;
    sum->recoveries += c->recoveries;
    sum->prompt_tokens += c->prompt_tokens;
    sum->cached_tokens += c->cached_tokens;
    sum->generated_tokens += c->generated_tokens;
    sum->prompt_seconds += c->prompt_seconds;
    sum->answer_seconds += c->answer_seconds;
    sum->active += c->active;
    sum->waiting += c->waiting;
    sum->sessions += c->sessions;
}

struct engine_counts models_counts(struct server *server)
{
    struct models *models = &server->models;
    pthread_mutex_lock(&models->lock);
    struct engine_counts sum = models->past;
    for (size_t i = 0; i < models->n; i++)
        if (models->list[i].state == MODEL_HERE) {
            struct engine_counts counts = engine_counts(&models->list[i].engine);
            models_add_counts(&sum, &counts);
        }
    pthread_mutex_unlock(&models->lock);
    return sum;
}

enum engine_state models_state(struct server *server)
{
    struct models    *models = &server->models;
    enum engine_state state  = ENGINE_READY;
    pthread_mutex_lock(&models->lock);
    for (size_t i = 0; i < models->n; i++)
        if (models->list[i].state == MODEL_HERE &&
            engine_state(&models->list[i].engine) == ENGINE_LOST)
            state = ENGINE_LOST;
    state = models->stopping ? ENGINE_STOPPING : models->ready ? state : ENGINE_LOADING;
    pthread_mutex_unlock(&models->lock);
    return state;
}
