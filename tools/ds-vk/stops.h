/* SPDX-License-Identifier: MIT */
/* Texts that end an answer, in the text alone: not in reasoning, which the library's own search
 * does not tell apart. */
#ifndef STOPS_H
#define STOPS_H

#include <stddef.h>

/* Where the stop text begins that is whole first; SIZE_MAX: there is none. */
size_t stop_find(const char *text, const char *const *stops, size_t n_stops);
/* How many of the n bytes, at their end, may begin a stop text. */
size_t stop_may_begin(const char *text, size_t n, const char *const *stops, size_t n_stops);

#endif
