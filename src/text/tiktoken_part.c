/* SPDX-License-Identifier: MIT */
/* tokenization_kimi.py cuts long texts before it encodes them, and a token never reaches across a
 * cut: ids behind one would differ without the same cuts. */
#include "text/tiktoken.h"

#define SIGNS_MAX 400000
#define RUN_MAX 25000

static bool in(uint32_t sign, uint32_t first, uint32_t last)
{
    return sign >= first && sign <= last;
}

/* Python's str.isspace(). */
static bool is_space(uint32_t sign)
{
    return in(sign, 0x09, 0x0d) || in(sign, 0x1c, 0x20) || sign == 0x85 || sign == 0xa0 ||
           sign == 0x1680 || in(sign, 0x2000, 0x200a) || in(sign, 0x2028, 0x2029) ||
           sign == 0x202f || sign == 0x205f || sign == 0x3000;
}

/* Bytes of the sign at `text`; a byte that begins none counts as one. */
static size_t read_sign(const unsigned char *text, size_t bytes, uint32_t *sign)
{
    size_t n = *text < 0xc2 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 1;
    *sign    = n == 1 ? *text : *text & (0xffu >> (n + 1));
    if (n > bytes)
        n = 1;
    if (n == 1 && *text >= 0x80)
        *sign = 0xfffd;
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            *sign = 0xfffd;
            return 1;
        }
        *sign = *sign << 6 | (text[i] & 0x3f);
    }
    return n;
}

size_t dv_python_sign(const char *text, size_t bytes, bool *space)
{
    uint32_t sign;
    size_t   n = read_sign((const unsigned char *)text, bytes, &sign);
    *space     = is_space(sign);
    return n;
}

size_t dv_tiktoken_part(const char *text, size_t bytes, size_t *signs)
{
    size_t at = 0, run = 0, n;
    bool   space = false, now;
    for (; at < bytes && *signs < SIGNS_MAX; at += n, ++*signs) {
        n     = dv_python_sign(text + at, bytes - at, &now);
        run   = at > 0 && now == space ? run + 1 : 1;
        space = now;
        if (run > RUN_MAX)
            return at;
    }
    if (*signs == SIGNS_MAX)
        *signs = 0;
    return at;
}
