/* SPDX-License-Identifier: MIT */
/* One model: onto the device and away from it. */
#include "models.h"

#include "../run.h"
#include "serve.h"

#include <stdio.h>
#include <string.h>

/* Of the library: what is wrong with a folder is kept for who asks for it. */
static void keep_line(void *user, dsvk_log_level level, const char *line)
{
    struct served *served = user;
    dsvk_log       sink   = log_sink(&served->server->cli->log);
    if (level == DSVK_LOG_ERROR && !served->model) /* nobody else speaks then */
        snprintf(served->why, sizeof served->why, "%s", line);
    sink.write(sink.user, level, line);
}

dsvk_model *served_open(struct served *served)
{
    struct cli       *cli    = served->server->cli;
    dsvk_model       *model  = NULL;
    dsvk_model_params params = { .folder = served->folder, .log = log_sink(&cli->log) };
    params.log.write         = keep_line;
    params.log.user          = served;
    snprintf(served->why, sizeof served->why, "there is no memory for it");
    if (dsvk_model_open(&model, &params))
        return NULL;
    if (dsvk_model_describe(model)->tokenizer_size > 0)
        return model;
    snprintf(served->why, sizeof served->why, "it has no tokenizer, which a server needs");
    log_note(&cli->log, "%s: %s", served->folder, served->why);
    dsvk_model_close(model);
    return NULL;
}

static uint32_t context_asked(const struct served *served)
{
    return (uint32_t)served->server->cli->options.values[OPT_CTX].count;
}

/* The options for the queue and the places. */
static bool begin_engine(struct served *served)
{
    const struct option_value *values = served->server->cli->options.values;
    uint64_t                   queue  = values[OPT_QUEUE].given ? values[OPT_QUEUE].count : QUEUE;
    return engine_init(&served->engine, served->server->cli, models_parallel(served->server),
                       (uint32_t)queue);
}

bool served_fits(const struct served *served)
{
    struct cli      *cli    = served->server->cli;
    dsvk_plan_params params = cli_plan_params(cli, context_asked(served));
    dsvk_plan        plan;
    uint32_t         most = dsvk_model_describe(served->model)->max_context;
    uint32_t         want = params.run.context ? params.run.context : USUAL_CONTEXT;
    return dsvk_model_plan(&plan, served->model, cli->device, &params) == DSVK_OK && plan.fits &&
           plan.experts_host == 0 && plan.experts_disk == 0 &&
           plan.context >= (want < most ? want : most);
}

static void say_ready(const struct served *served)
{
    log_note(&served->server->cli->log, "%s is ready: a context of %u tokens, %u answers at once",
             served->name, served->engine.context, served->engine.parallel);
}

static bool cannot(struct served *served, dsvk_status status, struct refusal *why)
{
    char reason[512] = "";
    dsvk_model_why(served->model, reason, sizeof reason);
    why->code = status == DSVK_CANCELLED ? "stopping" : "model_load_failed";
    return refuse(why, status == DSVK_CANCELLED ? 503 : 500, "model",
                  "the model '%.100s' cannot be loaded: %s", served->name,
                  reason[0] ? reason : dsvk_status_text(status));
}

int served_start(struct served *served)
{
    struct server *server = served->server;
    struct cli    *cli    = server->cli;
    int            code   = cli_load(cli, context_asked(served));
    if (code)
        return code;
    served->sampling = sampling_choose(cli, served->model);
    if (!begin_engine(served))
        return cli_fail(cli, "no memory for the queue");
    const char *folder = cli->options.values[OPT_MODEL].text;
    code = cli_status(cli, engine_start(&served->engine, served->model, folder), "the session");
    cli->log.at_once = code == EXIT_DONE; /* from here on it is a request's */
    if (code == EXIT_DONE)
        say_ready(served);
    return code;
}

bool served_bring(struct served *served, struct refusal *why)
{
    struct server   *server = served->server;
    struct cli      *cli    = server->cli;
    dsvk_load_params params = { .run      = cli_run(cli, context_asked(served)),
                                .progress = { .stop = server->models.stop } };
    log_info(&cli->log, "loading %s", served->name);
    dsvk_status status = dsvk_model_load(served->model, cli->device, &params);
    if (status == DSVK_OK && !begin_engine(served))
        status = DSVK_NO_MEMORY;
    else if (status == DSVK_OK)
        status = engine_start(&served->engine, served->model, served->folder);
    if (status) {
        cannot(served, status, why);
        engine_done(&served->engine);
        dsvk_model_unload(served->model);
        return false;
    }
    served->sampling = sampling_choose(cli, served->model);
    say_ready(served);
    return true;
}

void served_put_away(struct served *served)
{
    struct server *server = served->server;
    engine_stop(&served->engine);
    engine_done(&served->engine);
    dsvk_status status = DSVK_BUSY; /* while the device is recovered */
    for (int i = 0; i < BUSY_TRIES && status == DSVK_BUSY; i++) {
        status = dsvk_model_unload(served->model);
        if (status == DSVK_BUSY)
            engine_nap();
    }
    log_note(&server->cli->log, "%s is put away%s%s", served->name, status ? ": " : "",
             status ? dsvk_status_text(status) : "");
}
