/* SPDX-License-Identifier: MIT */
/* UTF-8 out of bytes that come in any pieces: tokens often end inside a sign. */
#ifndef DV_TEXT_UTF8_H
#define DV_TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Zero: nothing is held. */
struct dv_utf8 {
    unsigned char held[4]; /* a sign that has begun */
    uint32_t      n;
};

/* Bytes that come out of n bytes at most: U+FFFD for each of them and of those that are held. */
#define DV_UTF8_ROOM(n) (3 * ((n) + 3))

/* Whole signs of what is held and `bytes`; the longest beginning of a sign that does not become
 * whole is one U+FFFD, as is each other byte that is none. Answers how many bytes there are, `out`
 * has room for all of them; NULL: they are only counted. */
size_t dv_utf8_put(struct dv_utf8 *text, char *out, const char *bytes, size_t n);
/* What is held will not become whole: at most 3 bytes. */
size_t dv_utf8_end(struct dv_utf8 *text, char *out);

#endif
