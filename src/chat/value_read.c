/* SPDX-License-Identifier: MIT */
/* Reads JSON as Python's json.loads() does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chat/value.h"

struct reader {
    struct dv_arena *arena;
    const char      *text;
    size_t           bytes, at;
    unsigned         depth;
    dsvk_status      status;
    char            *why;
};

static struct dv_value *read_value(struct reader *r);

static void *refuse(struct reader *r, const char *why)
{
    if (r->status == DSVK_OK) {
        r->status = DSVK_BAD_ARGUMENT;
        snprintf(r->why, DV_VALUE_WHY, "malformed JSON at byte %zu of %zu: %s", r->at, r->bytes,
                 why);
    }
    return NULL;
}

static void *allot(struct reader *r, size_t n, size_t size)
{
    void *memory = r->status == DSVK_OK ? dv_arena_alloc(r->arena, n, size) : NULL;
    if (!memory && r->status == DSVK_OK)
        r->status =
            dv_fail(r->arena->ctx, DSVK_NO_MEMORY, "chat: no memory to read %zu bytes", r->bytes);
    return memory;
}

static struct dv_value *make(struct reader *r, enum dv_value_kind kind)
{
    struct dv_value *value = allot(r, 1, sizeof *value);
    if (value)
        value->kind = kind;
    return value;
}

static char look(const struct reader *r)
{
    return r->at < r->bytes ? r->text[r->at] : 0;
}

static char next_sign(struct reader *r)
{
    while (r->at < r->bytes && r->text[r->at] && strchr(" \t\n\r", r->text[r->at]))
        r->at++;
    return look(r);
}

/* ---- texts ---- */

/* Four digits behind \u; -1: they are none. */
static long read_hex(struct reader *r)
{
    long code = 0;
    if (r->bytes - r->at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char        c    = r->text[r->at + i];
        const char *hex  = "0123456789abcdef0123456789ABCDEF";
        const char *here = c ? strchr(hex, c) : NULL;
        if (!here)
            return -1;
        code = code * 16 + (here - hex) % 16;
    }
    r->at += 4;
    return code;
}

static size_t put_utf8(char *to, long code)
{
    if (code < 0x80)
        return to[0] = (char)code, 1;
    if (code < 0x800)
        return to[0] = (char)(0xC0 | code >> 6), to[1] = (char)(0x80 | (code & 63)), 2;
    size_t n = code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 63));
    to[0] = (char)((n == 3 ? 0xE0 : 0xF0) | code);
    return n;
}

/* A pair of surrogates is one sign, a lone one none. */
static long read_code(struct reader *r)
{
    long code = read_hex(r), low;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    size_t at = r->at;
    if (code < 0xDC00 && r->bytes - at >= 6 && r->text[at] == '\\' && r->text[at + 1] == 'u') {
        r->at += 2;
        low = read_hex(r);
        if (low >= 0xDC00 && low <= 0xDFFF)
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        r->at = at;
    }
    return 0xFFFD;
}

static size_t read_escape(struct reader *r, char *to)
{
    static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    char              c    = look(r);
    const char       *here = c ? strchr(from, c) : NULL;
    if (c != 'u' && !here)
        return refuse(r, "an escape that is none"), 0;
    r->at++;
    if (here)
        return *to = plain[here - from], 1;
    long code = read_code(r);
    return code < 0 ? (refuse(r, "four hexadecimal digits are expected"), 0) : put_utf8(to, code);
}

/* From the first quotation mark to behind the last; what it holds is never longer. */
static const char *read_text(struct reader *r, size_t *n)
{
    size_t end = r->at + 1;
    while (end < r->bytes && r->text[end] != '"')
        end += 1 + (r->text[end] == '\\');
    char *to = end < r->bytes ? allot(r, end - r->at, 1) : refuse(r, "a text without end");
    *n       = 0;
    for (r->at++; to && look(r) != '"' && r->status == DSVK_OK;) {
        size_t sign = dv_text_sign(r->text + r->at, r->bytes - r->at);
        if (sign == 0 || (unsigned char)r->text[r->at] < 0x20)
            return refuse(r, sign ? "a control sign in a text" : "no UTF-8");
        if (r->text[r->at] == '\\') {
            r->at++;
            *n += read_escape(r, to + *n);
            continue;
        }
        memcpy(to + *n, r->text + r->at, sign);
        *n += sign;
        r->at += sign;
    }
    r->at++;
    return r->status == DSVK_OK ? to : NULL;
}

/* ---- numbers ---- */

static size_t skip_digits(struct reader *r)
{
    size_t start = r->at;
    while (look(r) >= '0' && look(r) <= '9')
        r->at++;
    return r->at - start;
}

static bool read_fraction(struct reader *r)
{
    size_t at = r->at;
    bool   real;
    if (look(r) == '.' && (r->at++, skip_digits(r) == 0))
        r->at = at; /* Python's number ends before a point without digits */
    real = r->at > at;
    at   = r->at;
    if (look(r) == 'e' || look(r) == 'E') {
        r->at++;
        r->at += look(r) == '+' || look(r) == '-';
        if (skip_digits(r) == 0)
            r->at = at;
    }
    return real || r->at > at;
}

