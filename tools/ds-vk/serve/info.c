/* SPDX-License-Identifier: MIT */
/* What the server and its model are: /health, /v1/models, /props, /metrics. */
#include "routes.h"
#include "serve.h"

#include <inttypes.h>
#include <string.h>

static const char *state_word(struct server *server)
{
    static const char *const words[] = { "loading", "ok", "device lost", "stopping" };
    enum engine_state        state   = models_state(server);
    if (state == ENGINE_READY && dsvk_device_is_lost(server->cli->device))
        state = ENGINE_LOST;
    return words[state];
}

enum MHD_Result serve_health(struct exchange *x)
{
    struct server       *server = x->server;
    struct engine_counts counts = models_counts(server);
    const char          *word   = state_word(server);
    bool                 ok     = strcmp(word, "ok") == 0;
    if (!ok)
        x->refusal.retry_after = 5;
    return http_json(x, ok ? 200 : 503,
                     json_pack("{s:s, s:i, s:i}", "status", word, "active", (int)counts.active,
                               "waiting", (int)counts.waiting));
}

static bool ready(struct exchange *x, struct refusal *why)
{
    enum engine_state state = models_state(x->server);
    if (state != ENGINE_LOADING)
        return true;
    why->code        = "loading";
    why->retry_after = 5;
    return refuse(why, 503, NULL, "the server is loading the model");
}

static json_t *model_of(struct served *served)
{
    const dsvk_model_info *info    = models_info(served);
    json_int_t             context = models_context(served);
    json_t *model = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I}", "id", served->name, "object",
                              "model", "created", (json_int_t)served->server->started_at,
                              "owned_by", "ds-vk", "context_length", context, "max_model_len",
                              context, "max_context_length", context);
    json_object_set_new(model, "meta",
                        json_pack("{s:I, s:I, s:I, s:I, s:I}", "n_ctx", context, "n_ctx_train",
                                  (json_int_t)info->max_context, "n_vocab", (json_int_t)info->vocab,
                                  "n_params", (json_int_t)info->parameters, "size",
                                  (json_int_t)info->bytes));
    json_object_set_new(model, "status", json_pack("{s:s}", "value", models_word(served)));
    return model;
}

enum MHD_Result serve_models(struct exchange *x)
{
    struct refusal why  = { 0 };
    json_t        *list = json_array();
    struct models *all  = &x->server->models;
    if (!ready(x, &why)) {
        json_decref(list);
        return http_refuse(x, &why);
    }
    for (size_t i = 0; i < all->n; i++)
        if (models_info(&all->list[i]))
            json_array_append_new(list, model_of(&all->list[i]));
    return http_json(x, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

/* Of the model that is named behind the path, or that was asked for last. */
enum MHD_Result serve_props(struct exchange *x)
{
    struct refusal why    = { 0 };
    struct served *served = NULL;
    const char *name = MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "model");
    if (ready(x, &why))
        served = models_find(x->server, name, &why);
    const dsvk_model_info *info = served ? models_info(served) : NULL;
    if (served && !info)
        refuse(&why, 500, "model", "the folder of '%.200s' cannot be read", served->name);
    if (!info)
        return http_refuse(x, &why);
    return http_json(
        x, 200,
        json_pack("{s:{s:I}, s:i, s:s, s:s, s:s, s:{s:b, s:b}, s:s}", "default_generation_settings",
                  "n_ctx", (json_int_t)models_context(served), "total_slots",
                  (int)models_parallel(x->server), "model_alias", served->name, "architecture",
                  info->architecture, "chat_format", info->chat_format, "modalities", "vision",
                  false, "audio", false, "build_info", dsvk_version()));
}

/* ---- for Prometheus ---- */

static void metric(struct buffer *out, const char *name, const char *type, double value,
                   const char *help)
{
    buffer_print(out, "# HELP dsvk_%s %s\n# TYPE dsvk_%s %s\ndsvk_%s %.17g\n", name, help, name,
                 type, name, value);
}

static void engine_metrics(struct buffer *out, struct server *s)
{
    struct engine_counts c   = models_counts(s);
    enum engine_state    now = models_state(s);
    double bytes = now == ENGINE_LOADING ? 0 : (double)dsvk_device_bytes(s->cli->device);
    const struct {
        const char *name, *type;
        double      value;
        const char *help;
    } rows[] = {
        { "ready", "gauge", now == ENGINE_READY, "1 while requests are answered." },
        { "jobs_active", "gauge", c.active, "Answers in work." },
        { "jobs_waiting", "gauge", c.waiting, "Answers that wait for a session." },
        { "sessions", "gauge", c.sessions, "Sessions that were made." },
        { "device_bytes", "gauge", bytes, "Device memory allocated." },
        { "jobs_total", "counter", (double)c.jobs, "Answers that ended." },
        { "jobs_failed_total", "counter", (double)c.failed, "Of them, those that failed." },
        { "jobs_cancelled_total", "counter", (double)c.cancelled, "Of them, those cut short." },
        { "device_recoveries_total", "counter", (double)c.recoveries,
          "Times that a lost device was made usable again." },
        { "prompt_tokens_total", "counter", (double)c.prompt_tokens, "Tokens of prompts." },
        { "cached_tokens_total", "counter", (double)c.cached_tokens,
          "Of them, those that were in the cache." },
        { "generated_tokens_total", "counter", (double)c.generated_tokens, "Tokens of answers." },
        { "prompt_seconds_total", "counter", c.prompt_seconds, "Time until first tokens." },
        { "answer_seconds_total", "counter", c.answer_seconds, "Time behind first tokens." },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        metric(out, rows[i].name, rows[i].type, rows[i].value, rows[i].help);
}

enum MHD_Result serve_metrics(struct exchange *x)
{
    struct http  *http = &x->server->http;
    struct buffer out  = { 0 };
    engine_metrics(&out, x->server);
    buffer_text(&out, "# HELP dsvk_http_replies_total Replies.\n"
                      "# TYPE dsvk_http_replies_total counter\n");
    pthread_mutex_lock(&http->lock);
    for (int i = 2; i < 6; i++)
        buffer_print(&out, "dsvk_http_replies_total{code=\"%dxx\"} %" PRIu64 "\n", i,
                     http->by_status[i]);
    pthread_mutex_unlock(&http->lock);
    return http_text(x, 200, "text/plain; version=0.0.4", &out);
}
