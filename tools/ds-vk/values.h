/* SPDX-License-Identifier: MIT */
/* Numbers as users write them. Each parser takes the whole text or refuses it. */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool value_count(const char *text, uint64_t *value); /* decimal digits */
bool value_real(const char *text, double *value);    /* finite, decimal */
bool value_size(const char *text, uint64_t *bytes);  /* "1048576", "512M", "1.5G", "8GiB" */
/* "1,2,3" separated by commas or white space, each at most `high`. The caller frees *list. On
 * failure *bad points at the word that is wrong (the end of the text when there is none at all). */
bool value_list(const char *text, uint64_t high, uint32_t **list, size_t *n, const char **bad);

#define SIZE_TEXT 32
/* A size for people: 12 bytes, 9.5 KiB, 3.633 MiB, 18.67 GiB. Answers `text`. */
const char *size_text(char text[SIZE_TEXT], uint64_t bytes);

/* Two sizes that differ read differently: in bytes where they would not. */
void size_text_pair(char a[SIZE_TEXT], uint64_t a_bytes, char b[SIZE_TEXT], uint64_t b_bytes);

#endif
