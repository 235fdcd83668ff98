/* SPDX-License-Identifier: MIT */
/* Texts for messages: names from files become harmless for a terminal, sizes become readable. */
#include "base/text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

size_t dv_text_sign(const char *text, size_t bytes)
{
    const unsigned char *t = (const unsigned char *)text;
    unsigned char        c = bytes ? t[0] : 0xff;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || n > bytes)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((t[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && t[1] < 0xa0) || (c == 0xed && t[1] > 0x9f) || (c == 0xf0 && t[1] < 0x90) ||
        (c == 0xf4 && t[1] > 0x8f))
        return 0;
    return n;
}

void dv_text_clean(char *text)
{
    size_t bytes = strlen(text), to = 0;
    for (size_t at = 0; at < bytes;) {
        size_t        n = dv_text_sign(text + at, bytes - at);
        unsigned char c = (unsigned char)text[at];
        if (n == 0 || (n == 2 && c == 0xc2 && (unsigned char)text[at + 1] < 0xa0)) {
            text[to++] = '?';
        } else if (c < 0x20 || c == 0x7f) {
            text[to++] = ' ';
        } else {
            memmove(text + to, text + at, n);
            to += n;
        }
        at += n ? n : 1;
    }
    text[to] = 0;
}

bool dv_text_begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool dv_text_ends(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

bool dv_text_has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

const char *dv_text_point(char *text)
{
    size_t n = strlen(text), at = strspn(text, "+-0123456789"), end = at;
    while (end < n && !strchr("+-0123456789abcdefghijklmnopqrstuvwxyz", text[end]))
        end++;
    if (at == end)
        return text;
    text[at] = '.';
    memmove(text + at + 1, text + end, n - end + 1);
    return text;
}

const char *dv_text_fixed(char text[DV_SIZE_BYTES], double value, int decimals)
{
    snprintf(text, DV_SIZE_BYTES, "%.*f", decimals, value);
    return dv_text_point(text);
}

const char *dv_text_short(char text[DV_SIZE_BYTES], double value, int digits)
{
    snprintf(text, DV_SIZE_BYTES, "%.*g", digits, value);
    return dv_text_point(text);
}

double dv_text_real(char *room, const char *text, size_t bytes)
{
    const char *point = localeconv()->decimal_point;
    size_t      n = point ? strlen(point) : 0, at = 0;
    if (n == 0 || n >= DV_POINT_BYTES) {
        point = ".";
        n     = 1;
    }
    for (size_t i = 0; i < bytes; i++)
        if (text[i] == '.') {
            memcpy(room + at, point, n);
            at += n;
        } else {
            room[at++] = text[i];
        }
    room[at] = 0;
    return strtod(room, NULL);
}

int dv_text_exact(char text[DV_SIZE_BYTES], double value)
{
    int digits = 1;
    for (; digits <= 17; digits++) {
        snprintf(text, DV_SIZE_BYTES, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value || digits == 17)
            break;
    }
    dv_text_point(text);
    return digits;
}

const char *dv_text_size(char text[DV_SIZE_BYTES], uint64_t bytes)
{
    double mib = dv_mib(bytes);
    char   number[DV_SIZE_BYTES];
    if (bytes < 1024)
        snprintf(text, DV_SIZE_BYTES, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
    else if (mib < 0.1)
        snprintf(text, DV_SIZE_BYTES, "%.20s KiB", dv_text_short(number, mib * 1024, 4));
    else if (mib < 1024)
        snprintf(text, DV_SIZE_BYTES, "%.20s MiB", dv_text_short(number, mib, 4));
    else
        snprintf(text, DV_SIZE_BYTES, "%.20s GiB",
                 dv_text_fixed(number, mib / 1024, mib < 102400 ? 2 : 0));
    return text;
}

void dv_text_size_pair(char a[DV_SIZE_BYTES], uint64_t a_bytes, char b[DV_SIZE_BYTES],
                       uint64_t b_bytes)
{
    dv_text_size(a, a_bytes);
    dv_text_size(b, b_bytes);
    if (strcmp(a, b) != 0 || a_bytes == b_bytes)
        return;
    snprintf(a, DV_SIZE_BYTES, "%llu bytes", (unsigned long long)a_bytes);
    snprintf(b, DV_SIZE_BYTES, "%llu bytes", (unsigned long long)b_bytes);
}
