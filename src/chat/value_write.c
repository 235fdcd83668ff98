/* SPDX-License-Identifier: MIT */
/* Writes JSON as Python's json.dumps(value, ensure_ascii=False) does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "chat/value.h"

static void put(struct dv_bytes *out, const char *text)
{
    dv_bytes_put(out, text, strlen(text));
}

static void write_text(struct dv_bytes *out, const char *text, size_t bytes)
{
    static const char from[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    put(out, "\"");
    for (size_t i = 0, start = 0; i <= bytes; i++) {
        unsigned char c = i < bytes ? (unsigned char)text[i] : 0;
        if (i < bytes && c >= 0x20 && c != '"' && c != '\\')
            continue;
        dv_bytes_put(out, text + start, i - start);
        start = i + 1;
        if (i == bytes)
            break;
        const char *here = c ? strchr(from, (char)c) : NULL;
        char        escape[8];
        if (here)
            snprintf(escape, sizeof escape, "\\%c", names[here - from]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        put(out, escape);
    }
    put(out, "\"");
}

/* Python's repr(): with a power of ten below 1e-4 and from 1e16 on. */
static void write_real(struct dv_bytes *out, double value)
{
    char text[DV_SIZE_BYTES], digits[20], word[64];
    int  at = 0;
    if (isnan(value) || isinf(value)) {
        put(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    int n = dv_text_exact(text, value);
    for (const char *c = text; *c && *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            digits[at++] = *c;
    digits[at] = 0;
    int power  = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (signbit(value))
        put(out, "-");
    if (power < -4 || power >= 16)
        snprintf(word, sizeof word, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1,
                 power < 0 ? '-' : '+', abs(power));
    else if (power < 0)
        snprintf(word, sizeof word, "0.%.*s%s", -power - 1, "0000", digits);
    else if (n <= power + 1)
        snprintf(word, sizeof word, "%s%.*s.0", digits, power + 1 - n, "0000000000000000");
    else
        snprintf(word, sizeof word, "%.*s.%s", power + 1, digits, digits + power + 1);
    put(out, word);
}

/* The depth is bounded by the reader's. */
void dv_value_write(struct dv_bytes *out, const struct dv_value *value)
{
    bool object = value->kind == DV_VALUE_OBJECT;
    switch (value->kind) {
    case DV_VALUE_INTEGER:
        dv_bytes_put(out, value->text, value->bytes);
        return;
    case DV_VALUE_REAL:
        write_real(out, value->real);
        return;
    case DV_VALUE_TEXT:
        write_text(out, value->text, value->bytes);
        return;
    case DV_VALUE_LIST:
    case DV_VALUE_OBJECT:
        break;
    default:
        put(out, value->kind == DV_VALUE_NULL   ? "null"
                 : value->kind == DV_VALUE_TRUE ? "true"
                                                : "false");
        return;
    }
    put(out, object ? "{" : "[");
    for (const struct dv_value *v = value->first; v; v = v->next) {
        if (object) {
            write_text(out, v->key, v->key_bytes);
            put(out, ": ");
        }
        dv_value_write(out, v);
        put(out, v->next ? ", " : "");
    }
    put(out, object ? "}" : "]");
}
