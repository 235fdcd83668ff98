/* SPDX-License-Identifier: MIT */
/* Fields of a request, each with its range. */
#include "ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ask_ready(struct server *server, struct refusal *why)
{
    enum engine_state state = models_state(server);
    if (state == ENGINE_READY || state == ENGINE_LOST)
        return true;
    why->retry_after = 5;
    why->code        = state == ENGINE_LOADING ? "loading" : "stopping";
    return refuse(why, 503, NULL, "the server is %s",
                  state == ENGINE_LOADING ? "loading the model" : "stopping");
}

bool ask_model(const struct server *server, const json_t *body, const char **name,
               struct refusal *why)
{
    if (!server->models.many) /* clients must name one, and know none */
        return true;
    const char *key = field(body, "model") ? "model" : "name"; /* older clients of Ollama */
    return field_text(why, body, key, name);
}

const dsvk_model *ask_described(struct server *server, const json_t *body, struct refusal *why)
{
    const char    *name = NULL;
    struct served *served =
        ask_model(server, body, &name, why) ? models_find(server, name, why) : NULL;
    const dsvk_model *model = served ? models_described(served) : NULL;
    if (served && !model)
        refuse(why, 500, "model", "the folder of '%.200s' cannot be read", served->name);
    return model;
}

/* ---- how tokens are chosen ---- */

static bool reals(struct ask *ask, struct refusal *why)
{
    dsvk_sampling *s = &ask->sampling;
    const struct {
        const char *name;
        float      *value;
        double      range[2];
    } rows[] = {
        { "temperature", &s->temperature, { 0, 100 } },
        { "top_p", &s->top_p, { 0, 1 } },
        { "min_p", &s->min_p, { 0, 1 } },
        { "presence_penalty", &s->presence_penalty, { -2, 2 } },
        { "frequency_penalty", &s->frequency_penalty, { -2, 2 } },
        { "repetition_penalty", &s->repetition_penalty, { 0.01, 100 } },
        { "repeat_penalty", &s->repetition_penalty, { 0.01, 100 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = (double)*rows[i].value;
        if (!field_real(why, ask->body, rows[i].name, rows[i].range, &value))
            return false;
        *rows[i].value = (float)value;
    }
    return true;
}

static bool read_bias(struct ask *ask, const char *key, const json_t *value, struct refusal *why)
{
    char         *end;
    unsigned long token = strtoul(key, &end, 10);
    double        bias  = json_number_value(value);
    if (key[0] < '0' || key[0] > '9' || *end ||
        token >= dsvk_model_describe(ask->served->model)->vocab)
        return refuse(why, 400, "logit_bias", "'logit_bias' names %.40s, which is no token id",
                      key);
    if (!json_is_number(value) || bias < -1000 || bias > 1000)
        return refuse(why, 400, "logit_bias", "'logit_bias' takes numbers from -1000 to 1000");
    /* -100 is OpenAI's word for never. */
    ask->biases[ask->sampling.n_biases++] =
        (dsvk_bias){ (uint32_t)token, bias == -100 ? -INFINITY : (float)bias };
    return true;
}

static bool biases(struct ask *ask, struct refusal *why)
{
    const json_t *given = field(ask->body, "logit_bias");
    const char   *key;
    json_t       *value;
    if (!given)
        return true;
    if (!json_is_object(given) || json_object_size(given) > MAX_ASK_BIASES)
        return refuse(why, 400, "logit_bias",
                      "'logit_bias' takes an object of at most %d token ids", MAX_ASK_BIASES);
    ask->sampling.n_biases = 0;
    ask->sampling.biases   = ask->biases;
    json_object_foreach((json_t *)given, key,
                        value) if (!read_bias(ask, key, value, why)) return false;
    return true;
}

bool ask_sampling(struct ask *ask, struct refusal *why)
{
    static const int64_t any[] = { INT64_MIN, INT64_MAX }, tops[] = { -1, UINT32_MAX };
    int64_t              seed = 0, top_k = ask->sampling.top_k;
    if (!reals(ask, why) || !field_count(why, ask->body, "seed", any, &seed) ||
        !field_count(why, ask->body, "top_k", tops, &top_k) || !biases(ask, why))
        return false;
    ask->has_seed       = field(ask->body, "seed") != NULL;
    ask->sampling.seed  = ask->has_seed ? (uint64_t)seed : host_random();
    ask->sampling.top_k = top_k > 0 ? (uint32_t)top_k : 0;
    /* Here 0 is no probability, in the library's struct it is the default: off. */
    bool narrow = field(ask->body, "top_p") && ask->sampling.top_p < 1e-6f;
    if (ask->sampling.top_k == 1 || narrow)
        ask->sampling.temperature = 0;
    return true;
}

/* ---- where it ends ---- */

static bool add_stop(struct ask *ask, const char *name, const json_t *text, struct refusal *why)
{
    size_t n = json_string_length(text);
    if (n == 0 || n > 1024)
        return refuse(why, 400, name, "'%s' takes texts of 1 to 1024 bytes", name);
    if (ask->n_stops == MAX_ASK_STOPS)
        return refuse(why, 400, name, "'%s' takes %d texts at most", name, MAX_ASK_STOPS);
    ask->stops[ask->n_stops++] = json_string_value(text);
    return true;
}

bool ask_stops(struct ask *ask, const char *name, struct refusal *why)
{
    const json_t *given = field(ask->body, name);
    if (!given)
        return true;
    if (!json_is_array(given))
        return add_stop(ask, name, given, why);
    for (size_t i = 0; i < json_array_size(given); i++)
        if (!add_stop(ask, name, json_array_get(given, i), why))
            return false;
    return true;
}

bool ask_limit(struct ask *ask, const char *name, const char *older, struct refusal *why)
{
    static const int64_t range[] = { 1, UINT32_MAX };
    int64_t              limit   = UINT32_MAX;
    if (older && !field_count(why, ask->body, older, range, &limit))
        return false;
    if (!field_count(why, ask->body, name, range, &limit))
        return false;
    ask->limit = (size_t)limit;
    return true;
}

/* ---- thoughts ---- */

static bool effort(struct ask *ask, struct refusal *why)
{
    static const char *const known[] = { "minimal", "low", "medium", "high", "xhigh", "max" };
    const char              *word    = NULL;
    if (!field_text(why, ask->body, "reasoning_effort", &word))
        return false;
    if (!word)
        return true;
    ask->think_is_a_hint = true;
    ask->think           = DSVK_THINK_OFF;
    if (strcmp(word, "none") == 0)
        return true;
    ask->think  = DSVK_THINK_ON;
    ask->effort = strcmp(word, "max") == 0 ? "max" : NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i]) == 0)
            return true;
    return refuse(why, 400, "reasoning_effort",
                  "'reasoning_effort' takes none, minimal, low, medium, high, xhigh or max");
}

