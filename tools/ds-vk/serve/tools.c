/* SPDX-License-Identifier: MIT */
/* Tools, who may be called, and what form the text must have, in the words of each API. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

/* ---- tools ---- */

/* A function of OpenAI's older form out of the others; NULL: it is none that is run here. */
static json_t *function_of(const json_t *tool, enum tools_kind kind)
{
    const char *type = json_string_value(json_object_get(tool, "type"));
    json_t     *made;
    if (kind == TOOLS_CHAT)
        return json_incref((json_t *)tool);
    if (kind == TOOLS_RESPONSES && type && strcmp(type, "function") != 0)
        return NULL;
    if (kind == TOOLS_MESSAGES && type && strcmp(type, "custom") != 0)
        return NULL;
    made = json_object();
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = { "name", "description", "parameters" };
        const char              *name    = names[i];
        bool                     schema  = i == 2 && kind == TOOLS_MESSAGES;
        json_t                  *value   = json_object_get(tool, schema ? "input_schema" : name);
        if (value && !json_is_null(value))
            json_object_set(made, name, value);
    }
    return json_pack("{s:s, s:o}", "type", "function", "function", made);
}

static bool check_tool(const json_t *tool, struct refusal *why)
{
    const char   *type       = json_string_value(json_object_get(tool, "type"));
    const json_t *function   = json_object_get(tool, "function");
    const char   *name       = json_string_value(json_object_get(function, "name"));
    const json_t *parameters = field(function, "parameters");
    if (type && strcmp(type, "function") != 0)
        return refuse(why, 400, "tools",
                      "'tools' has a tool of the type '%.40s'; functions alone %s", type,
                      "are supported");
    if (!name || !name[0])
        return refuse(why, 400, "tools", "'tools' has a function without a name");
    if (parameters && !json_is_object(parameters))
        return refuse(why, 400, "tools", "'tools': the parameters of %.60s are no object", name);
    return true;
}

static bool read_tools(json_t *list, const json_t *given, enum tools_kind kind, struct refusal *why)
{
    if (given && !json_is_array(given))
        return refuse(why, 400, "tools", "'tools' takes a list of tools");
    for (size_t i = 0; i < json_array_size(given); i++) {
        json_t *tool = function_of(json_array_get(given, i), kind);
        if (!tool)
            continue;
        json_array_append_new(list, tool);
        if (!check_tool(tool, why))
            return false;
    }
    return true;
}

/* ---- who may be called ---- */

static const json_t *find_function(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *function = json_object_get(json_array_get(list, i), "function");
        const char   *there    = json_string_value(json_object_get(function, "name"));
        if (there && strcmp(there, name) == 0)
            return function;
    }
    return NULL;
}

static bool must_call(struct ask *ask, const json_t *list, const char *name, struct refusal *why)
{
    size_t n = json_array_size(list);
    if (n == 0 || (name && !find_function(list, name)))
        return refuse(why, 400, "tool_choice", "'tool_choice' names %.60s, and 'tools' has no such",
                      name ? name : "a tool");
    if (!name && n == 1)
        name = json_string_value(
            json_object_get(json_object_get(json_array_get(list, 0), "function"), "name"));
    if (name && strlen(name) >= sizeof ask->call)
        return refuse(why, 400, "tool_choice", "'tool_choice' takes names of at most %zu bytes",
                      sizeof ask->call - 1);
    const json_t *parameters = name ? field(find_function(list, name), "parameters") : NULL;
    ask->parameters          = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
    strcpy(ask->call, name ? name : "");
    ask->must_call = true;
    return true;
}

/* "auto", "none", "required" or Anthropic's "any"; an object names a function. */
static bool read_choice(struct ask *ask, json_t *list, struct refusal *why)
{
    const json_t *choice = field(ask->body, "tool_choice"), *function = field(choice, "function");
    const json_t *type_of = json_is_object(choice) ? json_object_get(choice, "type") : choice;
    const char   *type    = choice ? json_string_value(type_of) : "auto";
    const char   *name = json_string_value(json_object_get(function ? function : choice, "name"));
    if (type && strcmp(type, "none") == 0)
        return json_array_clear(list) == 0;
    if (type && strcmp(type, "auto") == 0)
        return true;
    if (type && (strcmp(type, "required") == 0 || strcmp(type, "any") == 0))
        return must_call(ask, list, NULL, why);
    if (type && name && (strcmp(type, "function") == 0 || strcmp(type, "tool") == 0))
        return must_call(ask, list, name, why);
    return refuse(why, 400, "tool_choice",
                  "'tool_choice' takes none, auto, required, or the name of a function");
}

bool ask_tools(struct ask *ask, enum tools_kind kind, struct refusal *why)
{
    bool          parallel = true, apart = false;
    const json_t *choice = field(ask->body, "tool_choice");
    json_t       *list   = json_array();
    bool          good   = read_tools(list, field(ask->body, "tools"), kind, why) &&
                read_choice(ask, list, why) &&
                field_flag(why, ask->body, "parallel_tool_calls", &parallel) &&
                field_flag(why, json_is_object(choice) ? choice : NULL, "disable_parallel_tool_use",
                           &apart);
    ask->one_call = !parallel || apart;
    if (good && json_array_size(list)) {
        ask->tools = json_dumps(list, JSON_COMPACT);
        good       = ask->tools || refuse(why, 503, NULL, "no memory for the tools");
    }
    if (good && ask->tools && ask->json)
        good = refuse(why, 400, "tools", "'tools' and a format of the text exclude each other");
    json_decref(list);
    return good;
}

/* ---- the form of the text ---- */

bool ask_format(struct ask *ask, const char *name, const json_t *format, struct refusal *why)
{
    const char   *type   = json_string_value(json_object_get(format, "type"));
    const json_t *within = field(format, "json_schema");
    const json_t *schema = field(within ? within : format, "schema");
    if (!format || (type && strcmp(type, "text") == 0))
        return true;
    bool with = type && strcmp(type, "json_schema") == 0;
    if (!with && (!type || strcmp(type, "json_object") != 0))
        return refuse(why, 400, name, "'%s' takes the types text, json_object and json_schema, %s",
                      name, "and no other");
    if (with ? !json_is_object(schema) : schema && !json_is_object(schema))
        return refuse(why, 400, name, "'%s' has no schema that is an object", name);
    if (ask->tools)
        return refuse(why, 400, name, "'%s' and tools exclude each other", name);
    ask->json = true;
    if (schema && !(ask->schema = json_dumps(schema, JSON_COMPACT)))
        return refuse(why, 503, NULL, "no memory for the schema");
    return true;
}
