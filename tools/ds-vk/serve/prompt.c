/* SPDX-License-Identifier: MIT */
/* The ids of what is asked. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

static bool check_length(const struct ask *ask, struct refusal *why)
{
    if (ask->n_ids == 0)
        return refuse(why, 400, NULL, "the prompt is empty");
    if (ask->n_ids <= ask->served->engine.context)
        return true;
    why->code = "context_length_exceeded";
    return refuse(why, 400, "messages",
                  "the prompt has %zu tokens, more than the maximum context length of %u",
                  ask->n_ids, ask->served->engine.context);
}

/* Takes over ids that the library made. */
bool ask_adopt(struct ask *ask, uint32_t *made, size_t n, struct refusal *why)
{
    ask->ids   = malloc(n * sizeof *made + 1);
    ask->n_ids = n;
    if (ask->ids)
        memcpy(ask->ids, made, n * sizeof *made);
    dsvk_model_free_memory(ask->served->model, made);
    return ask->ids ? check_length(ask, why)
                    : refuse(why, 503, NULL, "no memory for %zu tokens", n);
}

/* ---- texts ---- */

bool ask_text(struct ask *ask, struct server *server, const char *text, struct refusal *why)
{
    const dsvk_model *model = ask->served->model;
    bool              bos   = dsvk_model_describe(model)->adds_bos;
    uint32_t         *made  = NULL;
    size_t            n     = 0;
    char              reason[512];
    pthread_mutex_lock(&server->encoding);
    dsvk_status status = dsvk_model_tokenize(model, text, strlen(text), false, bos, &made, &n);
    if (status)
        dsvk_model_why(model, reason, sizeof reason);
    pthread_mutex_unlock(&server->encoding);
    return status ? refuse(why, 400, "prompt", "%s", reason) : ask_adopt(ask, made, n, why);
}

uint32_t *ids_read(const dsvk_model *model, const json_t *list, size_t *n, struct refusal *why)
{
    uint32_t  vocab = dsvk_model_describe(model)->vocab;
    uint32_t *ids   = malloc(json_array_size(list) * sizeof *ids + 1);
    *n              = json_array_size(list);
    for (size_t i = 0; ids && i < *n; i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= vocab) {
            refuse(why, 400, NULL, "entry %zu of the token ids is no id from 0 to %u", i,
                   vocab - 1);
            free(ids);
            return NULL;
        }
        ids[i] = (uint32_t)json_integer_value(id);
    }
    if (!ids)
        refuse(why, 503, NULL, "no memory for %zu tokens", *n);
    return ids;
}

bool ask_ids(struct ask *ask, const json_t *ids, struct refusal *why)
{
    ask->ids = ids_read(ask->served->model, ids, &ask->n_ids, why);
    return ask->ids && check_length(ask, why);
}
