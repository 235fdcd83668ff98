/* SPDX-License-Identifier: MIT */
/* Savers write integers beyond 64 bits for "no limit", 1e999, NaN and Infinity. A parser refuses
 * them, wherever they stand; here they become what a reader of that key can refuse by its name. One
 * loop counts and writes, so that both agree. */
#include "json/json_scan.h"

#include <string.h>

#define MARK "\xEF\xBB\xBF"
#define INTEGER_DIGITS 19u /* of the largest of 64 bits */
#define LARGEST "9223372036854775807"
#define MOST_TENS 307 /* a number below 10^308 has a value */

/* `to` NULL: only counts. */
struct writer {
    char  *to;
    size_t n, changes;
};

static void put(struct writer *writer, const char *text, size_t bytes)
{
    if (writer->to)
        memcpy(writer->to + writer->n, text, bytes);
    writer->n += bytes;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct number {
    size_t digits; /* before the point */
    bool   real;
    long   tens; /* the power of ten of its first digit that is not 0 */
    size_t bytes;
};

/* The power that stands behind `e`, held within what a long can add. */
static long read_power(const char *text, size_t bytes, size_t *at)
{
    long power    = 0;
    bool negative = *at < bytes && text[*at] == '-';
    if (*at < bytes && (text[*at] == '-' || text[*at] == '+'))
        ++*at;
    for (; *at < bytes && is_digit(text[*at]); ++*at)
        if (power < 100000000)
            power = power * 10 + (text[*at] - '0');
    return negative ? -power : power;
}

/* From the first digit on. */
static struct number read_number(const char *text, size_t bytes)
{
    struct number number = { 0 };
    size_t        at = 0, zeros = 0;
    bool          found = false;
    while (at < bytes && text[at] == '0')
        at++;
    for (size_t first = at; at < bytes && is_digit(text[at]); at++) {
        found       = true;
        number.tens = (long)(at - first);
    }
    number.digits = at;
    if (at < bytes && text[at] == '.') {
        number.real = true;
        for (at++; at < bytes && is_digit(text[at]); at++) {
            if (!found && text[at] != '0') {
                found       = true;
                number.tens = -(long)zeros - 1;
            }
            zeros++;
        }
    }
    if (at < bytes && (text[at] == 'e' || text[at] == 'E')) {
        number.real = true;
        at++;
        number.tens += read_power(text, bytes, &at);
    }
    if (!found)
        number.tens = 0;
    number.bytes = at;
    return number;
}

static bool fits_64(const char *digits, size_t n)
{
    return n < INTEGER_DIGITS ||
           (n == INTEGER_DIGITS && memcmp(digits, LARGEST, INTEGER_DIGITS) <= 0);
}

/* A number, with its sign; how many bytes of the text it was. */
static size_t put_number(struct writer *writer, const char *text, size_t bytes)
{
    size_t        sign   = *text == '-';
    struct number number = read_number(text + sign, bytes - sign);
    size_t        all    = sign + number.bytes;
    if (number.tens > MOST_TENS) {
        put(writer, "\"", 1);
        put(writer, text, all);
        put(writer, "\"", 1);
        writer->changes++;
    } else {
        put(writer, text, all);
        if (!number.real && !fits_64(text + sign, number.digits)) {
            put(writer, "e0", 2);
            writer->changes++;
        }
    }
    return all;
}

/* What is no JSON but is written by Python and JavaScript; 0 where it does not stand. */
static size_t put_word(struct writer *writer, const char *text, size_t bytes)
{
    static const char *const words[] = { "NaN", "Infinity", "-Infinity" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (n > bytes || memcmp(text, words[i], n) != 0)
            continue;
        put(writer, "\"", 1);
        put(writer, text, n);
        put(writer, "\"", 1);
        writer->changes++;
        return n;
    }
    return 0;
}

/* A text from its first quotation mark to behind its last. */
static size_t put_text(struct writer *writer, const char *text, size_t bytes)
{
    size_t at = 1, done = 0;
    while (at < bytes && text[at] != '"') {
        size_t step = text[at] == '\\' ? 2 : 1;
        if (step == 2 && bytes - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0) {
            put(writer, text + done, at - done);
            put(writer, "\\ufffd", 6);
            writer->changes++;
            step = 6;
            done = at + 6;
        }
        at += step;
    }
    at = at < bytes ? at + 1 : bytes;
    put(writer, text + done, at - done);
    return at;
}

static void walk(struct writer *writer, size_t *deepest, const char *text, size_t bytes)
{
    size_t depth = 0, at = 0, n;
    if (bytes >= strlen(MARK) && memcmp(text, MARK, strlen(MARK)) == 0) {
        writer->changes++;
        at = strlen(MARK);
    }
    for (; at < bytes; at += n) {
        char c = text[at];
        if (c == '"') {
            n = put_text(writer, text + at, bytes - at);
            continue;
        }
        if (is_digit(c) || (c == '-' && bytes - at > 1 && is_digit(text[at + 1]))) {
            n = put_number(writer, text + at, bytes - at);
            continue;
        }
        if ((c == 'N' || c == 'I' || c == '-') &&
            (n = put_word(writer, text + at, bytes - at)) != 0)
            continue;
        n = 1;
        put(writer, text + at, 1);
        if (c == '[' || c == '{') {
            depth++;
            if (depth > *deepest && *deepest <= DV_JSON_DEPTH)
                *deepest = depth;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
}

void dv_json_scan(struct dv_json_scan *scan, const char *text, size_t bytes)
{
    struct writer writer = { 0 };
    *scan                = (struct dv_json_scan){ 0 };
    walk(&writer, &scan->depth, text, bytes);
    scan->changes = writer.changes;
    scan->room    = writer.n;
}

size_t dv_json_rewrite(char *to, const char *text, size_t bytes)
{
    struct writer writer = { .to = to };
    size_t        unused = 0;
    walk(&writer, &unused, text, bytes);
    return writer.n;
}
