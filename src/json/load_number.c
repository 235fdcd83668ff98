/* SPDX-License-Identifier: MIT */
/* Numbers: integers to the last bit, real numbers by the C library, whatever its decimal point. */
#include <string.h>

#include "base/text.h"
#include "json/load_parts.h"

#define MOST_TENS 307 /* a number below 10^308 has a value */

/* A number's text, which is `bytes` long. */
struct number {
    const char *text;
    size_t      bytes;
    size_t      digits; /* to behind the last before the point or the power */
    bool        real, negative;
    long        tens; /* the power of ten of its first digit that is not 0 */
};

static bool is_digit(const struct dv_json_reader *reader)
{
    return reader->at < reader->bytes && reader->text[reader->at] >= '0' &&
           reader->text[reader->at] <= '9';
}

static bool is_sign(const struct dv_json_reader *reader, const char *signs)
{
    return reader->at < reader->bytes && reader->text[reader->at] &&
           strchr(signs, reader->text[reader->at]);
}

/* Digits, one at least; false after a failure. */
static bool skip_digits(struct dv_json_reader *reader)
{
    if (!is_digit(reader)) {
        dv_json_malformed(reader, "a digit is expected");
        return false;
    }
    while (is_digit(reader))
        reader->at++;
    return true;
}

/* How large it is: the place of its first digit that is not 0, times a power of ten. */
static long find_tens(const char *text, size_t digits, size_t bytes, long power)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] >= '1' && text[i] <= '9')
            return (i < digits ? (long)(digits - i) - 1 : (long)digits - (long)i) + power;
    return 0;
}

/* The power behind `e`, held within what a long can add. */
static bool read_power(struct dv_json_reader *reader, long *power)
{
    bool negative = is_sign(reader, "-");
    *power        = 0;
    if (is_sign(reader, "+-"))
        reader->at++;
    size_t at = reader->at;
    if (!skip_digits(reader))
        return false;
    for (; at < reader->at; at++)
        if (*power < 100000000)
            *power = *power * 10 + (reader->text[at] - '0');
    *power = negative ? -*power : *power;
    return true;
}

static bool read_number(struct dv_json_reader *reader, struct number *number)
{
    size_t start = reader->at;
    long   power = 0;
    *number = (struct number){ .text = reader->text + start, .negative = is_sign(reader, "-") };
    reader->at += number->negative;
    bool zero = is_sign(reader, "0");
    if (zero)
        reader->at++;
    if ((zero && is_digit(reader)) || (!zero && !is_digit(reader))) {
        dv_json_malformed(reader, zero ? "a number that begins with 0" : "a digit is expected");
        return false;
    }
    while (is_digit(reader))
        reader->at++;
    number->digits = reader->at - start;
    if (is_sign(reader, ".")) {
        number->real = true;
        reader->at++;
        if (!skip_digits(reader))
            return false;
    }
    size_t end = reader->at - start;
    if (is_sign(reader, "eE")) {
        number->real = true;
        reader->at++;
        if (!read_power(reader, &power))
            return false;
    }
    number->bytes = reader->at - start;
    number->tens  = find_tens(number->text, number->digits, end, power);
    return true;
}

/* Whether its digits make an integer of 64 bits; what it is without its sign. */
static bool fits_64(const struct number *number, json_int_t *value)
{
    *value = 0;
    for (size_t i = number->negative; i < number->digits; i++) {
        int digit = number->text[i] - '0';
        if (*value > (INT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static json_t *make_real(struct dv_json_reader *reader, const struct number *number)
{
    if (!dv_json_word(reader, number->bytes + DV_POINT_BYTES))
        return NULL;
    return json_real(dv_text_real(reader->words + reader->used, number->text, number->bytes));
}

json_t *dv_json_read_number(struct dv_json_reader *reader)
{
    struct number number;
    json_int_t    value;
    json_t       *node;
    if (!read_number(reader, &number))
        return NULL;
    if (number.tens > MOST_TENS)
        node = json_stringn_nocheck(number.text, number.bytes);
    else if (!number.real && fits_64(&number, &value))
        node = json_integer(number.negative ? -value : value);
    else
        node = make_real(reader, &number);
    if (!node)
        dv_json_no_room(reader);
    return node;
}
