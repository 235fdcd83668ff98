/* SPDX-License-Identifier: MIT */
/* The conversation stays JSON, so that what a file has besides texts (tools, calls, results, names)
 * is handed to the model and written again as it was. */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *messages_of(const struct talk *talk)
{
    return json_object_get(talk->document, "messages");
}

static bool has_role(const json_t *message, const char *role)
{
    const char *is = json_string_value(json_object_get(message, "role"));
    return is && strcmp(is, role) == 0;
}

static bool has_role_at(const struct talk *talk, size_t i, const char *role)
{
    return has_role(json_array_get(messages_of(talk), i), role);
}

bool talk_init(struct talk *talk)
{
    *talk = (struct talk){ .document = json_pack("{s:[]}", "messages") };
    return talk->document != NULL;
}

void talk_done(struct talk *talk)
{
    json_decref(talk->document);
    *talk = (struct talk){ 0 };
}

/* ---- messages ---- */

size_t talk_count(const struct talk *talk)
{
    return json_array_size(messages_of(talk));
}

/* Messages of the system at the beginning. */
static size_t head_of(const struct talk *talk)
{
    size_t n = 0;
    while (has_role_at(talk, n, "system") || has_role_at(talk, n, "developer"))
        n++;
    return n;
}

static json_t *make_message(const char *role, const char *text, const char *reasoning)
{
    json_t *message = json_pack("{s:s, s:s}", "role", role, "content", text);
    if (!message || !reasoning || !reasoning[0])
        return message;
    if (json_object_set_new(message, "reasoning_content", json_string(reasoning)) == 0)
        return message;
    json_decref(message);
    return NULL;
}

bool talk_add(struct talk *talk, const char *role, const char *text, const char *reasoning)
{
    json_t *message = make_message(role, text, reasoning);
    return message && json_array_append_new(messages_of(talk), message) == 0;
}

const char *talk_system(const struct talk *talk)
{
    const json_t *first = json_array_get(messages_of(talk), 0);
    return has_role(first, "system") ? json_string_value(json_object_get(first, "content")) : NULL;
}

bool talk_set_system(struct talk *talk, const char *text)
{
    json_t *messages = messages_of(talk);
    bool    there    = has_role_at(talk, 0, "system");
    if (!text || !text[0])
        return !there || json_array_remove(messages, 0) == 0;
    if (there)
        return json_object_set_new(json_array_get(messages, 0), "content", json_string(text)) == 0;
    json_t *message = make_message("system", text, NULL);
    return message && json_array_insert_new(messages, 0, message) == 0;
}

/* Where the last question is; SIZE_MAX: there is none. */
static size_t last_question(const struct talk *talk)
{
    size_t at = talk_count(talk);
    while (at > 0 && !has_role_at(talk, at - 1, "user"))
        at--;
    return at - 1;
}

const char *talk_question(const struct talk *talk)
{
    size_t        at      = last_question(talk);
    const json_t *message = at == SIZE_MAX ? NULL : json_array_get(messages_of(talk), at);
    return json_string_value(json_object_get(message, "content"));
}

static void cut(struct talk *talk, size_t n)
{
    json_t *messages = messages_of(talk);
    while (json_array_size(messages) > n)
        (void)json_array_remove(messages, json_array_size(messages) - 1);
    size_t head = head_of(talk), behind = talk_count(talk) - head;
    talk->skipped = talk->skipped < behind ? talk->skipped : behind;
}

bool talk_back(struct talk *talk, bool question)
{
    size_t at = last_question(talk);
    if (at == SIZE_MAX)
        return false;
    cut(talk, question ? at : at + 1);
    return true;
}

void talk_clear(struct talk *talk)
{
    cut(talk, head_of(talk));
}

/* ---- what the model sees ---- */

/* Where the turn behind the one that begins at `at` begins. */
static size_t next_turn(const struct talk *talk, size_t at)
{
    size_t n = talk_count(talk);
    if (at < n)
        at++;
    while (at < n && !has_role_at(talk, at, "user"))
        at++;
    return at;
}

static size_t first_seen(const struct talk *talk, size_t turns)
{
    size_t at = head_of(talk) + talk->skipped;
    while (turns-- > 0)
        at = next_turn(talk, at);
    return at;
}

size_t talk_turns(const struct talk *talk)
{
    size_t turns = 0;
    for (size_t at = first_seen(talk, 0); at < talk_count(talk); turns++)
        at = next_turn(talk, at);
    return turns;
}

void talk_skip(struct talk *talk, size_t n)
{
    talk->skipped = first_seen(talk, n) - head_of(talk);
}

char *talk_seen(const struct talk *talk, size_t n)
{
    char   *text = NULL;
    size_t  head = head_of(talk), first = first_seen(talk, n);
    json_t *document = json_copy(talk->document), *seen = json_array(), *message;
    size_t  i;
    bool    whole = document && seen;
    json_array_foreach(messages_of(talk), i, message)
    {
        if (whole && (i < head || i >= first))
            whole = json_array_append(seen, message) == 0;
    }
    if (whole && json_object_set(document, "messages", seen) == 0)
        text = json_dumps(document, JSON_COMPACT);
    json_decref(seen);
    json_decref(document);
    return text;
}

/* ---- files ---- */

char *talk_write(const struct talk *talk, dsvk_think think)
{
    json_t *document = json_copy(talk->document), *options;
    char   *text     = NULL;
    bool    whole    = document != NULL;
    if (whole && think != DSVK_THINK_AUTO) {
        options = json_copy(json_object_get(document, "options"));
        options = options ? options : json_object();
        whole = json_object_set_new(options, "thinking", json_boolean(think == DSVK_THINK_ON)) == 0;
        whole = json_object_set_new(document, "options", options) == 0 && whole;
    }
    if (whole)
        text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    return text;
}

/* What the program decides itself goes: "thinking" into *think. */
static void take_options(json_t *document, dsvk_think *think)
{
    json_t       *options  = json_object_get(document, "options");
    const json_t *thinking = json_object_get(options, "thinking");
    if (json_is_boolean(thinking))
        *think = json_is_true(thinking) ? DSVK_THINK_ON : DSVK_THINK_OFF;
    (void)json_object_del(options, "thinking");
    (void)json_object_del(options, "add_generation_prompt");
    if (options && json_object_size(options) == 0)
        (void)json_object_del(document, "options");
}

static bool is_talk(const json_t *document)
{
    const json_t *messages = json_object_get(document, "messages");
    for (size_t i = 0; i < json_array_size(messages); i++)
        if (!json_is_object(json_array_get(messages, i)))
            return false;
    return json_is_array(messages);
}

bool talk_read(struct talk *talk, const char *text, size_t n, dsvk_think *think,
               char why[JSON_ERROR_TEXT_LENGTH])
{
    json_error_t error;
    json_t      *document = json_loadb(text, n, JSON_ALLOW_NUL, &error);
    if (json_is_array(document))
        document = json_pack("{s:o}", "messages", document);
    if (!is_talk(document)) {
        snprintf(why, JSON_ERROR_TEXT_LENGTH, "%s",
                 document ? "it has no list of messages" : error.text);
        json_decref(document);
        return false;
    }
    take_options(document, think);
    talk_done(talk);
    *talk = (struct talk){ .document = document };
    return true;
}
