/* SPDX-License-Identifier: MIT */
/* A machine that is fed byte by byte. What a sign is, base/text.h knows; here is what to do with a
 * beginning of one. */
#include "text/utf8.h"

#include <string.h>

#include "base/text.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

static size_t give(char *out, const void *bytes, size_t n)
{
    if (out)
        memcpy(out, bytes, n);
    return n;
}

/* Whether bytes may follow that make a sign of these, which are at most 3: if so, the least or the
 * greatest that is allowed behind the first two makes one. */
static bool may_become_whole(const unsigned char *bytes, size_t n)
{
    static const char fill[]  = "\x80\xbf";
    char              sign[4] = { 0 };
    for (size_t length = n + 1; length <= 4; length++)
        for (size_t i = 0; i < 2; i++) {
            memset(sign, fill[i], sizeof sign);
            memcpy(sign, bytes, n);
            if (dv_text_sign(sign, length) == length)
                return true;
        }
    return false;
}

static size_t put_byte(struct dv_utf8 *text, char *out, unsigned char byte)
{
    size_t n        = text->n;
    text->held[n++] = byte;
    text->n         = 0;
    if (dv_text_sign((const char *)text->held, n) == n)
        return give(out, text->held, n);
    if (may_become_whole(text->held, n)) {
        text->n = (uint32_t)n;
        return 0;
    }
    size_t made = give(out, replacement, 3);
    if (n == 1)
        return made;
    /* The byte that broke a sign may begin the next one. */
    return made + put_byte(text, out ? out + made : NULL, byte);
}

size_t dv_utf8_put(struct dv_utf8 *text, char *out, const char *bytes, size_t n)
{
    size_t made = 0;
    for (size_t i = 0; i < n; i++)
        made += put_byte(text, out ? out + made : NULL, (unsigned char)bytes[i]);
    return made;
}

size_t dv_utf8_end(struct dv_utf8 *text, char *out)
{
    bool begun = text->n > 0;
    text->n    = 0;
    return begun ? give(out, replacement, 3) : 0;
}
