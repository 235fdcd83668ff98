/* SPDX-License-Identifier: MIT */
/* Calls whose arguments stand in tags, one each: DSML says itself which are texts, GLM's schemas
 * do. Both become one JSON object. */
#include <string.h>

#include "chat/answer_parts.h"
#include "chat/dsml.h"
#include "chat/prompt.h"

struct object {
    struct dv_call_reader *r;
    struct dv_bytes        text;
    size_t                 n;
    const struct dv_value *schemas; /* of the arguments, by name; NULL: not known */
};

static void put_quoted(struct object *o, struct dv_part text)
{
    dv_value_write(&o->text, &(struct dv_value){
                                 .kind = DV_VALUE_TEXT, .text = text.text, .bytes = text.bytes });
}

static void put_member(struct object *o, struct dv_part key, struct dv_part value, bool quoted)
{
    dv_bytes_put(&o->text, o->n ? ", " : "{", o->n ? 2 : 1);
    o->n++;
    put_quoted(o, key);
    dv_bytes_put(&o->text, ": ", 2);
    if (quoted)
        put_quoted(o, value);
    else
        dv_bytes_put(&o->text, value.text, value.bytes);
}

/* Two arguments of one name are refused, as DeepSeek's own parser does. */
static void end_object(struct object *o)
{
    struct dv_call_reader *r = o->r;
    dv_bytes_put(&o->text, o->n ? "}" : "{}", o->n ? 1 : 2);
    if (r->status == DSVK_OK)
        r->status = o->text.status;
    char *copy = r->status == DSVK_OK ? dv_bytes_keep(&o->text, r->arena) : NULL;
    if (r->status == DSVK_OK && !copy)
        r->status = dv_fail(r->arena->ctx, DSVK_NO_MEMORY,
                            "chat: no memory for arguments of %zu bytes", o->text.n);
    if (copy && !r->call->why) {
        dv_call_arguments(r, (struct dv_part){ copy, o->text.n });
        const struct dv_value *value = dv_call_value(r, (struct dv_part){ copy, o->text.n });
        if (value && value->n != o->n)
            dv_call_refuse(r, "a call with two arguments of one name came as text");
    }
    dv_free(r->arena->ctx, o->text.data);
}

/* ---- DSML ---- */

/* name="KEY" string="true">VALUE</...parameter> */
static bool read_parameter(struct object *o, struct dv_part *rest)
{
    struct dv_part head, value, key;
    bool           text;
    if (!dv_part_until(rest, "</" DV_DSML "parameter>", &value))
        return false;
    if (!dv_part_begins(&value, " name=\"") || !dv_part_until(&value, ">", &head))
        return false;
    if (!dv_part_until(&head, "\" string=\"", &key))
        return false;
    text = dv_part_begins(&head, "true\"");
    if ((!text && !dv_part_begins(&head, "false\"")) || head.bytes)
        return false;
    if (!text && !dv_call_value(o->r, value))
        return false;
    put_member(o, key, text ? value : dv_part_strip(value), text);
    return true;
}

void dv_call_read_dsml(struct dv_call_reader *r)
{
    struct object  o    = { .r = r, .text = { .ctx = r->arena->ctx } };
    struct dv_part rest = r->rest, name = { 0 };
    if (!dv_part_begins(&rest, " name=\"") || !dv_part_until(&rest, "\">", &name))
        dv_call_refuse(r, "a call without a name came as text");
    else
        dv_call_name(r, name);
    for (rest = dv_part_strip(rest); !r->call->why && rest.bytes; rest = dv_part_strip(rest))
        if (!dv_part_begins(&rest, "<" DV_DSML "parameter") || !read_parameter(&o, &rest))
            dv_call_refuse(r, "a call with an argument that cannot be read came as text");
    end_object(&o);
}

/* ---- GLM ---- */