static bool thinking(struct ask *ask, struct refusal *why)
{
    const json_t *given = field(ask->body, "thinking");
    const char   *type  = json_string_value(json_object_get(given, "type"));
    if (!given)
        return true;
    if (!type || (strcmp(type, "enabled") && strcmp(type, "disabled") && strcmp(type, "adaptive")))
        return refuse(why, 400, "thinking",
                      "'thinking' takes {\"type\": \"enabled\", \"disabled\" or \"adaptive\"}");
    ask->think_is_a_hint = true;
    ask->think = type[0] == 'e' ? DSVK_THINK_ON : type[0] == 'd' ? DSVK_THINK_OFF : DSVK_THINK_AUTO;
    return true;
}

bool ask_thinking(struct ask *ask, struct refusal *why)
{
    const json_t *more = field(ask->body, "chat_template_kwargs");
    bool          on   = false;
    if (!effort(ask, why) || !thinking(ask, why))
        return false;
    const char *name = field(more, "enable_thinking") ? "enable_thinking" : "thinking";
    if (!field(more, name))
        return true;
    if (!field_flag(why, more, name, &on))
        return false;
    ask->think_is_a_hint = false;
    ask->think           = on ? DSVK_THINK_ON : DSVK_THINK_OFF;
    return true;
}

/* ---- all of it ---- */

bool ask_common(struct ask *ask, struct refusal *why)
{
    return field_flag(why, ask->body, "stream", &ask->stream) && ask_sampling(ask, why);
}

struct ask *ask_new(struct exchange *x, struct refusal *why)
{
    struct ask *ask  = NULL;
    const char *name = NULL;
    json_t     *body;
    if (!ask_ready(x->server, why) || !(body = fields_read(why, x->body.data, x->body.n)))
        return NULL;
    ask = calloc(1, sizeof *ask);
    if (!ask) {
        json_decref(body);
        refuse(why, 503, NULL, "no memory for the request");
        return NULL;
    }
    *ask = (struct ask){ .body = body, .n = 1, .limit = SIZE_MAX };
    if (!ask_model(x->server, body, &name, why) || !(ask->served = models_take(x, name, why))) {
        ask_free(ask);
        return NULL;
    }
    ask->sampling = ask->served->sampling;
    ask->think    = (dsvk_think)x->server->cli->options.values[OPT_THINK].count;
    return ask;
}

void ask_free(struct ask *ask)
{
    if (!ask)
        return;
    if (ask->served)
        models_release(ask->served);
    json_decref(ask->body);
    free(ask->ids);
    free(ask->schema);
    free(ask->tools);
    free(ask->parameters);
    free(ask);
}