static struct dv_value *read_number(struct reader *r)
{
    size_t start = r->at;
    r->at += look(r) == '-';
    size_t digits = look(r) == '0' ? (r->at++, 1) : skip_digits(r);
    if (digits == 0)
        return refuse(r, "a value is expected");
    bool             real  = read_fraction(r);
    struct dv_value *value = make(r, real ? DV_VALUE_REAL : DV_VALUE_INTEGER);
    size_t           bytes = r->at - start;
    if (!value)
        return NULL;
    if (real) {
        char *word = allot(r, bytes + DV_POINT_BYTES, 1);
        if (!word)
            return NULL;
        value->real = dv_text_real(word, r->text + start, bytes);
        return value;
    }
    if (digits > DV_VALUE_DIGITS)
        return refuse(r, "an integer of more than 4300 digits");
    bool  zero = digits == 1 && r->text[r->at - 1] == '0'; /* -0 is 0 */
    char *copy = allot(r, bytes + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, zero ? "0" : r->text + start, zero ? 1 : bytes);
    value->text  = copy;
    value->bytes = zero ? 1 : bytes;
    return value;
}

/* ---- the rest ---- */

static struct dv_value *read_word(struct reader *r)
{
    static const struct {
        const char        *word;
        enum dv_value_kind kind;
        double             real;
    } words[] = { { "true", DV_VALUE_TRUE, 0 },
                  { "false", DV_VALUE_FALSE, 0 },
                  { "null", DV_VALUE_NULL, 0 },
                  { "NaN", DV_VALUE_REAL, NAN },
                  { "Infinity", DV_VALUE_REAL, INFINITY },
                  { "-Infinity", DV_VALUE_REAL, -INFINITY } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].word);
        if (r->bytes - r->at < n || memcmp(r->text + r->at, words[i].word, n) != 0)
            continue;
        r->at += n;
        struct dv_value *value = make(r, words[i].kind);
        if (value)
            value->real = words[i].real;
        return value;
    }
    return read_number(r);
}

static void drop_duplicates(struct reader *r, struct dv_value *object)
{
    if (r->status == DSVK_OK)
        r->status = dv_value_drop_duplicates(object, r->arena);
}

/* `"key":` */
static const char *read_key(struct reader *r, size_t *n)
{
    if (next_sign(r) != '"')
        return refuse(r, "a key is expected");
    const char *key = read_text(r, n);
    if (key && next_sign(r) != ':')
        return refuse(r, "':' is expected");
    r->at++;
    return key;
}

static struct dv_value *read_list(struct reader *r, bool object)
{
    struct dv_value *list = make(r, object ? DV_VALUE_OBJECT : DV_VALUE_LIST), **end;
    const char       stop = object ? '}' : ']';
    r->at++;
    if (!list || next_sign(r) == stop)
        return r->at++, list;
    for (end = &list->first; r->status == DSVK_OK; r->at++) {
        size_t           n     = 0;
        const char      *key   = object ? read_key(r, &n) : NULL;
        struct dv_value *value = object && !key ? NULL : read_value(r);
        if (!value)
            return NULL;
        value->key       = key;
        value->key_bytes = n;
        value->at        = list->n++;
        *end             = value;
        end              = &value->next;
        if (next_sign(r) == stop)
            break;
        if (look(r) != ',')
            return refuse(r, object ? "',' or '}' is expected" : "',' or ']' is expected");
    }
    r->at++;
    if (object)
        drop_duplicates(r, list);
    return r->status == DSVK_OK ? list : NULL;
}

static struct dv_value *read_value(struct reader *r)
{
    char c = next_sign(r);
    if (c == '"') {
        struct dv_value *value = make(r, DV_VALUE_TEXT);
        if (value)
            value->text = read_text(r, &value->bytes);
        return r->status == DSVK_OK ? value : NULL;
    }
    if (c != '{' && c != '[')
        return read_word(r);
    if (++r->depth > DV_VALUE_DEPTH) {
        if (r->status == DSVK_OK)
            snprintf(r->why, DV_VALUE_WHY, "JSON with lists within lists, more than %u deep",
                     DV_VALUE_DEPTH);
        r->status = DSVK_UNSUPPORTED;
        return NULL;
    }
    struct dv_value *list = read_list(r, c == '{');
    r->depth--;
    return list;
}

dsvk_status dv_value_read(struct dv_value **out, struct dv_arena *arena, const char *text,
                          size_t bytes, char why[DV_VALUE_WHY])
{
    struct reader r = { .arena = arena, .text = text, .bytes = bytes, .why = why };
    why[0]          = 0;
    *out            = read_value(&r);
    if (*out && (next_sign(&r), r.at < bytes))
        refuse(&r, "text behind its end");
    if (r.status != DSVK_OK)
        *out = NULL;
    return r.status;
}