static const struct dv_value *find_schemas(const struct dv_call_reader *r)
{
    const struct dv_value *tools = r->answer->tools;
    for (const struct dv_value *tool = tools ? tools->first : NULL; tool; tool = tool->next) {
        const struct dv_value *function = dv_tool_function(tool);
        if (r->call->name && dv_value_is(dv_value_get(function, "name"), r->call->name))
            return dv_value_get(dv_value_get(function, "parameters"), "properties");
    }
    return NULL;
}

static const struct dv_value *schema_of(const struct object *o, struct dv_part key)
{
    for (const struct dv_value *v = o->schemas ? o->schemas->first : NULL; v; v = v->next)
        if (v->key && v->key_bytes == key.bytes && memcmp(v->key, key.text, key.bytes) == 0)
            return v;
    return NULL;
}

static bool is_type(const struct dv_value *type, enum dv_value_kind kind)
{
    static const char *const names[][2] = {
        [DV_VALUE_NULL] = { "null", "" },          [DV_VALUE_FALSE] = { "boolean", "" },
        [DV_VALUE_TRUE] = { "boolean", "" },       [DV_VALUE_INTEGER] = { "integer", "number" },
        [DV_VALUE_REAL] = { "number", "integer" }, [DV_VALUE_TEXT] = { "string", "" },
        [DV_VALUE_LIST] = { "array", "" },         [DV_VALUE_OBJECT] = { "object", "" },
    };
    return dv_value_is(type, names[kind][0]) || dv_value_is(type, names[kind][1]);
}

/* Whether a schema may want a value of this kind; one that says nothing of types may want any. */
static bool wants(const struct dv_value *schema, enum dv_value_kind kind, unsigned depth)
{
    const struct dv_value *type = dv_value_get(schema, "type"),
                          *list = dv_value_get(schema, "enum");
    if (type && type->kind == DV_VALUE_TEXT)
        return is_type(type, kind);
    if (type) {
        for (const struct dv_value *v = type->first; v; v = v->next)
            if (is_type(v, kind))
                return true;
        return false;
    }
    const struct dv_value *any = dv_value_get(schema, "anyOf");
    any                        = any ? any : dv_value_get(schema, "oneOf");
    for (const struct dv_value *v = any && depth < 8 ? any->first : NULL; v; v = v->next)
        if (wants(v, kind, depth + 1))
            return true;
    for (const struct dv_value *v = list ? list->first : NULL; v; v = v->next)
        if (v->kind == kind)
            return true;
    return !any && !list;
}

/* What is no JSON is a text, and what is one is a text all the same where only that is wanted. */
static void put_argument(struct object *o, struct dv_part key, struct dv_part text)
{
    const struct dv_value *schema = schema_of(o, key);
    bool                   only   = schema && dv_value_is(dv_value_get(schema, "type"), "string");
    const struct dv_value *value  = only ? NULL : dv_call_value(o->r, text);
    bool                   json   = value && wants(schema, value->kind, 0);
    put_member(o, key, json ? dv_part_strip(text) : text, !json);
}

static bool read_argument(struct object *o, struct dv_part *rest)
{
    struct dv_part key, value;
    if (!dv_part_begins(rest, "<arg_key>") || !dv_part_until(rest, "</arg_key>", &key))
        return false;
    *rest = dv_part_strip(*rest);
    if (!dv_part_begins(rest, "<arg_value>") || !dv_part_until(rest, "</arg_value>", &value))
        return false;
    put_argument(o, dv_part_strip(key), value);
    return true;
}

void dv_call_read_glm(struct dv_call_reader *r)
{
    struct object  o      = { .r = r, .text = { .ctx = r->arena->ctx } };
    struct dv_part behind = r->rest, rest = r->rest, name = r->rest;
    rest.bytes = 0;
    if (dv_part_until(&behind, "<arg_key>", &name))
        rest = (struct dv_part){ name.text + name.bytes, r->rest.bytes - name.bytes };
    dv_call_name(r, dv_part_strip(name));
    o.schemas = find_schemas(r);
    for (; !r->call->why && rest.bytes; rest = dv_part_strip(rest))
        if (!read_argument(&o, &rest))
            dv_call_refuse(r, "a call with an argument that cannot be read came as text");
    end_object(&o);
}
