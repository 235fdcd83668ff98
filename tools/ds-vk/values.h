/* SPDX-License-Identifier: MIT */
/* Numbers as users write them. Each parser takes the whole text or refuses it. */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool value_count(const char *text, uint64_t *value);              /* decimal digits */
bool value_real(const char *text, double *value);                 /* finite, decimal */
bool value_bias(const char *text, uint32_t *token, double *bias); /* "7=-1.5", "7=-inf" */
bool value_size(const char *text, uint64_t *bytes); /* "1048576", "512M", "1.5G", "8GiB" */
/* "1,2,3" separated by commas or white space, each at most `high`. The caller frees *list. On
 * failure *bad points at the word that is wrong (the end of the text when there is none at all). */
bool value_list(const char *text, uint64_t high, uint32_t **list, size_t *n, const char **bad);

#endif
