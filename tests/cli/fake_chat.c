/* SPDX-License-Identifier: MIT */
/* The pretended chat format: BOS, and a letter and the text of each message, as in "s:be
 * brief|u:hi|". */
#include "fake.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dsvk_status dsvk_model_chat(const dsvk_model *model, const dsvk_message *messages, size_t n,
                            const dsvk_chat_params *params, uint32_t **ids, size_t *n_ids)
{
    if (is(model, "scripted-"))
        return script_chat(model, messages, n, params, ids, n_ids);
    if (params->think == DSVK_THINK_ON)
        return fail(&model->log, DSVK_UNSUPPORTED, "chat: this model cannot be asked to think");
    const char *text = messages[n - 1].text;
    return dsvk_model_tokenize(model, text, strlen(text), false, true, ids, n_ids);
}

static dsvk_status encode(const dsvk_model *model, const json_t *messages,
                          const dsvk_chat_params *params, dsvk_prompt *prompt)
{
    static char   text[100000];
    size_t        i, at = 0;
    const json_t *message;
    json_array_foreach(messages, i, message)
    {
        const char *role    = json_string_value(json_object_get(message, "role"));
        const char *content = json_string_value(json_object_get(message, "content"));
        if (!role || !content || strlen(content) > sizeof text - at - 8)
            return fail(&model->log, DSVK_BAD_ARGUMENT,
                        "chat: the conversation, message 0: \"role\" is not there");
        at += (size_t)sprintf(text + at, "%c:%s|", role[0], content);
    }
    at += (size_t)sprintf(text + at, "%s%s", params->think == DSVK_THINK_ON ? "+" : "",
                          params->format ? "#" : "");
    return dsvk_model_tokenize(model, text, at, false, true, &prompt->ids, &prompt->n_ids);
}

dsvk_status dsvk_model_chat_json(const dsvk_model *model, const char *json, size_t bytes,
                                 const dsvk_chat_params *params, bool as_text, dsvk_prompt *prompt)
{
    json_t *document   = json_loadb(json, bytes, JSON_ALLOW_NUL, NULL);
    json_t *messages   = json_is_array(document) ? document : json_object_get(document, "messages");
    dsvk_status status = DSVK_OK;
    *prompt            = (dsvk_prompt){ 0 };
    if (!messages)
        status = fail(&model->log, DSVK_BAD_ARGUMENT, "chat: the conversation: malformed JSON");
    else if (params->think == DSVK_THINK_ON && !is(model, "thinker"))
        status = fail(&model->log, DSVK_UNSUPPORTED, "chat: this model cannot be asked to think");
    else if (!as_text)
        status = encode(model, messages, params, prompt);
    else if ((prompt->text = malloc(bytes + 1)) == NULL)
        status = DSVK_NO_MEMORY;
    if (prompt->text) {
        memcpy(prompt->text, json, bytes);
        prompt->text[bytes] = 0;
        prompt->bytes       = bytes;
    }
    json_decref(document);
    return status;
}
