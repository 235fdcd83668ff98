/* SPDX-License-Identifier: MIT */
/* Texts: escapes become signs, and what is no UTF-8 is refused, so that jansson need not look. */
#include <string.h>

#include "base/text.h"
#include "json/load_parts.h"

#define REPLACEMENT 0xfffdu

/* Four hexadecimal digits behind \u; UINT32_MAX where they are none. */
static uint32_t read_unit(const char *text, size_t bytes)
{
    uint32_t value = 0;
    if (bytes < 4)
        return UINT32_MAX;
    for (int i = 0; i < 4; i++) {
        char c     = text[i];
        int  digit = c >= '0' && c <= '9'   ? c - '0'
                     : c >= 'a' && c <= 'f' ? c - 'a' + 10
                     : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                            : -1;
        if (digit < 0)
            return UINT32_MAX;
        value = value << 4 | (uint32_t)digit;
    }
    return value;
}

static size_t put_sign(char *to, uint32_t sign)
{
    if (sign < 0x80) {
        to[0] = (char)sign;
        return 1;
    }
    size_t n = sign < 0x800 ? 2 : sign < 0x10000 ? 3 : 4;
    for (size_t i = n; --i > 0; sign >>= 6)
        to[i] = (char)(0x80 | (sign & 0x3f));
    to[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | sign);
    return n;
}

/* \uXXXX at reader->at, of two such for a sign beyond 16 bits; how many bytes it became, 0 after a
 * failure. U+0000 would end texts of C. */
static size_t read_unicode(struct dv_json_reader *reader, char *to)
{
    const char *text = reader->text + reader->at;
    size_t      left = reader->bytes - reader->at, taken = 6;
    uint32_t    sign = left < 6 ? UINT32_MAX : read_unit(text + 2, left - 2);
    if (sign >= 0xd800 && sign <= 0xdbff) {
        uint32_t low = left >= 12 && text[6] == '\\' && text[7] == 'u'
                           ? read_unit(text + 8, left - 8)
                           : UINT32_MAX;
        bool     two = low >= 0xdc00 && low <= 0xdfff;
        sign         = two ? 0x10000 + ((sign - 0xd800) << 10) + (low - 0xdc00) : UINT32_MAX;
        taken        = 12;
    }
    if (sign == UINT32_MAX || (sign >= 0xdc00 && sign <= 0xdfff)) {
        dv_json_malformed(reader, "an escape that is no sign");
        return 0;
    }
    reader->at += taken;
    return put_sign(to, sign ? sign : REPLACEMENT);
}

/* What stands behind a backslash; how many bytes it became, 0 after a failure. */
static size_t read_escape(struct dv_json_reader *reader, char *to)
{
    static const char names[] = "\"\\/bfnrt", signs[] = "\"\\/\b\f\n\r\t";
    char              c     = reader->text[reader->at + 1]; /* there is one: find_end saw to it */
    const char       *found = c ? strchr(names, c) : NULL;
    if (c == 'u')
        return read_unicode(reader, to);
    if (!found) {
        dv_json_malformed(reader, "an unknown escape");
        return 0;
    }
    *to = signs[found - names];
    reader->at += 2;
    return 1;
}

/* The quotation mark that ends a text which begins at `at`; reader->bytes when there is none. */
static size_t find_end(const struct dv_json_reader *reader, size_t at)
{
    while (at < reader->bytes && reader->text[at] != '"')
        at += reader->text[at] == '\\' ? 2 : 1;
    return at < reader->bytes ? at : reader->bytes;
}

bool dv_json_read_text(struct dv_json_reader *reader, size_t *n)
{
    size_t end = find_end(reader, reader->at + 1), to = 0;
    if (end == reader->bytes) {
        reader->at = end;
        dv_json_malformed(reader, "");
        return false;
    }
    if (!dv_json_word(reader, end - reader->at)) /* an escape becomes no longer */
        return false;
    char *word = reader->words + reader->used;
    reader->at++;
    while (reader->at < end) {
        const char *text = reader->text + reader->at;
        size_t      step = *text == '\\' ? 0 : dv_text_sign(text, end - reader->at);
        if (*text == '\\') {
            size_t made = read_escape(reader, word + to);
            if (made == 0)
                return false;
            to += made;
        } else if (step == 0 || (unsigned char)*text < 0x20) {
            dv_json_malformed(reader, step == 0 ? "no UTF-8" : "a control character");
            return false;
        } else {
            memcpy(word + to, text, step);
            to += step;
            reader->at += step;
        }
    }
    reader->at++;
    word[to] = 0;
    *n       = to;
    return true;
}
