/* SPDX-License-Identifier: MIT */
/* Reads JSON of untrusted files and takes typed values out of objects. The first value that is
 * missing or wrong is remembered with one sentence and later ones are ignored, so that readers
 * need no check after each field. */
#include "json/json.h"

#include <math.h>
#include <stdio.h>

#include "json/nature.h"

static dsvk_status parse(json_t **root, const struct dv_context *ctx, const char *module,
                         const char *where, const char *text, size_t bytes)
{
    json_error_t error;
    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (*root)
        return DSVK_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: %s: no memory to parse %zu bytes", module, where,
                       bytes);
    if (json_error_code(&error) == json_error_premature_end_of_input)
        return dv_fail(ctx, DSVK_BAD_FILE,
                       "%s: %s: malformed JSON: its %zu bytes end in the middle, download it again",
                       module, where, bytes);
    return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s: malformed JSON at byte %d of %zu: %s", module,
                   where, error.position, bytes, error.text);
}

dsvk_status dv_json_load(json_t **root, const struct dv_context *ctx, const char *module,
                         const char *where, const char *text, size_t bytes)
{
    struct dv_json_scan scan;
    *root = NULL;
    if (!text)
        text = "";
    const char *nature = dv_file_nature(text, bytes, bytes); /* no JSON begins as one of them */
    if (nature)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s %s", module, where, nature);
    dv_json_scan(&scan, text, bytes);
    if (scan.depth > DV_JSON_DEPTH)
        return dv_fail(ctx, DSVK_BAD_FILE, "%s: %s: lists within lists, more than %u deep", module,
                       where, DV_JSON_DEPTH);
    if (scan.changes == 0)
        return parse(root, ctx, module, where, text, bytes);
    char *copy = dv_alloc(ctx, scan.room + 1);
    if (!copy)
        return dv_fail(ctx, DSVK_NO_MEMORY, "%s: %s: no memory to parse %zu bytes", module, where,
                       bytes);
    bytes              = dv_json_rewrite(copy, text, bytes);
    dsvk_status status = parse(root, ctx, module, where, copy, bytes);
    dv_free(ctx, copy);
    return status;
}

json_t *dv_json_member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

json_t *dv_json_get(const struct dv_json *json, const char *key)
{
    return json->status == DSVK_OK ? dv_json_member(json->object, key) : NULL;
}

void dv_json_missing(struct dv_json *json, const char *key)
{
    if (json->status == DSVK_OK)
        json->status =
            dv_fail(json->ctx, DSVK_BAD_FILE, "%s: %s: no %s", json->module, json->where, key);
}

/* What a key holds, for a message. */
static const char *describe(const json_t *value, char *text, size_t bytes)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_INTEGER:
        snprintf(text, bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(text, bytes, "%g", json_real_value(value));
        break;
    case JSON_STRING:
        snprintf(text, bytes, "\"%.40s\"", json_string_value(value));
        break;
    case JSON_OBJECT:
        snprintf(text, bytes, "an object");
        break;
    case JSON_ARRAY:
        snprintf(text, bytes, "an array");
        break;
    default:
        snprintf(text, bytes, "%s", json_is_true(value) ? "true" : value ? "false" : "null");
    }
    return text;
}

void dv_json_refuse(struct dv_json *json, const char *key, const char *expected)
{
    char text[64];
    if (json->status == DSVK_OK)
        json->status =
            dv_fail(json->ctx, DSVK_BAD_FILE, "%s: %s: %s is %s, not %s", json->module, json->where,
                    key, describe(dv_json_get(json, key), text, sizeof text), expected);
}

void dv_json_unsupported(struct dv_json *json, const char *key, const char *value)
{
    if (json->status == DSVK_OK)
        json->status = dv_fail(json->ctx, DSVK_UNSUPPORTED, "%s: %s: %s %s is not supported",
                               json->module, json->where, key, value);
}

uint32_t dv_json_u32(struct dv_json *json, const char *key, uint32_t min, uint32_t max)
{
    const json_t *value = dv_json_get(json, key);
    char          expected[64];
    if (!value) {
        dv_json_missing(json, key);
        return 0;
    }
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < (json_int_t)min || number > (json_int_t)max) {
        snprintf(expected, sizeof expected, "an integer from %u to %u", min, max);
        dv_json_refuse(json, key, expected);
        return 0;
    }
    return (uint32_t)number;
}

uint32_t dv_json_u32_or(struct dv_json *json, const char *key, uint32_t fallback, uint32_t min,
                        uint32_t max)
{
    return dv_json_get(json, key) ? dv_json_u32(json, key, min, max) : fallback;
}

double dv_json_number_or(struct dv_json *json, const char *key, double fallback, double min,
                         double max)
{
    const json_t *value = dv_json_get(json, key);
    char          expected[80];
    if (!value) {
        if (isnan(fallback))
            dv_json_missing(json, key);
        return fallback;
    }
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    if (!(number >= min && number <= max)) {
        snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
        dv_json_refuse(json, key, expected);
        return fallback;
    }
    return number;
}

bool dv_json_bool_or(struct dv_json *json, const char *key, bool fallback)
{
    const json_t *value = dv_json_get(json, key);
    if (!value)
        return fallback;
    if (!json_is_boolean(value))
        dv_json_refuse(json, key, "true or false");
    return json_is_true(value);
}

const char *dv_json_text_or(struct dv_json *json, const char *key, const char *fallback)
{
    const json_t *value = dv_json_get(json, key);
    if (!value)
        return fallback;
    if (!json_is_string(value)) {
        dv_json_refuse(json, key, "a text");
        return fallback;
    }
    return json_string_value(value);
}

struct dv_json dv_json_child(struct dv_json *json, const char *key)
{
    struct dv_json child = *json;
    child.object         = dv_json_get(json, key);
    if (child.object && !json_is_object(child.object)) {
        dv_json_refuse(json, key, "an object");
        child.status = json->status;
        child.object = NULL;
    }
    return child;
}
