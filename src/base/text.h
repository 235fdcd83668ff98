/* SPDX-License-Identifier: MIT */
/* Text from files and drivers on its way to people. */
#ifndef DV_BASE_TEXT_H
#define DV_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file holds, and `where` it is from, for messages. */
struct dv_text {
    const char *where, *data;
    size_t      bytes;
};

/* Bytes of the UTF-8 sign at `text`, which has `bytes` more; 0 when it is none. Overlong forms and
 * surrogates are none. */
size_t dv_text_sign(const char *text, size_t bytes);
/* Makes a line that a terminal cannot take for an order: control characters become blanks, those of
 * C1 and what is no UTF-8 become question marks. It never gets longer. */
void dv_text_clean(char *text);

/* Whether a text begins with, ends with or holds another. */
bool dv_text_begins(const char *text, const char *start);
bool dv_text_ends(const char *text, const char *end);
bool dv_text_has(const char *text, const char *part);

#define DV_SIZE_BYTES 32
/* Numbers with a point, whatever the application's language writes there; all that the library says
 * goes through here. `decimals` digits behind the point, or `digits` in all, as %g has them; answer
 * `text`. */
const char *dv_text_fixed(char text[DV_SIZE_BYTES], double value, int decimals);
const char *dv_text_short(char text[DV_SIZE_BYTES], double value, int digits);
/* A finite number with the fewest digits that read back as it, as -d.ddde+XX; answers how many. */
int dv_text_exact(char text[DV_SIZE_BYTES], double value);
/* The number that `bytes` of text with a point say, as strtod reads it; the text is copied to
 * `room` with what the application's language writes for the point. */
#define DV_POINT_BYTES 16 /* so many bytes more than the text has `room` */
double dv_text_real(char *room, const char *text, size_t bytes);
/* Makes what stands between the digits of one number a point; answers `text`. */
const char *dv_text_point(char *text);
/* Two sizes that differ read differently: in bytes where they would not. */
void dv_text_size_pair(char a[DV_SIZE_BYTES], uint64_t a_bytes, char b[DV_SIZE_BYTES],
                       uint64_t b_bytes);
/* A size for people, as 12 bytes, 9.5 KiB, 3.633 MiB, 18.67 GiB, to four digits; answers `text`. */
const char *dv_text_size(char text[DV_SIZE_BYTES], uint64_t bytes);

#endif
