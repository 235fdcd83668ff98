/* SPDX-License-Identifier: MIT */
/* Takes typed values out of objects. The first value that is missing or wrong is remembered with
 * one sentence and later ones are ignored, so that readers need no check after each field. */
#include "json/json.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

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
    char number[DV_SIZE_BYTES];
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_INTEGER:
        snprintf(text, bytes, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(text, bytes, "%s", dv_text_short(number, json_real_value(value), 6));
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
    char          expected[80], least[DV_SIZE_BYTES], most[DV_SIZE_BYTES];
    if (!value) {
        if (isnan(fallback))
            dv_json_missing(json, key);
        return fallback;
    }
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    if (!(number >= min && number <= max)) {
        snprintf(expected, sizeof expected, "a number from %s to %s", dv_text_short(least, min, 6),
                 dv_text_short(most, max, 6));
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

void dv_json_put(bool *failed, json_t *place, const char *key, json_t *value)
{
    int wrong = key ? json_object_set_new(place, key, value) : json_array_append_new(place, value);
    *failed   = *failed || wrong != 0;
}
