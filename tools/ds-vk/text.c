/* SPDX-License-Identifier: MIT */
/* What comes out of files and models becomes harmless for a terminal; numbers become short. */
#include "text.h"

#include <stdio.h>
#include <string.h>

/* Byte 2 where the character could otherwise be overlong, a surrogate or beyond U+10FFFF. */
static bool second_is_valid(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

size_t text_character(const char *bytes, size_t n)
{
    const unsigned char *b      = (const unsigned char *)bytes;
    unsigned char        first  = n ? b[0] : 0xff;
    size_t               length = first < 0x80                    ? 1
                                  : first >= 0xc2 && first < 0xe0 ? 2
                                  : first >= 0xe0 && first < 0xf0 ? 3
                                  : first >= 0xf0 && first < 0xf5 ? 4
                                                                  : 0;
    if (length == 0 || length > n || (length > 1 && !second_is_valid(first, b[1])))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

size_t text_clean(char *clean, const char *bytes, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        bool          pair = byte == 0xc2 && i + 1 < n;
        if (byte == '\r')
            continue;
        bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
        if (pair && (unsigned char)bytes[i + 1] < 0xa0) { /* U+0080 to U+009F */
            control = true;
            i++;
        }
        clean[kept++] = control ? '?' : (char)byte;
    }
    return kept;
}

void text_print(const char *name)
{
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        putchar(*c < 0x20 || *c == 0x7f || c1 ? '?' : *c);
        c += c1;
    }
}

static const char *scaled(char text[TEXT_SIZE], uint64_t value, double base,
                          const char *const names[4])
{
    double   scale = (double)value;
    unsigned i     = 0;
    for (; i < 3 && scale >= base; i++)
        scale /= base;
    snprintf(text, TEXT_SIZE, i ? "%.1f%s" : "%.0f%s", scale, names[i]);
    return text;
}

const char *text_size_short(char text[TEXT_SIZE], uint64_t bytes)
{
    static const char *const names[] = { " bytes", " KiB", " MiB", " GiB" };
    return scaled(text, bytes, 1024, names);
}

const char *text_count(char text[TEXT_SIZE], uint64_t count)
{
    static const char *const names[] = { "", " K", " M", " B" };
    return scaled(text, count, 1000, names);
}

const char *text_size(char text[TEXT_SIZE], uint64_t bytes)
{
    double mib = (double)bytes / (1024.0 * 1024.0);
    if (bytes < 1024)
        snprintf(text, TEXT_SIZE, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
    else if (mib < 0.1)
        snprintf(text, TEXT_SIZE, "%.4g KiB", mib * 1024);
    else if (mib < 1024)
        snprintf(text, TEXT_SIZE, "%.4g MiB", mib);
    else
        snprintf(text, TEXT_SIZE, "%.*f GiB", mib < 102400 ? 2 : 0, mib / 1024);
    return text;
}

void text_size_pair(char a[TEXT_SIZE], uint64_t a_bytes, char b[TEXT_SIZE], uint64_t b_bytes)
{
    text_size(a, a_bytes);
    text_size(b, b_bytes);
    if (strcmp(a, b) != 0 || a_bytes == b_bytes)
        return;
    snprintf(a, TEXT_SIZE, "%llu bytes", (unsigned long long)a_bytes);
    snprintf(b, TEXT_SIZE, "%llu bytes", (unsigned long long)b_bytes);
}
