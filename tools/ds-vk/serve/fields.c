/* SPDX-License-Identifier: MIT */
/* Fields of JSON, checked. */
#include "fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_VALUES 1000000 /* jansson takes about 64 bytes for each */

/* Bytes of the sign of UTF-8 there, 0 where there is none. */
static int sign_at(const unsigned char *at)
{
    static const unsigned char low[]  = { [0xe0 - 0xe0] = 0xa0, [0xf0 - 0xe0] = 0x90 };
    int                        n      = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    unsigned char              second = n > 1 ? at[1] : 0x80;
    if ((*at >= 0x80 && *at < 0xc2) || *at > 0xf4 || (*at == 0xed && second >= 0xa0) ||
        (*at == 0xf4 && second >= 0x90) || (*at >= 0xe0 && *at <= 0xf0 && second < low[*at - 0xe0]))
        return 0;
    for (int i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* What a sentence quotes may be cut in the middle of a sign, or be no text, which JSON is not. */
static void mend(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at;) {
        int n = sign_at(at);
        if (n == 0)
            *at = '?';
        at += n ? n : 1;
    }
}

bool refuse(struct refusal *why, int status, const char *param, const char *format, ...)
{
    va_list arguments;
    if (why->status)
        return false;
    why->status = status;
    snprintf(why->param, sizeof why->param, "%s", param ? param : "");
    va_start(arguments, format);
    vsnprintf(why->message, sizeof why->message, format, arguments);
    va_end(arguments);
    mend(why->message);
    return false;
}

const json_t *field(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

bool field_real(struct refusal *why, const json_t *object, const char *name, const double range[2],
                double *value)
{
    const json_t *given = field(object, name);
    if (!given)
        return true;
    if (!json_is_number(given) || json_number_value(given) < range[0] ||
        json_number_value(given) > range[1])
        return refuse(why, 400, name, "'%s' takes a number from %g to %g", name, range[0],
                      range[1]);
    *value = json_number_value(given);
    return true;
}

bool field_count(struct refusal *why, const json_t *object, const char *name,
                 const int64_t range[2], int64_t *value)
{
    const json_t *given = field(object, name);
    if (!given)
        return true;
    if (!json_is_integer(given) || json_integer_value(given) < range[0] ||
        json_integer_value(given) > range[1])
        return refuse(why, 400, name, "'%s' takes a whole number from %lld to %lld", name,
                      (long long)range[0], (long long)range[1]);
    *value = json_integer_value(given);
    return true;
}

bool field_flag(struct refusal *why, const json_t *object, const char *name, bool *value)
{
    const json_t *given = field(object, name);
    if (!given)
        return true;
    if (!json_is_boolean(given))
        return refuse(why, 400, name, "'%s' takes true or false", name);
    *value = json_is_true(given);
    return true;
}

bool field_text(struct refusal *why, const json_t *object, const char *name, const char **value)
{
    const json_t *given = field(object, name);
    if (!given)
        return true;
    if (!json_is_string(given))
        return refuse(why, 400, name, "'%s' takes a text", name);
    *value = json_string_value(given);
    return true;
}

bool field_absent(struct refusal *why, const json_t *object, const char *name)
{
    const json_t *given = field(object, name);
    bool asks = json_is_true(given) || (json_is_number(given) && json_number_value(given) != 0) ||
                json_string_length(given) > 0 || json_array_size(given) > 0 ||
                json_object_size(given) > 0;
    return !asks || refuse(why, 400, name, "'%s' is not supported by this server", name);
}

/* Before anything is built of it: what stands in texts does not count. */
static bool check_size(struct refusal *why, const char *bytes, size_t n)
{
    size_t depth = 0, values = 1;
    bool   text = false;
    for (size_t i = 0; i < n; i++) {
        if (text && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            text = !text;
        else if (!text && (bytes[i] == '[' || bytes[i] == '{'))
            depth++, values++;
        else if (!text && (bytes[i] == ']' || bytes[i] == '}'))
            depth -= depth > 0;
        else if (!text && bytes[i] == ',')
            values++;
        if (depth > MAX_DEPTH)
            return refuse(why, 400, NULL, "the JSON body nests more than %d levels", MAX_DEPTH);
        if (values > MAX_VALUES)
            return refuse(why, 400, NULL, "the JSON body has more than %d values", MAX_VALUES);
    }
    return true;
}

json_t *fields_read(struct refusal *why, const char *bytes, size_t n)
{
    json_error_t error;
    if (n == 0) {
        refuse(why, 400, NULL, "the request has no body; a JSON object is wanted");
        return NULL;
    }
    if (!check_size(why, bytes, n))
        return NULL;
    json_t *body = json_loadb(bytes, n, JSON_DECODE_ANY, &error);
    if (!body)
        refuse(why, 400, NULL, "the body is no JSON: line %d, column %d: %s", error.line,
               error.column, error.text);
    else if (!json_is_object(body))
        refuse(why, 400, NULL, "the body is JSON, but no object");
    if (!json_is_object(body)) {
        json_decref(body);
        return NULL;
    }
    return body;
}
