/* SPDX-License-Identifier: MIT */
/* Numbers and sizes as people write them on a command line, and sizes as people read them.
 * Stricter than strtoull and strtod: a word is taken whole or not at all. */
#include "values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool value_count(const char *text, uint64_t *value)
{
    *value = 0;
    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*value > (UINT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return *text == 0;
}

/* strtod also takes white space, hexadecimal, "nan" and "inf": none of them is meant here. */
static bool real_prefix(const char *text, double *value, const char **end)
{
    char *stop;
    if (strspn(text, "+-.0123456789eE") == 0 || strpbrk(text, "xX"))
        return false;
    errno  = 0;
    *value = strtod(text, &stop);
    *end   = stop;
    return stop != text && isfinite(*value);
}

bool value_real(const char *text, double *value)
{
    const char *end;
    return real_prefix(text, value, &end) && *end == 0;
}

bool value_bias(const char *text, uint32_t *token, double *bias)
{
    char        id[16] = "";
    uint64_t    value;
    const char *equals = strchr(text, '=');
    if (!equals || (size_t)(equals - text) >= sizeof id)
        return false;
    memcpy(id, text, (size_t)(equals - text));
    if (!value_count(id, &value) || value > UINT32_MAX)
        return false;
    *token = (uint32_t)value;
    *bias  = (double)-INFINITY;
    if (strcmp(equals + 1, "-inf") == 0)
        return true;
    return value_real(equals + 1, bias) && *bias >= -1000 && *bias <= 1000;
}

bool value_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    const char       *end;
    double            value, scale = 1;

    if (value_count(text, bytes))
        return true;
    if (!is_digit(*text) || !real_prefix(text, &value, &end))
        return false;
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (!unit)
        return false;
    for (const char *u = units; u <= unit; u++)
        scale *= 1024;
    end++;
    if (strcmp(end, "") != 0 && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0)
        return false;
    if (value * scale >= 9e18)
        return false;
    *bytes = (uint64_t)(value * scale);
    return true;
}

#define BLANKS ", \t\r\n"

static bool list_word(const char *word, size_t length, uint64_t high, uint32_t *value)
{
    char     digits[24];
    uint64_t number;
    if (length >= sizeof digits)
        return false;
    memcpy(digits, word, length);
    digits[length] = 0;
    if (!value_count(digits, &number) || number > high)
        return false;
    *value = (uint32_t)number;
    return true;
}

bool value_list(const char *text, uint64_t high, uint32_t **list, size_t *n, const char **bad)
{
    size_t capacity = 0;
    *list           = NULL;
    *n              = 0;
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        size_t length = strcspn(text, BLANKS);
        *bad          = text;
        if (*n == capacity) {
            capacity        = capacity ? capacity * 2 : 64;
            uint32_t *grown = realloc(*list, capacity * sizeof **list);
            if (!grown)
                break;
            *list = grown;
        }
        if (!list_word(text, length, high, &(*list)[*n]))
            break;
        ++*n;
        text += length;
    }
    if (*text == 0 && *n > 0)
        return true;
    if (*text == 0)
        *bad = text;
    free(*list);
    *list = NULL;
    *n    = 0;
    return false;
}
